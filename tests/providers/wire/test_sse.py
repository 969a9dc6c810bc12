"""Are server-sent events cut as the WHATWG standard says?"""

import random
import tracemalloc

import pytest

from tests.fuzz.bodies import cut
from weir_server.providers.wire.sse import SseEvent, SseSplitter

CASES: dict[str, tuple[bytes, list[SseEvent]]] = {
    "one event": (b"data: a\n\n", [(b"", b"a")]),
    "two events": (b"data: a\n\ndata: b\n\n", [(b"", b"a"), (b"", b"b")]),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [(b"", b"a"), (b"", b"b")]),
    "CR": (b"data: a\r\rdata: b\r\r", [(b"", b"a"), (b"", b"b")]),
    "LF, then CRLF": (b"data: a\n\ndata: b\r\n\r\n", [(b"", b"a"), (b"", b"b")]),
    "CRLF of several lines": (b"data: a\r\ndata: b\r\n\r\n", [(b"", b"a\nb")]),
    "CRLF with a name": (
        b"data: a\r\n\r\nevent: b\r\ndata: c\r\n\r\n",
        [(b"", b"a"), (b"b", b"c")],
    ),
    "mixed line ends": (
        b"data: a\r\n\ndata: b\n\rdata: c\r\r\n",
        [(b"", x) for x in (b"a", b"b", b"c")],
    ),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [(b"", b"a")]),
    "a mark later is no mark": (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [(b"", b"a")]),
    "comment": (b": hello\n\ndata: a\n\n", [(b"", b"a")]),
    "comment inside": (b": hello\ndata: a\n: bye\n\n", [(b"", b"a")]),
    "no space after the colon": (b"data:a\n\n", [(b"", b"a")]),
    "only one space goes": (b"data:  a\n\n", [(b"", b" a")]),
    "several data lines": (b"data: a\ndata: b\n\n", [(b"", b"a\nb")]),
    "empty data": (b"data:\n\n", [(b"", b"")]),
    "data without a colon": (b"data\n\n", [(b"", b"")]),
    "event name": (b"event: error\ndata: a\n\n", [(b"error", b"a")]),
    "named events": (
        b"event: a\ndata: b\n\nevent: c\ndata: d\n\n",
        [(b"a", b"b"), (b"c", b"d")],
    ),
    "a named event of several lines": (b"event: a\ndata: b\ndata: c\n\n", [(b"a", b"b\nc")]),
    "a name between data": (b"event: a\nid: 7\ndata: b\n\n", [(b"a", b"b")]),
    "name without data is no event": (b"event: ping\n\ndata: a\n\n", [(b"", b"a")]),
    "unknown fields": (b"id: 7\nretry: 10\nx: y\nz\ndata: a\n\n", [(b"", b"a")]),
    "a field that begins like data": (b"database: x\ndata: a\n\n", [(b"", b"a")]),
    "blank lines before": (b"\n\n\ndata: a\n\n", [(b"", b"a")]),
    "blank lines between": (b"data: a\n\n\n\n\ndata: b\n\n", [(b"", b"a"), (b"", b"b")]),
    "an unfinished event is none": (b"data: a\n\ndata: b\n", [(b"", b"a")]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("name", CASES)
def test_grammar(name: str) -> None:
    """Each spelling the standard allows means what the standard says, cut at any two places."""
    body, expected = CASES[name]
    for first in range(len(body) + 1):
        for second in range(first, len(body) + 1):
            splitter = SseSplitter()

            events = [
                *splitter.feed(body[:first]),
                *splitter.feed(body[first:second]),
                *splitter.feed(body[second:]),
            ]

            assert events == expected, (first, second)
            assert splitter.failure is None


def test_line_ends_do_not_matter() -> None:
    """Whatever the lines, they mean the same whether LF ends them or CRLF, however they are cut."""
    dice = random.Random(20261125)
    lines = (b"data: a", b"data: bc", b"data: d", b"event: e", b": f", b"", b"", b"g")
    for _ in range(3000):
        said = [dice.choice(lines) for _ in range(dice.randrange(1, 20))]
        body = b"\r\n".join(said)
        splitter = SseSplitter()

        events = [event for piece in cut(dice, body) for event in splitter.feed(piece)]

        plain = SseSplitter()
        assert events == plain.feed(b"\n".join(said)), body
        assert splitter.rest() == plain.rest(), body


def test_an_event_counts_as_soon_as_its_blank_line_begins() -> None:
    """A lone CR ends a line at once: nobody waits for an LF that may never come."""
    assert SseSplitter().feed(b"data: a\r\r") == [(b"", b"a")]


def test_rest_is_what_the_end_left_open() -> None:
    """The last event without its blank line can be asked for."""
    splitter = SseSplitter()
    splitter.feed(b"data: a\n\ndata: b")

    assert splitter.rest() == (b"", b"b")


@pytest.mark.parametrize("step_bytes", [1, 7, 100, 10_000])
def test_a_giant_event_fails_and_earlier_ones_are_given(step_bytes: int) -> None:
    """An event over the bound breaks the stream; what came before it is delivered."""
    splitter = SseSplitter(max_event_bytes=100)
    body = b"data: a\n\n" + b"data: " + b"x" * 95 + b"\n\n" + b"data: b\n\n"

    events = [
        e for i in range(0, len(body), step_bytes) for e in splitter.feed(body[i : i + step_bytes])
    ]

    assert events == [(b"", b"a")]
    assert splitter.failure is not None
    assert splitter.failure.metadata == {"cause": "too_large"}


def test_an_event_of_just_the_bound_passes() -> None:
    """The bound is the largest event, not the first that is refused."""
    splitter = SseSplitter(max_event_bytes=100)

    events = splitter.feed(b"data: " + b"x" * 94 + b"\n\n")

    assert len(events) == 1
    assert splitter.failure is None


@pytest.mark.parametrize("line_bytes", [1 << 20, 1000], ids=["one line", "many lines"])
def test_memory_stays_bounded(line_bytes: int) -> None:
    """64 MiB without an end hold little more than the 1 MiB that one event may have."""
    splitter = SseSplitter()
    piece = (b"data: " + b"x" * line_bytes)[:line_bytes] + b"\n"
    tracemalloc.start()

    for _ in range((64 << 20) // len(piece)):
        splitter.feed(piece)

    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert splitter.failure is not None
    assert peak_bytes < 4 << 20


def test_small_pieces_of_a_large_event_cost_linear_time() -> None:
    """A mebibyte in pieces of 16 bytes is not searched again and again."""
    splitter = SseSplitter()

    for _ in range((1 << 20) // 16 - 1):
        splitter.feed(b"data: 0123456789")

    # The test's own time limit is the promise; quadratic work here would take minutes.
    assert splitter.failure is None
    assert len(splitter.feed(b"\n\n")) == 1
