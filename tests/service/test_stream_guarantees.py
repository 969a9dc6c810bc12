"""What every reader of a stream may rely on, held against the whole server."""

import asyncio
import json
from datetime import timedelta

import grpc
import pytest

from tests.service.weir import (
    Heard,
    Weir,
    chat_request,
    hear,
    serving,
    stream_request,
    upstream_tree,
)
from weir.fold import fold_chat
from weir.v1.generation_pb2 import FinishReason, Phase, StreamOptions
from weir.v1.usage_pb2 import UsageSource
from weir_server.fake_upstream.upstream import FakeUpstream

QUICK = {"heartbeat_interval_s": 0.1, "start_alone_after_s": 0.1}


def script(*steps: dict[str, object]) -> str:
    return "/script " + json.dumps(steps)


TEXT = script({"text": "one two three"})
MIXED = script(
    {"reasoning": "let me think"},
    {"text": "I will look"},
    {"tool_call": {"name": "a", "arguments_json": '{"x": 1}'}},
    {"tool_call": {"name": "b", "arguments_json": '{"y": [1, 2]}'}},
)
BROKEN = script({"text": "one two"}, {"fail": "UPSTREAM_STREAM_BROKEN"})
SLOW = script({"text": "one"}, {"delay_s": 0.35}, {"text": " two"})
EMPTY = script({"finish": "CONTENT_FILTER"})
PROMPTS = {"text": TEXT, "mixed": MIXED, "broken": BROKEN, "slow": SLOW, "empty": EMPTY}


@pytest.fixture(params=PROMPTS)
async def heard(request: pytest.FixtureRequest) -> Heard:
    """One stream of each kind, to its end."""
    async with serving(server=QUICK) as weir:
        return await weir.stream(PROMPTS[request.param], timeout=10)


async def test_sequence_rises_by_one_from_zero(heard: Heard) -> None:
    """Heartbeats included, across messages."""
    assert [event.sequence for event in heard.events] == list(range(len(heard.events)))


async def test_start_is_first_and_once(heard: Heard) -> None:
    """It names the answer and its provisional route."""
    assert heard.kinds.count("start") == 1
    start = heard.events[0].start
    assert start.response_id.startswith("resp_")
    assert (start.provider, start.model) == ("providers/echo", "models/echo")


async def test_end_is_last_and_once_with_usage(heard: Heard) -> None:
    """Whatever happened, the last event is the one `end`, and it says what was used."""
    assert heard.kinds.count("end") == 1
    assert heard.kinds[-1] == "end"
    usage = heard.end.usage
    assert usage.source != UsageSource.USAGE_SOURCE_UNSPECIFIED
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens > 0


async def test_status_is_ok_exactly_without_an_error(heard: Heard) -> None:
    """The status and `end` never disagree."""
    assert (heard.code is grpc.StatusCode.OK) == (not heard.end.HasField("error"))


async def test_parts_are_dense_and_well_formed(heard: Heard) -> None:
    """Indexes from 0, deltas between start and end, every part closed before a good end."""
    opened: list[int] = []
    closed: set[int] = set()
    for event in heard.events:
        match event.WhichOneof("event"):
            case "part_start":
                assert event.part_start.index == len(opened)
                assert event.part_start.part.WhichOneof("kind") is not None
                opened.append(event.part_start.index)
            case "part_delta":
                assert event.part_delta.index in opened
                assert event.part_delta.index not in closed
            case "part_end":
                assert event.part_end.index not in closed
                closed.add(event.part_end.index)
            case _:
                pass
    if heard.code is grpc.StatusCode.OK:
        assert closed == set(opened)


async def test_metadata_tells_who_answered(heard: Heard) -> None:
    """The end's metadata is authoritative, and the trailers say the same."""
    metadata = heard.end.metadata
    assert metadata.response_id == heard.events[0].start.response_id
    assert heard.trailers["weir-response-id"] == metadata.response_id
    assert heard.trailers["weir-route"] == "providers/echo/models/echo"
    assert [attempt.provider for attempt in metadata.attempts] == ["providers/echo"]
    assert metadata.latency.ToNanoseconds() > 0
    assert metadata.create_time.seconds > 0


async def test_tool_calls_are_repeated_whole_at_their_end(weir: Weir) -> None:
    """No caller has to parse partial JSON."""
    heard = await weir.stream(MIXED)
    calls = [e.part_end.part.tool_call for e in heard.events if e.part_end.HasField("part")]
    assert [(c.name, c.arguments_json, c.arguments_valid) for c in calls] == [
        ("a", '{"x": 1}', True),
        ("b", '{"y": [1, 2]}', True),
    ]
    assert heard.end.finish_reason == FinishReason.FINISH_REASON_TOOL_CALLS


async def test_a_failure_after_start_is_an_end_and_then_a_status(weir: Weir) -> None:
    """end(ERROR) with what was used until then, then the status with the same reason."""
    heard = await weir.stream(BROKEN)
    assert heard.text == "one two"
    assert heard.end.finish_reason == FinishReason.FINISH_REASON_ERROR
    assert heard.end.usage.source == UsageSource.USAGE_SOURCE_PARTIAL
    assert heard.end.usage.completion_tokens > 0
    assert heard.code is grpc.StatusCode.ABORTED
    assert heard.end.error.code == grpc.StatusCode.ABORTED.value[0]
    failure = heard.failure
    assert failure.reason == "UPSTREAM_STREAM_BROKEN"
    assert failure.failure is not None
    assert failure.failure.last_sequence == heard.events[-1].sequence
    assert failure.failure.usage == heard.end.usage


async def test_a_message_over_the_server_s_limit_is_a_failure_with_an_end() -> None:
    """The library would refuse it without a word; the caller gets its one end and a reason."""
    async with serving(server={"max_response_bytes": 1024}) as weir:
        late = await weir.stream(script({"text": "a b"}, {"text": " " + "x" * 1_500}))
        early = await weir.stream(script({"text": "x" * 1_500}))
    assert late.kinds.count("end") == 1
    assert late.end.finish_reason == FinishReason.FINISH_REASON_ERROR
    assert [e.sequence for e in late.events] == list(range(len(late.events)))
    assert early.events == []
    for heard in (late, early):
        assert heard.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert heard.failure.reason == "MESSAGE_TOO_LARGE"
    lines = weir.log_lines("rpc")
    assert {line["reason"] for line in lines} == {"MESSAGE_TOO_LARGE"}


async def test_a_failure_before_start_is_a_status_alone(weir: Weir) -> None:
    """Nothing was sent, not even headers, so that clients may retry."""
    call = weir.llm.StreamChat(stream_request(script({"fail": "UPSTREAM_OVERLOADED"})))
    heard = await hear(call)
    assert heard.events == []
    assert heard.code is grpc.StatusCode.UNAVAILABLE
    headers = dict(await call.initial_metadata() or ())
    assert "weir-request-id" not in headers
    assert heard.trailers["grpc-retry-pushback-ms"] == "-1"


async def test_a_client_retries_only_before_the_first_event() -> None:
    """gRPC's own retries stop at the first header: what was begun is never run twice."""
    policy = {
        "methodConfig": [
            {
                "name": [{"service": "weir.v1.LLMProviderService"}],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.01s",
                    "maxBackoff": "0.01s",
                    "backoffMultiplier": 1,
                    "retryableStatusCodes": ["UNAVAILABLE", "ABORTED"],
                },
            }
        ]
    }
    async with serving() as weir:
        options = [("grpc.service_config", json.dumps(policy))]
        async with grpc.aio.insecure_channel(weir.app.address, options=options) as channel:
            retrying = Weir(app=weir.app, channel=channel, log_bytes=weir.log_bytes)
            begun = await retrying.stream(BROKEN)
            before = await retrying.stream(script({"fail": "UPSTREAM_STREAM_BROKEN"}))
            given_up = await retrying.stream(script({"fail": "UPSTREAM_OVERLOADED"}))
    assert begun.code is before.code is grpc.StatusCode.ABORTED
    assert given_up.code is grpc.StatusCode.UNAVAILABLE
    lines = weir.log_lines("rpc")
    ran = [line["response_id"] for line in lines]
    assert len(ran) == 1 + 3 + 1, "begun once; retried to three; pushback -1 stops at one"


async def test_heartbeats_say_what_is_awaited() -> None:
    """`start` comes alone when there is nothing else, then heartbeats with their phase."""
    async with serving(server=QUICK) as quick:
        heard = await quick.stream(script({"delay_s": 0.5}, {"text": "x"}, {"delay_s": 0.25}))
    assert heard.kinds[0] == "start"
    assert heard.batches[0] == 1
    phases = [e.heartbeat.phase for e in heard.events if e.HasField("heartbeat")]
    assert phases[0] == Phase.PHASE_WAITING_FIRST_TOKEN
    assert phases[-1] == Phase.PHASE_GENERATING
    assert len(phases) >= 4
    assert heard.code is grpc.StatusCode.OK


async def test_a_caller_sets_its_own_heartbeat(weir: Weir) -> None:
    """5 s to 60 s; other intervals are refused by field."""
    options = StreamOptions()
    options.heartbeat_interval.FromTimedelta(timedelta(seconds=1))
    heard = await hear(weir.llm.StreamChat(stream_request(TEXT, stream_options=options)))
    assert heard.code is grpc.StatusCode.INVALID_ARGUMENT
    assert heard.failure.bad_request is not None
    field = heard.failure.bad_request.field_violations[0].field
    assert field == "stream_options.heartbeat_interval"


@pytest.mark.parametrize("problem", ["rule", "model", "routing", "wire"])
async def test_a_stream_s_fields_are_named_from_its_own_message(problem: str) -> None:
    """Whichever stage finds the fault, the path begins with `request.`."""
    async with (
        FakeUpstream() as upstream,
        serving(upstream_tree(upstream.url)) as weir,
    ):
        request = stream_request("hello", model="m")
        options = request.request.options
        match problem:
            case "rule":
                options.temperature = 3
            case "model":
                request.request.ClearField("model")
                request.request.provider = "providers/fake"
            case "routing":
                options.routing.fallback_models.append("nobody")
            case _:
                options.reasoning.budget_tokens = 9
        heard = await hear(weir.llm.StreamChat(request))
    assert heard.code is grpc.StatusCode.INVALID_ARGUMENT
    assert heard.failure.bad_request is not None
    fields = [violation.field for violation in heard.failure.bad_request.field_violations]
    assert all(field.startswith("request.") for field in fields)
    assert not any("request.request" in field for field in fields)


async def test_start_comes_with_the_first_part(weir: Weir) -> None:
    """One message carries both, so that the first token is not late."""
    heard = await weir.stream(TEXT)
    assert heard.kinds[:2] == ["start", "part_start"]
    assert heard.batches[0] >= 2


async def test_coalescing_joins_deltas_and_changes_nothing_else(weir: Weir) -> None:
    """max_coalesce_delay trades messages for a wait; the text is the same."""
    many = script({"text": " word", "times": 200})
    options = StreamOptions()
    options.max_coalesce_delay.FromTimedelta(timedelta(milliseconds=50))
    plain = await weir.stream(many)
    joined = await hear(weir.llm.StreamChat(stream_request(many, stream_options=options)))
    assert joined.text == plain.text
    assert joined.code is grpc.StatusCode.OK
    assert [e.sequence for e in joined.events] == list(range(len(joined.events)))
    assert len(joined.batches) < len(plain.batches) / 5


async def test_held_back_text_is_sent_when_its_delay_is_over(weir: Weir) -> None:
    """A delta never waits for the next one longer than the caller said."""
    options = StreamOptions()
    options.max_coalesce_delay.FromTimedelta(timedelta(milliseconds=30))
    prompt = script({"text": "a b"}, {"delay_s": 1.0}, {"text": " c"})
    call = weir.llm.StreamChat(stream_request(prompt, stream_options=options))
    begun_s = asyncio.get_running_loop().time()
    text, late_s = "", 0.0
    async for message in call:
        text += "".join(event.part_delta.text for event in message.events)
        if text == "a b":
            late_s = asyncio.get_running_loop().time() - begun_s
    assert 0.0 < late_s < 0.9
    assert text == "a b c"


async def test_usage_is_told_on_the_way_where_asked(weir: Weir) -> None:
    """About once a second, cumulative and rising; never unasked."""
    prompt = script(
        {"text": "a b"}, {"delay_s": 1.1}, {"text": " c"}, {"delay_s": 1.1}, {"text": " d"}
    )
    options = StreamOptions(usage_updates=True)
    asked = await hear(weir.llm.StreamChat(stream_request(prompt, stream_options=options)))
    told = [e.usage_update.usage for e in asked.events if e.HasField("usage_update")]
    assert len(told) == 2
    assert 0 < told[0].completion_tokens < told[1].completion_tokens
    assert all(usage.source == UsageSource.USAGE_SOURCE_PARTIAL for usage in told)
    assert [e.sequence for e in asked.events] == list(range(len(asked.events)))
    assert fold_chat(asked.events).message.parts[0].text == "a b c d"


@pytest.mark.parametrize("name", ["text", "mixed", "empty"])
async def test_unary_is_the_fold_of_the_stream(weir: Weir, name: str) -> None:
    """Message, finish reason and usage are the same either way."""
    heard = await weir.stream(PROMPTS[name])
    folded = fold_chat(heard.events)
    reply = await weir.llm.Chat(chat_request(PROMPTS[name]))
    assert reply.message == folded.message
    assert reply.finish_reason == folded.finish_reason
    assert reply.usage == folded.usage
    assert reply.metadata.provider == folded.metadata.provider


async def test_stop_sequences_and_limits_reach_the_provider(weir: Weir) -> None:
    """Options take effect: the echo stops where it is told."""
    stopped = await weir.llm.Chat(chat_request("one two three", stop_sequences=[" two"]))
    assert stopped.finish_reason == FinishReason.FINISH_REASON_STOP_SEQUENCE
    assert stopped.message.parts[0].text == "one"
    short = await weir.llm.Chat(chat_request("one two three", max_output_tokens=2))
    assert short.finish_reason == FinishReason.FINISH_REASON_MAX_TOKENS
    assert short.usage.completion_tokens == 2
