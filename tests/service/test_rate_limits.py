"""Callers hear how far their limits are used up, and when to come again."""

from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import QuotaFailure
from google.rpc.status_pb2 import Status

from tests.service.test_drain import HANG
from tests.service.weir import ECHO, chat_request, failure_of, hear, serving, stream_request
from weir_server.settings.load import parse

RPM, TPM, CALLS = "requests_per_minute", "tokens_per_minute", "concurrent_calls"


def limited(**limits: int) -> dict[str, Any]:
    return {**ECHO, "rates": {"default": limits}}


async def test_remaining_is_told_with_every_answer() -> None:
    """As providers do it: limit, what remains, and when it is whole again, in the trailers."""
    async with serving(limited(requests_per_minute=2, tokens_per_minute=10_000)) as weir:
        call = weir.llm.Chat(chat_request("one two", max_output_tokens=100))
        await call
        unary = dict(await call.trailing_metadata())
        heard = await hear(weir.llm.StreamChat(stream_request("one two", max_output_tokens=100)))
    assert unary["weir-ratelimit-limit-requests"] == "2"
    assert unary["weir-ratelimit-remaining-requests"] == "1"
    assert 59.0 < float(unary["weir-ratelimit-reset-requests"]) < 61.0
    assert unary["weir-ratelimit-limit-tokens"] == "10000"
    assert 9_000 < int(unary["weir-ratelimit-remaining-tokens"]) < 9_900
    assert heard.trailers["weir-ratelimit-remaining-requests"] == "0"


async def test_nothing_is_told_where_nothing_is_limited() -> None:
    """No limit, no trailers about limits."""
    async with serving(ECHO) as weir:
        heard = await weir.stream("hello")
    assert not [name for name in heard.trailers if "ratelimit" in name]


async def test_refusal_says_which_limit_and_when() -> None:
    """RESOURCE_EXHAUSTED with the reason, the quota's name, RetryInfo and the same as pushback."""
    async with serving(limited(requests_per_minute=1)) as weir:
        await weir.stream("hello")
        heard = await weir.stream("hello")
    failure = failure_of(heard.trailers)
    assert heard.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert failure.reason == "RATE_LIMITED"
    assert failure.info is not None
    assert failure.info.metadata["limit"] == f"tenants/default {RPM}"
    assert failure.info.metadata["scope"] == "tenant"
    assert quota_subject(heard.trailers) == f"tenants/default {RPM}"
    assert failure.retry is not None
    wait_ms = failure.retry.retry_delay.ToMilliseconds()
    assert 59_000 < wait_ms < 61_000
    assert int(heard.trailers["grpc-retry-pushback-ms"]) == wait_ms
    assert heard.trailers["weir-ratelimit-remaining-requests"] == "0"


def quota_subject(trailers: Any) -> str:
    for detail in Status.FromString(trailers["grpc-status-details-bin"]).details:
        if detail.Is(QuotaFailure.DESCRIPTOR):
            quota = QuotaFailure()
            detail.Unpack(quota)
            subject: str = quota.violations[0].subject
            return subject
    return ""


async def test_what_never_fits_is_not_tried_again() -> None:
    """A call larger than the limit has no RetryInfo, and clients are told not to retry."""
    async with serving(limited(tokens_per_minute=50)) as weir:
        heard = await hear(weir.llm.StreamChat(stream_request("hello", max_output_tokens=100)))
    assert heard.failure.reason == "RATE_LIMITED"
    assert heard.failure.retry is None
    assert heard.trailers["grpc-retry-pushback-ms"] == "-1"


async def test_cancelled_stream_gives_its_place_back() -> None:
    """A caller that hangs up leaves room for the next."""
    async with serving(limited(concurrent_calls=1)) as weir:
        stream = weir.llm.StreamChat(stream_request(HANG))
        await stream.read()
        refused = await weir.stream("hello")
        stream.cancel()
        while (heard := await weir.stream("hello")).code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            assert heard.failure.reason == "CONCURRENCY_LIMITED"
    assert refused.failure.reason == "CONCURRENCY_LIMITED"
    assert heard.code is grpc.StatusCode.OK


async def test_callers_may_not_send_what_weir_tells() -> None:
    """A caller's own weir-ratelimit-* would be a forgery or a mistake."""
    async with serving(ECHO) as weir:
        metadata = (("weir-ratelimit-remaining-requests", "5"),)
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await weir.llm.Chat(chat_request("hello"), metadata=metadata)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_reload_changes_limits() -> None:
    """A raised limit holds from the next call on."""
    tree = limited(requests_per_minute=1)
    async with serving(tree) as weir:
        await weir.stream("hello")
        assert (await weir.stream("hello")).code is grpc.StatusCode.RESOURCE_EXHAUSTED
        larger = parse({**tree, "rates": {"default": {RPM: 5}}}, {}).settings
        changed = await weir.app.reload(larger)
        heard = await weir.stream("hello")
    assert "rates.default" in changed.others_changed
    assert heard.code is grpc.StatusCode.OK
