"""Judging goes on beside the event loop, which it never holds up for long."""

import asyncio
import json
import time
from typing import TypeVar

import pytest

from weir_server.core.errors import OutputSchemaInvalid
from weir_server.structured.checker import FIELD, Checker

_T = TypeVar("_T")
HELD_AT_MOST_S = 0.25
"""Far more than it takes, and far less than a pattern that tracks back: the machine stalls too."""


async def _longest_turn_s(work: asyncio.Task[_T]) -> float:
    """Turn the loop until `work` has succeeded; return its longest turn."""
    longest_s = 0.0
    while not work.done():
        begun_s = time.perf_counter()
        await asyncio.sleep(0.001)
        longest_s = max(longest_s, time.perf_counter() - begun_s)
    await work
    return longest_s


WIDE = json.dumps({"properties": {f"p{n}": {"type": "string", "minLength": 1} for n in range(150)}})
HOSTILE = json.dumps({"items": {"pattern": "^(a+)+$", "enum": [f"{n}" for n in range(500)]}})
LONG = json.dumps(["a" * 3_000 + "!"] * 300)


@pytest.mark.parametrize("case", ["a wide schema", "a hostile answer"])
async def test_the_loop_turns_meanwhile(case: str) -> None:
    """Measured again where it was too long: a busy machine stalls at times, a bad rule always."""
    turns_s = []
    for _ in range(5):
        checker = Checker()
        if case == "a wide schema":
            turns_s.append(await _longest_turn_s(asyncio.ensure_future(checker.schema(WIDE))))
        else:
            schema = await checker.schema(HOSTILE)
            judging = asyncio.ensure_future(checker.mismatch(schema, LONG))
            turns_s.append(await _longest_turn_s(judging))
        if turns_s[-1] <= HELD_AT_MOST_S:
            break
    assert min(turns_s) <= HELD_AT_MOST_S


async def test_a_schema_is_compiled_once() -> None:
    """The next call with the same text gets the same schema."""
    checker = Checker()

    first = await checker.schema('{"type": "null"}')

    assert await checker.schema('{"type": "null"}') is first
    assert await checker.mismatch(first, "null") is None


async def test_a_bad_schema_names_the_field_and_the_fix() -> None:
    """As the caller knows it."""
    with pytest.raises(OutputSchemaInvalid) as refused:
        await Checker().schema('{"$ref": "https://elsewhere.test/a"}')

    (violation,) = refused.value.violations
    assert violation.field == FIELD
    assert "$defs" in violation.description


async def test_bounds_are_numbers_of_steps() -> None:
    """So the same request ends the same way on a slow machine and on a fast one."""
    small = Checker(schema_steps=10)
    with pytest.raises(OutputSchemaInvalid):
        await small.schema('{"type": "null"}')

    few = Checker(answer_steps=10)
    schema = await few.schema('{"items": {"type": "integer"}}')
    assert await few.mismatch(schema, "[1, 2, 3]") is None
    mismatch = await few.mismatch(schema, json.dumps([1] * 100))
    assert mismatch is not None
    assert mismatch.rule == "work"


async def test_who_hangs_up_leaves_no_work_behind() -> None:
    """A cancelled judgement gives its place to the next."""
    checker = Checker()
    schema = await checker.schema('{"items": {"uniqueItems": true}}')
    answer = json.dumps([[{"a": n} for n in range(2_000)]] * 30)
    working = [asyncio.ensure_future(checker.mismatch(schema, answer)) for _ in range(4)]
    await asyncio.sleep(0)
    for work in working:
        work.cancel()
    await asyncio.wait(working)

    assert await checker.mismatch(schema, "[]") is None
