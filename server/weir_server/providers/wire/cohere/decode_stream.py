"""What does a streamed chat say? Events, from the vendor's own in server-sent events.

The vendor's guide "A Guide to Streaming Responses": `message-start`, then blocks, a plan and tool
calls, each with a start, deltas and an end, then `message-end` with the reason and the usage.
"""

from typing import Any

from typing_extensions import override

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken
from weir_server.providers.wire.cohere.answer import BLOCK_TYPES, CohereAnswer, as_list, message_of
from weir_server.providers.wire.cohere.decode_unary import UnaryDecoder
from weir_server.providers.wire.cohere.errors import is_error
from weir_server.providers.wire.cohere.shapes import EVENT, Content, Event, ToolCall
from weir_server.providers.wire.reading import ANYTHING, decode
from weir_server.providers.wire.streamed import StreamedAnswer

_BLOCKS_MAX = 64
"""More blocks of unknown types than any answer has open at a time."""


class StreamDecoder(StreamedAnswer):
    """Decodes one streamed chat; see base.Decoder."""

    __slots__ = ("_answer", "_unknown")

    def __init__(self, *, hide_reasoning: bool = False) -> None:
        self._answer = CohereAnswer(hide_reasoning=hide_reasoning)
        self._unknown: dict[int, dict[str, Any]] = {}
        """Open blocks of types that Weir does not know, by index."""
        super().__init__(self._answer.writer, UnaryDecoder(hide_reasoning=hide_reasoning))

    def feed(self, data: bytes) -> list[GenerationEvent]:
        """Take more bytes; return the events they complete."""
        if not self._flowing:
            data = self._begin(data)
            if not data:
                return []
        for name, said in self._splitter.feed(data):
            # The standard of server-sent events replaces what is not UTF-8.
            event = decode(EVENT, said, utf8_errors="replace")
            if event is None or not event.type or event.type == "error" or name == b"error":
                self._take_odd(name, said)
            else:
                self._take(event, said)
            if self.done:
                break
            if self._answer.failure is not None:
                self._fail(self._answer.failure)
                break
        if self._splitter.failure is not None:
            self._fail(self._splitter.failure)
        return self._answer.writer.take()

    @override
    def _end(self) -> None:
        """Take the end of the body: a good one only after `message-end`."""
        rest = self._splitter.rest()
        event = decode(EVENT, rest[1], utf8_errors="replace") if rest is not None else None
        # A proxy may leave out the blank line after the last event; nothing can follow this one.
        if event is not None and event.type == "message-end" and rest is not None:
            self._take(event, rest[1])
        if self._answer.failure is not None:
            self._fail(self._answer.failure)

    def _take(self, event: Event, said: bytes) -> None:
        """Take an event; types that are not known say nothing that an answer needs."""
        answer = self._answer
        message = message_of(event.delta)
        match event.type:
            case "content-delta" | "content-start":
                if isinstance(message.content, Content):
                    self._take_content(event.index or 0, message.content, event, said)
            case "content-end":
                self._close_unknown(event.index or 0)
            case "tool-plan-delta":
                answer.plan(message.tool_plan or "")
            case "citation-start":
                for citation in as_list(message.citations):
                    answer.cite(citation)
            case "message-start":
                answer.response_id = event.id or ""
            case "message-end":
                self._finish(event)
            case _:
                self._take_call(event.type or "", event.index or 0, as_list(message.tool_calls))

    def _take_call(self, event_type: str, index: int, calls: list[ToolCall]) -> None:
        """Take an event of a tool call."""
        match event_type:
            case "tool-call-start":
                for call in calls:
                    self._answer.open_call(index, call)
            case "tool-call-delta":
                for call in calls:
                    self._answer.arguments(index, call)
            case "tool-call-end":
                self._answer.close_call(index)

    def _take_content(self, index: int, content: Content, event: Event, said: bytes) -> None:
        """Take a piece of a block; those of unknown types are gathered until they end."""
        strange = content.type is not None and content.type not in BLOCK_TYPES
        if not strange and index not in self._unknown:
            self._answer.content(index, content, event.logprobs)
            return
        if strange and len(self._unknown) >= _BLOCKS_MAX:
            self._answer.failure = UpstreamProtocolError(metadata={"cause": "too_large"})
            return
        # It was an event with a block a moment ago: this only asks for all of its members.
        decoded: Any = decode(ANYTHING, said, utf8_errors="replace")
        _merge(self._unknown.setdefault(index, {}), decoded["delta"]["message"]["content"])
        self._answer.hold(len(said))

    def _close_unknown(self, index: int) -> None:
        block = self._unknown.pop(index, None)
        if block is not None:
            self._answer.keep(block)

    def _take_odd(self, name: bytes, said: bytes) -> None:
        """Take an event without a type, or an error."""
        other = decode(ANYTHING, said, utf8_errors="replace")
        if name == b"error" or is_error(other):
            self._answer.break_off(other)
        elif said != b"[DONE]":
            # Most likely an error in words of its own; skipped, its answer could pass for complete.
            self._answer.failure = UpstreamProtocolError(metadata={"cause": "malformed"})

    def _finish(self, event: Event) -> None:
        answer = self._answer
        for index in list(self._unknown):
            self._close_unknown(index)
        if event.delta is not None:
            answer.finish_with(event.delta)
        if answer.failure is not None:
            return
        if answer.cut:
            answer.failure = UpstreamStreamBroken(metadata={"cause": "cut"})
        else:
            self._complete(answer.end())


def _merge(block: dict[str, Any], piece: dict[str, Any]) -> None:
    """Add a piece to a block: texts go on, anything else takes the place of what was there."""
    for name, value in piece.items():
        before = block.get(name)
        if name != "type" and isinstance(before, str) and isinstance(value, str):
            block[name] = before + value
        else:
            block[name] = value
