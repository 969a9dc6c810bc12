"""What does a chat say? Events: from lines as they come, or from one that is the whole answer.

The vendor's page "Streaming": lines of JSON, the last of which has `done: true`.
"""

from typing_extensions import override

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken, WeirError
from weir_server.core.handler import Batch
from weir_server.providers.wire.ndjson import NdjsonSplitter
from weir_server.providers.wire.ollama.answer import OllamaAnswer
from weir_server.providers.wire.ollama.shapes import CHUNK
from weir_server.providers.wire.reading import ANYTHING, decode
from weir_server.providers.wire.whole import WholeAnswer, broken_off


class StreamDecoder:
    """Decodes one streamed chat; see base.Decoder."""

    __slots__ = ("_answer", "_splitter", "done", "failure")

    def __init__(self, *, hide_reasoning: bool = False) -> None:
        self.done = False
        self.failure: WeirError | None = None
        self._answer = OllamaAnswer(hide_reasoning=hide_reasoning)
        self._splitter = NdjsonSplitter()

    def feed(self, data: bytes) -> list[GenerationEvent]:
        """Take more bytes; return the events they complete."""
        if self.done or self.failure is not None:
            return []
        for line in self._splitter.feed(data):
            if self._take(line):
                break
        if self._splitter.failure is not None:
            self._fail(self._splitter.failure)
        return self._answer.writer.take()

    def finish(self) -> Batch | None:
        """Take the end of the body: a good one only after `done: true`."""
        if self.done or self.failure is not None:
            return None
        rest = self._splitter.rest()
        # The last line needs no end, as nothing can follow it.
        if not rest or decode(ANYTHING, rest) is None or not self._take(rest):
            self._fail(UpstreamStreamBroken(metadata={"cause": "cut"}))
        return self._answer.writer.take() or None

    def _take(self, line: bytes) -> bool:
        """Take a line; say whether the answer ended with it, well or not."""
        answer = self._answer
        self.failure = _take(answer, line)
        if self.failure is None and answer.done:
            answer.writer.add(answer.end())
            self.done = True
        return self.done or self.failure is not None

    def _fail(self, failure: WeirError) -> None:
        if self.failure is None and not self.done:
            self.failure = failure


class UnaryDecoder(WholeAnswer):
    """Decodes one whole chat; see base.Decoder. Its events come from `finish`."""

    __slots__ = ("_answer",)

    def __init__(self, *, hide_reasoning: bool = False) -> None:
        self._answer = OllamaAnswer(hide_reasoning=hide_reasoning)
        super().__init__(self._answer.writer)

    @override
    def end_of(self, body: bytes | bytearray) -> GenerationEvent | WeirError:
        """Write the parts; see WholeAnswer."""
        answer = self._answer
        if (failure := _take(answer, bytes(body))) is not None:
            return failure
        return answer.end() if answer.done else broken_off()


def _take(answer: OllamaAnswer, line: bytes) -> WeirError | None:
    """Take a line; return what broke the answer, if anything has."""
    chunk = decode(CHUNK, line, utf8_errors="replace")
    if chunk is None or (chunk.message is None and chunk.error is None and chunk.done is None):
        return UpstreamProtocolError(metadata={"cause": "malformed"})
    answer.take(chunk)
    return answer.failure
