"""Who judges without holding up everybody else? A few threads, each with a bound to its work."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

from weir.v1.error_pb2 import FieldViolation
from weir_server.core.errors import OutputSchemaInvalid
from weir_server.structured.bounded import BUDGET, Budget
from weir_server.structured.schema import Mismatch, Schema, SchemaRefused, compiled

SCHEMA_STEPS: Final = 100_000
"""Some two seconds, which a schema of about 2000 properties takes."""
ANSWER_STEPS: Final = 300_000
"""A second for most schemas, a few where all of it goes into following references."""
AT_A_TIME: Final = 2
"""So many judge at once. They share the interpreter with the event loop, which gets it back from
each within a few milliseconds."""
REMEMBERED: Final = 128
"""Schemas that are kept: their callers send the same one with every call, and to check a schema
takes longer than to answer most calls."""
FIELD: Final = "options.output_format.json_schema.schema_json"

_T = TypeVar("_T")


class Checker:
    """Compiles schemas and judges answers, off the event loop."""

    def __init__(
        self, *, schema_steps: int = SCHEMA_STEPS, answer_steps: int = ANSWER_STEPS
    ) -> None:
        self._schema_steps = schema_steps
        self._answer_steps = answer_steps
        self._places = asyncio.Semaphore(AT_A_TIME)
        self._known: OrderedDict[str, Schema] = OrderedDict()

    async def schema(self, text: str) -> Schema:
        """Return the schema of a JSON text. Raises OutputSchemaInvalid."""
        if (known := self._known.get(text)) is not None:
            self._known.move_to_end(text)
            return known
        try:
            schema = await self._aside(self._schema_steps, compiled, text)
        except SchemaRefused as refused:
            violation = FieldViolation(field=FIELD, description=str(refused), rule="BAD_SCHEMA")
            raise OutputSchemaInvalid(violations=[violation]) from refused
        self._known[text] = schema
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return schema

    async def mismatch(self, schema: Schema, text: str) -> Mismatch | None:
        """Return what is wrong with an answer; None: it follows the schema."""
        return await self._aside(self._answer_steps, schema.mismatch, text)

    async def _aside(self, steps: int, work: Callable[[str], _T], text: str) -> _T:
        budget = Budget(steps)
        async with self._places:
            try:
                return await asyncio.to_thread(_within, budget, work, text)
            finally:
                budget.stop()  # for a thread that nobody waits for any more


def _within(budget: Budget, work: Callable[[str], _T], text: str) -> _T:
    BUDGET.set(budget)
    return work(text)
