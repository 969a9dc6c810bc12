"""What does an answer of Cohere look like? Only what Weir reads of it.

Shapes follow the vendor's reference, "Chat" of API v2: a whole answer, and the events of a stream.
Where an event's `delta` has one thing, a whole answer has a list, and so has the first event, whose
lists are empty. What is not always believable is read with care, elsewhere.
"""

from typing import Any

from msgspec import Struct
from msgspec.json import Decoder


class Function(Struct, gc=False):
    """A function to call; in a stream the arguments come in fragments."""

    name: str | None = None
    arguments: str | None = None


class ToolCall(Struct, gc=False):
    """A tool call, or a fragment of one."""

    id: str | None = None
    function: Function | None = None


class Content(Struct, gc=False):
    """A block of what the model says or thinks, or a piece of one."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None


class Citation(Struct, gc=False):
    """A stretch of the answer, counted in characters, and what it rests on."""

    start: Any = None
    end: Any = None
    text: Any = None
    sources: Any = None
    content_index: Any = None
    type: Any = None


class Said(Struct, gc=False):
    """The message: whole, or the piece of it that an event brings."""

    content: Content | list[Any] | None = None
    tool_plan: str | None = None
    tool_calls: ToolCall | list[ToolCall] | None = None
    citations: Citation | list[Citation] | None = None


class LogprobItem(Struct, gc=False):
    """A piece of text and the log probabilities of the tokens that it is made of."""

    text: str | None = None
    logprobs: list[float] | None = None


class Delta(Struct, gc=False):
    """What an event brings; the last three with `message-end`."""

    message: Said | None = None
    finish_reason: str | None = None
    usage: Any = None
    error: Any = None


class Event(Struct, gc=False):
    """One event of a stream."""

    type: str | None = None
    id: str | None = None
    index: int | None = None
    delta: Delta | None = None
    logprobs: LogprobItem | None = None


class Whole(Struct, gc=False):
    """A whole answer."""

    message: Said
    id: str | None = None
    finish_reason: str | None = None
    usage: Any = None
    logprobs: list[LogprobItem] | None = None


EVENT = Decoder(Event)
WHOLE = Decoder(Whole)
