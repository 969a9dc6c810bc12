"""Does a text follow a schema, and if not, what is wrong? Compiled once, judged often.

What is done here may take seconds of work: call it off the event loop, with `bounded.BUDGET` set.
Nothing is ever fetched: a schema refers to itself alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import msgspec
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]  # it ships no types
from referencing import Registry
from referencing.exceptions import Unresolvable

from weir_server.structured.bounded import (
    NEWEST,
    Dialect,
    Error,
    Json,
    Rules,
    TooMuchWork,
    dialect,
)
from weir_server.structured.patterns import PatternRefused, pattern

MAX_SCHEMA_BYTES: Final = 64 * 1024
MAX_COMPLAINTS: Final = 5
MAX_COMPLAINT_CHARS: Final = 300
MAX_PLACE_CHARS: Final = 256
NOT_JSON: Final = "json"
"""The rule that a text breaks which is no JSON."""
TOO_MUCH: Final = "work"
"""The rule that an answer breaks which cannot be judged within bounds: it is not taken as right."""


class SchemaRefused(Exception):
    """A schema that no answer can be held to; the message says what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """Why an answer does not follow its schema."""

    rule: str
    """The keyword that is broken first, NOT_JSON or TOO_MUCH."""
    place: str = ""
    """Where the schema says so, such as `/properties/age/minimum`. Words of the schema alone."""
    complaint: str
    """What is wrong, for the model. Holds words of the answer."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema that answers are held to."""

    rules: Rules

    def mismatch(self, text: str) -> Mismatch | None:
        """Return what is wrong with a text; None: it is JSON that follows the schema."""
        try:
            value = msgspec.json.decode(text)
        except (ValueError, RecursionError) as error:
            what = str(error)[:MAX_COMPLAINT_CHARS]
            return Mismatch(rule=NOT_JSON, complaint=f"- It is not one JSON value: {what}.")
        try:
            errors = list(islice(self.rules.iter_errors(value), MAX_COMPLAINTS))
            return _told(errors) if errors else None
        except (
            TooMuchWork,
            RecursionError,
            # What a rule meets in a part of the schema that only a reference made one.
            *(ArithmeticError, AttributeError, KeyError, TypeError, ValueError),
        ):
            return Mismatch(
                rule=TOO_MUCH, complaint="- It is too large or too deep to be checked; be brief."
            )


def compiled(text: str) -> Schema:
    """Return the schema of a JSON text that was validated as such. Raises SchemaRefused."""
    if len(text) > MAX_SCHEMA_BYTES:
        raise SchemaRefused(f"Make it shorter than {MAX_SCHEMA_BYTES} characters.")
    schema = msgspec.json.decode(text)
    if not isinstance(schema, dict):
        raise SchemaRefused("Give an object.")
    named = schema.pop("$schema", NEWEST)
    schema.pop("$id", None)
    found = dialect(named) if isinstance(named, str) else None
    if found is None:
        raise SchemaRefused("Name a $schema of draft 6, draft 7, 2019-09 or 2020-12, or none.")
    try:
        for error in islice(found.meta.iter_errors(schema), 1):
            at, rule = error.json_path, error.validator
            raise SchemaRefused(f"{at[:MAX_PLACE_CHARS]} breaks the rules of schemas ({rule}).")
        _check_words(schema)
        _check_references(schema, found)
        kept = Schema(found.rules(schema))
        for _ in kept.rules.iter_errors(None):
            pass  # only to see that it ends
    except (TooMuchWork, RecursionError) as error:
        raise SchemaRefused(
            "Make it smaller, with references that come to an end: to check it takes too long."
        ) from error
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise SchemaRefused("Refer to schemas alone, under $defs.") from error
    return kept


def _members(value: object, at: str = "$") -> Iterator[tuple[str, Json]]:
    """Give every object in a schema, with its path, be it a schema or not."""
    if isinstance(value, dict):
        yield at, value
        for name, member in value.items():
            yield from _members(member, f"{at}.{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _members(member, f"{at}[{index}]")


def _check_words(schema: Json) -> None:
    """Refuse what could lead out of the schema, and patterns that cannot be judged in time."""
    unevaluated = by_pattern = False
    for at, each in _members(schema):
        at = at[:MAX_PLACE_CHARS]
        for name in ("$schema", "$id"):
            if isinstance(each.get(name), str):
                raise SchemaRefused(f"{at}.{name}: name it at the top alone, or not at all.")
        for name in ("$ref", "$dynamicRef"):
            if isinstance(reference := each.get(name), str) and not reference.startswith("#"):
                raise SchemaRefused(
                    f"{at}.{name} leads out of the schema, and nothing is fetched: put what it "
                    "means under $defs and refer to it by #/$defs/NAME."
                )
        names = each.get("patternProperties")
        patterns = list(names) if isinstance(names, dict) else []
        by_pattern = by_pattern or bool(patterns)
        unevaluated = unevaluated or "unevaluatedProperties" in each
        if isinstance(own := each.get("pattern"), str):
            patterns.append(own)
        for text in patterns:
            try:
                pattern(text)
            except PatternRefused as refused:
                raise SchemaRefused(
                    f"{at} has a pattern that cannot be used. {refused}"
                ) from refused
    if unevaluated and by_pattern:
        raise SchemaRefused("Use patternProperties or unevaluatedProperties, not both.")


def _check_references(schema: Json, found: Dialect) -> None:
    resource = found.specification.create_resource(schema)
    resolver = Registry().resolver_with_root(resource)
    for at, each in _members(schema):
        for name in ("$ref", "$dynamicRef"):
            if not isinstance(reference := each.get(name), str):
                continue
            try:
                meant = resolver.lookup(reference).contents
            except (Unresolvable, AttributeError, LookupError, TypeError, ValueError):
                meant = None
            if not isinstance(meant, dict | bool):
                where = f"{at[:MAX_PLACE_CHARS]}.{name}"
                raise SchemaRefused(f"{where} leads to no schema: refer to one that is there.")


def _told(errors: list[Error]) -> Mismatch:
    first = _deepest(errors[0])
    return Mismatch(
        rule=str(first.validator or "false"),
        place="".join(f"/{step}" for step in first.absolute_schema_path)[:MAX_PLACE_CHARS],
        complaint="\n".join(map(_complaint, map(_deepest, errors))),
    )


def _deepest(error: Error) -> Error:
    """Return what most likely is the mistake where an alternative was not met."""
    found: Error = best_match(iter([error]))
    return found


def _complaint(error: Error) -> str:
    message = error.message
    if len(message) > MAX_COMPLAINT_CHARS:
        # What was expected stands at the end.
        half = MAX_COMPLAINT_CHARS // 2
        message = f"{message[:half]} ... {message[-half:]}"
    return f"- At {error.json_path[:MAX_PLACE_CHARS]}: {message}."
