"""What does a streamed chat or completion say? Events, from chunks in server-sent events.

The vendor's reference, "The chat completion chunk object": chunks, the last of them with usage and
no choices, then `[DONE]`.
"""

from typing_extensions import override

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken
from weir_server.providers.wire.openai.answer import ChatAnswer
from weir_server.providers.wire.openai.decode_unary import UnaryDecoder
from weir_server.providers.wire.openai.errors import is_error
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.shapes import CHUNK, Chunk
from weir_server.providers.wire.reading import ANYTHING, decode
from weir_server.providers.wire.streamed import StreamedAnswer

DONE = b"[DONE]"
_PINGS = frozenset({"ping", "heartbeat", "keepalive", "keep-alive"})
_CHUNKS = frozenset({"chat.completion.chunk", "chat.completion", "text_completion"})


class StreamDecoder(StreamedAnswer):
    """Decodes one streamed chat or completion; see base.Decoder."""

    __slots__ = ("_answer", "_done_required")

    def __init__(
        self, quirks: Quirks, *, hide_reasoning: bool = False, sound_type: str = ""
    ) -> None:
        self._answer = ChatAnswer(quirks, hide_reasoning=hide_reasoning, sound_type=sound_type)
        self._done_required = quirks.done_required
        super().__init__(
            self._answer.writer,
            UnaryDecoder(quirks, hide_reasoning=hide_reasoning, sound_type=sound_type),
        )

    def feed(self, data: bytes) -> list[GenerationEvent]:
        """Take more bytes; return the events they complete."""
        if not self._flowing:
            data = self._begin(data)
            if not data:
                return []
        answer, splitter = self._answer, self._splitter
        for name, said in splitter.feed(data):
            if said == DONE:
                self._finish()
                break
            # The standard of server-sent events replaces what is not UTF-8.
            chunk = decode(CHUNK, said, utf8_errors="replace")
            if chunk is not None and chunk.choices is not None:
                answer.take(chunk)
            elif said:
                self._take_odd(chunk, name, said)
            if answer.failure is not None:
                self._fail(answer.failure)
                break
        if splitter.failure is not None:
            self._fail(splitter.failure)
        return answer.writer.take()

    @override
    def _end(self) -> None:
        """Take the end of the body: a good one only after `[DONE]`, unless the quirks say so."""
        rest = self._splitter.rest()
        # Some servers leave out the blank line after the last event; nothing can follow this one.
        if (rest is not None and rest[1] == DONE) or (
            rest is None and self._answer.finished and not self._done_required
        ):
            self._finish()

    def _take_odd(self, chunk: Chunk | None, name: bytes, said: bytes) -> None:
        """Take an event that is no chunk with choices."""
        other = decode(ANYTHING, said, utf8_errors="replace")
        if name == b"error" or is_error(other):
            self._answer.break_off(other)
        elif chunk is not None and _counts(chunk.usage):
            self._answer.note(chunk)
        elif chunk is None or not _may_be_skipped(name, other):
            # Most likely an error in words of its own; skipped, its answer could pass for complete.
            self._answer.failure = UpstreamProtocolError(metadata={"cause": "malformed"})

    def _finish(self) -> None:
        answer = self._answer
        if answer.cut:
            # Proxies close a stream politely though the server behind them was cut off.
            self._fail(UpstreamStreamBroken(metadata={"cause": "cut"}))
        else:
            self._complete(answer.end())


def _counts(usage: object) -> bool:
    return isinstance(usage, dict) and bool(usage)


def _may_be_skipped(name: bytes, other: object) -> bool:
    """Tell whether an object without choices says nothing that an answer needs.

    Such are events with a name of their own, pings, llama.cpp's progress within a prompt, and
    chunks of gateways that write an empty list as null.
    """
    if name not in (b"", b"message"):
        return True
    return isinstance(other, dict) and (
        "prompt_progress" in other or other.get("type") in _PINGS or other.get("object") in _CHUNKS
    )
