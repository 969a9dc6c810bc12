"""How important is a call? The caller says so; the least important is turned away first."""

from enum import IntEnum


class Priority(IntEnum):
    """The classes of `weir-priority`; a higher one is served earlier and refused later."""

    BACKGROUND = 0
    STANDARD = 1
    INTERACTIVE = 2


_BY_NAME = {priority.name.lower(): priority for priority in Priority}


def priority_of(text: str) -> Priority:
    """Return the class that `weir-priority` names. Raises ValueError for any other text."""
    priority = _BY_NAME.get(text)
    if priority is None:
        raise ValueError("a priority is interactive, standard or background")
    return priority
