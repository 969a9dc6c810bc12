"""What has an attempt used that did not come to its end?"""

import asyncio
import time

import pytest

from tests.accounting.answers import (
    PROMPT_TOKENS,
    WORDS,
    Provider,
    asked,
    counted,
    ended,
    metered,
    read,
    said,
    started,
    streamed,
    used,
)
from tests.accounting.calls import call_of
from tests.accounting.prices import NO_PRICES
from weir.v1.generation_pb2 import Phase
from weir.v1.usage_pb2 import TokenUsage, UsageSource
from weir_server.accounting.encoder import INLINE_CHARS
from weir_server.accounting.meter import MeterStage
from weir_server.accounting.tokens import Tokens
from weir_server.accounting.written import WINDOW_CHARS, WINDOWS_MAX
from weir_server.core.call import Call
from weir_server.core.errors import (
    DeadlineExceeded,
    InternalError,
    SlowConsumer,
    UnsupportedOption,
    UpstreamConnectFailed,
    UpstreamCredentialsRejected,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamProtocolError,
    UpstreamRateLimited,
    UpstreamRejectedRequest,
    UpstreamStreamBroken,
    UpstreamTimeout,
    WeirError,
)
from weir_server.core.handler import Batch

PARTIAL = UsageSource.USAGE_SOURCE_PARTIAL

NOTHING = TokenUsage(source=PARTIAL)


async def failed(tokens: Tokens, provider: Provider) -> tuple[WeirError, Call]:
    """Run one attempt that must fail; return its error, and the call."""
    call = call_of()
    with pytest.raises(WeirError) as failure:
        await read(tokens, provider, call)
    return failure.value, call


UNCHARGED = [
    UpstreamConnectFailed(metadata={"cause": "refused"}),
    UpstreamRejectedRequest(metadata={"httpStatus": "400"}),
    UpstreamCredentialsRejected(),
    UpstreamRateLimited(),
    UpstreamOverloaded(),
    UpstreamError(metadata={"httpStatus": "500"}),
    UpstreamTimeout(metadata={"httpStatus": "408"}),
    UpstreamProtocolError(metadata={"cause": "redirect"}),
    UpstreamProtocolError(metadata={"cause": "content_type"}),
]
CHARGED = [
    UpstreamTimeout(),
    UpstreamProtocolError(metadata={"cause": "malformed"}),
    UpstreamProtocolError(metadata={"cause": "too_large"}),
    UpstreamStreamBroken(metadata={"cause": "cut"}),
    DeadlineExceeded(),
    SlowConsumer(),
]


def name_of(error: WeirError) -> str:
    return f"{error.name()}-{error.metadata.get('cause') or error.metadata.get('httpStatus', '')}"


@pytest.mark.parametrize("error", UNCHARGED, ids=name_of)
async def test_refusal_uses_nothing(tokens: Tokens, error: WeirError) -> None:
    """A provider that refused before it worked is owed nothing."""
    failure = type(error)(metadata=error.metadata)
    provider = Provider(refuses=failure, phase=Phase.PHASE_WAITING_FIRST_TOKEN)

    raised, call = await failed(tokens, provider)

    assert raised is failure
    assert raised.usage == call.progress.usage == NOTHING


@pytest.mark.parametrize("error", CHARGED, ids=name_of)
async def test_silence_uses_the_prompt(tokens: Tokens, error: WeirError) -> None:
    """A provider that had the request and gave nothing is thought to have read it."""
    failure = type(error)(metadata=error.metadata)
    provider = Provider(refuses=failure, phase=Phase.PHASE_WAITING_FIRST_TOKEN)

    raised, call = await failed(tokens, provider)

    assert raised is failure
    assert raised.usage == call.progress.usage == counted(PROMPT_TOKENS, 0, PARTIAL)


@pytest.mark.parametrize("error", [*UNCHARGED, *CHARGED], ids=name_of)
async def test_cut_answer_uses_what_came(tokens: Tokens, error: WeirError) -> None:
    """Once words have come, every failure costs the prompt and those words."""
    failure = type(error)(metadata=error.metadata)

    raised, call = await failed(tokens, Provider(batches=streamed(*WORDS[:4]), fails=failure))

    assert raised is failure
    assert raised.usage == call.progress.usage == counted(PROMPT_TOKENS, 4, PARTIAL)


@pytest.mark.parametrize("phase", [Phase.PHASE_QUEUED, Phase.PHASE_CONNECTING])
async def test_nothing_sent_is_nothing_used(tokens: Tokens, phase: Phase.ValueType) -> None:
    """A deadline or a refusal before the request went out costs nothing."""
    for error in (DeadlineExceeded(), UnsupportedOption(), InternalError()):
        raised, call = await failed(tokens, Provider(refuses=error, phase=phase))

        assert raised.usage == call.progress.usage == NOTHING


async def test_usage_that_an_error_brings_is_kept(tokens: Tokens) -> None:
    """A failure that already knows its usage, from the provider, keeps it."""
    failure = UpstreamStreamBroken(usage=used(14, 3))

    raised, call = await failed(tokens, Provider(batches=streamed("a"), fails=failure))

    assert raised.usage == call.progress.usage == used(14, 3)


async def test_failure_after_the_end_keeps_the_whole_usage(tokens: Tokens) -> None:
    """A reader that fails with the end in hand has still used all of it."""
    call = call_of()
    provider = Provider(batches=[*streamed(*WORDS), [ended(used(14, 7))]])

    with pytest.raises(SlowConsumer) as failure:
        await read(tokens, provider, call, then=SlowConsumer())

    assert failure.value.usage == call.progress.usage == used(14, 7)


@pytest.mark.parametrize(
    ("phase", "words", "expected"),
    [
        (Phase.PHASE_CONNECTING, 0, NOTHING),
        (Phase.PHASE_WAITING_FIRST_TOKEN, 0, counted(PROMPT_TOKENS, 0, PARTIAL)),
        (Phase.PHASE_GENERATING, 5, counted(PROMPT_TOKENS, 5, PARTIAL)),
    ],
)
async def test_cancelled_call_has_usage(
    tokens: Tokens, phase: Phase.ValueType, words: int, expected: TokenUsage
) -> None:
    """A cancellation passes through, the upstream is closed first, and the usage is known."""
    call = call_of()
    provider = Provider(batches=streamed(*WORDS[:words]), phase=phase, hangs=True)

    task = asyncio.create_task(read(tokens, provider, call))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert provider.closed
    assert call.progress.usage == expected


async def test_abandoned_call_has_usage(tokens: Tokens) -> None:
    """A reader that leaves in the middle has used what came until then."""
    call = call_of()
    provider = Provider(batches=[*streamed(*WORDS), [ended(used(14, 7))]])

    async with MeterStage(provider, tokens, NO_PRICES).open(call, asked()) as batches:
        await anext(batches)
        await anext(batches)

    assert call.progress.usage == counted(PROMPT_TOKENS, 1, PARTIAL)


async def test_ended_attempt_lets_go_of_the_call(tokens: Tokens) -> None:
    """Nothing of an attempt that is over is held by the call: both are freed at once."""
    call = call_of()

    async with MeterStage(Provider(batches=streamed(*WORDS)), tokens, NO_PRICES).open(
        call, asked()
    ):
        during = call.progress.usage_now

    assert during is not None
    assert call.progress.usage_now is None


async def test_answer_without_an_end_has_usage(tokens: Tokens) -> None:
    """Where the batches just stop, the call still knows what came."""
    _, call = await metered(tokens, Provider(batches=streamed(*WORDS[:3])))

    assert call.progress.usage == counted(PROMPT_TOKENS, 3, PARTIAL)


async def test_cancelling_a_huge_call_is_quick(tokens: Tokens) -> None:
    """However much went in and out, what is done while cancelling takes bounded time."""
    request = asked()
    request.messages[0].parts[0].text = "The quick brown fox. " * 400_000
    flood: list[Batch] = [[started()], *([said("word " * 20_000)] for _ in range(100))]
    call = call_of()
    began = time.thread_time()

    with pytest.raises(SlowConsumer):
        await read(tokens, Provider(batches=flood), call, request, then=SlowConsumer())

    assert time.thread_time() - began < 0.1
    usage = call.progress.usage
    assert usage is not None
    assert usage.completion_tokens == pytest.approx(2_000_000, rel=0.02)
    assert usage.prompt_tokens == pytest.approx(2_000_000, rel=0.02)


async def test_flood_is_not_kept(tokens: Tokens) -> None:
    """Of a long answer only the beginning and a few samples are remembered."""
    stage = MeterStage(
        Provider(batches=[[said("x" * 1_000)] for _ in range(1_000)]), tokens, NO_PRICES
    )

    async with stage.open(call_of(), asked()) as batches:
        async for _ in batches:
            pass
        kept = batches._meter._said  # type: ignore[attr-defined]  # what the stage remembers

    assert kept.chars == 1_000_000
    remembered = len(kept._beginning.getvalue()) + sum(map(len, kept._windows)) + len(kept._open)
    assert remembered <= INLINE_CHARS + WINDOWS_MAX * WINDOW_CHARS
