"""A next stage that says what a test wants said, and keeps what it was asked."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from weir.v1.content_pb2 import Message, Part, Role
from weir.v1.generation_pb2 import (
    FinishReason,
    GenerationEvent,
    GenerationOptions,
    JsonSchemaFormat,
    OutputFormat,
    PartDelta,
    PartEnd,
    PartStart,
    StreamEnd,
)
from weir.v1.model_pb2 import ModelCapabilities
from weir.v1.provider_service_pb2 import ChatRequest
from weir.v1.usage_pb2 import TokenUsage, UsageSource
from weir_server.core.call import Call
from weir_server.core.deadline import Deadline
from weir_server.core.errors import WeirError
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.target import Operation, Target

SCHEMA = '{"type": "object", "required": ["age"]}'
Answer = Sequence[GenerationEvent] | WeirError
STOP = FinishReason.FINISH_REASON_STOP


def target(name: str = "a", *, kind: str = "", **can: bool) -> Target:
    return Target(
        provider=f"providers/{name}",
        model="models/m",
        vendor_model="v",
        capabilities=ModelCapabilities(**can),  # type: ignore[arg-type]  # names of its flags
        kind=kind,
    )


def call(*targets: Target) -> Call:
    call = Call(
        request_id="r",
        response_id="s",
        method="StreamChat",
        operation=Operation.CHAT,
        streaming=True,
        arrived_s=0.0,
        deadline=Deadline.after(0.0, 60.0),
        targets=targets or (target(),),
    )
    call.progress.route = call.targets[0]
    return call


def request(max_repairs: int = 1, *messages: Message, **options: Any) -> ChatRequest:
    said = JsonSchemaFormat(name="person", schema_json=SCHEMA, max_repairs=max_repairs)
    return ChatRequest(
        messages=messages or [Message(role=Role.ROLE_USER, parts=[Part(text="How old?")])],
        options=GenerationOptions(output_format=OutputFormat(json_schema=said), **options),
    )


def used(tokens: int) -> TokenUsage:
    return TokenUsage(
        prompt_tokens=tokens,
        total_tokens=tokens,
        source=UsageSource.USAGE_SOURCE_PROVIDER,
    )


def begin(index: int, part: Part) -> GenerationEvent:
    return GenerationEvent(part_start=PartStart(index=index, part=part))


def more(index: int, text: str) -> GenerationEvent:
    return GenerationEvent(part_delta=PartDelta(index=index, text=text))


def close(index: int) -> GenerationEvent:
    return GenerationEvent(part_end=PartEnd(index=index))


def end(
    finish_reason: FinishReason.ValueType = STOP, usage: TokenUsage | None = None
) -> GenerationEvent:
    return GenerationEvent(end=StreamEnd(finish_reason=finish_reason, usage=usage or used(10)))


def says(
    text: str, *, pieces: int = 2, finish_reason: FinishReason.ValueType = STOP
) -> list[GenerationEvent]:
    """One text in so many pieces."""
    size = max(1, -(-len(text) // pieces))
    deltas = [more(0, text[begin : begin + size]) for begin in range(0, len(text), size)]
    return [begin(0, Part(text="")), *deltas, close(0), end(finish_reason)]


class Next(Handler):
    """Gives its answers in order, each event as a batch of its own."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[Call, Request]] = []
        self.open_now = 0

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        self.asked.append((call, request))
        answer = self._answers.pop(0)
        self.open_now += 1
        try:
            if isinstance(answer, WeirError):
                raise answer
            yield _batches(answer)
        finally:
            self.open_now -= 1


async def _batches(answer: Sequence[GenerationEvent]) -> AsyncIterator[Batch]:
    for event in answer:
        yield [event]


async def heard(stage: Handler, call: Call, request: Request) -> list[GenerationEvent]:
    """All events of an answer."""
    async with stage.open(call, request) as batches:
        return await read(batches)


async def read(batches: AsyncIterator[Batch]) -> list[GenerationEvent]:
    """All events of batches."""
    events: list[GenerationEvent] = []
    async for batch in batches:
        assert isinstance(batch, list)
        events += batch
    return events
