"""What does somebody else's grader say of Weir as a client? LLMock breaks it, and judges it.

The grader sees one side only, so its calls are attempts with the same body. Where an answer broke
after the caller had some of it, Weir does not ask again: it says so, and asking again is the
caller's to decide, which these callers do.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import aiohttp
import grpc
import pytest
from llmock.pytest_plugin import LLMock
from llmock.scenarios import StreamFault, StreamFaultKind
from llmock.verdict import Verdict

from tests.service.asking import refused
from tests.service.weir import Heard, Weir, chat_request, serving

# The grader adds a Retry-After of its own to the statuses that usually have one.
ASKED_AGAIN = (
    *((status, None) for status in (409, 500, 502)),
    *((status, 0.4) for status in (429, 500, 503, 504, 529)),
)
ASKED_ONCE = (400, 401, 403, 404, 422)
CUT: dict[StreamFaultKind, tuple[grpc.StatusCode, str]] = {
    "disconnect": (grpc.StatusCode.ABORTED, "UPSTREAM_STREAM_BROKEN"),
    "truncate": (grpc.StatusCode.ABORTED, "UPSTREAM_STREAM_BROKEN"),
    "malformed": (grpc.StatusCode.INTERNAL, "UPSTREAM_PROTOCOL_ERROR"),
}


@asynccontextmanager
async def before(llmock: LLMock, **upstream: Any) -> AsyncIterator[Weir]:
    """A Weir with its defaults, whose one provider is LLMock. upstream: settings of that branch."""
    tree = {
        "upstream": upstream,
        "providers": [
            {
                "id": "mock",
                "kind": "openai",
                "endpoint": llmock.base_url("openai"),
                "api_key": "sk-test",
                "allow_private": True,
                "allow_insecure_http": True,
            }
        ],
        "models": [{"name": "m", "provider": "mock", "vendor_model": "gpt-4o-mini"}],
    }
    # Full jitter may wait less the second time; in one call the grader takes that for no backoff.
    async with serving(tree, rng=Random(1)) as weir:
        yield weir


async def judged(llmock: LLMock) -> Verdict:
    """Return the verdict once all attempts have ended, as the grader sees them."""
    return await asyncio.to_thread(llmock.verdict)


async def assert_spotless(llmock: LLMock, *, attempts: int) -> None:
    verdict = await judged(llmock)
    assert not verdict.findings, verdict.render()
    assert verdict.attempts == attempts


async def stream(weir: Weir, prompt: str = "Say something long.") -> Heard:
    return await weir.stream(prompt, timeout=20)


@pytest.mark.parametrize(("status", "retry_after"), ASKED_AGAIN)
async def test_passing_fault_is_waited_out(
    llmock: LLMock, status: int, retry_after: float | None
) -> None:
    """Two failures are repeated when the provider says, or else with a growing wait."""
    llmock.fail(status, times=2, retry_after=retry_after)
    async with before(llmock) as weir:
        answer = await weir.llm.Chat(chat_request("hello", model="m"), timeout=20)
        assert answer.message.parts[0].text
    await assert_spotless(llmock, attempts=3)


@pytest.mark.parametrize("status", ASKED_ONCE)
async def test_what_no_repeat_can_mend_is_asked_once(llmock: LLMock, status: int) -> None:
    """A refusal of the request or of the key is the caller's to know, at once."""
    llmock.fail(status, times=None)
    async with before(llmock) as weir:
        await refused(weir.llm.Chat(chat_request("hello", model="m"), timeout=20))
    await assert_spotless(llmock, attempts=1)


async def test_context_overflow_is_asked_once(llmock: LLMock) -> None:
    """Too long a prompt is too long the next time."""
    llmock.context_overflow(times=None)
    async with before(llmock) as weir:
        refusal = await refused(weir.llm.Chat(chat_request("hello", model="m"), timeout=20))
    assert refusal.reason == "CONTEXT_LENGTH_EXCEEDED"
    await assert_spotless(llmock, attempts=1)


async def test_outage_sees_no_storm(llmock: LLMock) -> None:
    """However many callers ask a provider that is down, each asks a few times, and then none."""
    llmock.outage(status=500)
    async with before(llmock, retry_base_s=0.05) as weir:
        calls = [
            refused(weir.llm.Chat(chat_request(f"hello {number}", model="m"), timeout=20))
            for number in range(50)
        ]
        await asyncio.gather(*calls)
    verdict = await judged(llmock)
    assert verdict.passed, verdict.render()
    assert not {"retry_storm", "retry_after_ignored"} & {each.code for each in verdict.findings}
    assert verdict.attempts <= 75


async def test_quota_is_kept_to(llmock: LLMock) -> None:
    """With the minute's requests used up, the rest waits for as long as it was told to."""
    llmock.limits(rpm=120)
    async with before(llmock) as weir:
        for number in range(124):
            await weir.llm.Chat(chat_request(f"hello {number}", model="m"), timeout=20)
    verdict = await judged(llmock)
    assert not verdict.findings, verdict.render()
    assert 124 <= verdict.attempts <= 132


@pytest.mark.parametrize("kind", CUT)
async def test_break_before_the_answer_is_mended(llmock: LLMock, kind: StreamFaultKind) -> None:
    """A stream that breaks before it said a word is asked for again, unseen by the caller."""
    llmock.add(StreamFault(kind, after_chunks=0))
    llmock.pace(50)  # as below
    async with before(llmock) as weir:
        heard = await stream(weir)
        assert heard.code is grpc.StatusCode.OK
        assert heard.kinds[-1] == "end"
    await assert_spotless(llmock, attempts=2)


@pytest.mark.parametrize("kind", CUT)
async def test_break_within_the_answer_is_told(llmock: LLMock, kind: StreamFaultKind) -> None:
    """Half an answer never passes for a whole one: the caller is told, and may ask again."""
    llmock.add(StreamFault(kind, after_chunks=4))
    llmock.pace(50)  # sent at once, all would be on its way before anybody could hang up
    async with before(llmock) as weir:
        broken = await stream(weir)
        assert broken.text
        assert (broken.code, broken.failure.reason) == CUT[kind]
        assert (await stream(weir)).code is grpc.StatusCode.OK
    await assert_spotless(llmock, attempts=2)


@pytest.mark.parametrize("after_chunks", [0, 4])
async def test_stall_is_not_sat_through(llmock: LLMock, after_chunks: int) -> None:
    """A provider that falls silent is left, before its answer began and within it."""
    llmock.stall(after_chunks=after_chunks, seconds=15)
    async with before(llmock, idle_timeout_s=0.5, first_token_timeout_s=0.5) as weir:
        heard = await stream(weir)
        if after_chunks:
            assert heard.code is not grpc.StatusCode.OK
            heard = await stream(weir)
        assert heard.code is grpc.StatusCode.OK
    await assert_spotless(llmock, attempts=2)


async def test_grader_sees_what_a_careless_client_does(llmock: LLMock) -> None:
    """The verdicts above mean something: a loop without a thought is found out on each count."""
    llmock.fail(429, retry_after=2, times=12).fail(400)
    url = f"{llmock.base_url('openai')}/chat/completions"
    async with aiohttp.ClientSession() as session:

        async def ask(prompt: str, *, streaming: bool = False) -> bytes:
            body = {
                "model": "gpt-4o-mini",
                "messages": [{"role": "user", "content": prompt}],
                "stream": streaming,
            }
            headers = {"content-type": "application/json"}
            async with session.post(url, data=json.dumps(body), headers=headers) as answer:
                return await answer.read()

        for _ in range(14):
            await ask("hello")
        llmock.truncate(after_chunks=3)
        assert await ask("go on", streaming=True)
    verdict = await judged(llmock)
    assert {each.code for each in verdict.errors} == {
        "retry_after_ignored",
        "retry_storm",
        "retried_non_retryable",
        "truncated_stream_accepted",
    }
