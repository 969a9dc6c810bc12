"""How does an upstream behave that sends one chunk at a time, as a model does?

Run as `python -m bench.paced --port N --interval-ms 20 --chunks 100`. Every POST is answered
with the fixed stream, one chunk per interval; `GET /counters` tells what was served.

Streams that begin together would tick together, and a gateway would find their chunks in one
turn of its loop. So each stream's chunks come at its own phase of the interval. The tail comes
at a fixed time, so that all streams are equally long and their durations can be compared.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from typing import cast

import uvloop
from typing_extensions import override

from bench.payload import sse_writes

GOLDEN_SHARE = 0.6180339887498949
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
)
LAST_CHUNK = b"0\r\n\r\n"


def http_chunk(data: bytes) -> bytes:
    """`data` in HTTP/1.1 chunked framing."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Pace:
    """What all connections share: the writes of one stream, their interval, the counters."""

    def __init__(self, *, writes: Sequence[bytes], interval_s: float) -> None:
        self.writes = tuple(writes)
        self.interval_s = interval_s
        self.started = 0
        self.finished = 0
        self.aborted = 0

    def phase_s(self) -> float:
        """The wait before the next stream's first chunk: spread evenly, and the same each run."""
        return self.interval_s * (self.started * GOLDEN_SHARE % 1.0)

    def counters(self) -> bytes:
        """The counters as a JSON object."""
        return json.dumps(
            {
                "started": self.started,
                "finished": self.finished,
                "aborted": self.aborted,
                "open": self.started - self.finished - self.aborted,
            }
        ).encode()


class PacedConnection(asyncio.Protocol):
    """One keep-alive HTTP/1.1 connection, one request at a time, bodies of known length only."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._timer: asyncio.TimerHandle | None = None
        self._first_s = 0.0
        self._tail_s = 0.0
        self._next_write = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's, only alike.
        self._transport = cast(asyncio.Transport, transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return
        self._received = body[_content_length(head) :]
        if head.startswith(b"GET /counters "):
            self._answer(b"200 OK", self._pace.counters())
        elif head.startswith(b"POST "):
            self._start()
        else:
            self._answer(b"404 Not Found", b"{}")

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._pace.aborted += 1

    def _start(self) -> None:
        now_s = self._loop.time()
        self._first_s = now_s + self._pace.phase_s()
        self._tail_s = now_s + self._pace.interval_s * (len(self._pace.writes) - 1)
        self._pace.started += 1
        self._next_write = 0
        self._timer = self._loop.call_at(self._first_s, self._tick)

    def _tick(self) -> None:
        index = self._next_write
        framed = http_chunk(self._pace.writes[index])
        if index == 0:
            framed = STREAM_HEAD + framed
        self._next_write += 1
        left = len(self._pace.writes) - self._next_write
        if left:
            # Reckoned from the start, so that late timers do not add up.
            due_s = self._first_s + self._pace.interval_s * self._next_write
            self._timer = self._loop.call_at(due_s if left > 1 else self._tail_s, self._tick)
        else:
            framed += LAST_CHUNK
            self._timer = None
            self._pace.finished += 1
        self._write(framed)

    def _answer(self, status: bytes, body: bytes) -> None:
        self._write(
            b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (status, len(body), body)
        )

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


async def serve(pace: Pace, port: int) -> None:
    """Listen on loopback until the process is told to end."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: PacedConnection(pace), "127.0.0.1", port, backlog=4096
    )
    async with server:
        await server.serve_forever()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description="an upstream that streams one chunk at a time")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--interval-ms", type=float, default=20.0)
    parser.add_argument("--chunks", type=int, default=100)
    parser.add_argument("--model", default="bench")
    given = parser.parse_args()
    pace = Pace(
        writes=tuple(sse_writes(given.model, given.chunks)), interval_s=given.interval_ms / 1000
    )
    uvloop.run(serve(pace, given.port))


if __name__ == "__main__":
    main()
