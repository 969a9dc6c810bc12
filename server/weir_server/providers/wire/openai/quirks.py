"""In what does a server that speaks OpenAI's protocol differ from OpenAI? Data, not code."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """One vendor's habits. The defaults are OpenAI's own."""

    provider_kind: str = "openai"
    """Whose extensions are sent; see ProviderExtension."""

    # --- What may be asked ---
    max_tokens_field: str = "max_completion_tokens"
    """What the bound of completion tokens is called; most compatible servers say `max_tokens`."""
    end_user_field: str = "safety_identifier"
    """What the end user's identity is called in chats; compatible servers say `user`."""
    developer_role: bool = True
    """Whether there is a developer role; otherwise such messages are sent as the system's."""
    reasoning_history_field: str = ""
    """Where reasoning of earlier turns goes in an assistant's message. Empty: it is not sent, as
    this protocol has no place for it, and a warning says so."""
    stream_usage: bool = True
    """Whether `stream_options.include_usage` is understood."""
    top_k_field: str = ""
    """What top_k is called. Empty: it cannot be asked for."""
    grammar_fields: Mapping[str, str] = field(default_factory=dict)
    """Field for a grammar, by its syntax, such as `{"gbnf": "grammar"}`."""
    max_stop_sequences: int | None = 4
    """How many stop sequences are taken; None: any number."""
    unsupported_options: frozenset[str] = frozenset()
    """Options that the vendor refuses or ignores: paths below `options`, such as `seed` or
    `reasoning.effort`."""
    default_options: Mapping[str, object] = field(default_factory=dict)
    """Fields of the request to send where the caller left them unset, such as
    `{"repeat_penalty": 1.1}`."""
    legacy_completions: bool = False
    """Whether Complete is sent to `/completions`; otherwise it is a chat with one user message."""
    base64_embeddings: bool = True
    """Whether vectors can be asked for in base64, which is a third of the size."""

    # --- What is answered ---
    done_required: bool = True
    """Whether a stream must close with `[DONE]`; otherwise it may end after a finish reason."""
    hidden_tokens_in_total: bool = False
    """Whether total_tokens counts reasoning tokens that no other field does, as Gemini's does."""
    echoes_prefill: bool = False
    """Whether a whole answer repeats the text that it goes on from; a streamed one never does."""


OPENAI = Quirks()

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
