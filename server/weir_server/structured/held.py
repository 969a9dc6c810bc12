"""What is an answer before anybody has seen it? Its events, held back until it is judged."""

from collections.abc import Iterator
from io import StringIO
from typing import Final

from weir.v1.generation_pb2 import FinishReason, GenerationEvent, PartDelta, PartStart, StreamEnd
from weir_server.core.errors import MessageTooLarge
from weir_server.core.handler import Batch

MAX_TEXT_CHARS: Final = 256 * 1024
"""Bound of a text that is judged: to read a larger one would hold the event loop up."""
BATCH_BYTES: Final = 32 * 1024
_PIECE_CHARS: Final = BATCH_BYTES // 4
"""No more characters than this are certain to fit a batch."""
_EVENT_BYTES: Final = 256
"""What an event costs beside its own bytes while it is kept."""
_ENDED: Final = frozenset(
    {
        FinishReason.FINISH_REASON_UNSPECIFIED,
        FinishReason.FINISH_REASON_STOP,
        FinishReason.FINISH_REASON_STOP_SEQUENCE,
        FinishReason.FINISH_REASON_OTHER,
    }
)
"""Ends of an answer that is meant to be whole. One that is cut, withheld, refused or waits for a
tool is no try at the schema."""
_NO_TRY: Final = frozenset({"tool_call", "refusal"})


class Held:
    """One whole answer. Neighbouring pieces of one text are kept as one."""

    __slots__ = ("_bytes", "_kept", "_kinds", "_max_bytes", "_run", "_text", "_text_chars", "end")

    def __init__(self, max_bytes: int) -> None:
        """max_bytes: how much may be held; more raises MessageTooLarge."""
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: list[GenerationEvent | _Run] = []
        self._run: _Run | None = None
        self._kinds: dict[int, str | None] = {}
        self._text = StringIO()
        self._text_chars = 0
        self.end: StreamEnd | None = None

    def take(self, batch: Batch) -> None:
        """Keep a batch. Raises MessageTooLarge."""
        assert isinstance(batch, list)
        for event in batch:
            self._keep(event)

    @property
    def text(self) -> str:
        """All text of the answer, without thoughts."""
        return self._text.getvalue()

    @property
    def is_a_try(self) -> bool:
        """Whether the model meant to follow the schema: the answer is whole and no tool call."""
        end = self.end
        ended = end is not None and end.finish_reason in _ENDED
        return ended and _NO_TRY.isdisjoint(self._kinds.values())

    @property
    def is_plain(self) -> bool:
        """Whether its text is of one part, with nothing that points into it."""
        texts = [index for index, kind in self._kinds.items() if kind == "text"]
        return len(texts) == 1 and not any(
            isinstance(kept, GenerationEvent) and _points_into_text(kept, texts[0])
            for kept in self._kept
        )

    def batches(self, text: str | None = None) -> Iterator[list[GenerationEvent]]:
        """Give the answer in batches, the `end` with the last; only once.

        text: takes the place of what a plain answer says; None: it stays.
        """
        batch: list[GenerationEvent] = []
        size = 0
        for event in self._events(text):
            more = event.ByteSize()
            if batch and size + more > BATCH_BYTES and not event.HasField("end"):
                yield batch
                batch, size = [], 0
            batch.append(event)
            size += more
        yield batch

    def _events(self, text: str | None) -> Iterator[GenerationEvent]:
        for kept in self._kept:
            is_text = text is not None and self._is_text(kept)
            if isinstance(kept, _Run):
                if not is_text:
                    yield from kept.events()
                continue
            if is_text and kept.HasField("part_start"):
                index = kept.part_start.index
                kept.part_start.part.text = ""
                yield kept
                run = _Run(index, "text")
                run.add(text or "")
                yield from run.events()
                continue
            yield kept

    def _is_text(self, kept: "GenerationEvent | _Run") -> bool:
        index = kept.index if isinstance(kept, _Run) else kept.part_start.index
        is_start = isinstance(kept, GenerationEvent) and kept.HasField("part_start")
        return (isinstance(kept, _Run) or is_start) and self._kinds.get(index) == "text"

    def _keep(self, event: GenerationEvent) -> None:
        delta = event.part_delta
        which = delta.WhichOneof("delta") or ""
        if which == "text" and self._kinds.get(delta.index) == "text":
            self._write(delta.text)
        if which in ("text", "arguments_json") and not (delta.logprobs or delta.citations):
            piece = delta.text or delta.arguments_json
            run = self._run
            if run is None or (run.index, run.field) != (delta.index, which):
                run = self._run = _Run(delta.index, which)
                self._kept.append(run)
                self._count(_EVENT_BYTES)
            run.add(piece)
            self._count(len(piece) * 4)
            return
        self._run = None
        self._kept.append(event)
        self._count(event.ByteSize() + _EVENT_BYTES)
        if event.HasField("part_start"):
            self._begin(event.part_start)
        elif event.HasField("end"):
            self.end = event.end

    def _begin(self, start: PartStart) -> None:
        kind = self._kinds[start.index] = start.part.WhichOneof("kind")
        if kind == "text":
            self._write(start.part.text)

    def _write(self, text: str) -> None:
        self._text.write(text)
        self._text_chars += len(text)
        if self._text_chars > MAX_TEXT_CHARS:
            raise MessageTooLarge(metadata={"maxChars": str(MAX_TEXT_CHARS)})

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self._max_bytes:
            raise MessageTooLarge(metadata={"maxBytes": str(self._max_bytes)})


class _Run:
    """Neighbouring pieces of one text."""

    __slots__ = ("_pieces", "field", "index")

    def __init__(self, index: int, field: str) -> None:
        self.index = index
        self.field = field
        self._pieces = StringIO()

    def add(self, piece: str) -> None:
        self._pieces.write(piece)

    def events(self) -> Iterator[GenerationEvent]:
        whole = self._pieces.getvalue()
        for begin in range(0, len(whole), _PIECE_CHARS):
            delta = PartDelta(index=self.index)
            setattr(delta, self.field, whole[begin : begin + _PIECE_CHARS])
            yield GenerationEvent(part_delta=delta)


def _points_into_text(event: GenerationEvent, index: int) -> bool:
    delta, start, end = event.part_delta, event.part_start, event.part_end
    if event.HasField("part_delta") and delta.index == index:
        return True  # with log probabilities or citations, or it would be in a run
    cites = event.HasField("part_start") and start.index == index and bool(start.part.citations)
    ends = event.HasField("part_end") and end.index == index and end.HasField("part")
    return cites or ends
