"""How is a schema kept without stalling anybody? jsonschema's own rules, each with its price.

A schema is a program of its caller's. Every rule pays for its work in advance from the budget of
the run, which is a number of steps and not a time, so that the same request ends the same way on
any machine. Rules that could cost more than they show are written anew here: patterns (see
`patterns`), and `uniqueItems`, which compares all with all.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

from jsonschema import validators  # type: ignore[import-untyped]  # it ships no types
from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]
from jsonschema_specifications import (  # type: ignore[import-untyped]
    REGISTRY as SPECIFICATIONS,
)
from referencing import Registry, Resource, Specification
from referencing.jsonschema import specification_with

from weir_server.structured.patterns import pattern

Json = Mapping[str, object]


class Error(Protocol):
    """How an instance breaks a rule; jsonschema's own class."""

    message: str
    json_path: str
    """Where in the instance, such as `$.people[0].age`."""
    validator: str | None
    """The keyword; None: a schema that allows nothing."""
    absolute_schema_path: Iterable[str | int]


class Rules(Protocol):
    """A schema that instances are held to; jsonschema's own class."""

    def iter_errors(self, instance: object) -> Iterator[Error]:
        """Give every rule that the instance breaks, as it is found."""
        ...

    def descend(
        self,
        instance: object,
        schema: object,
        path: str | int | None = None,
        schema_path: str | int | None = None,
    ) -> Iterator[Error]:
        """Give what a part of the instance breaks of a part of the schema."""
        ...


Rule = Callable[[Rules, object, object, Json], Iterable[Error] | None]
"""One keyword: the schema's rules, the keyword's value, the instance and the schema around it."""
_CHARS_A_STEP: Final = 100
_DEAR: Final = {"$ref": 20, "$dynamicRef": 40, "$recursiveRef": 40}
"""Rules that cost more than a step: to follow a reference is slow. The others cost 1."""
_DIALECTS: Final[Mapping[str, Any]] = {
    "https://json-schema.org/draft/2020-12/schema": validators.Draft202012Validator,
    "https://json-schema.org/draft/2019-09/schema": validators.Draft201909Validator,
    "http://json-schema.org/draft-07/schema": validators.Draft7Validator,
    "http://json-schema.org/draft-06/schema": validators.Draft6Validator,
}
NEWEST: Final = "https://json-schema.org/draft/2020-12/schema"
"""The dialect of a schema that names none."""


class TooMuchWork(Exception):
    """The budget of a run is used up."""


class Budget:
    """How much work a run may still do; from another thread it can be stopped."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def pay(self, steps: int) -> None:
        """Pay for work. Raises TooMuchWork."""
        self.left -= steps
        if self.left < 0:
            raise TooMuchWork

    def stop(self) -> None:
        """Let the run end at its next step: nobody waits for it."""
        self.left = -(1 << 60)


BUDGET: ContextVar[Budget] = ContextVar("BUDGET")
"""Of the run in this thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One version of JSON Schema, with rules that pay."""

    specification: Specification[Any]
    """How its references are followed."""
    rules: Callable[[Json], Rules]
    """Makes the rules of a schema. It must not name a `$schema` anywhere: jsonschema would take its
    own rules for what is below."""
    meta: Rules
    """The rules of schemas themselves."""


def dialect(uri: str) -> Dialect | None:
    """Return a dialect by its URI; None: it is not known here."""
    uri = uri.removesuffix("#")
    return _bounded(uri) if uri in _DIALECTS else None


@lru_cache(maxsize=len(_DIALECTS))
def _bounded(uri: str) -> Dialect:
    plain = _DIALECTS[uri]
    rules: dict[str, Rule] = {**plain.VALIDATORS, **_OWN}
    paid = {name: _paid(rule, _DEAR.get(name, 1)) for name, rule in rules.items()}
    validator = validators.extend(plain, paid)
    return Dialect(
        specification=specification_with(uri),
        rules=validator,
        meta=validator(_unnamed(plain.META_SCHEMA), registry=_meta_schemas()),
    )


@lru_cache(maxsize=1)
def _meta_schemas() -> Registry[Any]:
    """Return the schemas of schemas, held to the rules of whoever reads them."""
    resources: list[tuple[str, Resource[Any]]] = []
    for uri in SPECIFICATIONS:
        contents = SPECIFICATIONS.contents(uri)
        specification = specification_with(contents["$schema"])
        resources.append((uri, specification.create_resource(_unnamed(contents))))
    return Registry[Any]().with_resources(resources)


def _unnamed(schema: Json) -> dict[str, object]:
    return {name: value for name, value in schema.items() if name != "$schema"}


def _paid(rule: Rule, price: int) -> Rule:
    def pay_first(
        validator: Rules, value: object, instance: object, schema: Json
    ) -> Iterator[Error]:
        BUDGET.get().pay(price + _size(value) + _size(instance))
        yield from rule(validator, value, instance, schema) or ()

    return pay_first


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value) // _CHARS_A_STEP
    return len(value) if isinstance(value, Sized) else 0


def _pattern(_: Rules, value: object, instance: object, schema: Json) -> Iterator[Error]:
    if not isinstance(value, str):
        raise TypeError(value)
    if isinstance(instance, str) and not _matches(value, instance):
        yield ValidationError(f"{instance!r} does not match {value!r}")


def _pattern_properties(
    validator: Rules, value: object, instance: object, schema: Json
) -> Iterator[Error]:
    if not isinstance(value, dict):
        raise TypeError(value)
    if not isinstance(instance, dict):
        return
    for text, subschema in value.items():
        for key, member in instance.items():
            if _matches(text, key):
                yield from validator.descend(member, subschema, path=key, schema_path=text)


def _additional_properties(
    validator: Rules, value: object, instance: object, schema: Json
) -> Iterator[Error]:
    if not isinstance(instance, dict):
        return
    known, patterns = schema.get("properties"), schema.get("patternProperties")
    names = known if isinstance(known, dict) else {}
    texts = patterns if isinstance(patterns, dict) else {}
    extras = [
        key
        for key in instance
        if key not in names and not any(_matches(text, key) for text in texts)
    ]
    if isinstance(value, dict):
        for key in extras:
            yield from validator.descend(instance[key], value, path=key)
    elif value is False and extras:
        yield ValidationError(f"these properties are not allowed: {', '.join(map(repr, extras))}")


def _unique_items(_: Rules, value: object, instance: object, schema: Json) -> Iterator[Error]:
    if not value or not isinstance(instance, list):
        return
    seen = set()
    for item in instance:
        key = _identity(item)
        if key in seen:
            yield ValidationError(f"{item!r} is in the list more than once")
            return
        seen.add(key)


def _identity(value: object) -> object:
    """Return something that is equal for equal JSON values only: 1 is 1.0, but not true."""
    BUDGET.get().pay(1)
    if isinstance(value, dict):
        return ("{", frozenset((key, _identity(member)) for key, member in value.items()))
    if isinstance(value, list):
        return ("[", *map(_identity, value))
    return (bool, value) if isinstance(value, bool) else value


def _matches(text: str, subject: str) -> bool:
    found = pattern(text)  # it was made before: compiling refuses a schema where that fails
    BUDGET.get().pay(found.weight * len(subject) // _CHARS_A_STEP)
    if not found.can_judge(subject):
        raise TooMuchWork
    return found.is_in(subject)


_OWN: Final[Mapping[str, Rule]] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
