"""Does the journal tell what happened and when? Everything else is proven from it."""

import asyncio
import time

import pytest

from tests.fakes_selftest.raw_client import CHAT, RawClient, post
from weir_server.fake_upstream.behaviour import Hang, Reply, Sse
from weir_server.fake_upstream.exchange import Behaviour, Ending
from weir_server.fake_upstream.journal import Attempt, Journal, Outcome
from weir_server.fake_upstream.upstream import FakeUpstream

CLOSE_SEEN_WITHIN_S = 0.02
FLOOD = Sse(events=[b"data: x\n\n" * 4096] * 4096)


async def test_request_is_recorded(upstream: FakeUpstream, client: RawClient) -> None:
    """Method, target, headers, body and credential are there as they were sent."""
    headers = {"Authorization": "Bearer sk-1", "X-Twice": "a", "x-twice": "b"}
    await client.send(post(path="/v1/chat/completions?k=v", headers=headers))
    [attempt] = await upstream.wait_for_attempts(1)
    assert (attempt.method, attempt.path, attempt.query) == ("POST", "/v1/chat/completions", "k=v")
    assert attempt.json == CHAT
    assert attempt.bearer == "sk-1"
    assert attempt.headers["X-TWICE"] == "a, b"
    assert ("x-twice", "b") in attempt.headers.pairs


async def test_times_are_in_order(upstream: FakeUpstream, client: RawClient) -> None:
    """Start, body, first byte and finish follow each other on the clock of the test."""
    upstream.script(Reply(body=b"{}", delay_before_headers_s=0.02))
    before = time.monotonic()
    await client.send(post())
    [attempt] = await upstream.wait_for_attempts(1)
    await upstream.wait_finished(attempt)
    assert attempt.body_complete_at is not None
    assert attempt.first_byte_at is not None
    assert attempt.finished_at is not None
    assert before <= attempt.started_at <= attempt.body_complete_at
    # uvloop counts in whole milliseconds and may wake up to one too early.
    assert attempt.body_complete_at + 0.018 <= attempt.first_byte_at <= attempt.finished_at
    assert attempt.outcome is Outcome.COMPLETED
    assert attempt.client_closed_at is None


async def test_bytes_sent_is_what_the_client_reads(
    upstream: FakeUpstream, client: RawClient
) -> None:
    """Head, framing and body are counted, no more and no less."""
    upstream.script(Sse(events=[b"data: a\n\n", b"data: b\n\n"], ending=Ending.EOF))
    await client.send(post())
    read = await client.read_to_end()
    assert upstream.journal[0].bytes_sent == len(read)


@pytest.mark.parametrize(
    ("behaviour", "what"),
    [
        (Hang(), "hanging before headers"),
        (Reply(delay_before_headers_s=30), "waiting before headers"),
        (Reply(delay_before_first_byte_s=30), "waiting before the body"),
        (Sse(events=[b"data: a\n\n"] * 9, delay_between_s=30), "waiting between events"),
        (Sse(events=[b"data: a\n\n"], ending=Ending.STALL), "stalling at the end"),
        (FLOOD, "blocked on a client that does not read"),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else "",
)
@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_client_close_is_seen_at_once(
    upstream: FakeUpstream, behaviour: Behaviour, what: str, how: str
) -> None:
    """Whatever the upstream is doing, a FIN or RST is in the journal within 20 ms.

    The best of three counts: a busy machine may hold up one, a fake that looks late holds up all.
    """
    upstream.script(behaviour)
    delays_s = []
    for number in (1, 2, 3):
        client = await RawClient.connect(upstream.port)
        if behaviour is FLOOD:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(post())
        attempt = (await upstream.wait_for_attempts(number))[-1]
        await asyncio.sleep(0.01)
        closed_at = time.monotonic()
        if how == "fin":
            await client.close()
        else:
            client.reset()
        delays_s.append(await upstream.wait_closed(attempt) - closed_at)
        await upstream.wait_finished(attempt)
        assert attempt.outcome is Outcome.CLIENT_CLOSED, what
    assert min(delays_s) < CLOSE_SEEN_WITHIN_S, what


async def test_close_after_a_whole_answer_leaves_it_completed(
    upstream: FakeUpstream, client: RawClient
) -> None:
    """A client that leaves after the answer is seen leaving, and the answer was whole."""
    upstream.script(Reply(body=b"{}"))
    await client.send(post())
    await client.read_some()
    await client.close()
    await upstream.wait_closed(upstream.journal[0])
    assert upstream.journal[0].outcome is Outcome.COMPLETED


async def test_blocked_writing_is_seen(upstream: FakeUpstream, client: RawClient) -> None:
    """A client that stops reading shows as blocked since a time, until it reads again."""
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    upstream.script(FLOOD)
    await client.send(post())
    [attempt] = await upstream.wait_for_attempts(1)
    await upstream.wait_blocked(attempt)
    sent_bytes = attempt.bytes_sent
    await asyncio.sleep(0.03)
    assert attempt.bytes_sent == sent_bytes
    client.writer.transport.resume_reading()  # type: ignore[attr-defined]
    while attempt.bytes_sent == sent_bytes:
        await client.read_some()


async def test_connection_reuse_is_told(upstream: FakeUpstream, client: RawClient) -> None:
    """Two requests on one socket are two attempts of one connection."""
    upstream.script(Reply(body=b"{}"))
    for _ in range(2):
        await client.send(post())
        await client.read_some()
    first, second = upstream.journal
    assert first.connection is second.connection
    assert second.started_at >= (first.finished_at or 0)


async def test_wait_says_what_is_missing(upstream: FakeUpstream, client: RawClient) -> None:
    """A wait that fails shows the journal."""
    await client.send(post())
    await client.read_some()
    with pytest.raises(TimeoutError, match="#1 POST /v1/chat/completions completed"):
        await upstream.wait_for_attempts(2, timeout_s=0.01)


async def test_closing_the_fake_ends_what_runs() -> None:
    """A hanging attempt does not hold the test's end; its client gets a reset."""
    async with FakeUpstream(Hang()) as upstream:
        client = await RawClient.connect(upstream.port)
        await client.send(post())
        [attempt] = await upstream.wait_for_attempts(1)
    assert attempt.outcome is Outcome.SHUT_DOWN
    assert attempt.client_closed_at is None
    with pytest.raises(ConnectionResetError):
        await client.read_to_end()
    await client.close()


async def test_a_raising_function_is_not_swallowed() -> None:
    """What a picking function raises comes out where the fake is closed."""

    def pick(attempt: Attempt) -> Behaviour:
        raise LookupError(attempt.path)

    upstream = await FakeUpstream(pick).__aenter__()
    client = await RawClient.connect(upstream.port)
    await client.send(post())
    [attempt] = await upstream.wait_for_attempts(1)
    await upstream.wait_finished(attempt)
    await client.close()
    assert attempt.outcome is Outcome.CRASHED
    with pytest.raises(ExceptionGroup) as caught:
        await upstream.__aexit__(None, None, None)
    assert caught.group_contains(LookupError)


async def test_clear_begins_anew(upstream: FakeUpstream, client: RawClient) -> None:
    """After a clear the rows and the count are of what comes; numbers go on."""
    for _ in range(2):
        await client.send(post())
        await client.read_some()
    upstream.journal.clear()
    assert (len(upstream.journal), upstream.journal.arrived) == (0, 0)
    await client.send(post())
    [attempt] = await upstream.wait_for_attempts(1)
    assert attempt.number == 3


async def test_what_ran_over_a_clear_is_not_counted(upstream: FakeUpstream) -> None:
    """A request whose body arrives after the clear belongs to the time before it."""
    client = await RawClient.connect(upstream.port)
    request = post()
    await client.send(request[:-1])
    await upstream.journal.wait_until(lambda: len(upstream.journal) == 1)
    early = upstream.journal[0]
    upstream.journal.clear()
    await client.send(request[-1:])
    await upstream.wait_finished(early)
    assert (len(upstream.journal), upstream.journal.arrived) == (0, 0)
    await client.close()


@pytest.mark.parametrize("keep", [0, 2])
async def test_a_bound_keeps_the_latest(keep: int) -> None:
    """A bounded journal forgets the oldest rows, and still tells of every end."""
    ended: list[int] = []
    journal = Journal(keep=keep, on_finished=lambda attempt: ended.append(attempt.number))
    async with FakeUpstream(Reply(body=b"{}"), journal=journal) as upstream:
        for _ in range(3):
            client = await RawClient.connect(upstream.port)
            await client.send(post())
            await client.read_some()
            await client.close()
        await journal.wait_until(lambda: len(ended) == 3)
        assert journal.arrived == 3
    assert [attempt.number for attempt in journal] == [1, 2, 3][3 - keep :]
    assert len(journal.connections) == keep
    assert not journal.running
