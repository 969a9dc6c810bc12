"""How is one answer changed without writing it anew? Status, headers, pace, cut and spelling.

Only answers made of a body or of events can be changed so; what breaks HTTP itself cannot.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any

from typing_extensions import override

from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.fake_upstream.bending import Drip
from weir_server.fake_upstream.exchange import Behaviour, Ending, Exchange
from weir_server.fake_upstream.journal import Attempt
from weir_server.fake_upstream.openai_service import OpenAiService
from weir_server.fake_upstream.sending import HeaderPairs

# A client's HTTP library may discard what it has not handed on when the reset arrives.
_READ_FIRST_S = 0.05

# HTTP ends these with their headers; a body would be taken for the next answer.
_WITHOUT_BODY = (204, 304)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is different from the answer as it would be; None leaves it.

    A cut ends by FIN unless `ending` says otherwise. `cut_after_events` is of streams: a unary
    answer has no events and stays whole.
    """

    status: int | None = None
    headers: HeaderPairs = ()
    retry_after: str | None = None
    retry_after_date_in_s: float | None = None
    """Tell `retry-after` as the HTTP date this far from now."""
    content_type: str | None = None
    delay_before_headers_s: float | None = None
    delay_before_first_byte_s: float | None = None
    delay_between_s: float | None = None
    delay_before_ending_s: float | None = None
    cut_after_bytes: int | None = None
    cut_after_events: int | None = None
    ending: Ending | None = None
    is_malformed: bool = False
    """Break the JSON: of the body, or of the event in the middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(Behaviour):
    """Answer as `of` does, with changes; a Drip drips the changed answer."""

    of: OpenAiService | Reply | Sse | Drip
    changes: Changes

    @override
    async def play(self, exchange: Exchange) -> None:
        await _changed(self.of, self.changes, exchange.attempt).play(exchange)


def can_change(behaviour: Behaviour) -> bool:
    """Return whether `Changed` takes this behaviour."""
    inner = behaviour.of if isinstance(behaviour, Drip) else behaviour
    return isinstance(inner, OpenAiService | Reply | Sse)


def _changed(of: Behaviour, changes: Changes, attempt: Attempt) -> Behaviour:
    match of:
        case Drip():
            return replace(of, of=_changed(of.of, changes, attempt))
        case _ if changes.status in _WITHOUT_BODY:
            return _changed_reply(Reply(), changes)
        case OpenAiService():
            return _changed(of.answer(attempt), changes, attempt)
        case Reply():
            return _changed_reply(of, changes)
        case Sse():
            return _changed_stream(of, changes)
        case _:
            raise TypeError(f"{type(of).__name__} is no answer that can be changed")


def _changed_reply(reply: Reply, changes: Changes) -> Reply:
    fields = _common(reply, changes)
    if changes.cut_after_events is not None:
        del fields["ending"]
    if changes.is_malformed:
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        fields["body"] = body[: len(body) // 2]
    return replace(reply, **fields)


def _changed_stream(stream: Sse, changes: Changes) -> Sse:
    fields = _common(stream, changes)
    if changes.cut_after_events is not None:
        fields["cut_after_events"] = changes.cut_after_events
    if changes.is_malformed:
        fields["events"] = _broken_midway(stream.events)
    return replace(stream, **fields)


def _common(answer: Reply | Sse, changes: Changes) -> dict[str, Any]:
    ending = changes.ending
    is_cut = changes.cut_after_bytes is not None or changes.cut_after_events is not None
    if ending is None:
        ending = Ending.EOF if is_cut else answer.ending
    wait_s = changes.delay_before_ending_s
    if wait_s is None and ending is Ending.RESET:
        wait_s = max(_READ_FIRST_S, answer.delay_before_ending_s)
    fields: dict[str, Any] = {
        "status": changes.status,
        "content_type": changes.content_type,
        "delay_before_headers_s": changes.delay_before_headers_s,
        "delay_before_first_byte_s": changes.delay_before_first_byte_s,
        "delay_between_s": changes.delay_between_s,
        "delay_before_ending_s": wait_s,
        "cut_after_bytes": changes.cut_after_bytes,
    }
    changed = {name: value for name, value in fields.items() if value is not None}
    return changed | {"headers": _headers(answer.headers, changes), "ending": ending}


def _headers(headers: HeaderPairs, changes: Changes) -> HeaderPairs:
    added = changes.headers
    if changes.retry_after is not None:
        added = (*added, ("retry-after", changes.retry_after))
    if changes.retry_after_date_in_s is not None:
        date = formatdate(time.time() + changes.retry_after_date_in_s, usegmt=True)
        added = (*added, ("retry-after", date))
    names = {name.lower() for name, _ in added}
    return (*(pair for pair in headers if pair[0].lower() not in names), *added)


def _broken_midway(events: Sequence[bytes]) -> Sequence[bytes]:
    middle = len(events) // 2
    event = events[middle] if events else b"data: {}\n\n"
    half = event.rstrip(b"\r\n")
    broken = half[: max(len(half) // 2, len(b"data: {"))] + b"\n\n"
    return (*events[:middle], broken, *events[middle + 1 :])
