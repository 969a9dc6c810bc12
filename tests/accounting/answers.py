"""Answers for tests of the meter: events, and a provider that gives them, then fails or hangs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.accounting.calls import call_of
from tests.accounting.prices import NO_PRICES
from weir.v1.content_pb2 import Part, Role
from weir.v1.generation_pb2 import (
    FinishReason,
    GenerationEvent,
    PartDelta,
    PartStart,
    Phase,
    StreamEnd,
)
from weir.v1.provider_service_pb2 import ChatRequest
from weir.v1.usage_pb2 import TokenUsage, UsageSource
from weir_server.accounting.meter import MeterStage
from weir_server.accounting.tokens import Tokens
from weir_server.core.call import Call
from weir_server.core.errors import WeirError
from weir_server.core.handler import Batch, Handler, Request

WORDS = ("It", " is", " the", " capital", " of", " Norway", ".")
"""Seven tokens."""
PROMPT_TOKENS = 3 + 4 + 7
"""Of `asked`: priming, one message, its seven words."""


def asked() -> ChatRequest:
    """Make a question of seven tokens."""
    request = ChatRequest()
    request.messages.add(role=Role.ROLE_USER).parts.add(text="What is the capital of Norway?")
    return request


def started(part: Part | None = None, index: int = 0) -> GenerationEvent:
    """Make a part's beginning; text if nothing else is said."""
    return GenerationEvent(part_start=PartStart(index=index, part=part or Part(text="")))


def said(text: str, index: int = 0) -> GenerationEvent:
    """Make a text delta."""
    return GenerationEvent(part_delta=PartDelta(index=index, text=text))


def argued(text: str, index: int = 0) -> GenerationEvent:
    """Make a delta of a tool call's arguments."""
    return GenerationEvent(part_delta=PartDelta(index=index, arguments_json=text))


def ended(usage: TokenUsage | None = None) -> GenerationEvent:
    """Make the end of a good answer, with the usage that the provider reports, if any."""
    return GenerationEvent(
        end=StreamEnd(finish_reason=FinishReason.FINISH_REASON_STOP, usage=usage)
    )


def used(prompt: int, completion: int, total: int | None = None) -> TokenUsage:
    """Make a usage as a provider reports it."""
    return TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion if total is None else total,
        source=UsageSource.USAGE_SOURCE_PROVIDER,
    )


def streamed(*words: str) -> list[Batch]:
    """Make the batches of a text, one word each, without an end."""
    return [[started()], *([said(word)] for word in words)]


@dataclass(slots=True, kw_only=True)
class Provider(Handler):
    """Gives its batches, then fails, hangs or stops.

    phase: how far the call has come when the provider is asked. refuses: fails before any batch.
    """

    batches: Sequence[Batch] = ()
    phase: Phase.ValueType = Phase.PHASE_GENERATING
    refuses: BaseException | None = None
    fails: BaseException | None = None
    hangs: bool = False
    closed: bool = False

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        call.progress.phase = self.phase
        try:
            if self.refuses is not None:
                raise self.refuses
            yield self._give()
        finally:
            self.closed = True

    async def _give(self) -> AsyncIterator[Batch]:
        for batch in self.batches:
            yield batch
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails is not None:
            raise self.fails


def counted(prompt: int, completion: int, source: UsageSource.ValueType) -> TokenUsage:
    """Make a usage as Weir counts it."""
    usage = used(prompt, completion)
    usage.source = source
    return usage


async def read(
    tokens: Tokens,
    provider: Provider,
    call: Call,
    request: Request | None = None,
    then: WeirError | None = None,
) -> None:
    """Read one attempt to its end, and then fail as a reader does, if told to."""
    async with MeterStage(provider, tokens, NO_PRICES).open(call, request or asked()) as batches:
        async for _ in batches:
            pass
        if then is not None:
            raise then


async def metered(
    tokens: Tokens, provider: Provider, request: Request | None = None
) -> tuple[list[Batch], Call]:
    """Run one attempt through the stage; return what came out, and the call."""
    call = call_of()
    async with MeterStage(provider, tokens, NO_PRICES).open(call, request or asked()) as batches:
        return [batch async for batch in batches], call
