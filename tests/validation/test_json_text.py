"""Is JSON told from what is none, and deep from flat, without a parser's recursion?"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir_server.validation.json_text import JsonFault, json_fault

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\a'), inner, max_size=3)
    ),
    max_leaves=20,
)


def depth_of(value: object) -> int:
    """Measure the depth the slow way."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@given(value=JSON, indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_depth_is_measured(value: object, indent: int | None, ascii_only: bool) -> None:
    """A text passes at its own depth and is refused one below, whatever its strings hold."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    depth = depth_of(value)

    assert json_fault(text, max_depth=depth) is None
    if depth:
        assert json_fault(text, max_depth=depth - 1) is JsonFault.TOO_DEEP


@given(text=st.text(alphabet='[]{}":,\\ a1\n', max_size=40))
def test_verdict_is_a_parsers(text: str) -> None:
    """What is called JSON is JSON to the standard library too, and the other way round."""
    try:
        json.loads(text)
        is_json = True
    except ValueError:
        is_json = False

    assert (json_fault(text, max_depth=64) is None) is is_json


@given(cut=st.integers(1, 200), value=JSON)
def test_cut_text_is_never_deeper(cut: int, value: object) -> None:
    """A text that was cut off is malformed, not too deep, when the whole was not."""
    text = json.dumps([value])

    assert json_fault(text[:-1][:cut], max_depth=depth_of([value])) is JsonFault.MALFORMED


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000_000,
        "]" * 1_000_000,
        '{"a":' * 200_000,
        "[" * 500_000 + "]" * 500_000,
        '"' * 1_000_001,
        "\\" * 1_000_000,
        '["\\"' * 250_000,
    ],
    ids=["open", "close", "objects", "nest", "quotes", "backslashes", "escapes"],
)
def test_hostile_text_is_refused(text: str) -> None:
    """A megabyte of brackets, quotes or backslashes gets a verdict, not a RecursionError."""
    assert json_fault(text, max_depth=64) in (JsonFault.MALFORMED, JsonFault.TOO_DEEP)


@pytest.mark.parametrize("text", ["[]", "1", '"{"', " null", ""])
def test_object_is_told_from_other_json(text: str) -> None:
    """Where an object is asked for, nothing else will do."""
    assert json_fault(text, max_depth=64, is_object=True) is not None
    assert json_fault(f'\n {{"a": {text or 0}}}', max_depth=64, is_object=True) is None
