"""What has the caller been told so far? Parts by index, so that another answer can go on there."""

from collections.abc import Iterator

from weir.v1.generation_pb2 import GenerationEvent, PartEnd, PartStart

_TEXTUAL = frozenset({"text", "reasoning", "refusal"})


class Story:
    """The parts of an answer as its caller knows them, and the numbers of those that follow.

    An attempt numbers its parts from 0. Those of one that goes on get the next free numbers; its
    first text goes into the text that was cut, as if it had never been.
    """

    __slots__ = ("_cut_text", "_kinds", "_numbers", "_open", "_texts", "next_index")

    def __init__(self) -> None:
        self._kinds: dict[int, str | None] = {}
        self._texts: dict[int, list[str]] = {}
        self._open: set[int] = set()
        self._numbers: dict[int, int] = {}
        """Where the parts of the attempt that tells now went."""
        self._cut_text: int | None = None
        """The text that was cut and that the attempt that tells now goes on with."""
        self.next_index = 0

    @property
    def is_text_alone(self) -> bool:
        """Whether nothing but texts and thoughts was told: the rest cannot be gone on with."""
        return all(kind in ("text", "reasoning") for kind in self._kinds.values())

    @property
    def text(self) -> str:
        """All text so far, without thoughts."""
        return "".join(
            piece
            for index, kind in self._kinds.items()
            if kind == "text"
            for piece in self._texts[index]
        )

    def tell(self, batch: list[GenerationEvent]) -> list[GenerationEvent]:
        """Return a batch with the numbers that its caller knows; it is changed in place."""
        told = []
        for event in batch:
            kind = event.WhichOneof("event")
            if kind == "part_start":
                if not self._begin(event.part_start):
                    continue
            elif kind == "part_delta":
                delta = event.part_delta
                delta.index = self._numbers[delta.index]
                if delta.text:
                    self._texts[delta.index].append(delta.text)
            elif kind == "part_end":
                event.part_end.index = self._numbers[event.part_end.index]
                self._open.discard(event.part_end.index)
            told.append(event)
        return told

    def cut(self) -> Iterator[GenerationEvent]:
        """Make ready for another attempt: give the ends of open parts that it cannot go on with."""
        self._numbers = {}
        self._cut_text = None
        for index in sorted(self._open):
            if self._kinds[index] == "text":
                self._cut_text = index
            else:
                self._open.discard(index)
                yield GenerationEvent(part_end=PartEnd(index=index))

    def finish(self) -> Iterator[GenerationEvent]:
        """Give the ends of the parts that nobody has closed."""
        for index in sorted(self._open):
            yield GenerationEvent(part_end=PartEnd(index=index))
        self._open.clear()

    def _begin(self, start: PartStart) -> bool:
        """Number a part; return whether its caller needs to hear that it begins."""
        kind = start.part.WhichOneof("kind")
        if kind == "text" and self._cut_text is not None:
            self._numbers[start.index] = self._cut_text
            self._cut_text = None
            return False
        index = self._numbers[start.index] = start.index = self.next_index
        self.next_index += 1
        self._kinds[index] = kind
        self._texts[index] = []
        self._open.add(index)
        return True
