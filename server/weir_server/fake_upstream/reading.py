"""How is a mapping from YAML read, so that each mistake is told with its key and the way out?"""

import difflib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import yaml
from typing_extensions import override

MOST = 1e9
"""The largest number where a key has no limit of its own: of seconds, more than thirty years."""


class ScriptInvalid(Exception):
    """A script cannot be played; `problems` are all that was found, a line each."""

    def __init__(self, problems: Collection[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One mapping, and where it stands: `rule 2 (slow), do.drip`.

    What is wrong is added to `problems`, and the value is as if it were not there.
    """

    where: str
    values: Mapping[str, object]
    problems: list[str]

    def refuse(self, key: str, what: str) -> None:
        """Add a problem with a key; `what` says how to mend it."""
        self.problems.append(f"{self._place(key)}: {what}")

    def _place(self, key: str) -> str:
        return f"{self.where}.{key}" if "," in self.where else f"{self.where}, {key}"

    def check_known(self, known: Collection[str]) -> None:
        """Refuse every key that is not among the known ones."""
        for key in self.values:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}"
                self.refuse(key, f"is not known; {hint}")

    def has(self, key: str) -> bool:
        """Return whether the key is there at all."""
        return key in self.values

    def number(self, key: str, *, least: float = 0.0, most: float = MOST) -> float | None:
        """Return a number within bounds."""
        value = self.values.get(key)
        if value is None and key not in self.values:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(key, f"must be a number, not {value!r}")
            return None
        if math.isnan(value) or value < least:
            self.refuse(key, f"must be {least:g} or more, not {value:g}")
            return None
        if value > most:
            self.refuse(key, f"must be {most:,.0f} or less")
            return None
        return value

    def whole(self, key: str, *, least: int = 1, most: float = MOST) -> int | None:
        """Return a whole number within bounds."""
        value = self.number(key, least=least, most=most)
        if isinstance(value, float):
            self.refuse(key, f"must be a whole number, not {value:g}")
            return None
        return value

    def text(self, key: str) -> str | None:
        """Return a text."""
        value = self.values.get(key)
        if key not in self.values:
            return None
        if not isinstance(value, str):
            self.refuse(key, f"must be a text, not {value!r}; put it in quotes")
            return None
        if not value or not is_unicode(value):
            self.refuse(key, "must be a text of at least one character, each of them whole")
            return None
        return value

    def flag(self, key: str) -> bool | None:
        """Return true or false."""
        value = self.values.get(key)
        if key not in self.values:
            return None
        if not isinstance(value, bool):
            self.refuse(key, f"must be true or false, not {value!r}")
            return None
        return value

    def choice(self, key: str, known: Collection[str]) -> str | None:
        """Return a text that is one of the known ones."""
        value = self.text(key)
        if value is not None and value not in known:
            near = difflib.get_close_matches(value, known, 1)
            few = f"use one of {', '.join(known)}"
            many = "`weir fake-upstream --list` prints them all"
            hint = f"did you mean {near[0]}?" if near else few if len(known) < 10 else many
            self.refuse(key, f"{value} is not known; {hint}")
            return None
        return value

    def section(self, key: str, known: Collection[str]) -> "Section | None":
        """Return the mapping under a key, with no other keys than the known ones."""
        value = self.values.get(key)
        if key not in self.values:
            return None
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            self.refuse(key, f"must be a mapping with {', '.join(known) or 'names'}, not {value!r}")
            return None
        found = Section(where=self._place(key), values=value, problems=self.problems)
        if known:
            found.check_known(known)
        return found


def is_unicode(text: str) -> bool:
    """Return whether UTF-8 can spell it: YAML's escapes can make half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def document(text: str | bytes) -> object:
    """Read YAML; raises ScriptInvalid for what is none, or names a key twice."""
    try:
        return _Loader(text).get_single_data()
    except yaml.YAMLError as failure:
        raise ScriptInvalid([f"this is no YAML: {' '.join(str(failure).split())}"]) from failure
    except (ValueError, RecursionError) as failure:
        # Its makers of numbers and dates let these out; they say where nothing.
        raise ScriptInvalid([f"this is no YAML that can be read: {failure}"]) from failure


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice; YAML's own reader would keep the last in silence.

    A date is a text, as in JSON: nothing in a script asks for one.
    """

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value} stands twice; remove one", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, like) for tag, like in rows if tag != "tag:yaml.org,2002:timestamp"]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
