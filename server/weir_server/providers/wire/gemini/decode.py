"""What does an answer say, streamed or whole? Events, from the same chunks.

The vendor's method "streamGenerateContent" with `alt=sse`: each event is a whole response with the
next pieces; the last has a finish reason and the tokens of all; then the body ends.
"""

from typing_extensions import override

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, WeirError
from weir_server.providers.wire.gemini.answer import Answer
from weir_server.providers.wire.gemini.errors import explain_said, is_error
from weir_server.providers.wire.gemini.shapes import read, read_anything, read_texts
from weir_server.providers.wire.streamed import StreamedAnswer
from weir_server.providers.wire.whole import WholeAnswer, broken_off

EVENT_MAX_BYTES = 24 << 20
"""What one event may take: an image comes in one, in base64."""


class UnaryDecoder(WholeAnswer):
    """Decodes one whole answer; see base.Decoder. Its events come from `finish`."""

    __slots__ = ("_answer",)

    def __init__(self, kind: str, *, hide_thoughts: bool = False) -> None:
        self._answer = Answer(kind, hide_thoughts=hide_thoughts)
        super().__init__(self._answer.writer)

    @override
    def end_of(self, body: bytes | bytearray) -> GenerationEvent | WeirError:
        """Write the parts; see WholeAnswer."""
        chunk = read(body)
        if chunk is None or chunk.says_nothing:
            return _not_an_answer(read_anything(body))
        answer = self._answer
        answer.take(chunk)
        if answer.failure is not None:
            return answer.failure
        return answer.end() if answer.finished else broken_off()


class StreamDecoder(StreamedAnswer):
    """Decodes one streamed answer; see base.Decoder."""

    __slots__ = ("_answer",)

    def __init__(self, kind: str, *, hide_thoughts: bool = False) -> None:
        self._answer = Answer(kind, hide_thoughts=hide_thoughts)
        super().__init__(
            self._answer.writer,
            UnaryDecoder(kind, hide_thoughts=hide_thoughts),
            max_event_bytes=EVENT_MAX_BYTES,
        )

    def feed(self, data: bytes) -> list[GenerationEvent]:
        """Take more bytes; return the events they complete."""
        if not self._flowing:
            data = self._begin(data)
            if not data:
                return []
        answer, splitter = self._answer, self._splitter
        for name, said in splitter.feed(data):
            try:
                answer.take_texts(read_texts(said))
            except (ValueError, RecursionError):
                self._take(name, said)
            if (answer.finished or answer.failure is not None) and self._has_ended():
                break
        if splitter.failure is not None:
            self._fail(splitter.failure)
        return answer.writer.take()

    @override
    def _end(self) -> None:
        """Take the end of the body: a good one only after a finish reason."""
        rest = self._splitter.rest()
        # Some servers leave out the blank line after the last event.
        whole = rest is None or read(rest[1]) is not None
        if rest is not None and whole:
            self._take(*rest)
        if not self._has_ended() and self._answer.finished and whole:
            self._complete(self._answer.end())

    def _take(self, name: bytes, said: bytes) -> None:
        """Take an event that is more than a chunk of text, or nothing of the kind."""
        # The standard of server-sent events replaces what is not UTF-8.
        chunk = read(said, utf8_errors="replace")
        if chunk is not None and not chunk.says_nothing:
            self._answer.take(chunk)
        elif said:
            self._take_odd(name, said)

    def _has_ended(self) -> bool:
        """Note and tell whether the answer has ended, well or not."""
        answer = self._answer
        if answer.failure is not None:
            self._fail(answer.failure)
        elif answer.finished and answer.counted:
            self._complete(answer.end())
        return not self._flowing

    def _take_odd(self, name: bytes, said: bytes) -> None:
        """Take an event that is no chunk: an error, or nonsense that may be one."""
        other = read_anything(said)
        if name == b"error" or is_error(other):
            self._answer.break_off(other)
        elif name in (b"", b"message"):
            # Skipped, its answer could pass for complete.
            self._answer.failure = UpstreamProtocolError(metadata={"cause": "malformed"})


def _not_an_answer(said: object) -> WeirError:
    if is_error(said):
        return explain_said(said)
    return UpstreamProtocolError(metadata={"cause": "malformed"})
