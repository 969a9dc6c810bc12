"""Does the answer follow its schema? Judged before anybody sees it, and asked for again if not.

Only where the caller allows repairs. This half lies before resilience, so that every asking has its
retries and its fallbacks; the other half, `saying`, behind it. Nothing of an answer is passed on
before it is known to be right, which is what allows another asking at all (the law of the commit
point). What each asking used is added up, whichever way the call ends.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from typing_extensions import override

from weir.v1.content_pb2 import Role
from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.error_pb2 import AttemptKind, FieldViolation
from weir.v1.generation_pb2 import GenerationEvent
from weir.v1.provider_service_pb2 import ChatRequest
from weir.v1.usage_pb2 import TokenUsage
from weir_server.core.call import Call
from weir_server.core.errors import (
    InvalidRequest,
    OutputSchemaMismatch,
    UpstreamStreamBroken,
    WeirError,
)
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.usage import summed
from weir_server.structured.checker import Checker
from weir_server.structured.held import Held
from weir_server.structured.schema import Mismatch, Schema
from weir_server.structured.wording import Asked, asked_again

_REPAIR = AttemptKind.ATTEMPT_KIND_REPAIR


class StructuredStage(Handler):
    """Gives answers that follow their schema, or an error that says that there is none."""

    def __init__(self, next_stage: Handler, checker: Checker, *, max_held_bytes: int) -> None:
        """max_held_bytes: how large an answer may be that is held back until it is judged."""
        self._next = next_stage
        self._checker = checker
        self._max_held_bytes = max_held_bytes

    @override
    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Pass the call on; where repairs are allowed, entering waits for the right answer.

        Entering raises OutputSchemaInvalid and InvalidRequest before anything is sent,
        OutputSchemaMismatch after the last repair, and what the next stage raises.
        """
        if (
            isinstance(request, EmbedRequest)
            or not request.HasField("options")
            or request.options.output_format.json_schema.max_repairs == 0
            # A far Weir judges by itself, next to the provider; to hold its answer adds nothing.
            or all(target.is_gateway for target in call.targets)
        ):
            return self._next.open(call, request)
        _check(request)
        return _Judged(self, call, request)

    async def held(self, call: Call, request: Request) -> Held:
        """Ask once and return the whole answer."""
        held = Held(self._max_held_bytes)
        async with self._next.open(call, request) as batches:
            async for batch in batches:
                held.take(batch)
        if held.end is None:
            raise UpstreamStreamBroken(metadata={"cause": "cut"})
        return held

    @property
    def checker(self) -> Checker:
        """Who judges."""
        return self._checker


class _Judged(AbstractAsyncContextManager[AsyncIterator[Batch]], AsyncIterator[Batch]):
    """The answer of one call, whole and right before its first batch is given."""

    __slots__ = ("_batches", "_call", "_request", "_spent", "_stage")

    _batches: Iterator[list[GenerationEvent]]

    def __init__(self, stage: StructuredStage, call: Call, request: Asked) -> None:
        self._stage = stage
        self._call = call
        self._request = request
        self._spent: TokenUsage | None = None
        """What all askings used so far."""

    @override
    async def __aenter__(self) -> AsyncIterator[Batch]:
        checker, request = self._stage.checker, self._request
        said = request.options.output_format.json_schema
        schema = await checker.schema(said.schema_json)
        asked, call = request, self._call
        repairs = 0
        while True:
            held = await self._ask(call, asked)
            if not held.is_a_try:
                return self._given(held)
            text, mismatch = await _judged(checker, schema, held)
            if mismatch is None:
                return self._given(held, text)
            route = self._call.progress.route
            # What a far Weir passes on has used up the repairs there.
            if repairs >= said.max_repairs or (route is not None and route.is_gateway):
                raise self._failed(mismatch, repairs)
            repairs += 1
            asked = asked_again(request, held.text, mismatch.complaint)
            call = _again(self._call)

    @override
    async def __anext__(self) -> Batch:
        batch = next(self._batches, None)
        if batch is None:
            raise StopAsyncIteration
        return batch

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave nothing behind: every asking was closed when its answer was whole."""

    async def _ask(self, call: Call, request: Asked) -> Held:
        """Ask once, and add what that used to what was used before, however it ends."""
        progress = self._call.progress
        progress.usage = None
        try:
            held = await self._stage.held(call, request)
        except BaseException as error:
            own = error.usage if isinstance(error, WeirError) else None
            self._count(own or progress.usage)
            if isinstance(error, WeirError):
                error.usage = self._spent
            raise
        assert held.end is not None
        self._count(held.end.usage if held.end.HasField("usage") else progress.usage)
        return held

    def _count(self, used: TokenUsage | None) -> None:
        if used is not None:
            self._spent = summed(used, self._spent)
        self._call.progress.usage = self._spent

    def _given(self, held: Held, text: str | None = None) -> AsyncIterator[Batch]:
        if held.end is not None and self._spent is not None:
            held.end.usage.CopyFrom(self._spent)
        self._batches = held.batches(text)
        return self

    def _failed(self, mismatch: Mismatch, repairs: int) -> OutputSchemaMismatch:
        metadata = {"repairs": str(repairs), "rule": mismatch.rule}
        if mismatch.place:
            metadata["schemaPath"] = mismatch.place
        return OutputSchemaMismatch(metadata=metadata, usage=self._spent)


def _check(request: Asked) -> None:
    """Refuse what cannot be repaired: words that were put into the model's mouth."""
    if not isinstance(request, ChatRequest) or request.messages[-1].role != Role.ROLE_ASSISTANT:
        return
    violation = FieldViolation(
        field="options.output_format.json_schema.max_repairs",
        description="End with a message of another role, or set no repairs: an answer that goes on "
        "from given words is not whole.",
        rule="CONFLICT",
    )
    raise InvalidRequest(violations=[violation])


async def _judged(
    checker: Checker, schema: Schema, held: Held
) -> tuple[str | None, Mismatch | None]:
    """Return what is wrong with an answer, and the text to give where that is not the answer's."""
    mismatch = await checker.mismatch(schema, held.text)
    if mismatch is None or not held.is_plain:
        return None, mismatch
    inside = _without_fence(held.text)
    if inside is not None and await checker.mismatch(schema, inside) is None:
        return inside, None
    return None, mismatch


def _without_fence(text: str) -> str | None:
    """Return what stands in a code fence that is the whole text; None: it is no such text."""
    text = text.strip()
    opening, newline, rest = text.partition("\n")
    if not newline or not opening.startswith("```") or not rest.endswith("```"):
        return None
    language = opening.removeprefix("```").strip()
    return rest.removesuffix("```").strip() if language in ("", "json", "JSON") else None


def _again(call: Call) -> Call:
    """Return the call with the target that answered first in line: it knows what it said."""
    route = call.progress.route
    targets = call.targets
    if route is not None:
        targets = tuple(sorted(targets, key=lambda target: target.name != route.name))
    return call.aimed_at(targets, kind=_REPAIR)
