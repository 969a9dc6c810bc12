"""May a text be held against a caller's pattern? Only by one whose cost is known before.

Python's own engine tracks back, for hours if a pattern wants it, and lets nothing else run while it
does. The one used here (Rust's `regex`, within pydantic) never does: its time is at most the size
of the pattern times the length of the text, and both are bounded below. What it cannot do is look
around and refer back.
"""

import re
from functools import lru_cache
from typing import Final

from pydantic_core import SchemaError, SchemaValidator, core_schema

MAX_WEIGHT: Final = 1_000
"""Size of a pattern with its counted repetitions written out."""
MAX_EFFORT: Final = 300_000
"""Weight times characters: some 15 ms at the very worst."""
_ATOM = re.compile(
    r"\\[pP]\{[^}]*\}|\\x\{[^}]*\}|\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|\{\d+(?:,\d*)?\}|.",
    re.DOTALL,
)
_COUNT = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_WORDY, _CLASS, _PLAIN = 40, 5, 1
"""What one place of a text costs: a class of all scripts' letters is an automaton of its own."""


class PatternRefused(Exception):
    """A pattern that no text is held against; the message says what to change."""


class Pattern:
    """A pattern of a schema: found anywhere in a text unless it says otherwise."""

    __slots__ = ("_validator", "weight")

    def __init__(self, text: str) -> None:
        """Raises PatternRefused."""
        self.weight = weight_of(text)
        if self.weight > MAX_WEIGHT:
            raise PatternRefused("Use fewer or smaller counted repetitions, and maxLength.")
        schema = core_schema.str_schema(pattern=text, regex_engine="rust-regex", strict=True)
        try:
            self._validator = SchemaValidator(schema)
        except SchemaError as error:
            raise PatternRefused(
                "Use a regular expression without look-around and back-references."
            ) from error

    def can_judge(self, text: str) -> bool:
        """Say whether a text is short enough to be held against it."""
        return self.weight * len(text) <= MAX_EFFORT

    def is_in(self, text: str) -> bool:
        """Say whether a text that it can judge has it."""
        return self._validator.isinstance_python(text)


@lru_cache(maxsize=256)
def pattern(text: str) -> Pattern:
    """Return a pattern, made once. Raises PatternRefused."""
    return Pattern(text)


def weight_of(text: str) -> int:
    """Return the size of a pattern's automaton, roughly and rather too large than too small."""
    groups = [0]
    last = 0  # what a count that follows multiplies; it is in the sum already
    for atom in _ATOM.findall(text):
        if atom == "(":
            groups.append(0)
            last = 0
            continue
        if atom == ")":
            last = groups.pop() if len(groups) > 1 else 0
            groups[-1] += last
        elif (count := _COUNT.fullmatch(atom)) is not None:
            times = int(count[2] or int(count[1]) + 1) if count[2] is not None else int(count[1])
            groups[-1] += last * (times - 1)
            last *= times
        else:
            last = _weight_of_atom(atom)
            groups[-1] += last
    return sum(groups)


def _weight_of_atom(atom: str) -> int:
    if re.search(r"\\[wWpPbB]", atom):
        return _WORDY
    if atom == "." or atom.startswith("[^") or re.search(r"\\[dDsS]", atom):
        return _CLASS
    return _PLAIN
