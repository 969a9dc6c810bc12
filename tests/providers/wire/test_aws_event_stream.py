"""Are AWS's binary messages cut apart as botocore cuts them, however their bytes come?"""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer

from tests.contracts.wire_format import cut
from weir_server.fake_upstream import aws_event_stream as frames
from weir_server.providers.wire.aws_event_stream import (
    HEADERS_MAX_BYTES,
    EventStreamSplitter,
    Message,
    read_headers,
)

STREAM = (
    frames.event("first", b'{"a":1}')
    + frames.event("first", b"")
    + frames.message(b"", "Grüße 👋".encode())
    + frames.exception("throttlingException", b'{"message":"slow"}')
    + frames.error("500", "broken")
)


def _split(pieces: Sequence[bytes], **bounds: int) -> tuple[list[Message], EventStreamSplitter]:
    splitter = EventStreamSplitter(**bounds)
    return [message for piece in pieces for message in splitter.feed(piece)], splitter


def _botocore(body: bytes) -> list[tuple[dict[str, Any], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    return [(message.headers, message.payload) for message in buffer]


def test_messages_are_what_botocore_finds() -> None:
    """Headers and payloads of every message, in order."""
    messages, splitter = _split([STREAM])

    assert [(dict(headers), payload) for headers, payload in messages] == _botocore(STREAM)
    assert splitter.failure is None
    assert splitter.between


def test_a_cut_anywhere_changes_nothing() -> None:
    """Cut in two at every offset, and byte by byte."""
    whole, _ = _split([STREAM])
    for offset in range(len(STREAM)):
        assert _split([STREAM[:offset], STREAM[offset:]])[0] == whole, offset
    assert _split([STREAM[at : at + 1] for at in range(len(STREAM))])[0] == whole


def test_random_cuts_change_nothing() -> None:
    """Many pieces of any size."""
    dice = random.Random(20261125)
    whole, _ = _split([STREAM])
    for _ in range(300):
        offsets = sorted(dice.sample(range(1, len(STREAM)), dice.randint(2, 40)))
        assert _split(cut(STREAM, offsets))[0] == whole, offsets


_OF_EVERY_TYPE: tuple[tuple[int, bytes, object], ...] = (
    (0, b"", True),
    (1, b"", False),
    (2, b"\xff", -1),
    (3, b"\x80\x00", -32768),
    (4, b"\x7f\xff\xff\xff", 2**31 - 1),
    (5, b"\xff" * 8, -1),
    (6, b"\x00\x02\x00\xff", b"\x00\xff"),
    (7, b"\x00\x05" + "Grü ".encode(), "Grü "),
    (8, (1_764_000_000_123).to_bytes(8), datetime(2025, 11, 24, 16, 0, 0, 123_000, tzinfo=UTC)),
    (9, bytes(range(16)), UUID(bytes=bytes(range(16)))),
)


@pytest.mark.parametrize(("kind", "packed", "value"), _OF_EVERY_TYPE)
def test_a_header_of_every_type(kind: int, packed: bytes, value: object) -> None:
    """Each of the ten types has its value, beside another header."""
    headers = frames.text_header("before", "x") + frames.header("it", kind, packed)

    assert read_headers(headers) == {"before": "x", "it": value}


@pytest.mark.parametrize("kind", range(8))
def test_botocore_reads_the_same_types(kind: int) -> None:
    """The values of all types that botocore gives as they are."""
    _, packed, value = _OF_EVERY_TYPE[kind]
    body = frames.message(frames.header("it", kind, packed), b"")

    assert _botocore(body) == [({"it": value}, b"")]
    assert [dict(headers) for headers, _ in _split([body])[0]] == [{"it": value}]


@pytest.mark.parametrize(
    "headers",
    [
        b"\x00",
        b"\x00\x07\x00\x00",
        b"\x02a",
        b"\x01a",
        b"\x01a\x0a",
        b"\x01a\xff",
        b"\x01a\x07\x00\x05ab",
        b"\x01a\x07\x00\x01\xff",
        b"\x01\xff\x00",
        b"\x01a\x05\x00\x00",
        b"\x01a\x09\x00\x00",
        b"\x01a\x08" + b"\x7f" * 8,
        frames.text_header("a", "1") + frames.text_header("a", "2"),
    ],
)
def test_headers_that_are_none_end_the_stream(headers: bytes) -> None:
    """Cut, unknown, doubled, nameless or not UTF-8: the messages before them still count."""
    body = frames.event("good", b"{}") + frames.message(headers, b"") + frames.event("late", b"{}")

    messages, splitter = _split([body])

    assert [headers[":event-type"] for headers, _ in messages] == ["good"]
    assert splitter.failure is not None
    assert splitter.failure.metadata == {"cause": "malformed"}
    assert splitter.feed(body) == []


def test_a_changed_byte_is_noticed() -> None:
    """Whichever byte of a message is changed, it is not taken, and what came before it is."""
    good, bad = frames.event("good", b"{}"), frames.event("bad", b'{"a":"b"}')
    for offset in range(len(bad)):
        spoilt = bytearray(bad)
        spoilt[offset] ^= 0x01

        messages, splitter = _split([good + spoilt + good])

        assert len(messages) == 1, offset
        assert splitter.failure is not None, offset


def _lengths(total: int, headers: int) -> bytes:
    said = total.to_bytes(4) + headers.to_bytes(4)
    return said + crc32(said).to_bytes(4)


@pytest.mark.parametrize(
    ("prelude", "cause"),
    [
        (_lengths(15, 0), "malformed"),
        (_lengths(0, 0), "malformed"),
        (_lengths(20, 5), "malformed"),
        (_lengths(1025, 0), "too_large"),
        (_lengths(2**32 - 1, 0), "too_large"),
        (_lengths(1000, HEADERS_MAX_BYTES + 1), "too_large"),
        (b"<html>busy</html>", "malformed"),
    ],
)
def test_lengths_are_judged_before_anything_is_held(prelude: bytes, cause: str) -> None:
    """A message that cannot be or is too large fails with its first twelve bytes."""
    messages, splitter = _split([prelude], max_message_bytes=1024)

    assert messages == []
    assert splitter.failure is not None
    assert splitter.failure.metadata == {"cause": cause}


def test_a_message_of_exactly_the_bound_is_taken() -> None:
    """The bound is what a message may take, frame included."""
    body = frames.message(b"", bytes(1024 - 16))

    messages, splitter = _split([body], max_message_bytes=1024)

    assert [len(payload) for _, payload in messages] == [1008]
    assert splitter.failure is None


def test_headers_that_always_differ_are_not_kept() -> None:
    """What is remembered of headers has a bound, and all of them are read all the same."""
    body = b"".join(frames.event(f"kind-{number}", b"") for number in range(100))

    messages, _ = _split([body])

    assert [headers[":event-type"] for headers, _ in messages] == [
        f"kind-{number}" for number in range(100)
    ]
