"""How is a streamed answer decoded? What its first bytes and its end mean is the same for all.

For streams of server-sent events. A server may answer with something else, whatever it was asked
for and whatever media type it says: an error, or the whole answer, as JSON; or a page of a proxy's.
"""

from abc import ABC, abstractmethod

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken, WeirError
from weir_server.core.handler import Batch
from weir_server.providers.wire.parts import PartWriter
from weir_server.providers.wire.sse import BOM, EVENT_MAX_BYTES, SseSplitter
from weir_server.providers.wire.whole import WholeAnswer


class StreamedAnswer(ABC):
    """The part of base.Decoder that is the same for every stream.

    A format adds `feed`, which gives what is not `_flowing` to `_begin` first, and `_end`.
    """

    __slots__ = (
        "_flowing",
        "_is_whole",
        "_mark",
        "_splitter",
        "_whole",
        "_writer",
        "done",
        "failure",
    )

    def __init__(
        self, writer: PartWriter, whole: WholeAnswer, *, max_event_bytes: int = EVENT_MAX_BYTES
    ) -> None:
        """`writer`: writes the answer's parts. `whole`: decodes what is no stream."""
        self.done = False
        self.failure: WeirError | None = None
        self._writer = writer
        self._splitter = SseSplitter(max_event_bytes=max_event_bytes)
        self._flowing = False
        """Whether the stream has begun and not ended."""
        self._mark = b""
        """A byte order mark that came at the very start, or a piece of one."""
        self._is_whole = False
        self._whole = whole

    def finish(self) -> Batch | None:
        """Take the end of the body; see base.Decoder."""
        if self.done or self.failure is not None:
            return None
        if self._is_whole:
            batch = self._whole.finish()
            self.done, self.failure = self._whole.done, self._whole.failure
            return batch
        self._end()
        if not self.done:
            self._fail(UpstreamStreamBroken(metadata={"cause": "cut"}))
        return self._writer.take() or None

    @abstractmethod
    def _end(self) -> None:
        """Take what the end of the body completes, such as an event without its blank line.

        An answer that is not `done` then was cut off.
        """

    def _begin(self, data: bytes) -> bytes:
        """Look at bytes that come before the stream has begun or after it has ended.

        Return those that belong to the stream. The first byte that is neither blank nor of a byte
        order mark tells what the body is.
        """
        if self.done or self.failure is not None:
            return b""
        if not self._is_whole:
            data = (self._mark + data).lstrip().removeprefix(BOM).lstrip()
            if BOM.startswith(data):
                self._mark = data
                return b""
            if data.startswith(b"<"):
                self._fail(UpstreamProtocolError(metadata={"cause": "malformed"}))
                return b""
            if not data.startswith((b"{", b"[")):
                self._flowing = True
                return data
            self._is_whole = True
        self._whole.feed(data)
        self.failure = self._whole.failure
        return b""

    def _complete(self, end: GenerationEvent) -> None:
        """Write the `end` of a good answer."""
        self._writer.add(end)
        self.done = True
        self._flowing = False

    def _fail(self, failure: WeirError) -> None:
        """Note why the answer is broken, unless it has ended before."""
        if self.failure is None and not self.done:
            self.failure = failure
            self._flowing = False
