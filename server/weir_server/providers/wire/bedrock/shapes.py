"""What does an answer of Converse look like? Only what Weir reads of it.

Shapes follow the vendor's API reference, "ConverseResponse" and "ConverseStreamOutput". Unknown
fields are skipped, unknown blocks are kept whole.
"""

from typing import Any

from msgspec import Raw, Struct
from msgspec.json import Decoder

# The fields have the vendor's names.
# ruff: noqa: N815


class ToolUse(Struct, gc=False):
    """A tool call: whole, its beginning, or a fragment whose input is text."""

    toolUseId: str = ""
    name: str = ""
    type: str | None = None
    input: Raw = Raw(b"")


class ToolFragment(Struct, gc=False):
    """More of a tool call's input."""

    input: str = ""


class ToolResult(Struct):
    """The answer of a tool that the vendor ran itself, or its beginning."""

    toolUseId: str = ""
    content: list[dict[str, Any]] = []
    status: str | None = None
    type: str | None = None


class ReasoningText(Struct, gc=False):
    """What the model thought."""

    text: str = ""
    signature: str | None = None


class Reasoning(Struct, gc=False):
    """Reasoning, whole or a fragment."""

    reasoningText: ReasoningText | None = None
    text: str | None = None
    signature: str | None = None
    redactedContent: str | None = None


class S3Location(Struct, gc=False):
    """Where something lies in S3."""

    uri: str = ""


class Source(Struct, gc=False):
    """The content of an image."""

    bytes: str | None = None
    s3Location: S3Location | None = None


class Image(Struct, gc=False):
    """An image that the model made, its beginning, or more of it."""

    format: str = ""
    source: Source | None = None
    error: Any = None


class SaidText(Struct, gc=False):
    """A piece of cited text."""

    text: str = ""


class CitationsContent(Struct):
    """A text with its sources."""

    content: list[SaidText] = []
    citations: list[dict[str, Any]] = []


class Block(Struct, gc=False):
    """A content block of a whole answer."""

    text: str | None = None
    toolUse: ToolUse | None = None
    toolResult: ToolResult | None = None
    reasoningContent: Reasoning | None = None
    citationsContent: CitationsContent | None = None
    image: Image | None = None


class Said(Struct):
    """What the model says."""

    content: list[Raw] = []


class Output(Struct):
    """The answer itself."""

    message: Said | None = None


class Start(Struct, gc=False):
    """What a block of a stream begins with."""

    toolUse: ToolUse | None = None
    toolResult: ToolResult | None = None
    image: Image | None = None


class Delta(Struct, gc=False):
    """More of a block of a stream."""

    text: str | None = None
    toolUse: ToolFragment | None = None
    toolResult: list[dict[str, Any]] | None = None
    reasoningContent: Reasoning | None = None
    citation: dict[str, Any] | None = None
    image: Image | None = None


class StartEvent(Struct, gc=False):
    """`contentBlockStart`."""

    contentBlockIndex: int
    start: Start


class DeltaEvent(Struct, gc=False):
    """`contentBlockDelta`."""

    contentBlockIndex: int
    delta: Delta


class StopEvent(Struct, gc=False):
    """`contentBlockStop`."""

    contentBlockIndex: int


class Metadata(Struct, gc=False):
    """What is said beside the answer: the stream's events `messageStop` and `metadata` in one."""

    stopReason: str | None = None
    usage: Any = None
    """Read at the end and with care."""
    metrics: Any = None
    additionalModelResponseFields: Any = None
    trace: Any = None
    performanceConfig: Any = None
    serviceTier: Any = None


class Whole(Metadata):
    """A whole answer."""

    output: Output | None = None


BLOCK = Decoder(Block)
START = Decoder(StartEvent)
DELTA = Decoder(DeltaEvent)
STOP = Decoder(StopEvent)
METADATA = Decoder(Metadata)
WHOLE = Decoder(Whole)
MEMBERS = Decoder(dict[str, Raw])
