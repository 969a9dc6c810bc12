"""The rules that pay for their work judge as jsonschema's own do, whatever is judged."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from weir_server.structured.bounded import BUDGET, Budget
from weir_server.structured.schema import compiled

_NAMES = st.sampled_from(["a", "b", "xy"])
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.0, 1.0, 1.5, "", "a", "ab"])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_NAMES, inner, max_size=3)
    ),
    max_leaves=8,
)
_PATTERNS = st.sampled_from(["^a", "b$", "^$", "[ab]", "^x.?$"])
_LEAVES = st.one_of(
    st.booleans(),
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["null", "boolean", "integer", "number", "string", "object"]),
            "const": _VALUES,
            "pattern": _PATTERNS,
            "uniqueItems": st.booleans(),
            "minLength": st.integers(0, 2),
            "required": st.lists(_NAMES, max_size=2, unique=True),
        },
    ),
)


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "items": inner,
            "properties": st.dictionaries(_NAMES, inner, max_size=2),
            "patternProperties": st.dictionaries(_PATTERNS, inner, max_size=2),
            "additionalProperties": inner,
            "anyOf": some,
            "oneOf": some,
            "not": inner,
            "uniqueItems": st.booleans(),
            "enum": st.lists(_VALUES, min_size=1, max_size=3),
        },
    )


_SCHEMAS = st.recursive(_LEAVES, _around, max_leaves=6).filter(lambda each: isinstance(each, dict))


@settings(max_examples=60, deadline=None)
@given(schema=_SCHEMAS, value=_VALUES)
def test_right_is_what_jsonschema_finds_right(schema: dict[str, Any], value: object) -> None:
    """For all schemas of these keywords, and all small values."""
    BUDGET.set(Budget(1_000_000))

    mismatch = compiled(json.dumps(schema)).mismatch(json.dumps(value))

    assert (mismatch is None) == Draft202012Validator(schema).is_valid(value)
