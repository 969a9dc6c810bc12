"""What does an answer of OpenAI look like? Only what Weir reads of it.

Shapes follow the vendor's API reference, "The chat completion object", "The chat completion chunk
object" and "The completion object", with the fields that compatible servers add. Unknown fields are
skipped. A chunk's `delta` and a whole answer's `message` have one shape here, so that both take the
same way.
"""

from typing import Any

from msgspec import Struct
from msgspec.json import Decoder

from weir_server.providers.wire.logprobs import Logprob


class Function(Struct, gc=False):
    """A function to call; in a stream the arguments come in fragments."""

    name: str | None = None
    arguments: str | None = None


class Custom(Struct, gc=False):
    """A tool to call that takes text as it is; in a stream the text comes in fragments."""

    name: str | None = None
    input: str | None = None


class ToolCall(Struct, gc=False):
    """A tool call, or a fragment of one."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: Any = None
    """What Gemini wants back with a call: its thought signature."""


class Said(Struct, gc=False):
    """What the model says: a chunk's `delta`, or a whole answer's `message`."""

    content: str | list[Any] | None = None
    """Text, or pieces of it and other things, as Mistral has it."""
    reasoning_content: str | None = None
    """Reasoning as DeepSeek, vLLM and llama.cpp spell it."""
    reasoning: str | None = None
    """Reasoning as OpenRouter, Groq and newer vLLM spell it."""
    reasoning_details: list[Any] | None = None
    """What OpenRouter wants back of it."""
    annotations: Any = None
    """Sources, of models that search the web."""
    audio: Any = None
    """What the model says aloud."""
    images: Any = None
    """What OpenRouter's models draw."""
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    """The one tool call of older servers."""


class Logprobs(Struct, gc=False):
    """Log probabilities of what a choice says; the last three are those of completions."""

    content: list[Logprob] | None = None
    refusal: list[Logprob] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


class Choice(Struct, gc=False):
    """One answer; Weir asks for one only."""

    index: int = 0
    delta: Said | None = None
    message: Said | None = None
    text: str | None = None
    """What a completion says, in a stream as in a whole answer."""
    finish_reason: str | None = None
    logprobs: Logprobs | None = None
    stop_reason: Any = None
    """What vLLM stopped at: the stop sequence, or a token's number."""
    matched_stop: Any = None
    """The same in SGLang's words."""
    error: Any = None
    """Why OpenRouter gave up on this choice."""


class Chunk(Struct, gc=False):
    """A chunk of a stream, or a whole answer."""

    id: str | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    choices: list[Choice] | None = None
    usage: Any = None
    """Read at the end and with care: what vendors put there is not always believable."""
    x_groq: Any = None
    """Where Groq says the usage of a stream."""
    citations: Any = None
    """The addresses of Perplexity's sources; every chunk repeats those so far."""
    search_results: Any = None
    """The same with titles."""
    error: Any = None


CHUNK = Decoder(Chunk)
