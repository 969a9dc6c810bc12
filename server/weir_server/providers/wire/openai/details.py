"""What does a vendor want back of its reasoning? Details, which come in fragments and are joined.

OpenRouter's page "Reasoning tokens", `reasoning_details`: fragments of one detail share its type
and its index; they add to its text and repeat everything else.
"""

from weir_server.providers.wire.kept import Kept
from weir_server.providers.wire.parts import HELD_OVERHEAD_CHARS, json_text

_JOINED = ("text", "summary")
"""What fragments add to."""


class Details:
    """The details of the reasoning that is open."""

    __slots__ = ("_held", "_texts")

    def __init__(self) -> None:
        self._held: list[dict[str, object]] = []
        self._texts: dict[str, Kept] = {}
        """What the last of them adds up to so far: joined once, as there are thousands."""

    def __bool__(self) -> bool:
        return bool(self._held)

    def add(self, said: list[object]) -> int:
        """Take fragments; return how many characters more are held."""
        return sum(self._add(item) for item in said if isinstance(item, dict))

    def take(self) -> str:
        """Return all that was said, as JSON, and forget it."""
        self._settle()
        said = json_text(self._held)
        self._held.clear()
        return said

    def _add(self, item: dict[str, object]) -> int:
        last = self._held[-1] if self._held else {}
        added = 0
        if item.get("index") is None or any(
            last.get(name) != item.get(name) for name in ("type", "index")
        ):
            self._settle()
            last = {}
            self._held.append(last)
            added = HELD_OVERHEAD_CHARS
        for name, value in item.items():
            if name in _JOINED and isinstance(value, str):
                if name not in self._texts:
                    last[name] = ""  # its place among the others
                    self._texts[name] = Kept()
                self._texts[name].add(value)
                added += len(value)
            elif value is not None or name not in last:
                added += _chars(value) - _chars(last.get(name))
                last[name] = value
        return added

    def _settle(self) -> None:
        """Write the text of the last detail, which has ended."""
        for name, text in self._texts.items():
            self._held[-1][name] = text.text()
        self._texts.clear()


def _chars(value: object) -> int:
    return len(value) if isinstance(value, str) else len(json_text(value))
