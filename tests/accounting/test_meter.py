"""Does every attempt have its usage, however it ends, and is it one that can be believed?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.accounting.answers import (
    PROMPT_TOKENS,
    WORDS,
    Provider,
    argued,
    asked,
    counted,
    ended,
    metered,
    said,
    started,
    streamed,
    used,
)
from tests.accounting.calls import target_of
from weir.v1.content_pb2 import Modality, Part, ReasoningPart, ToolCallPart
from weir.v1.embedding_service_pb2 import EmbedRequest, EmbedResponse
from weir.v1.usage_pb2 import Cost, ModalityTokens, TokenUsage, UsageSource
from weir_server.accounting.tokens import Tokens
from weir_server.accounting.usage import BELIEVABLE_MAX_TOKENS, believable
from weir_server.core.handler import Batch, Request

PROVIDER = UsageSource.USAGE_SOURCE_PROVIDER
ESTIMATED = UsageSource.USAGE_SOURCE_ESTIMATED
PARTIAL = UsageSource.USAGE_SOURCE_PARTIAL


async def usage_of(
    tokens: Tokens, provider: Provider, request: Request | None = None
) -> TokenUsage:
    """Return the usage of a good answer, as its `end` says it; the call must say the same."""
    batches, call = await metered(tokens, provider, request)
    last = batches[-1]
    assert isinstance(last, list)
    assert call.progress.usage == last[-1].end.usage
    return last[-1].end.usage


async def test_batches_pass_as_they_are(tokens: Tokens) -> None:
    """The very lists that the provider gives come out, in order."""
    given_batches = [*streamed(*WORDS), [ended(used(14, 7))]]

    batches, _ = await metered(tokens, Provider(batches=given_batches))

    assert [id(batch) for batch in batches] == [id(batch) for batch in given_batches]


async def test_believable_usage_is_kept(tokens: Tokens) -> None:
    """The provider's counts stand when they obey the laws, also where Weir would count others."""
    usage = used(100, 50)
    usage.cached_prompt_tokens, usage.reasoning_tokens = 60, 40

    kept = await usage_of(tokens, Provider(batches=[*streamed(*WORDS), [ended(usage)]]))

    assert kept == usage


async def test_usage_of_no_source_is_the_providers(tokens: Tokens) -> None:
    """Counts that came with the answer are said to come from the provider."""
    usage = used(14, 7)
    usage.source = UsageSource.USAGE_SOURCE_UNSPECIFIED

    kept = await usage_of(tokens, Provider(batches=[*streamed(*WORDS), [ended(usage)]]))

    assert kept.source == PROVIDER


async def test_missing_usage_is_estimated(tokens: Tokens) -> None:
    """An answer without usage gets Weir's own count, and says so (28)."""
    usage = await usage_of(tokens, Provider(batches=[*streamed(*WORDS), [ended()]]))

    assert usage == counted(PROMPT_TOKENS, 7, ESTIMATED)


async def test_missing_usage_of_a_whole_answer_is_estimated(tokens: Tokens) -> None:
    """An answer that comes in one batch is counted before its end, not after."""
    batch = [started(), said("".join(WORDS)), ended()]

    usage = await usage_of(tokens, Provider(batches=[batch]))

    assert usage == counted(PROMPT_TOKENS, 7, ESTIMATED)


BELIEVABLE = used(14, 7)
ABSURD = {
    "negative prompt": used(-1, 7),
    "negative completion": used(14, -7),
    "no prompt": used(0, 7),
    "no completion for words": used(14, 0),
    "sum that does not add up": used(14, 7, total=20),
    "prompt beyond belief": used(BELIEVABLE_MAX_TOKENS + 1, 7),
    "completion beyond belief": used(14, BELIEVABLE_MAX_TOKENS + 1),
    "largest number": used(14, 2**62),
    "more cached than there is": TokenUsage(
        prompt_tokens=14, completion_tokens=7, total_tokens=21, cached_prompt_tokens=15
    ),
    "more written than there is": TokenUsage(
        prompt_tokens=14, completion_tokens=7, total_tokens=21, cache_write_prompt_tokens=15
    ),
    "negative cached": TokenUsage(
        prompt_tokens=14, completion_tokens=7, total_tokens=21, cached_prompt_tokens=-1
    ),
    "more reasoning than completion": TokenUsage(
        prompt_tokens=14, completion_tokens=7, total_tokens=21, reasoning_tokens=8
    ),
    "more of a modality than there is": TokenUsage(
        prompt_tokens=14,
        completion_tokens=7,
        total_tokens=21,
        modality_tokens=[ModalityTokens(modality=Modality.MODALITY_AUDIO, prompt_tokens=15)],
    ),
}


@pytest.mark.parametrize("absurd", ABSURD.values(), ids=ABSURD.keys())
async def test_absurd_usage_is_refused(tokens: Tokens, absurd: TokenUsage) -> None:
    """Counts that break the laws are refused, and Weir's own stand in for them (29)."""
    usage = await usage_of(tokens, Provider(batches=[*streamed(*WORDS), [ended(absurd)]]))

    assert usage == counted(PROMPT_TOKENS, 7, ESTIMATED)


async def test_price_of_a_provider_is_not_trusted(tokens: Tokens) -> None:
    """A cost that comes with the usage is taken off: the price is Weir's to say (29)."""
    usage = used(14, 7)
    usage.cost.CopyFrom(Cost(currency_code="USD", total_nanos=0))

    kept = await usage_of(tokens, Provider(batches=[*streamed(*WORDS), [ended(usage)]]))

    assert not kept.HasField("cost")
    assert kept == used(14, 7)


async def test_last_usage_wins(tokens: Tokens) -> None:
    """Usage is taken once, from the end; what came before it is not added (30)."""
    batches = [[started()], [said("a")], [said("b")], [ended(used(14, 2))]]

    usage = await usage_of(tokens, Provider(batches=batches))

    assert usage == used(14, 2)


async def test_answer_of_nothing_may_use_nothing(tokens: Tokens) -> None:
    """Zero completion tokens are believed of an answer that holds no words."""
    usage = await usage_of(tokens, Provider(batches=[[ended(used(14, 0))]]))

    assert usage == used(14, 0)


async def test_reasoning_and_calls_are_counted(tokens: Tokens) -> None:
    """An estimate counts reasoning within the completion, and the names and arguments of calls."""
    target = target_of()
    batches: list[Batch] = [
        [started(Part(reasoning=ReasoningPart()), index=0), said("Let me think", index=0)],
        [started(Part(tool_call=ToolCallPart(id="c", name="get_weather")), index=1)],
        [argued('{"city":', index=1), said(" hard.", index=0), argued('"Oslo"}', index=1)],
        [ended()],
    ]

    usage = await usage_of(tokens, Provider(batches=batches))

    thought = tokens.estimate_text(target, "Let me think hard.")
    called = tokens.estimate_text(target, 'get_weather{"city":"Oslo"}')
    assert usage.reasoning_tokens == thought
    assert usage.completion_tokens == thought + called
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


@pytest.mark.parametrize("reported", [used(14, 0), TokenUsage()], ids=["reported", "missing"])
async def test_embeddings_have_usage(tokens: Tokens, reported: TokenUsage) -> None:
    """A reply of Embed keeps a believable usage, and gets an estimate otherwise."""
    request = EmbedRequest()
    request.inputs.add(text="hello world")

    batches, call = await metered(
        tokens, Provider(batches=[EmbedResponse(usage=reported)]), request
    )

    reply = batches[0]
    assert isinstance(reply, EmbedResponse)
    assert reply.usage == (reported if reported.prompt_tokens else counted(2, 0, ESTIMATED))
    assert call.progress.usage == reply.usage


async def test_usage_outlives_the_answer(tokens: Tokens) -> None:
    """What the call keeps is a copy: changing the event later changes nothing."""
    batches, call = await metered(tokens, Provider(batches=[[ended(used(14, 0))]]))
    last = batches[-1]
    assert isinstance(last, list)

    last[-1].end.usage.prompt_tokens = 99

    assert call.progress.usage == used(14, 0)


async def test_request_is_left_alone(tokens: Tokens) -> None:
    """Counting a request changes nothing in it."""
    request = asked()
    request.options.temperature = 1
    before = request.SerializeToString(deterministic=True)

    await metered(tokens, Provider(batches=[*streamed(*WORDS), [ended()]]), request)

    assert request.SerializeToString(deterministic=True) == before


COUNTS = st.integers(-2, 30)


@given(
    prompt=COUNTS,
    completion=COUNTS,
    total=COUNTS,
    cached=COUNTS,
    written=COUNTS,
    reasoning=COUNTS,
    produced=st.booleans(),
)
def test_believed_usage_obeys_the_laws(
    prompt: int,
    completion: int,
    total: int,
    cached: int,
    written: int,
    reasoning: int,
    produced: bool,
) -> None:
    """Whatever is reported, only what obeys every law is believed."""
    usage = TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=total,
        cached_prompt_tokens=cached,
        cache_write_prompt_tokens=written,
        reasoning_tokens=reasoning,
    )

    lawful = (
        prompt >= 1
        and completion >= int(produced)
        and total == prompt + completion
        and cached in range(prompt + 1)
        and written in range(prompt + 1)
        and reasoning in range(completion + 1)
    )
    assert believable(usage, produced=produced) is lawful
