"""Does a rule of a script do what it says? Each knob, seen from the client's side."""

import asyncio
import json
import time
from email.utils import parsedate_to_datetime

import pytest

from tests.fakes_selftest.asking import ask, script, statuses
from tests.fakes_selftest.raw_client import CHAT, RawClient, post
from tests.fakes_selftest.sdk import sdk_for
from weir_server.fake_upstream.journal import Outcome
from weir_server.fake_upstream.upstream import FakeUpstream

STREAM = {**CHAT, "stream": True}


@pytest.mark.parametrize("status", [203, 401, 429, 507])
async def test_status(upstream: FakeUpstream, status: int) -> None:
    """A bad status comes with a vendor's error, a good one with the answer."""
    upstream.script(script(f"{{status: {status}}}"))
    found, _, body = await ask(upstream)
    assert found == status
    assert ("error" in json.loads(body)) is (status >= 400)


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_status_without_a_body(
    upstream: FakeUpstream, client: RawClient, status: int, is_stream: bool
) -> None:
    """The socket can be used again: no byte is left where the next answer begins."""
    upstream.script(script(f"{{status: {status}}}"))
    for _ in range(2):
        await client.send(post({**CHAT, "stream": is_stream}))
        assert (await client.read_head())[0] == status


async def test_headers(upstream: FakeUpstream) -> None:
    """Fields are added, and take the place of the answer's own."""
    upstream.script(script("{status: 429, headers: {x-a: 1, X-RateLimit-Limit-Requests: '9'}}"))
    _, headers, _ = await ask(upstream)
    assert (headers["x-a"], headers["x-ratelimit-limit-requests"]) == ("1", "9")


@pytest.mark.parametrize(("given", "told"), [("5", "5"), ("-5", "-5"), ("soon", "soon")])
async def test_retry_after(upstream: FakeUpstream, given: str, told: str) -> None:
    """Seconds, nonsense and garbage go out as they are."""
    upstream.script(script(f"{{status: 429, retry_after: {given}}}"))
    _, headers, _ = await ask(upstream)
    assert headers["retry-after"] == told


async def test_retry_after_date(upstream: FakeUpstream) -> None:
    """A date is counted from the answer."""
    upstream.script(script("{status: 503, retry_after: {date_in_s: 30}}"))
    _, headers, _ = await ask(upstream)
    in_s = parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time()
    assert 25 < in_s <= 30


@pytest.mark.parametrize(
    ("do", "before", "least_s"),
    [
        ("{delay_before_headers_s: 0.05}", b"HTTP", 0.048),
        ("{delay_before_headers_s: 0.05, fault: huge_line}", b"HTTP", 0.048),
        ("{delay_before_first_byte_s: 0.05}", b"data:", 0.048),
        ("{answer: {words: 3, delay_between_s: 0.02}}", b"[DONE]", 0.09),
        ("{delay_between_s: 0.02, answer: {words: 3}}", b"[DONE]", 0.09),
        ("{delay_before_ending_s: 0.05, fault: lines_end_in_crlf}", b"\r\n0\r\n", 0.048),
        ("{drip: {every_s: 0.001, step_bytes: 10}}", b"[DONE]", 0.1),
    ],
)
async def test_pace(
    upstream: FakeUpstream, client: RawClient, do: str, before: bytes, least_s: float
) -> None:
    """Each wait passes before what it names."""
    upstream.script(script(do))
    began_at = time.monotonic()
    await client.send(post(STREAM))
    await client.reader.readuntil(before)
    assert least_s <= time.monotonic() - began_at < least_s + 1.0


async def test_words_and_their_usage(upstream: FakeUpstream) -> None:
    """An answer has so many words, one chunk each, and tells exactly that as its usage."""
    upstream.script(script("{answer: {words: 60}}"))
    async with sdk_for(upstream.url) as sdk:
        whole = await sdk.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "one two"}]
        )
        stream = await sdk.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": "one two"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    pieces = [choice.delta.content for chunk in chunks for choice in chunk.choices]
    text = whole.choices[0].message.content or ""
    assert len(text.split()) == 60
    assert "".join(piece or "" for piece in pieces) == text
    assert len([piece for piece in pieces if piece]) == 60
    assert whole.usage is not None
    assert chunks[-1].usage is not None
    for usage in (whole.usage, chunks[-1].usage):
        assert (usage.prompt_tokens, usage.completion_tokens) == (2, 60)


async def test_a_text_of_ones_own(upstream: FakeUpstream) -> None:
    """An answer may say any text."""
    upstream.script(script("{answer: {text: 'so it is'}}"))
    _, _, body = await ask(upstream)
    assert json.loads(body)["choices"][0]["message"]["content"] == "so it is"


async def test_no_answer_but_a_reset(upstream: FakeUpstream, client: RawClient) -> None:
    """The socket is reset before a byte."""
    upstream.script(script("{no_answer: reset}"))
    await client.send(post())
    with pytest.raises(ConnectionResetError):
        await client.read_to_end()
    assert upstream.journal[0].outcome is Outcome.RESET


async def test_no_answer_but_a_close(upstream: FakeUpstream, client: RawClient) -> None:
    """The socket is closed before a byte."""
    upstream.script(script("{no_answer: close}"))
    await client.send(post())
    assert await client.read_to_end() == b""


async def test_no_answer_at_all(upstream: FakeUpstream, client: RawClient) -> None:
    """The socket stays open without a byte."""
    upstream.script(script("{no_answer: hang}"))
    await client.send(post())
    with pytest.raises(TimeoutError):
        await client.read_some(timeout_s=0.05)
    assert upstream.journal[0].outcome is Outcome.RUNNING


@pytest.mark.parametrize(
    ("do", "events", "outcome"),
    [
        ("{cut_after_events: 2}", 2, Outcome.CUT),
        ("{cut_after_events: 2, ending: clean}", 2, Outcome.COMPLETED),
        ("{cut_after_bytes: 0}", 0, Outcome.CUT),
        ("{cut_after_events: 3, recording: openai_text}", 3, Outcome.CUT),
    ],
)
async def test_cut(upstream: FakeUpstream, do: str, events: int, outcome: Outcome) -> None:
    """So much comes and no more."""
    upstream.script(script(do))
    _, _, body = await ask(upstream, STREAM)
    assert body.count(b"data: ") == events
    assert body.endswith(b"0\r\n\r\n") is (outcome is Outcome.COMPLETED)
    assert upstream.journal[0].outcome is outcome


async def test_cut_unary_body(upstream: FakeUpstream) -> None:
    """A unary body is cut at a byte; a cut after events leaves it whole."""
    upstream.script(script("{cut_after_bytes: 9}"), script("{cut_after_events: 1}"))
    _, headers, body = await ask(upstream)
    assert len(body) == 9 < int(headers["content-length"])
    _, _, body = await ask(upstream)
    assert json.loads(body)["object"] == "chat.completion"


async def test_cut_and_reset(upstream: FakeUpstream, client: RawClient) -> None:
    """What came before a reset can be read."""
    upstream.script(script("{cut_after_events: 2, ending: reset}"))
    await client.send(post(STREAM))
    await client.reader.readuntil(b"\n\n\r\n")
    await client.reader.readuntil(b"\n\n\r\n")
    with pytest.raises(ConnectionResetError):
        await client.read_to_end()
    assert upstream.journal[0].outcome is Outcome.RESET


async def test_cut_and_stall(upstream: FakeUpstream, client: RawClient) -> None:
    """After the cut the socket stays open and silent."""
    upstream.script(script("{cut_after_events: 1, ending: stall}"))
    await client.send(post(STREAM))
    await client.reader.readuntil(b"\n\n\r\n")
    with pytest.raises(TimeoutError):
        await client.read_some(timeout_s=0.05)


@pytest.mark.parametrize("is_stream", [False, True])
async def test_malformed(upstream: FakeUpstream, is_stream: bool) -> None:
    """The JSON breaks: of the body, or of one event among good ones; HTTP stays whole."""
    upstream.script(script("{malformed: true}"))
    _, headers, body = await ask(upstream, {"stream": is_stream})
    texts = [body]
    if is_stream:
        lines = [line for line in body.split(b"\n") if line.startswith(b"data: ")]
        texts = [line.removeprefix(b"data: ") for line in lines if b"[DONE]" not in line]
        assert body.endswith(b"0\r\n\r\n")
    else:
        assert int(headers["content-length"]) == len(body)
    assert sum(map(is_broken, texts)) == 1


def is_broken(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return True
    return False


async def test_spelled_otherwise(upstream: FakeUpstream) -> None:
    """A wrong type, a body of one's own, a redirect."""
    upstream.script(
        script("{content_type: text/html}"),
        script("{body: {a: 1}}"),
        script("{body: 'so', status: 502}"),
        script("{redirect: 'http://127.0.0.1:9/x', status: 308}"),
    )
    assert (await ask(upstream))[1]["content-type"] == "text/html"
    assert json.loads((await ask(upstream))[2]) == {"a": 1}
    status, _, body = await ask(upstream)
    assert (status, body) == (502, b"so")
    status, headers, _ = await ask(upstream)
    assert (status, headers["location"]) == (308, "http://127.0.0.1:9/x")


async def test_huge_things(upstream: FakeUpstream) -> None:
    """A line is as long as it is told; a bomb is small on the wire."""
    upstream.script(script("{huge_line_bytes: 300000}"), script("{bomb_bytes: 9000000}"))
    _, _, body = await ask(upstream)
    assert 300_000 < len(body) < 310_000
    _, headers, body = await ask(upstream)
    assert headers["content-encoding"] == "gzip"
    assert len(body) < 100_000


async def test_fault_of_the_catalogue(upstream: FakeUpstream, client: RawClient) -> None:
    """A fault is played as ever, or with changes where it is an HTTP answer."""
    upstream.script(script("{fault: rate_limited, retry_after: 7}"), script("{fault: not_http}"))
    status, headers, _ = await ask(upstream)
    assert (status, headers["retry-after"]) == (429, "7")
    await client.send(post())
    assert (await client.read_to_end()).startswith(b"SSH")


async def test_down_for_a_while_then_well(upstream: FakeUpstream) -> None:
    """From its first request on a rule is down so long, then well for good."""
    upstream.script(script("{flapping: {down_s: 0.3}}", "{skip: 1}"))
    seen = await statuses(upstream, 2)
    await asyncio.sleep(upstream.journal[1].started_at + 0.32 - time.monotonic())
    assert [*seen, *await statuses(upstream, 2)] == [200, 503, 200, 200]


async def test_flapping_round_and_round(upstream: FakeUpstream) -> None:
    """Up, down, up, with a fault of one's own while down."""
    upstream.script(script("{flapping: {up_s: 0.2, down_s: 0.2, starts: up}, status: 500}"))
    seen = await statuses(upstream, 1)
    for middle_s in (0.3, 0.5):
        await asyncio.sleep(upstream.journal[0].started_at + middle_s - time.monotonic())
        seen += await statuses(upstream, 1)
    assert seen == [200, 500, 200]


async def test_quota(upstream: FakeUpstream) -> None:
    """Each key has its own; the refusal says when to come back."""
    upstream.script(script("{quota: {limit: 1, window_s: 30}}"))
    answers = [await ask(upstream, key=key) for key in ("a", "a", "b")]
    assert [status for status, _, _ in answers] == [200, 429, 200]
    assert 29 <= int(answers[1][1]["retry-after"]) <= 30


async def test_concurrency(upstream: FakeUpstream, client: RawClient) -> None:
    """One more than the limit is refused while the first runs."""
    upstream.script(script("{concurrency: 1, no_answer: hang}"))
    await client.send(post())
    await upstream.wait_for_attempts(1)
    assert (await ask(upstream))[0] == 529
