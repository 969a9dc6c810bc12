"""Which item is an event about? The vendor numbers them; servers like it may tell identities only.

llama.cpp's own server sends no `output_index`, and its calls have no identity but `call_id`.
"""

ITEM_MAX = 1 << 16
"""More items than any answer has; an index beyond it is none."""


class Places:
    """Finds the place of an item in its answer.

    `by_identity`: whether an event came without a number, so that those of the last event mean
    nothing here.
    """

    __slots__ = ("_known", "_next", "by_identity", "held_chars")

    def __init__(self) -> None:
        self.by_identity = False
        self.held_chars = 0
        """What the identities take that are held."""
        self._known: dict[str, int] = {}
        self._next = 0

    @property
    def too_many(self) -> bool:
        """Whether there are more items than any answer has."""
        return self._next > ITEM_MAX

    def of(self, index: object, identity: object, current: int | None) -> int:
        """Return the place of an item: its number, or one that its identity stands for.

        current: that of what is being said, which an event with neither is about. Raises ValueError
        for a number that is none.
        """
        if index is not None:
            place = index_of(index)
            self._next = max(self._next, place + 1)
            return place
        self.by_identity = True
        known = self._known.get(identity) if isinstance(identity, str) and identity else current
        if known is not None:
            return known
        place, self._next = self._next, self._next + 1
        if isinstance(identity, str) and identity:
            self._known[identity] = place
            self.held_chars += len(identity)
        return place


def index_of(said: object) -> int:
    """Return a position in a list. Raises ValueError for what is none."""
    if type(said) is not int or not 0 <= said < ITEM_MAX:
        raise ValueError("no position")
    return said
