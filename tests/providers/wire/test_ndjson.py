"""Where do lines of newline-delimited JSON end, however their bytes are cut?"""

import pytest

from weir_server.providers.wire.ndjson import NdjsonSplitter

BODY = '{"a":"é👋"}\n\r\n{"b":2}\r\n  \n{"c":3}'.encode()
LINES = ['{"a":"é👋"}'.encode(), b'{"b":2}']


def split(*pieces: bytes, max_line_bytes: int = 1000) -> tuple[list[bytes], NdjsonSplitter]:
    splitter = NdjsonSplitter(max_line_bytes=max_line_bytes)
    return [line for piece in pieces for line in splitter.feed(piece)], splitter


def test_a_line_ends_with_its_line_feed() -> None:
    """Empty lines are none, a carriage return belongs to the end, the last line may be open."""
    lines, splitter = split(BODY)
    assert lines == LINES
    assert splitter.rest() == b'{"c":3}'
    assert splitter.failure is None


def test_cuts_change_nothing() -> None:
    """In two at every byte, and byte by byte."""
    for offset in range(len(BODY) + 1):
        lines, splitter = split(BODY[:offset], BODY[offset:])
        assert (lines, splitter.rest()) == (LINES, b'{"c":3}'), offset
    lines, splitter = split(*(BODY[i : i + 1] for i in range(len(BODY))))
    assert (lines, splitter.rest()) == (LINES, b'{"c":3}')


@pytest.mark.parametrize(
    "pieces", [[b"1\n" + b"2" * 11 + b"\n3\n"], [b"1\n", b"2" * 6, b"2" * 5], [b"1\n" + b"2" * 11]]
)
def test_a_line_is_bounded(pieces: list[bytes]) -> None:
    """What came before it is given; nothing of it is kept, and nothing after it is read."""
    lines, splitter = split(*pieces, max_line_bytes=10)
    assert lines == [b"1"]
    assert splitter.failure is not None
    assert splitter.failure.metadata == {"cause": "too_large"}
    assert splitter.rest() == b""
    assert splitter.feed(b"4\n") == []


def test_a_line_may_be_as_long_as_the_bound() -> None:
    """The bound is for the line without its end."""
    lines, splitter = split(b"1234567890\n", max_line_bytes=10)
    assert lines == [b"1234567890"]
    assert splitter.failure is None
