"""Does each behaviour put on the wire what its name says? Seen from a bare socket."""

import asyncio
import time
from dataclasses import replace

import pytest

from tests.fakes_selftest.raw_client import RawClient, post
from weir_server.fake_upstream.behaviour import Hang, Reply, Sse
from weir_server.fake_upstream.bending import Cut, Delayed, Drip
from weir_server.fake_upstream.exchange import Behaviour, Ending
from weir_server.fake_upstream.journal import Attempt, Outcome
from weir_server.fake_upstream.misbehaviour import Drop, Raw
from weir_server.fake_upstream.sending import Framing
from weir_server.fake_upstream.upstream import FakeUpstream

EVENTS = (b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n")
WHOLE = Sse(events=EVENTS)
LAST_CHUNK = b"0\r\n\r\n"


async def test_json_reply(upstream: FakeUpstream, client: RawClient) -> None:
    """A mapping goes out as JSON with its true length, and the socket stays usable."""
    upstream.script(Reply(status=429, body={"a": "é"}, headers=(("retry-after", "1"),)))
    await client.send(post())
    status, headers = await client.read_head()
    assert status == 429
    assert headers["retry-after"] == "1"
    assert headers["content-type"] == "application/json"
    body = await client.reader.readexactly(int(headers["content-length"]))
    assert body == b'{"a": "\\u00e9"}'
    assert upstream.journal[0].status == 429


async def test_every_event_is_a_chunk(upstream: FakeUpstream, client: RawClient) -> None:
    """A stream is chunked event by event and closed by the last chunk."""
    upstream.script(WHOLE)
    await client.send(post(headers={"Connection": "close"}))
    status, headers = await client.read_head()
    body = await client.read_to_end()
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert body == b"".join(b"9\r\n" + event + b"\r\n" for event in EVENTS) + LAST_CHUNK


@pytest.mark.parametrize(
    ("cut", "body"),
    [
        (replace(WHOLE, cut_after_events=2), b"9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n"),
        (replace(WHOLE, cut_after_bytes=11), b"9\r\ndata: 1\n\n\r\n2\r\nda\r\n"),
        (replace(WHOLE, cut_after_bytes=0), b""),
    ],
)
@pytest.mark.parametrize("ending", [Ending.EOF, Ending.CLEAN])
async def test_cut_stream(
    upstream: FakeUpstream, client: RawClient, cut: Sse, body: bytes, ending: Ending
) -> None:
    """A cut counts events or body bytes; EOF omits the last chunk, a clean ending sends it."""
    upstream.script(replace(cut, ending=ending))
    await client.send(post(headers={"Connection": "close"}))
    await client.read_head()
    assert await client.read_to_end() == body + (LAST_CHUNK if ending is Ending.CLEAN else b"")
    await upstream.wait_finished(upstream.journal[0])
    expected = Outcome.COMPLETED if ending is Ending.CLEAN else Outcome.CUT
    assert upstream.journal[0].outcome is expected


@pytest.mark.parametrize(
    "behaviour",
    [
        Drop(),
        replace(WHOLE, ending=Ending.RESET),
        Reply(body=b"abc", cut_after_bytes=1, ending=Ending.RESET),
        Cut(of=WHOLE, after_bytes=20, ending=Ending.RESET),
    ],
)
async def test_reset_is_a_reset(
    upstream: FakeUpstream, client: RawClient, behaviour: Behaviour
) -> None:
    """The client's read fails with ECONNRESET, which a FIN would not cause."""
    upstream.script(behaviour)
    await client.send(post())
    with pytest.raises(ConnectionResetError):
        await client.read_to_end()
    assert upstream.journal[0].outcome is Outcome.RESET
    assert upstream.journal[0].client_closed_at is None


async def test_what_came_before_a_reset_can_be_read(
    upstream: FakeUpstream, client: RawClient
) -> None:
    """With a wait before the reset the client has read the events by then."""
    upstream.script(replace(WHOLE, ending=Ending.RESET, delay_before_ending_s=0.02))
    await client.send(post())
    await client.reader.readuntil(EVENTS[-1])
    with pytest.raises(ConnectionResetError):
        await client.read_to_end()


async def test_eof_without_an_answer(upstream: FakeUpstream, client: RawClient) -> None:
    """The request is read and the socket closed without a byte."""
    upstream.script(Drop(ending=Ending.EOF))
    await client.send(post())
    assert await client.read_to_end() == b""
    assert upstream.journal[0].body != b""


async def test_stall_sends_nothing_more(upstream: FakeUpstream, client: RawClient) -> None:
    """After the last event the socket stays open and silent."""
    upstream.script(replace(WHOLE, ending=Ending.STALL))
    await client.send(post())
    await client.reader.readuntil(EVENTS[-1] + b"\r\n")
    with pytest.raises(TimeoutError):
        await client.read_some(timeout_s=0.05)
    assert upstream.journal[0].outcome is Outcome.RUNNING


async def test_stall_with_pings(upstream: FakeUpstream, client: RawClient) -> None:
    """A stalled stream may keep the socket warm with comments."""
    upstream.script(replace(WHOLE, ending=Ending.STALL, ping_every_s=0.005))
    await client.send(post())
    for _ in range(3):
        await client.reader.readuntil(b": ping\n\n\r\n")


async def test_hang(upstream: FakeUpstream, client: RawClient) -> None:
    """Not a byte comes, before or after the body was read."""
    upstream.script(Hang())
    await client.send(post())
    [attempt] = await upstream.wait_for_attempts(1)
    with pytest.raises(TimeoutError):
        await client.read_some(timeout_s=0.05)
    assert attempt.first_byte_at is None


async def test_delays_are_kept(upstream: FakeUpstream, client: RawClient) -> None:
    """Each delay passes where it says: before headers, the first byte, between, the ending."""
    waits = Sse(
        events=EVENTS,
        delay_before_headers_s=0.03,
        delay_before_first_byte_s=0.04,
        delay_between_s=0.05,
        delay_before_ending_s=0.06,
    )
    upstream.script(waits)
    began_at = time.monotonic()
    gaps_s = []
    await client.send(post(headers={"Connection": "close"}))
    for until in (b"\r\n\r\n", *EVENTS, LAST_CHUNK):
        await client.reader.readuntil(until)
        now = time.monotonic()
        gaps_s.append(now - began_at)
        began_at = now
    for gap_s, least_s in zip(gaps_s, [0.03, 0.04, 0.05, 0.05, 0.06], strict=True):
        assert least_s - 0.01 <= gap_s < least_s + 0.5


async def test_slices_start_new_writes(upstream: FakeUpstream, client: RawClient) -> None:
    """Slices fall at the given body offsets, within an event and even within a character."""
    stream = Sse(events=("data: é\n\n".encode(),), slice_at_bytes=(7,), delay_between_s=0.02)
    upstream.script(stream)
    await client.send(post())
    await client.read_head()
    first = await client.read_some()
    second = await client.read_some()
    assert first == b"7\r\ndata: \xc3\r\n"
    assert second.startswith(b"3\r\n\xa9\n\n\r\n")


async def test_declared_length_is_told(upstream: FakeUpstream, client: RawClient) -> None:
    """Content-Length may promise more than comes."""
    upstream.script(Reply(body=b"abc", declared_length_bytes=10, ending=Ending.EOF))
    await client.send(post())
    _, headers = await client.read_head()
    assert headers["content-length"] == "10"
    assert await client.read_to_end() == b"abc"


async def test_body_until_close(upstream: FakeUpstream, client: RawClient) -> None:
    """A body without a length ends with the socket."""
    upstream.script(Reply(body=b"abc", framing=Framing.UNTIL_CLOSE))
    await client.send(post())
    _, headers = await client.read_head()
    assert "content-length" not in headers
    assert headers["connection"] == "close"
    assert await client.read_to_end() == b"abc"


async def test_raw_bytes(upstream: FakeUpstream, client: RawClient) -> None:
    """What is no HTTP goes out as it is."""
    upstream.script(Raw(pieces=[b"SSH-2.0", b"-x\r\n"], delay_between_s=0.005))
    await client.send(post())
    assert await client.read_to_end() == b"SSH-2.0-x\r\n"


@pytest.mark.parametrize("after_bytes", [0, 1, 40, 150])
async def test_cut_at_a_byte_of_the_wire(
    upstream: FakeUpstream, client: RawClient, after_bytes: int
) -> None:
    """A cut counts every byte, the head's too."""
    upstream.script(Cut(of=WHOLE, after_bytes=after_bytes))
    await client.send(post())
    assert len(await client.read_to_end()) == after_bytes
    assert upstream.journal[0].outcome is Outcome.CUT


async def test_cut_past_the_end(upstream: FakeUpstream, client: RawClient) -> None:
    """A cut beyond the answer changes nothing."""
    upstream.script(Cut(of=WHOLE, after_bytes=10_000))
    await client.send(post(headers={"Connection": "close"}))
    assert (await client.read_to_end()).endswith(LAST_CHUNK)
    assert upstream.journal[0].outcome is Outcome.COMPLETED


async def test_drip(upstream: FakeUpstream, client: RawClient) -> None:
    """Bytes come one at a time from the spared ones on, and make the same answer."""
    upstream.script(Drip(of=Reply(body=b"abcdef"), every_s=0.002, spare_bytes=100))
    await client.send(post())
    first = await client.read_some()
    assert len(first) == 100
    second = await client.read_some()
    assert len(second) < 10
    rest = await client.reader.readuntil(b"abcdef")
    assert b"content-length: 6" in first + second + rest


async def test_delayed(upstream: FakeUpstream, client: RawClient) -> None:
    """Any behaviour can be made to wait first."""
    upstream.script(Delayed(of=Drop(ending=Ending.EOF), delay_s=0.03))
    began_at = time.monotonic()
    await client.send(post())
    assert await client.read_to_end() == b""
    assert time.monotonic() - began_at >= 0.028


async def test_script_plays_steps_then_repeats_the_last(
    upstream: FakeUpstream, client: RawClient
) -> None:
    """Two failures and then answers; a step may be a function of the request."""

    def by_key(attempt: Attempt) -> Behaviour:
        return Reply(status=201 if attempt.bearer == "good" else 401)

    upstream.script(Reply(status=503), Reply(status=502), by_key)
    statuses = []
    for key in ("good", "good", "good", "bad", "good"):
        await client.send(post(headers={"Authorization": f"Bearer {key}"}))
        status, _ = await client.read_head()
        statuses.append(status)
    assert statuses == [503, 502, 201, 401, 201]


async def test_refused_connections(upstream: FakeUpstream, client: RawClient) -> None:
    """New connections are refused within the block, open ones live on, the port stays ours."""
    async with upstream.refusing_connections():
        with pytest.raises(ConnectionRefusedError):
            await RawClient.connect(upstream.port)
        await client.send(post())
        assert (await client.read_head())[0] == 200
    again = await RawClient.connect(upstream.port)
    await again.send(post())
    assert (await again.read_head())[0] == 200
    await again.close()


async def test_dropped_connections(upstream: FakeUpstream, client: RawClient) -> None:
    """A crash of the server resets every socket, and it serves again at once."""
    upstream.script(Hang())
    await client.send(post())
    await upstream.wait_for_attempts(1)
    assert upstream.open_connections == 1
    await upstream.drop_connections()
    with pytest.raises(ConnectionResetError):
        await client.read_to_end()
    assert upstream.journal[0].outcome is Outcome.SHUT_DOWN
    await upstream.wait_idle()


async def test_many_at_once(upstream: FakeUpstream) -> None:
    """Fifty hanging clients are told apart, and each one's leaving is seen."""
    upstream.script(Hang())
    clients = [await RawClient.connect(upstream.port) for _ in range(50)]
    for number, client in enumerate(clients):
        await client.send(post(headers={"X-Number": str(number)}))
    attempts = await upstream.wait_for_attempts(50)
    assert {attempt.headers["x-number"] for attempt in attempts} == set(map(str, range(50)))
    await asyncio.gather(*(client.close() for client in clients))
    await upstream.wait_idle()
    assert all(attempt.outcome is Outcome.CLIENT_CLOSED for attempt in attempts)
