"""An answer follows its schema or it does not, and what is wrong is told; a schema has bounds."""

import json
from collections.abc import Iterator

import pytest

from weir_server.structured.bounded import BUDGET, Budget
from weir_server.structured.schema import MAX_SCHEMA_BYTES, Schema, SchemaRefused, compiled

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"


@pytest.fixture(autouse=True)
def budget() -> Iterator[Budget]:
    """Enough for every schema here that is not hostile."""
    budget = Budget(100_000)
    token = BUDGET.set(budget)
    yield budget
    BUDGET.reset(token)


def schema(value: object) -> Schema:
    return compiled(json.dumps(value))


@pytest.mark.parametrize(
    ("of", "right", "wrong", "rule"),
    [
        ({"type": "integer"}, "7", "true", "type"),
        ({"enum": ["a", 1]}, "1", '"b"', "enum"),
        ({"pattern": "^a"}, '"ab"', '"b"', "pattern"),
        ({"uniqueItems": True}, "[1, true]", "[1, 1.0]", "uniqueItems"),
        ({"uniqueItems": True}, '[{"a": 1}, {"b": 1}]', '[{"a": 1}, {"a": 1}]', "uniqueItems"),
        (
            {
                "properties": {"a": {}},
                "patternProperties": {"^x": {}},
                "additionalProperties": False,
            },
            '{"a": 1, "xy": 2}',
            '{"b": 1}',
            "additionalProperties",
        ),
        ({"patternProperties": {"^x": {"type": "null"}}}, '{"xy": null}', '{"xy": 1}', "type"),
        ({"additionalProperties": {"type": "null"}}, '{"a": null}', '{"a": 1}', "type"),
        ({"$defs": {"n": {"minimum": 3}}, "items": {"$ref": "#/$defs/n"}}, "[3]", "[2]", "minimum"),
        ({"anyOf": [{"type": "null"}, {"minimum": 3}]}, "null", "2", "anyOf"),
        ({"multipleOf": 0.1}, "0.5", "0.55", "multipleOf"),
        ({"unevaluatedProperties": False}, "{}", '{"a": 1}', "unevaluatedProperties"),
        ({"$schema": DRAFT_7, "items": [{"type": "null"}]}, "[null, 1]", "[1]", "type"),
        ({"$schema": DRAFT_2019, "dependentRequired": {"a": ["b"]}}, "{}", '{"a": 1}', None),
        ({"$schema": DRAFT_2020, "prefixItems": [{"type": "null"}]}, "[null]", "[1]", "type"),
        ({"not": {"type": "null"}}, "1", "null", "not"),
    ],
)
def test_right_and_wrong(of: object, right: str, wrong: str, rule: str | None) -> None:
    """By the rules of the dialect, with the rule that is broken."""
    found = schema(of)

    assert found.mismatch(right) is None
    mismatch = found.mismatch(wrong)
    assert mismatch is not None
    assert mismatch.rule == (rule or "dependentRequired")


@pytest.mark.parametrize("text", ["", "Sure: {}", "{} {}", "{'a': 1}", "NaN", "[" * 5_000, "1e999"])
def test_what_is_no_json(text: str) -> None:
    """One value of JSON and nothing else, however deep or large it pretends to be."""
    mismatch = schema({}).mismatch(text)

    assert mismatch is not None
    assert mismatch.rule == "json"


def test_the_place_is_in_words_of_the_schema_alone() -> None:
    """The complaint is for the model and quotes its answer; the place may be told to anybody."""
    of = schema({"additionalProperties": {"properties": {"age": {"minimum": 0}}}})

    mismatch = of.mismatch('{"canary": {"age": -1}}')

    assert mismatch is not None
    assert mismatch.place == "/additionalProperties/properties/age/minimum"
    assert mismatch.complaint == "- At $.canary.age: -1 is less than the minimum of 0."


def test_complaints_are_few_and_short() -> None:
    """However much is wrong with however long an answer."""
    mismatch = schema({"items": {"type": "null"}}).mismatch(json.dumps(["x" * 5_000] * 100))

    assert mismatch is not None
    lines = mismatch.complaint.splitlines()
    assert len(lines) == 5
    assert max(map(len, lines)) < 400
    assert lines[0].endswith("is not of type 'null'.")


@pytest.mark.parametrize(
    ("of", "words"),
    [
        ({"type": "text"}, r"\$\.type breaks the rules"),
        ({"properties": {"a": {"minimum": "1"}}}, r"\$\.properties\.a\.minimum"),
        ({"$ref": "https://elsewhere.test/a"}, "nothing is fetched"),
        ({"$ref": "file:///etc/passwd"}, "nothing is fetched"),
        ({"$ref": DRAFT_2020}, "nothing is fetched"),
        ({"$ref": "#/$defs/missing"}, "leads to no schema"),
        ({"$ref": "#nobody"}, "leads to no schema"),
        ({"$ref": "#/title", "title": "x"}, "leads to no schema"),
        ({"$ref": "#"}, "come to an end"),
        ({"$schema": "https://elsewhere.test/schema"}, "draft 7"),
        ({"items": {"$schema": DRAFT_2020}}, "at the top alone"),
        ({"items": {"$id": "https://elsewhere.test/x"}}, "at the top alone"),
        ({"items": {"pattern": "(?=a)"}}, r"\$\.items has a pattern"),
        ({"patternProperties": {"(": {}}}, "has a pattern"),
        ({"patternProperties": {"a": {}}, "unevaluatedProperties": False}, "not both"),
        ({"description": "x" * MAX_SCHEMA_BYTES}, "shorter"),
    ],
)
def test_a_schema_that_is_refused(of: object, words: str) -> None:
    """With where and how to mend it."""
    with pytest.raises(SchemaRefused, match=words):
        schema(of)


def test_references_that_double_are_refused() -> None:
    """Thirty that each name the next one twice are a thousand million: the trial run ends it."""
    names = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(30)}
    of = {"$defs": {**names, "a30": {}}, "$ref": "#/$defs/a0"}

    with pytest.raises(SchemaRefused, match="smaller"):
        schema(of)


@pytest.mark.parametrize(
    ("of", "answer"),
    [
        ({"items": {"enum": [[n] for n in range(2_000)]}}, json.dumps([[1_999]] * 1_000)),
        ({"pattern": "^(a+)+$"}, json.dumps("a" * 500_000)),
        ({"uniqueItems": True}, json.dumps([{"a": n} for n in range(90_000)])),
        ({"items": {"$ref": "#"}}, "[" * 900 + "]" * 900),
    ],
)
def test_an_answer_that_takes_too_long_is_not_right(
    of: object, answer: str, budget: Budget
) -> None:
    """What cannot be judged within bounds is never passed as right."""
    found = schema(of)
    budget.left = 100_000

    mismatch = found.mismatch(answer)

    assert mismatch is not None
    assert mismatch.rule == "work"


def test_a_run_that_nobody_waits_for_ends(budget: Budget) -> None:
    """At its next step, from whichever thread it is stopped."""
    found = schema({"items": {"type": "integer"}})
    budget.stop()

    mismatch = found.mismatch("[1]")

    assert mismatch is not None
    assert mismatch.rule == "work"
