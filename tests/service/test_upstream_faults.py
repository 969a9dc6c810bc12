"""Every way an upstream can fail, through the whole server: a status, a reason, and never OK."""

from collections.abc import Iterable

import grpc
import pytest

from tests.providers.http.test_faults import ASKED, OUTCOMES
from tests.service.weir import (
    Weir,
    chat_request,
    failure_of_error,
    hear,
    serving,
    stream_request,
    upstream_tree,
)
from tests.transport.test_status import CODES
from weir.fold import fold_chat
from weir.v1.generation_pb2 import FinishReason
from weir.v1.usage_pb2 import UsageSource
from weir_server.fake_upstream.faults import FAULTS, Asked
from weir_server.fake_upstream.upstream import FakeUpstream


async def outcome(
    weir: Weir, *, streaming: bool, timeout_s: float = 20.0
) -> tuple[str, str, str | None]:
    """Ask once; return code, reason and cause, having held the stream to its guarantees."""
    if not streaming:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await weir.llm.Chat(chat_request("hello", model="m"), timeout=timeout_s)
        failure = failure_of_error(failed.value)
        code = failed.value.code()
    else:
        call = weir.llm.StreamChat(stream_request("hello", model="m"), timeout=timeout_s)
        heard = await hear(call)
        assert heard.code is not grpc.StatusCode.OK
        if heard.events:
            assert heard.kinds.count("end") == 1
            assert heard.end.finish_reason == FinishReason.FINISH_REASON_ERROR
            assert heard.end.HasField("usage")
            assert heard.end.error.code == heard.code.value[0]
        failure, code = heard.failure, heard.code
    assert failure.info is not None
    assert failure.failure is not None
    assert len(failure.failure.attempts) >= 1
    return code.name, failure.reason, dict(failure.info.metadata).get("cause")


@pytest.mark.parametrize(("name", "streaming"), ASKED)
async def test_a_fault_is_a_status_and_a_reason(name: str, streaming: bool) -> None:
    """Cut, stalled, malformed, redirected, too large: none is OK, none quotes the upstream."""
    reason, cause = OUTCOMES[name]
    async with (
        FakeUpstream(FAULTS[name].behaviour) as upstream,
        serving(upstream_tree(upstream.url, max_retries=0)) as weir,
    ):
        found = await outcome(weir, streaming=streaming)
    assert found == (CODES[reason], reason, cause)
    log = weir.log_bytes.getvalue()
    assert b"canary" not in log


ERROR, LIMITED = "UPSTREAM_ERROR", "UPSTREAM_RATE_LIMITED"
REFUSALS = {
    "bad_request": "UPSTREAM_REJECTED_REQUEST",
    "unprocessable": "UPSTREAM_REJECTED_REQUEST",
    "content_blocked": "UPSTREAM_REJECTED_REQUEST",
    "context_too_long": "CONTEXT_LENGTH_EXCEEDED",
    "bad_key": "UPSTREAM_CREDENTIALS_REJECTED",
    "forbidden": "UPSTREAM_CREDENTIALS_REJECTED",
    "payment_required": "UPSTREAM_QUOTA_EXHAUSTED",
    "quota_exhausted": "UPSTREAM_QUOTA_EXHAUSTED",
    "model_not_found": "UPSTREAM_MODEL_NOT_FOUND",
    "request_timeout": "UPSTREAM_TIMEOUT",
    "conflict": "UPSTREAM_CONFLICT",
    "too_large": "REQUEST_TOO_LARGE",
    "rate_limited": LIMITED,
    "server_error": ERROR,
    "bad_gateway": ERROR,
    "unavailable": ERROR,
    "gateway_timeout": ERROR,
    "server_error_without_body": ERROR,
    "wrapped_provider_error": ERROR,
    "overloaded": "UPSTREAM_OVERLOADED",
    "engine_overloaded": "UPSTREAM_OVERLOADED",
    "error_in_200_server": ERROR,
    "error_in_200_rate_limit": LIMITED,
    "error_in_200_bad_key": "UPSTREAM_CREDENTIALS_REJECTED",
    "empty_body": "UPSTREAM_PROTOCOL_ERROR",
    "json_but_no_object": "UPSTREAM_PROTOCOL_ERROR",
    "bad_utf8": "UPSTREAM_PROTOCOL_ERROR",
    "deep_json": "UPSTREAM_PROTOCOL_ERROR",
    "choices_of_wrong_type": "UPSTREAM_PROTOCOL_ERROR",
    "only_done": "UPSTREAM_STREAM_BROKEN",
    "bad_data_first": "UPSTREAM_PROTOCOL_ERROR",
    "data_no_object": "UPSTREAM_PROTOCOL_ERROR",
    "bad_utf8_stream": "UPSTREAM_PROTOCOL_ERROR",
    "error_event_first": ERROR,
    "bare_error_event": ERROR,
    "error_event_of_nothing": ERROR,
    "error_event_without_words": ERROR,
    "error_event_of_nothing_later": "UPSTREAM_STREAM_BROKEN",
    "error_list_instead_of_stream": LIMITED,
    "error_event_first_rate_limit": LIMITED,
    "named_error_event_first": ERROR,
    "error_event_after_role": ERROR,
    "error_event_later": "UPSTREAM_STREAM_BROKEN",
    "named_error_event_later": "UPSTREAM_STREAM_BROKEN",
    "error_chunk_later": "UPSTREAM_STREAM_BROKEN",
}
"""What the upstream's own words mean, and answers that make no sense."""

AGAIN = {
    "UPSTREAM_TIMEOUT": 3,
    "UPSTREAM_CONFLICT": 3,
    "UPSTREAM_OVERLOADED": 3,
    ERROR: 3,
    LIMITED: 2,  # in `WAIT_CALL_S`
    "UPSTREAM_STREAM_BROKEN": 3,
    "UPSTREAM_PROTOCOL_ERROR": 2,
}
"""How often the one target there is gets asked, where that is more than once."""
AFTER_TEXT = {
    "error_event_of_nothing_later",
    "error_event_later",
    "named_error_event_later",
    "error_chunk_later",
    "data_no_object",
    "bad_utf8_stream",
}
"""Faults after the caller has heard of the answer: they are never repeated."""

WAITS: dict[str, tuple[float | None, int]] = {
    "rate_limited_for_1_s": (1.0, 3),
    "rate_limited_for_200_ms": (0.2, 3),
    "rate_limited_reset_in_1_s": (1.0, 3),
    "rate_limited_for_an_hour": (300.0, 1),
    "rate_limited_negative": (None, 2),
    "rate_limited_garbage": (None, 2),
    "rate_limited_until_past": (None, 2),
    "rate_limited_until_2099": (None, 2),
}
"""Seconds that a Retry-After becomes: bounded, and nothing where it is nonsense; and the attempts
in `WAIT_CALL_S`. Where none is said Weir waits for 1 s, then for 2 s, which is too long here."""
WAIT_CALL_S = 2.8

ODDITIES = dict.fromkeys(
    [
        "no_choices",
        "no_content",
        "usage_missing",
        "usage_negative",
        "usage_absurd",
        "usage_of_wrong_types",
        "usage_says_free",
        "unknown_fields",
        "unary_instead_of_stream",
        "lines_end_in_cr",
        "lines_end_in_crlf",
        "starts_with_bom",
        "no_space_after_colon",
        "comments_between",
        "named_events",
        "other_fields",
        "unknown_event",
        "byte_by_byte",
        "cut_inside_utf8",
        "no_choices_stream",
        "empty_answer",
        "usage_missing_stream",
        "usage_negative_stream",
        "usage_absurd_stream",
        "usage_says_free_stream",
        "finish_twice",
        "usage_twice",
        "usage_cumulative",
        "done_twice",
        "unknown_fields_stream",
    ],
    FinishReason.FINISH_REASON_STOP,
) | {
    "filtered": FinishReason.FINISH_REASON_CONTENT_FILTER,
    "filtered_stream": FinishReason.FINISH_REASON_CONTENT_FILTER,
    "new_finish_reason": FinishReason.FINISH_REASON_OTHER,
    "new_finish_reason_stream": FinishReason.FINISH_REASON_OTHER,
}
"""What the standards allow, or vendors do all the same: an answer, with this finish reason."""

SLOW = {"hang_before_headers", "drip_headers", "drip_body"}
"""Only a limit of time ends these; the deadline tests have them."""


def asked(names: Iterable[str]) -> list[tuple[str, bool]]:
    return [
        (name, streaming)
        for name in names
        for streaming in (True, False)
        if FAULTS[name].asked is Asked.ANY or (FAULTS[name].asked is Asked.STREAM) is streaming
    ]


def test_every_fault_is_expected_to_become_something() -> None:
    """A fault that is added to the catalogue has to be decided about here."""
    assert set(FAULTS) == {*OUTCOMES, *REFUSALS, *WAITS, *ODDITIES, *SLOW}


@pytest.mark.parametrize(("name", "streaming"), asked(REFUSALS))
async def test_the_upstream_s_words_have_a_reason(name: str, streaming: bool) -> None:
    """By status first, by code next; the caller reads Weir's own fixed text."""
    async with (
        FakeUpstream(FAULTS[name].behaviour) as upstream,
        serving(upstream_tree(upstream.url)) as weir,
    ):
        limit_s = WAIT_CALL_S if REFUSALS[name] == LIMITED else 20.0
        code, reason, _ = await outcome(weir, streaming=streaming, timeout_s=limit_s)
    assert (code, reason) == (CODES[REFUSALS[name]], REFUSALS[name])
    assert len(upstream.journal) == (1 if name in AFTER_TEXT else AGAIN.get(reason, 1))


@pytest.mark.parametrize("name", WAITS)
async def test_a_wait_is_passed_on_within_reason(name: str) -> None:
    """It is waited out where that fits; then RetryInfo and pushback say the same."""
    async with (
        FakeUpstream(FAULTS[name].behaviour) as upstream,
        serving(upstream_tree(upstream.url)) as weir,
    ):
        call = weir.llm.StreamChat(stream_request("hello", model="m"), timeout=WAIT_CALL_S)
        heard = await hear(call)
    wait_s, attempts = WAITS[name]
    assert heard.failure.reason == LIMITED
    assert len(upstream.journal) == attempts
    if wait_s is None:
        assert heard.failure.retry is None
        return
    assert heard.failure.retry is not None
    assert heard.failure.retry.retry_delay.ToMilliseconds() == wait_s * 1000
    assert heard.trailers["grpc-retry-pushback-ms"] == str(round(wait_s * 1000))


@pytest.mark.parametrize(("name", "streaming"), asked(ODDITIES))
async def test_an_oddity_is_still_an_answer(name: str, streaming: bool) -> None:
    """OK, with usage that says whether the provider's word was believed."""
    async with (
        FakeUpstream(FAULTS[name].behaviour) as upstream,
        serving(upstream_tree(upstream.url)) as weir,
    ):
        if streaming:
            call = weir.llm.StreamChat(stream_request("hello", model="m"), timeout=20)
            heard = await hear(call)
            assert heard.code is grpc.StatusCode.OK
            reply = fold_chat(heard.events)
        else:
            reply = await weir.llm.Chat(chat_request("hello", model="m"), timeout=20)
    assert reply.finish_reason == ODDITIES[name]
    estimated = any(word in name for word in ("missing", "negative", "absurd", "wrong_types"))
    source = UsageSource.USAGE_SOURCE_ESTIMATED if estimated else UsageSource.USAGE_SOURCE_PROVIDER
    assert reply.usage.source == source
    assert not reply.usage.HasField("cost")
