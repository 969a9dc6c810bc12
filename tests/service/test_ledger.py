"""Every call is booked once, whatever becomes of it, and costs what its caller was told."""

from collections.abc import Sequence
from pathlib import Path

import grpc
import pytest

from tests.service.asking import refused, until
from tests.service.booked import (
    IN_NANOS,
    OUT_NANOS,
    booking,
    cost_of,
    priced,
    record,
    records,
)
from tests.service.test_fault_matrix import tree as two_targets
from tests.service.weir import chat_request, hear, serving, stream_request
from weir.v1.error_pb2 import AttemptKind, ErrorReason
from weir.v1.generation_pb2 import BreakPolicy, FinishReason, RoutingOptions
from weir.v1.provider_service_pb2 import InitializeRequest, ProviderConfig, StreamChatResponse
from weir.v1.usage_pb2 import UsageSource
from weir.v1.usage_service_pb2 import CallRecord, CallState, GetResponseUsageRequest
from weir_server.fake_upstream.behaviour import Hang, Reply, Sse
from weir_server.fake_upstream.exchange import Behaviour, Ending
from weir_server.fake_upstream.openai_service import OpenAiService, words
from weir_server.fake_upstream.openai_wire import ChatChunks, encode_events
from weir_server.fake_upstream.upstream import FakeUpstream

SAID = OpenAiService(says=words(50))
PLAIN = ("time", "house", "water", "people", "world", "day", "man", "year")
PIECES = [f" {PLAIN[number % len(PLAIN)]}" for number in range(400)]
"""A token each, by the vocabulary that the model's tokens are counted with."""


def after(count: int, ending: Ending) -> Sse:
    """So many words of an answer, and then nothing more, or its end without a word."""
    chunks = [ChatChunks().role(), *map(ChatChunks().content, PIECES[:count])]
    return Sse(events=encode_events(chunks, done=False), ending=ending)


def reason(told: CallRecord) -> str:
    return ErrorReason.Name(told.reason).removeprefix("ERROR_REASON_")


def said_in(message: object) -> str:
    """What one message of a stream says."""
    assert isinstance(message, StreamChatResponse)
    return "".join(event.part_delta.text for event in message.events)


def assert_adds_up(told: CallRecord) -> None:
    """The lines sum to the total, and the attempts that are charged to the call."""
    cost = told.usage.cost
    assert cost.total_nanos == sum(line.amount_nanos for line in cost.lines)
    charged = [attempt for attempt in told.attempts if attempt.charged]
    assert cost.total_nanos == sum(cost_of(attempt.usage) for attempt in charged)


async def test_an_answer_is_booked_as_its_caller_was_told(tmp_path: Path) -> None:
    """Usage, cost, identity and time of a unary answer stand in the ledger when it arrives."""
    async with FakeUpstream(SAID) as upstream, booking(priced(upstream.url), tmp_path) as weir:
        request = chat_request("Tell me", model="m", labels={"team": "search"})
        answer = await weir.llm.Chat(request)
        # No waiting: it is booked before the answer is sent.
        asked = GetResponseUsageRequest(response_id=answer.metadata.response_id)
        told = (await weir.usage.GetResponseUsage(asked)).call
    assert told.usage == answer.usage
    assert told.usage.completion_tokens == 50
    assert cost_of(told.usage) == told.usage.prompt_tokens * IN_NANOS + 50 * OUT_NANOS
    assert (told.tenant, told.method, told.model) == ("default", "Chat", "models/m")
    assert (told.provider, told.vendor_model) == ("providers/fake", "vendor-m")
    assert dict(told.labels) == {"team": "search"}
    assert told.state == CallState.CALL_STATE_SETTLED
    assert (told.code, told.finish_reason) == (0, FinishReason.FINISH_REASON_STOP)
    assert told.duration.ToNanoseconds() > 0
    assert [attempt.charged for attempt in told.attempts] == [True]
    assert_adds_up(told)


async def test_a_stream_is_booked_before_its_end_arrives(tmp_path: Path) -> None:
    """Whoever has the `end` finds the call settled, with the same usage and cost."""
    async with FakeUpstream(SAID) as upstream, booking(priced(upstream.url), tmp_path) as weir:
        heard = await hear(weir.llm.StreamChat(stream_request("Tell me", model="m")))
        asked = GetResponseUsageRequest(response_id=heard.events[0].start.response_id)
        told = (await weir.usage.GetResponseUsage(asked)).call
    assert told.usage == heard.end.usage
    assert cost_of(told.usage) > 0
    assert told.HasField("time_to_first_part")
    assert_adds_up(told)


@pytest.mark.parametrize("count", [5, 400])
async def test_a_stream_that_its_caller_leaves(tmp_path: Path, count: int) -> None:
    """It costs what went in and what came out until then, counted within 5 % of the truth."""
    async with (
        FakeUpstream(after(count, Ending.STALL)) as upstream,
        booking(priced(upstream.url), tmp_path) as weir,
    ):
        call = weir.llm.StreamChat(stream_request("Tell me", model="m"))
        text = ""
        while text.count(" ") < count:
            text += said_in(await call.read())
        call.cancel()
        (told,) = await records(weir, 1)
    assert reason(told) == "CLIENT_CANCELLED"
    assert told.usage.source == UsageSource.USAGE_SOURCE_PARTIAL
    assert abs(told.usage.completion_tokens - count) <= max(1, count * 0.05)
    assert cost_of(told.usage) >= count * 0.95 * OUT_NANOS
    assert_adds_up(told)


async def test_a_stream_that_its_deadline_ends(tmp_path: Path) -> None:
    """The row says so, with what was said until then."""
    async with (
        FakeUpstream(after(40, Ending.STALL)) as upstream,
        booking(priced(upstream.url), tmp_path) as weir,
    ):
        heard = await hear(weir.llm.StreamChat(stream_request("Tell me", model="m"), timeout=0.6))
        (told,) = await records(weir, 1)
    assert heard.failure.reason == "DEADLINE_EXCEEDED"
    assert reason(told) == "DEADLINE_EXCEEDED"
    assert told.usage == heard.end.usage
    assert abs(told.usage.completion_tokens - 40) <= 2


async def test_a_stream_that_its_provider_cuts(tmp_path: Path) -> None:
    """The caller is told what it costs, and that is booked."""
    async with (
        FakeUpstream(after(40, Ending.EOF)) as upstream,
        booking(priced(upstream.url), tmp_path) as weir,
    ):
        heard = await hear(weir.llm.StreamChat(stream_request("Tell me", model="m")))
        (told,) = await records(weir, 1)
    assert reason(told) == heard.failure.reason == "UPSTREAM_STREAM_BROKEN"
    assert told.usage == heard.end.usage
    assert abs(told.usage.completion_tokens - 40) <= 2
    assert_adds_up(told)


async def test_a_unary_call_that_its_caller_leaves(tmp_path: Path) -> None:
    """What came out is not known: what went in is booked, and the count is flagged."""
    async with FakeUpstream(Hang()) as upstream, booking(priced(upstream.url), tmp_path) as weir:
        call = weir.llm.Chat(chat_request("Tell me something long", model="m"))
        await upstream.wait_for_attempts(1)
        call.cancel()
        (told,) = await records(weir, 1)
    assert reason(told) == "CLIENT_CANCELLED"
    assert told.usage.source == UsageSource.USAGE_SOURCE_PARTIAL
    assert told.usage.prompt_tokens > 0
    assert told.usage.completion_tokens == 0


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
async def test_a_refusal_costs_nothing(tmp_path: Path, status: int) -> None:
    """A provider that did nothing is paid nothing; the call is booked all the same."""
    async with (
        FakeUpstream(Reply(status=status), Reply(status=status), Reply(status=status)) as upstream,
        booking(priced(upstream.url, max_retries=0), tmp_path) as weir,
    ):
        failure = await refused(weir.llm.Chat(chat_request("Tell me", model="m")))
        (told,) = await records(weir, 1)
    assert reason(told) == failure.reason
    assert (told.usage.total_tokens, told.usage.cost.total_nanos) == (0, 0)


async def test_a_call_that_nobody_took_is_not_booked(tmp_path: Path) -> None:
    """One that breaks a rule, or names no model, reserves nothing and leaves no row."""
    async with FakeUpstream(SAID) as upstream, booking(priced(upstream.url), tmp_path) as weir:
        assert (await refused(weir.llm.Chat(chat_request("hi", model="no")))).reason == (
            "MODEL_NOT_FOUND"
        )
        await refused(weir.llm.Chat(chat_request("hi", model="m", temperature=9)))
        await weir.llm.Chat(chat_request("hi", model="m"))
        assert len(await records(weir, 1)) == 1


def repriced(a: FakeUpstream, b: FakeUpstream) -> dict[str, object]:
    """Two targets of one model, each with the price of these tests."""
    tree = two_targets(a.url, b.url)
    tree["prices"] = {"overrides": [{"model": "m", "prompt_tokens": "1", "completion_tokens": "2"}]}
    return tree


async def test_what_is_tried_beside_an_answer_is_the_platforms(tmp_path: Path) -> None:
    """A first target that took the request and broke off is not the tenant's to pay."""
    broken = Reply(body=b'{"choices": [', cut_after_bytes=8)
    async with (
        FakeUpstream(broken) as a,
        FakeUpstream(SAID) as b,
        booking(repriced(a, b), tmp_path) as weir,
    ):
        answer = await weir.llm.Chat(chat_request("Tell me", model="m"))
        told = await record(weir, answer.metadata.response_id)
    assert told.usage == answer.usage
    assert [attempt.kind for attempt in told.attempts] == [
        AttemptKind.ATTEMPT_KIND_FIRST,
        AttemptKind.ATTEMPT_KIND_FALLBACK,
    ]
    assert [attempt.charged for attempt in told.attempts] == [False, True]
    assert_adds_up(told)


async def test_a_text_that_two_targets_wrote(tmp_path: Path) -> None:
    """Both are the tenant's: it has both halves, and `end` says what they cost together."""
    steps: Sequence[Behaviour] = [after(40, Ending.EOF)]
    async with (
        FakeUpstream(*steps) as a,
        FakeUpstream(OpenAiService(says=words(20))) as b,
        booking(repriced(a, b), tmp_path) as weir,
    ):
        routing = RoutingOptions(on_break=BreakPolicy.BREAK_POLICY_CONTINUE)
        request = stream_request("Tell me", model="m", routing=routing)
        heard = await hear(weir.llm.StreamChat(request))
        (told,) = await records(weir, 1)
    assert heard.code is grpc.StatusCode.OK
    assert told.usage == heard.end.usage
    assert [attempt.charged for attempt in told.attempts] == [True, True]
    assert_adds_up(told)


async def test_the_ledger_outlives_the_server(tmp_path: Path) -> None:
    """Another start finds what the one before has booked."""
    async with FakeUpstream(SAID) as upstream:
        async with booking(priced(upstream.url), tmp_path) as weir:
            answer = await weir.llm.Chat(chat_request("Tell me", model="m"))
        async with booking(priced(upstream.url), tmp_path) as weir:
            told = await record(weir, answer.metadata.response_id)
    assert told.usage == answer.usage


async def test_what_never_was_is_not_found(tmp_path: Path) -> None:
    """Nor is it told apart from a call of somebody else."""
    async with FakeUpstream() as upstream, booking(priced(upstream.url), tmp_path) as weir:
        request = GetResponseUsageRequest(response_id="resp_never")
        refusal = await refused(weir.usage.GetResponseUsage(request))
    assert refusal.verdict == ("NOT_FOUND", "RESPONSE_NOT_FOUND")


async def test_a_running_call_is_seen(tmp_path: Path) -> None:
    """While it runs it has a row of its own, which is its reservation."""
    async with (
        FakeUpstream(after(3, Ending.STALL)) as upstream,
        booking(priced(upstream.url), tmp_path) as weir,
    ):
        call = weir.llm.StreamChat(stream_request("Tell me", model="m"))
        first = await call.read()
        assert isinstance(first, StreamChatResponse)
        request = GetResponseUsageRequest(response_id=first.events[0].start.response_id)
        told = (await weir.usage.GetResponseUsage(request)).call
        assert told.state == CallState.CALL_STATE_RUNNING
        call.cancel()
        assert (await record(weir, told.response_id)).state == CallState.CALL_STATE_SETTLED


async def test_without_a_ledger_nobody_can_ask(tmp_path: Path) -> None:
    """It is switched off, and says so."""
    async with FakeUpstream(SAID) as upstream:
        tree = {**priced(upstream.url), "ledger": {"enabled": False}}

        async with serving(tree, server={"data_dir": str(tmp_path)}) as weir:
            answer = await weir.llm.Chat(chat_request("Tell me", model="m"))
            request = GetResponseUsageRequest(response_id=answer.metadata.response_id)
            refusal = await refused(weir.usage.GetResponseUsage(request))
            await until(lambda: bool(weir.log_lines("rpc")))
    assert cost_of(answer.usage) > 0
    assert refusal.verdict == ("UNIMPLEMENTED", "FEATURE_DISABLED")


async def test_a_tenant_pays_for_a_provider_of_its_own(tmp_path: Path) -> None:
    """A provider that a tenant brought in serves that tenant, and its calls are its to pay."""
    tenant = (("weir-tenant", "search"),)
    async with FakeUpstream(SAID) as upstream, booking(priced(upstream.url), tmp_path) as weir:
        config = ProviderConfig(provider_kind="echo", model="echo")
        request = InitializeRequest(provider_id="mine", config=config)
        await weir.llm.Initialize(request, metadata=tenant)
        mine = chat_request("Tell me", provider="providers/mine")
        answer = await weir.llm.Chat(mine, metadata=tenant)
        told = await record(weir, answer.metadata.response_id)
    assert (told.tenant, told.provider) == ("search", "providers/mine")
    assert told.usage == answer.usage
