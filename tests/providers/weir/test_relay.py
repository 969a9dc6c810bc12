"""A far stream is checked against the contract, and told as a provider's own."""

from collections.abc import Sequence

import pytest

from weir.v1.content_pb2 import Part, UnknownPart
from weir.v1.error_pb2 import Error, ErrorReason
from weir.v1.generation_pb2 import (
    FinishReason,
    GenerationEvent,
    Heartbeat,
    PartDelta,
    PartEnd,
    PartStart,
    Phase,
    StreamEnd,
    StreamStart,
    UsageUpdate,
)
from weir.v1.generation_pb2 import Warning as WarningEvent
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest, StreamChatResponse
from weir_server.core.errors import UpstreamProtocolError
from weir_server.providers.weir.relay import OPEN_MAX_PARTS, WAITING_MAX_EVENTS, Relay

START = GenerationEvent(start=StreamStart(response_id="far"))
OPENED = GenerationEvent(part_start=PartStart(index=0, part=Part(text="")))
SAID = GenerationEvent(part_delta=PartDelta(index=0, text="hi"))
CLOSED = GenerationEvent(part_end=PartEnd(index=0))
END = GenerationEvent(end=StreamEnd(finish_reason=FinishReason.FINISH_REASON_STOP))
BEAT = GenerationEvent(heartbeat=Heartbeat(phase=Phase.PHASE_QUEUED))
WARNED = GenerationEvent(warning=WarningEvent(code="X"))
USED = GenerationEvent(usage_update=UsageUpdate())
FAILED = GenerationEvent(end=StreamEnd(error=Error(reason=ErrorReason.ERROR_REASON_UPSTREAM_ERROR)))
NEWER = GenerationEvent.FromString(b"\x52\x02\x08\x01")
"""An event of a kind that these stubs do not know."""


def numbered(*events: GenerationEvent, first: int = 0) -> bytes:
    frame = StreamChatResponse(events=events)
    for sequence, event in enumerate(frame.events, start=first):
        event.sequence = sequence
    return frame.SerializeToString()


def test_the_parts_and_the_end_are_told_without_their_numbers() -> None:
    """`start`, heartbeats and interim usage are the near edge's to make."""
    relay = Relay(ChatRequest())
    assert relay.feed(numbered(START, BEAT)) == []
    assert relay.phase == Phase.PHASE_QUEUED
    assert relay.feed(numbered(OPENED, SAID, first=2)) == [OPENED, SAID]
    assert relay.answered
    assert relay.feed(numbered(USED, CLOSED, END, first=4)) == [CLOSED, END]
    assert relay.end == END.end


@pytest.mark.parametrize("early", [WARNED, NEWER])
def test_what_is_no_answer_yet_waits_for_one(early: GenerationEvent) -> None:
    """Alone it would pass for the beginning of an answer, and nobody else would be asked."""
    relay = Relay(CompleteRequest())
    assert relay.feed(numbered(START, early)) == []
    assert relay.feed(numbered(OPENED, first=2)) == [early, OPENED]


def test_a_failure_is_kept_for_whoever_reads_on() -> None:
    """What came before it in the same message is told first."""
    relay = Relay(ChatRequest())
    assert relay.feed(numbered(START, OPENED, FAILED)) == [OPENED]
    assert relay.failed == FAILED.end
    assert relay.end is None


BROKEN: dict[str, Sequence[bytes]] = {
    "bytes of something else": [b"\xff\xff"],
    "no start": [numbered(OPENED)],
    "a second start": [numbered(START, START)],
    "a number that is missing": [numbered(START), numbered(OPENED, first=2)],
    "a number twice": [numbered(START), numbered(OPENED, first=0)],
    "a part out of order": [
        numbered(START, GenerationEvent(part_start=PartStart(index=1, part=Part(text=""))))
    ],
    "a part without a kind": [numbered(START, GenerationEvent(part_start=PartStart(index=0)))],
    "more of a part that is not open": [numbered(START, SAID)],
    "more of a part that has ended": [numbered(START, OPENED, CLOSED, SAID)],
    "a delta that fills no such part": [
        numbered(START, OPENED, GenerationEvent(part_delta=PartDelta(index=0, arguments_json="{")))
    ],
    "a part that ends as another kind": [
        numbered(
            START,
            OPENED,
            GenerationEvent(part_end=PartEnd(index=0, part=Part(unknown=UnknownPart(type="x")))),
        )
    ],
    "the end of a part that is not open": [numbered(START, CLOSED)],
    "a good end within a part": [numbered(START, OPENED, END)],
    "something after the end": [numbered(START, OPENED, CLOSED, END), numbered(BEAT, first=4)],
    "something after a failure": [numbered(START, FAILED), numbered(BEAT, first=2)],
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_stream_that_breaks_the_contract_is_a_senseless_answer(case: str) -> None:
    """UPSTREAM_PROTOCOL_ERROR, however good its parts look."""
    relay = Relay(ChatRequest())
    *good, bad = BROKEN[case]
    for message in good:
        relay.feed(message)
    with pytest.raises(UpstreamProtocolError):
        relay.feed(bad)


def test_warnings_without_end_are_too_large() -> None:
    """What waits for an answer has a bound."""
    relay = Relay(ChatRequest())
    relay.feed(numbered(START, *[WARNED] * WAITING_MAX_EVENTS))

    with pytest.raises(UpstreamProtocolError) as broken:
        relay.feed(numbered(WARNED, first=WAITING_MAX_EVENTS + 1))

    assert broken.value.metadata == {"cause": "too_large"}


def test_parts_that_never_close_are_too_large() -> None:
    """What is open has a bound too."""
    opened = [
        GenerationEvent(part_start=PartStart(index=index, part=Part(text="")))
        for index in range(OPEN_MAX_PARTS + 1)
    ]

    with pytest.raises(UpstreamProtocolError) as broken:
        Relay(ChatRequest()).feed(numbered(START, *opened))

    assert broken.value.metadata == {"cause": "too_large"}
