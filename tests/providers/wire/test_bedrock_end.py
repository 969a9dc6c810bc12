"""When and why is an answer of Converse complete, and what did it cost?"""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.contracts.answers import TEXT
from tests.providers.wire import converse as c
from weir.v1.generation_pb2 import (
    FinishReason,
)
from weir.v1.usage_pb2 import TokenUsage, UsageSource
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end_turn", FinishReason.FINISH_REASON_STOP),
        ("max_tokens", FinishReason.FINISH_REASON_MAX_TOKENS),
        ("stop_sequence", FinishReason.FINISH_REASON_STOP_SEQUENCE),
        ("guardrail_intervened", FinishReason.FINISH_REASON_CONTENT_FILTER),
        ("content_filtered", FinishReason.FINISH_REASON_CONTENT_FILTER),
        ("model_context_window_exceeded", FinishReason.FINISH_REASON_CONTEXT_LENGTH),
        ("malformed_model_output", FinishReason.FINISH_REASON_OTHER),
        ("malformed_tool_use", FinishReason.FINISH_REASON_OTHER),
        ("something_new", FinishReason.FINISH_REASON_OTHER),
    ],
)
def test_why_it_ended(stop: str, reason: FinishReason.ValueType) -> None:
    """Every reason of the vendor's, and its own word beside it."""
    response = c.both([{"text": "A"}], c.text(0, "A"), stop=stop)

    assert response.finish_reason == reason
    assert response.metadata.raw_finish_reason == stop


def test_what_is_said_beside_the_answer() -> None:
    """The model behind a router, the stop sequence, tiers, traces and times."""
    more: Mapping[str, Any] = {
        "trace": {"promptRouter": {"invokedModelId": "anthropic.claude-x"}},
        "performanceConfig": {"latency": "optimized"},
        "serviceTier": {"type": "flex"},
    }
    fields = {"stop_sequence": "END"}
    said = c.usage(cacheWriteInputTokens=4, cacheReadInputTokens=0)
    said["cacheDetails"] = [{"ttl": "1h", "inputTokens": 4}]

    whole = c.whole(
        {"text": "A"}, stop="stop_sequence", said=said, additionalModelResponseFields=fields, **more
    )
    stop = c.event("messageStop", stopReason="stop_sequence", additionalModelResponseFields=fields)
    body = c.stream(c.text(0, "A"), stop, stop=None, said=said, **more)

    response = c.folded(c.decode_stream(body))
    assert response == c.folded(c.decode_whole(whole))
    metadata = response.metadata
    assert metadata.model == "anthropic.claude-x"
    assert metadata.matched_stop_sequence == "END"
    assert dict(metadata.attributes) == {
        "bedrock.latency_ms": "1234",
        "bedrock.latency": "optimized",
        "bedrock.service_tier": "flex",
        "bedrock.cache_details": '[{"ttl":"1h","inputTokens":4}]',
        "bedrock.additional_fields": '{"stop_sequence":"END"}',
        "bedrock.trace": '{"promptRouter":{"invokedModelId":"anthropic.claude-x"}}',
    }


def test_without_metadata_nobody_knows_what_it_cost() -> None:
    """A stream that ends properly after its reason is complete, and tells no usage."""
    decoded = c.decode_stream(c.stream(c.text(0, "A"), metadata=False))

    assert decoded.done
    assert c.folded(decoded).usage == TokenUsage()


def test_half_of_the_metadata_is_a_cut() -> None:
    """Whoever breaks off within a message was cut off."""
    whole = c.stream(c.text(0, "A"))
    stop_ends = whole.index(c.event("metadata", usage=c.usage(), metrics=c.METRICS))

    assert c.decode_stream(whole[:stop_ends]).done
    for length in range(stop_ends + 1, len(whole)):
        failure = c.decode_stream(whole[:length]).failure
        assert isinstance(failure, UpstreamStreamBroken), length
        assert failure.metadata["cause"] == "cut"


def test_an_answer_that_is_no_stream_is_read_as_what_it_is() -> None:
    """A server that cannot stream answers whole."""
    decoded = c.decode_stream(c.whole({"text": TEXT}))

    assert c.folded(decoded).message.parts[0].text == TEXT


@pytest.mark.parametrize(
    "body",
    [
        c.stream(c.event("contentBlockDelta", contentBlockIndex="x", delta={})),
        c.stream(c.event("contentBlockStart", start=[])),
        c.stream(c.event("contentBlockStop")),
        c.stream(c.event("messageStop", stopReason=7), stop=None),
    ],
)
def test_an_event_that_makes_no_sense_ends_the_stream(body: bytes) -> None:
    """It could have been words of the answer, which would then be missing."""
    decoded = c.decode_stream(body)

    assert isinstance(decoded.failure, UpstreamProtocolError)


def test_an_event_of_another_name_is_skipped() -> None:
    """New events that are about no block change nothing."""
    body = c.stream(c.event("messageProgress", percent=50), c.text(0, "A"))

    assert c.decode_stream(body).normal() == c.decode_stream(c.stream(c.text(0, "A"))).normal()


def test_a_whole_answer_without_its_reason_was_cut() -> None:
    """A message alone could be half an answer."""
    failure = c.decode_whole(b'{"output":{"message":{"content":[{"text":"A"}]}}}').failure

    assert isinstance(failure, UpstreamStreamBroken)


# --- What it cost ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        (c.usage(), (19, 6, 25, 0, 0)),
        (c.usage(3, 6, cacheReadInputTokens=12, cacheWriteInputTokens=4), (19, 6, 25, 12, 4)),
        (
            {**c.usage(3, 6, cacheReadInputTokens=12, cacheWriteInputTokens=4), "totalTokens": 9},
            (19, 6, 25, 12, 4),
        ),
        ({"inputTokens": 19, "outputTokens": 6}, (19, 6, 25, 0, 0)),
    ],
    ids=["plain", "cached, in the total", "cached, beside the total", "no total"],
)
def test_the_prompt_is_the_sum_of_fresh_and_cached(said: c.Json, counts: tuple[int, ...]) -> None:
    """The vendor leaves cached tokens out of `inputTokens`; the contract counts them in."""
    used = c.both([{"text": "A"}], c.text(0, "A"), said=said).usage

    assert used.source == UsageSource.USAGE_SOURCE_PROVIDER
    assert counts == (
        used.prompt_tokens,
        used.completion_tokens,
        used.total_tokens,
        used.cached_prompt_tokens,
        used.cache_write_prompt_tokens,
    )


@pytest.mark.parametrize(
    "said",
    [
        {**c.usage(), "totalTokens": 26},
        c.usage(0, 6),
        c.usage(19, 0),
        {**c.usage(), "inputTokens": -1},
        {**c.usage(), "inputTokens": True},
        {**c.usage(), "outputTokens": 1.5},
        {**c.usage(), "totalTokens": "25"},
        c.usage(10**9, 1),
        [1],
    ],
)
def test_counts_that_cannot_be_believed_are_not_told(said: Any) -> None:
    """Weir then counts itself."""
    decoded = c.decode_whole(c.whole({"text": "A"}, said=said))

    assert c.folded(decoded).usage == TokenUsage()


def test_a_guardrails_own_words_cost_nothing() -> None:
    """A prompt that was stopped reached no model: its zeros are the truth."""
    response = c.both(
        [{"text": "Blocked."}],
        c.text(0, "Blocked."),
        stop="guardrail_intervened",
        said=c.usage(0, 0),
    )

    assert response.usage == TokenUsage(source=UsageSource.USAGE_SOURCE_PROVIDER)
