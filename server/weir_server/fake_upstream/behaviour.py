"""What can an upstream answer? A whole reply, an event stream, or nothing at all.

Behaviours are immutable values. The broken ones are in `misbehaviour`, the wrappers that bend
another behaviour in `bending`, those with a memory of earlier attempts in `capacity`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from weir_server.fake_upstream.exchange import Behaviour, Ending, Exchange
from weir_server.fake_upstream.sending import (
    Framing,
    HeaderPairs,
    Pace,
    finish,
    send_answer,
    slice_at,
)
from weir_server.fake_upstream.sse import PING


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Behaviour):
    """One answer with a body: JSON from a mapping, or bytes as they are.

    - `declared_length_bytes` is the Content-Length told instead of the true one.
    - `cut_after_bytes` sends only so much of the body, `ending` says what happens then; a clean
      ending after a cut leaves the client waiting for the rest, as Content-Length promises it.
    - `slice_at_bytes` are body offsets at which a new write starts, `delay_between_s` apart.
    """

    status: int = 200
    headers: HeaderPairs = ()
    body: bytes | Mapping[str, Any] = b""
    content_type: str = "application/json"
    framing: Framing = Framing.LENGTH
    delay_before_headers_s: float = 0.0
    delay_before_first_byte_s: float = 0.0
    delay_between_s: float = 0.0
    delay_before_ending_s: float = 0.0
    slice_at_bytes: Sequence[int] = ()
    declared_length_bytes: int | None = None
    cut_after_bytes: int | None = None
    ending: Ending = Ending.CLEAN

    @override
    async def play(self, exchange: Exchange) -> None:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        await send_answer(
            exchange,
            status=self.status,
            headers=(("content-type", self.content_type), *_trace(exchange), *self.headers),
            pieces=slice_at(body, self.slice_at_bytes),
            framing=self.framing,
            pace=Pace(
                before_headers_s=self.delay_before_headers_s,
                before_first_byte_s=self.delay_before_first_byte_s,
                between_s=self.delay_between_s,
                before_ending_s=self.delay_before_ending_s,
            ),
            declared_length_bytes=self.declared_length_bytes,
            cut_after_bytes=self.cut_after_bytes,
        )
        await finish(exchange, self.framing, self.ending)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sse(Behaviour):
    """A stream of server-sent events, each already encoded (see `sse` and `openai_wire`).

    - Each event is one write and one HTTP chunk, `delay_between_s` apart; with `slice_at_bytes`
      the writes start at these body offsets instead, wherever the events lie.
    - `cut_after_events` or `cut_after_bytes` sends only so much of the body. A clean ending then
      completes the HTTP framing all the same: a whole body that lacks its last events.
    - Before a RESET the client may not have read what was sent, and its HTTP library may throw
      it away: `delay_before_ending_s` gives it the time.
    - While it stalls it sends `ping` every `ping_every_s`, if that is set.
    """

    events: Sequence[bytes]
    status: int = 200
    headers: HeaderPairs = ()
    content_type: str = "text/event-stream; charset=utf-8"
    framing: Framing = Framing.CHUNKED
    delay_before_headers_s: float = 0.0
    delay_before_first_byte_s: float = 0.0
    delay_between_s: float = 0.0
    delay_before_ending_s: float = 0.0
    slice_at_bytes: Sequence[int] = ()
    cut_after_events: int | None = None
    cut_after_bytes: int | None = None
    ending: Ending = Ending.CLEAN
    ping: bytes = PING
    ping_every_s: float | None = None

    @property
    def body(self) -> bytes:
        """All events, joined."""
        return b"".join(self.events)

    @override
    async def play(self, exchange: Exchange) -> None:
        events = self.events[: self.cut_after_events]
        if self.slice_at_bytes:
            events = slice_at(b"".join(events), self.slice_at_bytes)
        await send_answer(
            exchange,
            status=self.status,
            headers=(("content-type", self.content_type), *_trace(exchange), *self.headers),
            pieces=events,
            framing=self.framing,
            pace=Pace(
                before_headers_s=self.delay_before_headers_s,
                before_first_byte_s=self.delay_before_first_byte_s,
                between_s=self.delay_between_s,
                before_ending_s=self.delay_before_ending_s,
            ),
            cut_after_bytes=self.cut_after_bytes,
        )
        if self.ending is Ending.STALL and self.ping_every_s is not None:
            await self._ping_for_ever(exchange, self.ping_every_s)
        await finish(exchange, self.framing, self.ending)

    async def _ping_for_ever(self, exchange: Exchange, every_s: float) -> None:
        while True:
            await exchange.sleep(every_s)
            await exchange.send(b"%x\r\n%b\r\n" % (len(self.ping), self.ping))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang(Behaviour):
    """Read the request and never answer; the attempt ends when the client leaves."""

    @override
    async def play(self, exchange: Exchange) -> None:
        await exchange.end(Ending.STALL)


def _trace(exchange: Exchange) -> HeaderPairs:
    """Headers every answer of the vendor carries."""
    return (("x-request-id", f"req_{exchange.attempt.number:032x}"),)
