"""The log never holds anybody up: lines are gathered, written whole, or dropped and counted."""

import fcntl
import io
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import msgspec
import pytest

from weir_server.telemetry.access import AccessLine
from weir_server.telemetry.log import PENDING_MAX_LINES, Log, timestamp

FILL = "x" * 200


def parsed(raw: bytes) -> list[dict[str, Any]]:
    assert raw == b"" or raw.endswith(b"\n")
    return [json.loads(line) for line in raw.splitlines()]


def test_events_are_lines_in_order() -> None:
    """Leaving the block writes what was gathered."""
    stream = io.BytesIO()
    with Log(stream) as log:
        for n in range(1000):
            log.event("counted", n=n, ok=True, nothing=None)
    lines = parsed(stream.getvalue())
    assert [line["n"] for line in lines] == list(range(1000))
    assert lines[0].keys() == {"time", "event", "n", "ok", "nothing"}
    assert log.dropped_lines == 0


def test_lines_are_written_while_the_program_runs() -> None:
    """A few times a second, not at the end."""
    stream = io.BytesIO()
    with Log(stream) as log:
        log.event("early")
        until_s = time.monotonic() + 2.0
        while not stream.getvalue() and time.monotonic() < until_s:
            time.sleep(0.01)
        written = parsed(stream.getvalue())
    assert [line["event"] for line in written] == ["early"]


def test_many_threads_share_it() -> None:
    """No line is torn by another."""
    stream = io.BytesIO()
    with Log(stream) as log:

        def work(who: int) -> None:
            for n in range(500):
                log.event("said", who=who, n=n, fill=FILL)

        threads = [threading.Thread(target=work, args=(who,)) for who in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = parsed(stream.getvalue())
    for who in range(8):
        assert [line["n"] for line in lines if line["who"] == who] == list(range(500))


def test_processes_that_share_a_stream_say_who_they_are() -> None:
    """Each line ends with it, and comes in one write that a pipe takes whole."""
    writes: list[bytes] = []

    class Stream(io.BytesIO):
        def write(self, data: Any) -> int:
            writes.append(bytes(data))
            return len(data)

    with Log(Stream(), who={"worker": 2, "pid": 99}) as log:
        for n in range(500):
            log.event("said", n=n, fill=FILL)
        log.event("said", n=500, fill="x" * 10_000)
    lines = [line for data in writes for line in parsed(data)]
    assert [line["n"] for line in lines] == list(range(501))
    assert {(line["worker"], line["pid"]) for line in lines} == {(2, 99)}
    assert list(lines[0])[-2:] == ["worker", "pid"]
    assert len(writes) < 100
    assert all(len(data) <= 4096 for data in writes[:-1])


@contextmanager
def pipe(*, blocking: bool = True) -> Iterator[tuple[int, BinaryIO]]:
    """A pipe: the end to read, and a buffered stream to write, such as standard error is."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, blocking)
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    stream = os.fdopen(write_end, "wb")
    try:
        yield read_end, stream
    finally:
        stream.close()


def read_all(read_end: int, into: bytearray) -> threading.Thread:
    def work() -> None:
        while data := os.read(read_end, 65_536):
            into.extend(data)
        os.close(read_end)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "non-blocking"])
def test_a_stuck_reader_holds_nobody_up(blocking: bool) -> None:
    """Callers go on, lines beyond the bound are dropped and counted, the rest arrive whole."""
    total = PENDING_MAX_LINES * 2 + 10_000
    got = bytearray()
    with pipe(blocking=blocking) as (read_end, stream):
        with Log(stream) as log:
            log.event("said", n=-1, fill="x" * 10_000)
            time.sleep(0.2)
            slow = 0
            for n in range(total):
                begun_s = time.perf_counter()
                log.event("said", n=n)
                slow += time.perf_counter() - begun_s > 0.25
            dropped = log.dropped_lines
            reader = read_all(read_end, got)
        stream.close()
        reader.join(10)
    lines = parsed(bytes(got))
    assert slow <= 2, "the machine may stop a process now and then; a log would each time"
    assert dropped >= total - PENDING_MAX_LINES
    assert log.dropped_lines == dropped
    assert len(lines) == total + 1 - dropped
    numbers = [line["n"] for line in lines]
    assert numbers == sorted(numbers)


def test_a_reader_that_is_gone_ends_nothing() -> None:
    """Serving goes on, and the count tells."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    # Unbuffered, so that closing it does not try once more.
    with os.fdopen(write_end, "wb", buffering=0) as stream:
        with Log(stream) as log:
            log.event("said")
            time.sleep(0.2)
            log.event("said")
        assert log.dropped_lines == 2


@pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "non-blocking"])
def test_leaving_with_a_stuck_reader_is_bounded(blocking: bool) -> None:
    """A process that wants to end is not kept for ever by its log."""
    with pipe(blocking=blocking) as (read_end, stream):
        log = Log(stream)
        log.__enter__()
        log.event("said", fill="x" * 100_000)
        begun_s = time.monotonic()
        log.__exit__(None, None, None)
        took_s = time.monotonic() - begun_s
        reader = read_all(read_end, bytearray())
        log._thread.join(5)
        os.set_blocking(stream.fileno(), True)
        stream.close()
        reader.join(5)
    assert took_s < 2.0


def test_an_error_is_told_by_type_and_place() -> None:
    """Its text, notes and cause may quote a prompt or a key: they stay out."""
    stream = io.BytesIO()
    with Log(stream) as log:
        try:
            try:
                raise KeyError("canary-inner")
            except KeyError as inner:
                raise RuntimeError("canary-outer") from inner
        except RuntimeError as error:
            error.add_note("canary-note")
            log.fault("failed", error, request_id="r-1")
    (line,) = parsed(stream.getvalue())
    assert b"canary" not in stream.getvalue()
    assert (line["error"], line["cause"], line["request_id"]) == ("RuntimeError", "KeyError", "r-1")
    assert "test_log.py:" in line["where"]


def test_hostile_text_is_one_line() -> None:
    """Whatever a field holds is escaped."""
    stream = io.BytesIO()
    hostile = '\r\n\x00\x1b[31m\x85\u2028\u2029\u202e","event":"forged\\'
    with Log(stream) as log:
        log.event("said", text=hostile)
        log.record(AccessLine(time="t", event="rpc", method=hostile, code="OK", duration_ms=1.0))
    first, second = parsed(stream.getvalue())
    assert stream.getvalue().count(b"\n") == 2
    assert first["text"] == second["method"] == hostile
    assert first["event"] == "said"


def test_what_cannot_be_encoded_fails_where_it_is_given() -> None:
    """A mistake is its author's, not the writer's."""
    with Log(io.BytesIO()) as log, pytest.raises((TypeError, msgspec.ValidationError)):
        log.event("said", what=object())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wall_ns", "expected"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000_123_999_999, "2023-11-14T22:13:20.123Z"),
        (1_709_164_799_999_000_000, "2024-02-28T23:59:59.999Z"),
        (1_709_164_800_000_000_000, "2024-02-29T00:00:00.000Z"),
    ],
)
def test_a_moment_is_written_in_utc(wall_ns: int, expected: str) -> None:
    """RFC 3339, with milliseconds, never rounded up into the future."""
    assert timestamp(wall_ns) == expected
