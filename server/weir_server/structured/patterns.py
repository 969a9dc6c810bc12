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
_INSIDE = re.compile(r"\\[pP]\{[^}]*\}|\\.|.", re.DOTALL)
_SCRIPTS, _CLASS, _PLAIN = 40, 5, 1
"""What one place of a text costs: a class of all scripts' letters is an automaton of its own."""
_NESTED = 4
"""How much dearer a count is around another: the automaton has to remember both."""
_ECMA: Final = {
    r"\w": "[0-9A-Za-z_]",
    r"\W": "[^0-9A-Za-z_]",
    r"\d": "[0-9]",
    r"\D": "[^0-9]",
    r"\b": r"(?-u:\b)",
}
"""What JSON Schema's patterns (ECMA-262) mean by these: ASCII alone."""
_ECMA_INSIDE: Final = {**_ECMA, "[": r"\[", "&": r"\&", "~": r"\~", r"\b": r"\x08"}
"""The same within a class, where this engine knows operators of its own."""


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
        schema = core_schema.str_schema(
            pattern=_translated(text), regex_engine="rust-regex", strict=True
        )
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


def _translated(text: str) -> str:
    """Return a pattern of ECMA-262 in the words of this engine."""
    return "".join(map(_translated_atom, _ATOM.findall(text)))


def _translated_atom(atom: str) -> str:
    if len(atom) < 3 or not atom.startswith("["):
        return _ECMA.get(atom, atom)
    opening = "[^" if atom.startswith("[^") else "["
    inside = _INSIDE.findall(atom[len(opening) : -1])
    return opening + "".join(_ECMA_INSIDE.get(each, each) for each in inside) + "]"


def weight_of(text: str) -> int:
    """Return the size of a pattern's automaton, roughly and rather too large than too small."""
    groups = [0]
    counted = [False]
    last, has_count = 0, False  # what a count that follows multiplies; it is in the sum already
    for atom in _ATOM.findall(text):
        if atom == "(":
            groups.append(0)
            counted.append(False)
            last, has_count = 0, False
        elif atom == ")" and len(groups) > 1:
            last, has_count = groups.pop(), counted.pop()
            groups[-1] += last
            counted[-1] = counted[-1] or has_count
        elif (count := _COUNT.fullmatch(atom)) is not None:
            times = _times(count) * (_NESTED if has_count else 1)
            groups[-1] += last * (times - 1)
            last *= times
            counted[-1] = has_count = True
        else:
            last, has_count = _weight_of_atom(atom), False
            groups[-1] += last
    return sum(groups)


def _times(count: re.Match[str]) -> int:
    """Return how often a counted repetition writes its atom out."""
    least, most = int(count[1]), count[2]
    if most is None:
        return least
    return int(most) if most else least + 1


def _weight_of_atom(atom: str) -> int:
    if re.search(r"\\[pP]", atom):
        return _SCRIPTS
    if atom == "." or atom.startswith("[^") or re.search(r"\\[DWsS]", atom):
        return _CLASS
    return _PLAIN
