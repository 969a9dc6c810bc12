"""What does an answer of Ollama look like? Only what Weir reads of it.

Shapes follow the vendor's reference, "Generate a chat message", and the types of its server: a
whole answer and each line of a stream are one and the same.
"""

from typing import Any

from msgspec import Struct
from msgspec.json import Decoder

from weir_server.providers.wire.logprobs import Logprob


class Function(Struct, gc=False):
    """A function to call, with all its arguments."""

    name: str | None = None
    arguments: Any = None


class ToolCall(Struct, gc=False):
    """A tool call; older servers give it no id."""

    id: str | None = None
    function: Function | None = None


class Said(Struct, gc=False):
    """What the model says, or a piece of it."""

    content: str | None = None
    thinking: str | None = None
    tool_calls: list[ToolCall] | None = None


class Chunk(Struct, gc=False):
    """A line of a stream, or a whole answer."""

    model: str | None = None
    remote_model: str | None = None
    created_at: str | None = None
    message: Said | None = None
    logprobs: list[Logprob] | None = None
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: Any = None
    eval_count: Any = None
    total_duration: Any = None
    load_duration: Any = None
    prompt_eval_duration: Any = None
    eval_duration: Any = None
    error: Any = None


CHUNK = Decoder(Chunk)
