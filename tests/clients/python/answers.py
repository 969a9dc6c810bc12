"""Which answers do the scripts play? Small ones, built event by event as the contract says."""

from collections.abc import Iterable

from weir.v1.content_pb2 import Part
from weir.v1.error_pb2 import Error
from weir.v1.generation_pb2 import (
    FinishReason,
    GenerationEvent,
    Heartbeat,
    PartDelta,
    PartEnd,
    PartStart,
    Phase,
    ResponseMetadata,
    StreamEnd,
    StreamStart,
)
from weir.v1.usage_pb2 import TokenUsage, UsageSource

RESPONSE_ID = "resp_1"
USAGE = TokenUsage(
    prompt_tokens=3,
    completion_tokens=4,
    total_tokens=7,
    source=UsageSource.USAGE_SOURCE_PROVIDER,
)
METADATA = ResponseMetadata(response_id=RESPONSE_ID, provider="providers/echo", model="echo-1")


def numbered(events: Iterable[GenerationEvent]) -> list[GenerationEvent]:
    """The events with their sequence, from 0."""
    several = list(events)
    for sequence, event in enumerate(several):
        event.sequence = sequence
    return several


def start() -> GenerationEvent:
    return GenerationEvent(
        start=StreamStart(response_id=RESPONSE_ID, provider="providers/echo", model="echo-1")
    )


def opened(index: int, part: Part) -> GenerationEvent:
    return GenerationEvent(part_start=PartStart(index=index, part=part))


def text(index: int, piece: str) -> GenerationEvent:
    return GenerationEvent(part_delta=PartDelta(index=index, text=piece))


def arguments(index: int, piece: str) -> GenerationEvent:
    return GenerationEvent(part_delta=PartDelta(index=index, arguments_json=piece))


def closed(index: int, part: Part | None = None) -> GenerationEvent:
    return GenerationEvent(part_end=PartEnd(index=index, part=part))


def heartbeat() -> GenerationEvent:
    return GenerationEvent(heartbeat=Heartbeat(phase=Phase.PHASE_GENERATING))


def end(
    finish_reason: FinishReason.ValueType = FinishReason.FINISH_REASON_STOP,
) -> GenerationEvent:
    return GenerationEvent(
        end=StreamEnd(finish_reason=finish_reason, usage=USAGE, metadata=METADATA)
    )


def failed_end(error: Error) -> GenerationEvent:
    failed = end(FinishReason.FINISH_REASON_ERROR)
    failed.end.error.CopyFrom(error)
    return failed


def text_answer(*pieces: str) -> list[GenerationEvent]:
    """A whole answer of one text."""
    return numbered(
        [
            start(),
            opened(0, Part(text="")),
            *(text(0, piece) for piece in pieces),
            closed(0),
            end(),
        ]
    )
