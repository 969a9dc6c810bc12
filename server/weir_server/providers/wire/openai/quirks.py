"""In what does a server that speaks OpenAI's protocol differ from OpenAI? Data, not code."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from weir_server.core.errors import UpstreamError
from weir_server.providers.wire.reported import ReportedCost


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """One vendor's habits. The defaults are OpenAI's own."""

    provider_kind: str = "openai"
    """Whose extensions are sent; see ProviderExtension."""
    state_kind: str = ""
    """Whose states of parts are kept, and sent back; see `wire.state`. Empty: it gives none that a
    next turn would want."""

    # --- What may be asked ---
    max_tokens_field: str = "max_completion_tokens"
    """What the bound of completion tokens is called; most compatible servers say `max_tokens`."""
    end_user_field: str = "safety_identifier"
    """What the end user's identity is called in chats; compatible servers say `user`."""
    developer_role: bool = True
    """Whether there is a developer role; otherwise such messages are sent as the system's."""
    message_names: bool = True
    """Whether a message may name who says it."""
    image_urls: bool = True
    """Whether an image may be given by its address."""
    bare_media: bool = False
    """Whether sound is its base64 alone and a document an address, as Mistral has it."""
    call_id_chars: int = 0
    """How many letters and digits the id of a tool call must have; 0: any id will do. Others, which
    come from another vendor's turns, are told by one that is made of them."""
    tool_result_media: bool = False
    """Whether a tool's answer may hold media."""
    tool_parameters_required: bool = False
    """Whether a tool without parameters must say so by a schema of an object without members."""
    required_tool_choice: str = "required"
    """The word for a tool call that must come, whichever it is."""
    seed_field: str = "seed"
    """What a seed is called."""
    logprobs_as_count: bool = False
    """Whether `logprobs` is itself the number of alternatives, as Together has it."""
    prefill_field: str = ""
    """The flag of a last message of the assistant that is to be gone on with, such as `prefix`."""
    prefill_options: Mapping[str, object] = field(default_factory=dict)
    """Fields of the request that say the same, as vLLM has it."""
    reasoning_field: str = "reasoning_effort"
    """Where the effort of reasoning goes: `a.b` is the member b of an object a."""
    reasoning_efforts: Mapping[str, str] | None = None
    """The vendor's word for each effort that it knows; None: all, in OpenAI's words."""
    reasoning_off: Mapping[str, object] = field(default_factory=dict)
    """Fields that switch reasoning off, where `none` is no effort."""
    reasoning_budget_field: str = ""
    """What bounds the tokens of reasoning, written as `reasoning_field` is. Empty: nothing does."""
    reasoning_budget_options: Mapping[str, object] = field(default_factory=dict)
    """Fields that go with such a bound."""
    reasoning_in_content: bool = False
    """Whether reasoning is a piece of an assistant's content, as Mistral has it."""
    reasoning_history_field: str = ""
    """Where reasoning of earlier turns goes in an assistant's message. Empty: it is not sent, as
    this protocol has no place for it, and a warning says so."""
    stream_usage: bool = True
    """Whether `stream_options.include_usage` is understood."""
    top_k_field: str = ""
    """What top_k is called. Empty: it cannot be asked for."""
    schema_field: str = "json_schema"
    """Where the schema of an answer stands in `response_format`."""
    grammar_fields: Mapping[str, str] = field(default_factory=dict)
    """Field for a grammar, by its syntax, such as `{"gbnf": "grammar"}`; `a.b` as above."""
    max_stop_sequences: int | None = 4
    """How many stop sequences are taken; None: any number."""
    unsupported_options: frozenset[str] = frozenset()
    """Options that the vendor refuses or ignores: paths below `options`, such as `seed`,
    `reasoning.effort`, or `tool_choice.required` of the choices `none`, `required`, `function` and
    `allowed`."""
    default_options: Mapping[str, object] = field(default_factory=dict)
    """Fields of the request to send where the caller left them unset, such as
    `{"repeat_penalty": 1.1}`."""
    legacy_completions: bool = False
    """Whether Complete is sent to `/completions`; otherwise it is a chat with one user message."""
    base64_embeddings: bool = True
    """Whether vectors can be asked for in base64, which is a third of the size."""
    embedding_format: bool = True
    """Whether the form of vectors can be named at all."""
    dimensions_field: str = "dimensions"
    """What the length of vectors is called. Empty: it cannot be chosen."""
    embedding_user: bool = True
    """Whether vectors may be asked for on behalf of an end user."""
    embedding_type_field: str = ""
    """What asks for vectors of whole numbers or bits. Empty: there are floats only."""

    # --- What is answered ---
    done_required: bool = True
    """Whether a stream must close with `[DONE]`; otherwise it may end after a finish reason."""
    hidden_tokens_in_total: bool = False
    """Whether total_tokens counts reasoning tokens that no other field does, as Gemini's does."""
    reported_cost: ReportedCost | None = None
    """Where the usage says what the call cost; None: nowhere."""
    refusal_codes: Mapping[str, type[UpstreamError]] = field(default_factory=dict)
    """What codes mean, in lower case, that other vendors may use for something else."""
    echoes_prefill: bool = False
    """Whether a whole answer repeats the text that it goes on from; a streamed one never does."""


OPENAI = Quirks(state_kind="openai")

COMPATIBLE = Quirks(max_tokens_field="max_tokens", end_user_field="user", developer_role=False)
"""What most servers understand that follow the protocol from afar."""

LLAMA_CPP = Quirks(
    max_tokens_field="max_tokens",
    end_user_field="user",
    developer_role=False,
    top_k_field="top_k",
    grammar_fields={"gbnf": "grammar"},
    max_stop_sequences=None,
    unsupported_options=frozenset({"reasoning.effort", "tool_choice.allowed"}),
    legacy_completions=True,
    base64_embeddings=False,
    echoes_prefill=True,
)
"""llama.cpp's own server."""
