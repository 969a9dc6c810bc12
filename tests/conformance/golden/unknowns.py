"""What becomes of what a client's stubs do not know? It survives, and the rest is as it was."""

import base64

from tests.conformance.golden.row import (
    CHAT,
    HELLO,
    START,
    Json,
    Row,
    answer,
    closed,
    delta,
    end,
    one_by_one,
    opened,
    send,
    text_events,
)
from weir.v1.content_pb2 import Part
from weir.v1.generation_pb2 import GenerationEvent, PartStart
from weir.v1.provider_service_pb2 import StreamChatResponse

NEW_KIND = bytes([0x62, 0x05]) + b"\x0a\x03new"  # field 12, length 5: a message with one text
NEW_EVENT = bytes([0x52, 0x02]) + b"\x08\x01"  # field 10, length 2: a message with one number
UNKNOWN_PART: Json = {"unknown": {"type": "openai/hologram", "json": '{"b":1,"a":[2]}'}}


def _with_new_kind() -> Json:
    part = Part.FromString(NEW_KIND)
    event = GenerationEvent(sequence=1, part_start=PartStart(index=0, part=part))
    return _as_bytes(StreamChatResponse(events=[event]))


def _with_new_event(sequence: int) -> Json:
    known = GenerationEvent(sequence=sequence).SerializeToString()
    event = GenerationEvent.FromString(known + NEW_EVENT)
    return _as_bytes(StreamChatResponse(events=[event]))


def _as_bytes(message: StreamChatResponse) -> Json:
    return {"send_bytes": base64.b64encode(message.SerializeToString()).decode()}


def rows() -> list[Row]:
    """Enum numbers, parts and events that no client knows yet."""
    text = [{"sequence": str(at), **event} for at, event in enumerate(text_events("Hi")) if at]
    unknown_reason = "FINISH_REASON_OTHER"
    return [
        Row(
            name="enum",
            promise="The number of an enum that the stubs do not know is kept.",
            attempts=[one_by_one(START, end(finish_reason=1000))],
            shows={
                "folded": {
                    **answer(),
                    "message": {"role": "ROLE_ASSISTANT"},
                    "finishReason": 1000,
                }
            },
        ),
        Row(
            name="enum_unary",
            promise="In an answer at once, too.",
            method=CHAT,
            request=HELLO,
            attempts=[[{"send": {**answer({"text": "Hi"}), "finishReason": 1000}}]],
        ),
        Row(
            name="unknown_part",
            promise="A provider's item that Weir has no kind for comes whole, byte for byte.",
            attempts=[one_by_one(START, opened(0, UNKNOWN_PART), closed(0), end(unknown_reason))],
            shows={"folded": answer(UNKNOWN_PART, finish_reason=unknown_reason)},
        ),
        Row(
            name="part_of_a_new_kind",
            promise="A part of a kind that the stubs do not know keeps its place in the answer.",
            attempts=[
                [
                    send(START),
                    _with_new_kind(),
                    send(
                        {"sequence": "2", **delta(0, text="of a new kind")},
                        {"sequence": "3", **closed(0)},
                        {"sequence": "4", **opened(1, {"text": ""})},
                        {"sequence": "5", **delta(1, text="Hi")},
                        {"sequence": "6", **closed(1)},
                        {"sequence": "7", **end()},
                    ),
                ]
            ],
            shows={"folded": answer({}, {"text": "Hi"})},
        ),
        Row(
            name="event_of_a_new_kind",
            promise="An event that the stubs do not know is passed over.",
            attempts=[
                [
                    send(START),
                    *(send(event) for event in text[:2]),
                    _with_new_event(3),
                    send(
                        *(
                            {**event, "sequence": str(int(event["sequence"]) + 1)}
                            for event in text[2:]
                        )
                    ),
                ]
            ],
            shows={"folded": answer({"text": "Hi"})},
        ),
    ]
