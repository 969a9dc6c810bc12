"""How does what a model says become events? The one way for streams and for whole answers."""

from typing import Any, TypeVar

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamError, UpstreamProtocolError, UpstreamStreamBroken
from weir_server.providers.wire.bedrock.errors import explain_said
from weir_server.providers.wire.bedrock.finish import INTERVENED, reason_of
from weir_server.providers.wire.bedrock.open_blocks import (
    ImageBlock,
    OpenBlock,
    ReasoningBlock,
    ResultBlock,
    TextBlock,
    ToolBlock,
    add_unknown,
)
from weir_server.providers.wire.bedrock.said import json_of
from weir_server.providers.wire.bedrock.shapes import (
    BLOCK,
    MEMBERS,
    Block,
    Delta,
    Metadata,
    Said,
    Start,
    ToolResult,
    ToolUse,
)
from weir_server.providers.wire.bedrock.usage import write_usage
from weir_server.providers.wire.ending import end_event
from weir_server.providers.wire.parts import HELD_MAX_CHARS, PartWriter, whole
from weir_server.providers.wire.reading import ANYTHING, decode

BLOCKS_MAX = 4096
"""More blocks than an answer has, by far."""
B = TypeVar("B", bound=OpenBlock)


class ConverseAnswer:
    """One answer, as far as it has come. `failure` is set when what has come breaks it."""

    __slots__ = ("_blocks", "_hide_reasoning", "_metadata", "_names", "_seen", "failure", "writer")

    def __init__(self, *, hide_reasoning: bool) -> None:
        self.writer = PartWriter()
        self.failure: UpstreamError | None = None
        self._blocks: dict[int, OpenBlock] = {}
        """Blocks that have not ended, by their index."""
        self._seen = 0
        self._names: dict[str, str] = {}
        """Names of the tools that the vendor ran, by the ids of their calls."""
        self._metadata = Metadata()
        self._hide_reasoning = hide_reasoning

    @property
    def finished(self) -> bool:
        """Whether the vendor has said why the answer ended."""
        return self._metadata.stopReason is not None

    # --- Pieces of a stream -----------------------------------------------------------------------

    def start(self, index: int, said: Start, event: bytes) -> None:
        """Begin a block; of text and reasoning only the first piece tells. `event`: see `add`."""
        if said.toolUse is not None:
            self._open(index, self._tool(said.toolUse))
        elif said.toolResult is not None:
            self._open(index, self._result(said.toolResult))
        elif said.image is not None:
            self._open(index, ImageBlock(said.image.format))
        elif _of(decode(ANYTHING, event), "start"):
            add_unknown(self.writer, "contentBlockStart", event)

    def add(self, index: int, said: Delta, event: bytes) -> None:
        """Add a piece to a block. `event`: as it came, for what Weir has no word for."""
        writer, block = self.writer, self._blocks.get(index)
        if said.text is not None:
            if not isinstance(block, TextBlock):
                block = self._open(index, TextBlock())
            if said.text:
                block.say(writer, said.text)
        elif said.toolUse is not None and isinstance(block, ToolBlock):
            block.add(writer, said.toolUse.input)
        elif said.reasoningContent is not None:
            if not isinstance(block, ReasoningBlock):
                block = self._open(index, ReasoningBlock(hidden=self._hide_reasoning))
            block.add(writer, said.reasoningContent)
        elif said.citation is not None:
            if not isinstance(block, TextBlock):
                block = self._open(index, TextBlock())
            block.cite(writer, said.citation)
        elif said.toolResult is not None and isinstance(block, ResultBlock):
            block.add(writer, said.toolResult)
        elif said.image is not None and isinstance(block, ImageBlock):
            block.add(writer, said.image)
        else:
            add_unknown(writer, "contentBlockDelta", event)
        if writer.held_chars > HELD_MAX_CHARS:
            self._fail_as_too_large()

    def stop(self, index: int) -> None:
        """End a block."""
        block = self._blocks.pop(index, None)
        if block is not None:
            block.close(self.writer)

    def note(self, said: Metadata) -> None:
        """Keep what is said beside the answer."""
        for name in Metadata.__struct_fields__:
            if (value := getattr(said, name)) is not None:
                setattr(self._metadata, name, value)

    # --- Whole answers ----------------------------------------------------------------------------

    def take_whole(self, said: Said) -> None:
        """Take all blocks of a whole answer."""
        for raw in said.content:
            block = decode(BLOCK, bytes(raw))
            if block is None:
                self.failure = UpstreamProtocolError(metadata={"cause": "malformed"})
                return
            self._take_block(block, bytes(raw))
            if self.writer.held_chars > HELD_MAX_CHARS:
                self._fail_as_too_large()
                return

    def _take_block(self, said: Block, raw: bytes) -> None:
        writer = self.writer
        block: OpenBlock
        if said.text is not None:
            block = TextBlock()
            if said.text:
                block.say(writer, said.text)
        elif said.toolUse is not None:
            block = self._tool(said.toolUse)
            block.add(writer, bytes(said.toolUse.input).decode("utf-8", "replace"))
        elif said.reasoningContent is not None:
            block = ReasoningBlock(hidden=self._hide_reasoning)
            block.add(writer, said.reasoningContent)
        elif said.citationsContent is not None:
            block = TextBlock()
            for piece in said.citationsContent.content:
                if piece.text:
                    block.say(writer, piece.text)
            for citation in said.citationsContent.citations:
                block.cite(writer, citation)
        elif said.toolResult is not None:
            block = self._result(said.toolResult)
            block.add(writer, said.toolResult.content)
        elif said.image is not None:
            block = ImageBlock(said.image.format)
            block.add(writer, said.image)
        else:
            members = decode(MEMBERS, raw) or {}
            writer.held_chars += len(raw)
            add_unknown(writer, next(iter(members), "block"), raw)
            return
        block.close(writer)

    # --- Both -------------------------------------------------------------------------------------

    def break_off(self, name: str, error: object) -> None:
        """Take an exception instead of the rest of the answer."""
        if self.failure is not None:
            return
        if self.writer.produced:
            self.failure = UpstreamStreamBroken(metadata={"cause": "error_event"})
        else:
            self.failure = explain_said(name, error)

    def end(self) -> GenerationEvent:
        """Close all parts and return the `end` of a complete answer."""
        writer, said = self.writer, self._metadata
        for index in list(self._blocks):
            self.stop(index)
        writer.close()
        label = said.stopReason or ""
        event = end_event(
            reason=reason_of(label, called=writer.called),
            label=label,
            stop_sequence=_text_of(said.additionalModelResponseFields, "stop_sequence"),
            model=_text_of(_of(said.trace, "promptRouter"), "invokedModelId"),
            attributes=(
                ("bedrock.latency_ms", _number(_of(said.metrics, "latencyMs"))),
                ("bedrock.service_tier", _text_of(said.serviceTier, "type")),
                ("bedrock.latency", _text_of(said.performanceConfig, "latency")),
                ("bedrock.cache_details", _json(_of(said.usage, "cacheDetails"))),
                ("bedrock.additional_fields", _json(said.additionalModelResponseFields)),
                ("bedrock.trace", _json(said.trace)),
            ),
        )
        if said.usage is not None:
            write_usage(
                event.end.usage,
                said.usage,
                produced=writer.produced,
                withheld=label == INTERVENED,
            )
        return event

    def _tool(self, said: ToolUse) -> ToolBlock:
        if said.type is not None:
            self._names[said.toolUseId] = whole(said.name)
        return ToolBlock(self.writer, said)

    def _result(self, said: ToolResult) -> ResultBlock:
        return ResultBlock(said, self._names.get(said.toolUseId, ""))

    def _open(self, index: int, block: B) -> B:
        self.stop(index)
        # Texts do not interleave: one whose end was left out ends where another block begins.
        for other, open_block in list(self._blocks.items()):
            if isinstance(open_block, TextBlock | ReasoningBlock):
                self.stop(other)
        self._blocks[index] = block
        self._seen += 1
        if self._seen > BLOCKS_MAX:
            self._fail_as_too_large()
        return block

    def _fail_as_too_large(self) -> None:
        self.failure = UpstreamProtocolError(metadata={"cause": "too_large"})


def _of(said: object, name: str) -> object:
    return said.get(name) if isinstance(said, dict) else None


def _text_of(said: object, name: str) -> str:
    found = _of(said, name)
    return found if isinstance(found, str) else ""


def _number(said: object) -> str:
    return str(said) if type(said) is int else ""


def _json(said: Any) -> str:  # noqa: ANN401  whatever the vendor says
    return json_of(said).decode() if said else ""
