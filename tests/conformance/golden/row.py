"""What does a golden file say of a scenario? The call, the server's part, and what must come of it.

Fields are those of the JSON; one that has its default is left out there.

client: how the call is made: port (plain), api_key, timeout_ms, metadata, cancel_after_messages,
    cancel_after_ms, abandon_after_messages, pause_after_messages, max_receive_bytes, certificate
    (false: none is shown to the mTLS port), trust (false: the authority is not known), do (call).
    A timeout_ms of 0 leaves it to the client.
shows: what the client must show. messages: those of the last attempt unless {"at_least": N,
    "at_most": N} of them; sent, those of a server that plays no script; folded; error, of which the
    fields that stand there are compared, or "any"; headers; within_ms.
journal: what the server must have seen: attempts; outcome; apart_ms, between the end of an attempt
    and the next; lasted_within_ms; time_remaining_ms, from and to; held_back_ms, at least,
    of one message; metadata; metadata_names; optional (true: the call may have got there or not).
follows: name of the scenario whose `folded` message is sent back in `messages[1]` of the request.
alone: in a process of its own, for what a client library keeps for all calls of a process.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

Json = dict[str, Any]

CHAT = "weir.v1.LLMProviderService/Chat"
STREAM_CHAT = "weir.v1.LLMProviderService/StreamChat"
COMPLETE = "weir.v1.LLMProviderService/Complete"
STREAM_COMPLETE = "weir.v1.LLMProviderService/StreamComplete"

HELLO: Json = {"messages": [{"role": "ROLE_USER", "parts": [{"text": "Hello"}]}]}
STREAM_HELLO: Json = {"request": HELLO}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One scenario; see the module's words."""

    name: str
    promise: str
    """What every client does, in one sentence."""
    method: str = STREAM_CHAT
    request: Json = field(default_factory=lambda: STREAM_HELLO)
    attempts: Sequence[Sequence[Json]] = ()
    key: str = ""
    client: Json = field(default_factory=dict)
    shows: Json = field(default_factory=dict)
    journal: Json = field(default_factory=dict)
    follows: str = ""
    alone: bool = False

    def as_json(self) -> Json:
        """Return the scenario as it stands in its golden file."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value or name == "request"}


def send(*events: Json, **more: Any) -> Json:
    """Return the step that sends these events in one message."""
    return {"send": {"events": list(events)}, **more}


def numbered(*batches: Sequence[Json]) -> list[Json]:
    """Return a step for each batch of events, numbered from 0 through all of them."""
    steps, sequence = [], 0
    for batch in batches:
        events = []
        for event in batch:
            events.append({"sequence": str(sequence), **event} if sequence else event)
            sequence += 1
        steps.append(send(*events))
    return steps


def one_by_one(*events: Json) -> list[Json]:
    """Return a step for each event, numbered from 0."""
    return numbered(*([event] for event in events))


def wait(milliseconds: int) -> Json:
    """Return the step that says nothing for so long."""
    return {"wait_ms": milliseconds}


SILENCE: Json = {"silence": True}


def fail(error: str, **facts: Any) -> Json:
    """Return the step that ends with an error of Weir."""
    return {"fail": {"error": error, **facts}}


USAGE: Json = {
    "promptTokens": "3",
    "completionTokens": "4",
    "totalTokens": "7",
    "source": "USAGE_SOURCE_PROVIDER",
}
METADATA: Json = {
    "responseId": "resp_golden",
    "provider": "providers/golden",
    "model": "golden-1",
}
START: Json = {"start": METADATA}


def opened(index: int, part: Json) -> Json:
    """A part begins."""
    return {"partStart": {"index": index, "part": part} if index else {"part": part}}


def delta(index: int, **what: Any) -> Json:
    """More of a part."""
    return {"partDelta": {"index": index, **what} if index else what}


def closed(index: int, part: Json | None = None) -> Json:
    """A part is complete."""
    end: Json = {"index": index} if index else {}
    return {"partEnd": end if part is None else {**end, "part": part}}


def end(finish_reason: str | int = "FINISH_REASON_STOP", **more: Any) -> Json:
    """The stream ends."""
    return {"end": {"finishReason": finish_reason, "usage": USAGE, "metadata": METADATA, **more}}


def answer(*parts: Json, finish_reason: str = "FINISH_REASON_STOP", **more: Any) -> Json:
    """The ChatResponse of these parts."""
    return {
        "message": {"role": "ROLE_ASSISTANT", "parts": list(parts)},
        "usage": USAGE,
        "metadata": METADATA,
        "finishReason": finish_reason,
        **more,
    }


def completion(text: str, **more: Any) -> Json:
    """The CompleteResponse of a text."""
    return {
        "text": text,
        "usage": USAGE,
        "metadata": METADATA,
        "finishReason": "FINISH_REASON_STOP",
        **more,
    }


def text_events(*pieces: str) -> list[Json]:
    """The events of an answer of one text."""
    return [
        START,
        opened(0, {"text": ""}),
        *(delta(0, text=piece) for piece in pieces),
        closed(0),
        end(),
    ]


def proto(message: Message) -> Json:
    """Return a message as proto JSON, maps in the order of their keys."""
    fields: Json = json.loads(json_format.MessageToJson(message, sort_keys=True))
    return fields


def error(code: str, reason: str = "", **more: Any) -> Mapping[str, Any]:
    """What a client shows of an error."""
    return {"code": code, "reason": reason, **more}
