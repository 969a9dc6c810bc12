"""Which token counts are believed? Those that obey the laws of TokenUsage, and no others."""

from typing import Any

import pytest

from tests.providers.wire.samples import CHUNKS, decode_stream, end_of, stream_of
from weir.v1.content_pb2 import Modality
from weir.v1.usage_pb2 import TokenUsage, UsageSource
from weir_server.providers.wire.openai.quirks import OPENAI, Quirks
from weir_server.providers.wire.openai.usage import read_usage

PROVIDER = UsageSource.USAGE_SOURCE_PROVIDER


def counts(
    prompt: object, completion: object, total: object = None, **more: object
) -> dict[str, Any]:
    """Return a usage object as the vendor would send it."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": total,
        **more,
    }


BELIEVED: dict[str, tuple[dict[str, Any], TokenUsage]] = {
    "plain": (
        counts(10, 5, 15),
        TokenUsage(prompt_tokens=10, completion_tokens=5, total_tokens=15, source=PROVIDER),
    ),
    "without a total": (
        counts(10, 5),
        TokenUsage(prompt_tokens=10, completion_tokens=5, total_tokens=15, source=PROVIDER),
    ),
    "cached, written and reasoning": (
        counts(
            10,
            5,
            15,
            prompt_tokens_details={"cached_tokens": 8, "cache_write_tokens": 2},
            completion_tokens_details={"reasoning_tokens": 4},
        ),
        TokenUsage(
            prompt_tokens=10,
            completion_tokens=5,
            total_tokens=15,
            cached_prompt_tokens=8,
            cache_write_prompt_tokens=2,
            reasoning_tokens=4,
            source=PROVIDER,
        ),
    ),
    "cached as DeepSeek says it": (
        counts(10, 5, 15, prompt_cache_hit_tokens=8, prompt_cache_miss_tokens=2),
        TokenUsage(
            prompt_tokens=10,
            completion_tokens=5,
            total_tokens=15,
            cached_prompt_tokens=8,
            source=PROVIDER,
        ),
    ),
    "reasoning beside the completion, as xAI says it": (
        counts(10, 5, 115, completion_tokens_details={"reasoning_tokens": 100}),
        TokenUsage(
            prompt_tokens=10,
            completion_tokens=105,
            total_tokens=115,
            reasoning_tokens=100,
            source=PROVIDER,
        ),
    ),
    "details of null": (
        counts(10, 5, 15, prompt_tokens_details=None, completion_tokens_details=None),
        TokenUsage(prompt_tokens=10, completion_tokens=5, total_tokens=15, source=PROVIDER),
    ),
    "a price is not looked at": (
        counts(10, 5, 15, cost=0),
        TokenUsage(prompt_tokens=10, completion_tokens=5, total_tokens=15, source=PROVIDER),
    ),
}


@pytest.mark.parametrize("case", BELIEVED)
def test_believed(case: str) -> None:
    """Lawful counts come through, whatever the vendor's way to say them."""
    said, expected = BELIEVED[case]

    assert read_usage(said, produced=True, quirks=OPENAI) == expected


REFUSED: dict[str, object] = {
    "negative": counts(-5, -1, -6),
    "negative completion": counts(10, -1, 9),
    "absurd": counts(2**63, 10**15),
    "just too many": counts(100_000_001, 5),
    "a total that is too small": counts(10, 5, 12),
    "a total that nothing explains": counts(10, 5, 99),
    "cached beyond the prompt": counts(10, 5, 15, prompt_tokens_details={"cached_tokens": 11}),
    "written beyond the prompt": counts(
        10, 5, 15, prompt_tokens_details={"cache_write_tokens": 11}
    ),
    "reasoning beyond the completion": counts(
        10, 5, 15, completion_tokens_details={"reasoning_tokens": 6}
    ),
    "audio beyond the prompt": counts(10, 5, 15, prompt_tokens_details={"audio_tokens": 11}),
    "negative details": counts(10, 5, 15, prompt_tokens_details={"cached_tokens": -1}),
    "text": counts("19", 5),
    "a fraction": counts(19, 6.5),
    "a truth value": counts(True, 5),
    "no prompt": counts(0, 5, 5),
    "nothing for something": counts(10, 0, 10),
    "empty": {},
    "a list": [10, 5],
    "a number": 15,
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    """Unlawful counts are left out, so that Weir estimates instead."""
    assert read_usage(REFUSED[case], produced=True, quirks=OPENAI) is None


def test_no_completion_tokens_for_no_content() -> None:
    """An empty answer may cost nothing but its prompt."""
    usage = read_usage(counts(10, 0, 10), produced=False, quirks=OPENAI)

    assert usage is not None
    assert usage.total_tokens == 10


def test_hidden_tokens_where_a_vendor_is_known_for_them() -> None:
    """Gemini's total counts reasoning that no other field does; it is paid for all the same."""
    quirks = Quirks(hidden_tokens_in_total=True)

    usage = read_usage(counts(10, 5, 99), produced=True, quirks=quirks)

    assert usage is not None
    assert (usage.completion_tokens, usage.reasoning_tokens) == (89, 84)


def test_other_modalities_are_told() -> None:
    """Tokens of sound and images lie within the totals."""
    said = counts(
        10,
        5,
        15,
        prompt_tokens_details={"audio_tokens": 4, "image_tokens": 3},
        completion_tokens_details={"audio_tokens": 2},
    )

    usage = read_usage(said, produced=True, quirks=OPENAI)

    assert usage is not None
    assert [(m.modality, m.prompt_tokens, m.completion_tokens) for m in usage.modality_tokens] == [
        (Modality.MODALITY_AUDIO, 4, 2),
        (Modality.MODALITY_IMAGE, 3, 0),
    ]


def test_the_last_usage_wins() -> None:
    """Cumulative and repeated usage is not summed up."""
    chunks = [CHUNKS.content("a"), CHUNKS.content("b"), CHUNKS.finish()]
    cumulative = [{**chunk, "usage": counts(10, n, 10 + n)} for n, chunk in enumerate(chunks, 1)]

    end = end_of(decode_stream(stream_of(*cumulative, cumulative[-1])))

    assert end.end.usage.completion_tokens == 3


def test_refused_usage_leaves_the_answer_good() -> None:
    """The end has no usage, and no failure either."""
    last = CHUNKS.last_usage(counts(-5, -1, -6))

    end = end_of(decode_stream(stream_of(CHUNKS.content("a"), CHUNKS.finish(), last)))

    assert not end.end.HasField("usage")
