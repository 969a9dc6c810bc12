"""Through the real server: answers that have to follow a schema, judged and asked for again."""

import json
from typing import Any

import grpc
import pytest

from tests.service.asking import refused
from tests.service.chain import chain
from tests.service.schema_asking import (
    FALLBACK,
    FIRST,
    NATIVE,
    OBJECTS,
    PLAIN,
    PROSE,
    REPAIR,
    RIGHT,
    SAY,
    SCHEMA,
    SCHEMA_IN,
    WRONG_AGE,
    Slow,
    asked,
    asks,
    openai,
)
from tests.service.test_continuation import attempts, well_formed
from tests.service.test_fault_matrix import tree
from tests.service.weir import chat_request, hear, serving, stream_request
from weir.fold import fold_chat
from weir.v1.content_pb2 import Message, Part, Role
from weir.v1.generation_pb2 import (
    FinishReason,
    GenerationOptions,
    UnsupportedOptionPolicy,
)
from weir.v1.provider_service_pb2 import CompleteRequest
from weir_server.fake_upstream.behaviour import Hang, Reply
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.structured.wording import AGAIN, SAY_JSON, WRONG


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
@pytest.mark.parametrize("can", [NATIVE, PLAIN], ids=["native", "told in words"])
async def test_right_at_once(kind: str, can: list[str]) -> None:
    """One attempt; the fold of the stream is the unary answer."""
    say = SAY[kind]
    async with asked(say(RIGHT), can=can, kind=kind) as one:
        reply = await one.weir.llm.Chat(chat_request("How old?", model="m", **asks()))
        heard = await one.stream(**asks())
        assert len(one.sent) == 2
        has_schema = [SCHEMA_IN in json.dumps(sent) for sent in one.sent]
        in_words = [SAY_JSON in json.dumps(sent) for sent in one.sent]
    assert has_schema == [can is NATIVE] * 2
    assert in_words == [can is PLAIN] * 2
    assert reply.message.parts[0].text == heard.text == RIGHT
    folded = fold_chat(heard.events)
    assert folded.message == reply.message
    assert (folded.usage, folded.finish_reason) == (reply.usage, reply.finish_reason)
    assert attempts(heard) == [("a", FIRST)]


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
@pytest.mark.parametrize("can", [NATIVE, PLAIN], ids=["native", "told in words"])
async def test_right_after_one_repair(kind: str, can: list[str]) -> None:
    """The wrong answer goes back with what is wrong; the caller sees the right one alone."""
    say = SAY[kind]
    steps = [say(WRONG_AGE), say(RIGHT)]
    async with asked(*steps, *steps, can=can, kind=kind) as one:
        reply = await one.weir.llm.Chat(chat_request("How old?", model="m", **asks()))
        heard = await one.stream(**asks())
        first, second = one.sent[:2]
    assert reply.message.parts[0].text == heard.text == RIGHT
    assert "canary-age" not in str(heard.events)
    added = second["messages"][len(first["messages"]) :]
    assert [each["role"] for each in added] == ["assistant", "user"]
    assert WRONG_AGE in json.dumps(added[0]).replace('\\"', '"')
    told = json.dumps(added[1])
    assert WRONG in told
    assert AGAIN in told
    assert "$.age" in told
    assert attempts(heard) == [("a", FIRST), ("a", REPAIR)]
    once = 10 if kind == "openai" else 6
    assert heard.end.usage.completion_tokens == reply.usage.completion_tokens == 2 * once
    assert heard.end.usage.prompt_tokens == 2 * 19


async def test_never_right() -> None:
    """An error with all that was used, and nothing of what the model said."""
    async with asked(openai(WRONG_AGE), openai(PROSE), openai(WRONG_AGE)) as one:
        heard = await one.stream(**asks(max_repairs=2))
        assert len(one.sent) == 3
    assert heard.code is grpc.StatusCode.ABORTED
    assert heard.failure.reason == "OUTPUT_SCHEMA_MISMATCH"
    assert heard.failure.info is not None
    told = dict(heard.failure.info.metadata)
    assert (told["repairs"], told["rule"]) == ("2", "type")
    assert told["schemaPath"] == "/properties/age/type"
    assert heard.failure.failure is not None
    assert heard.failure.failure.usage.completion_tokens == 30
    assert attempts(heard) == [("a", FIRST), ("a", REPAIR), ("a", REPAIR)]
    everything = f"{heard.details} {heard.trailers} {heard.events}"
    assert "canary-age" not in everything
    assert heard.text == ""


async def test_never_right_unary() -> None:
    """The same without a stream; no answer is taken as right because repairs are used up."""
    async with asked(openai(PROSE)) as one:
        call = one.weir.llm.Chat(chat_request("How old?", model="m", **asks(max_repairs=1)))
        refusal = await refused(call)
        assert len(one.sent) == 2
    assert refusal.verdict == ("ABORTED", "OUTPUT_SCHEMA_MISMATCH")
    assert refusal.details["FailureInfo"].usage.completion_tokens == 20
    assert refusal.details["ErrorInfo"].metadata["rule"] == "json"


async def test_json_mode_where_there_is_one() -> None:
    """A model that can be held to any object is, and is told which one."""
    async with asked(openai(RIGHT), can=OBJECTS) as one:
        heard = await one.stream(**asks())
        (sent,) = one.sent
    assert heard.text == RIGHT
    assert sent["response_format"] == {"type": "json_object"}
    assert sent["messages"][0]["role"] in ("system", "developer")
    assert SCHEMA in sent["messages"][0]["content"]


async def test_without_repairs_all_is_as_it_was() -> None:
    """Native: streamed as it comes and not judged. Not native: refused, or dropped aloud."""
    async with asked(openai(PROSE)) as one:
        heard = await one.stream(**asks(max_repairs=0))
    assert heard.text == PROSE
    policy = UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    async with asked(openai(PROSE), can=PLAIN) as one:
        call = one.weir.llm.Chat(chat_request("How old?", model="m", **asks(max_repairs=0)))
        refusal = await refused(call)
        dropped = await one.stream(**asks(max_repairs=0, unsupported_option_policy=policy))
        assert len(one.sent) == 1
    assert refusal.reason == "UNSUPPORTED_OPTION"
    assert dropped.text == PROSE
    assert [warning.code for warning in dropped.end.metadata.warnings] == ["OPTION_DROPPED"]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"$ref": "https://elsewhere.test/a.json"}, "nothing is fetched"),
        ({"type": "text"}, "breaks the rules"),
        ({"type": "string", "pattern": "(?=a)"}, "without look-around"),
    ],
)
async def test_a_schema_that_is_none(schema: dict[str, Any], words: str) -> None:
    """Refused with field and fix before anything is sent, in streams under the stream's path."""
    async with asked(openai(RIGHT)) as one:
        heard = await hear(
            one.weir.llm.StreamChat(
                stream_request("How old?", model="m", **asks(schema=json.dumps(schema)))
            )
        )
        assert not one.sent
    assert heard.failure.reason == "OUTPUT_SCHEMA_INVALID"
    assert heard.failure.bad_request is not None
    (violation,) = heard.failure.bad_request.field_violations
    assert violation.field == "request.options.output_format.json_schema.schema_json"
    assert words in violation.description


async def test_an_answer_that_is_cut_is_passed_on() -> None:
    """Half an answer is no try at the schema: the caller sees why it ended."""
    async with asked(openai('{"age":', finish_reason="length")) as one:
        heard = await one.stream(**asks())
        assert len(one.sent) == 1
    assert heard.text == '{"age":'
    assert heard.end.finish_reason == FinishReason.FINISH_REASON_MAX_TOKENS


async def test_a_fence_is_taken_off() -> None:
    """Models like to put JSON into a code fence; what is in it is the answer."""
    async with asked(openai(f"```json\n{RIGHT}\n```"), can=PLAIN) as one:
        heard = await one.stream(**asks())
        assert len(one.sent) == 1
    assert heard.text == RIGHT


async def test_a_hang_up_in_a_repair_closes_the_upstream() -> None:
    """And books what the first answer used."""
    async with asked(openai(WRONG_AGE), Hang()) as one:
        upstream = one.upstreams[0]
        call = one.weir.llm.StreamChat(stream_request("How old?", model="m", **asks()))
        await upstream.wait_for_attempts(2)
        call.cancel()
        await upstream.wait_closed(upstream.journal[1])
        weir = one.weir
    (line,) = weir.log_lines("rpc")
    assert line["completion_tokens"] >= 10


async def test_the_deadline_holds_for_all_askings() -> None:
    """A repair begins no time of its own, and the error counts what was used before."""
    async with asked(openai(WRONG_AGE), Hang(), patience_s=10.0) as one:
        heard = await one.stream(timeout_s=1.5, **asks())
    assert heard.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert heard.failure.failure is not None
    assert heard.failure.failure.usage.completion_tokens >= 10
    assert attempts(heard) == [("a", FIRST), ("a", REPAIR)]


async def test_a_repair_may_fall_back() -> None:
    """The target that answered is asked again first; where it fails, another is told of it."""
    steps = [openai(WRONG_AGE), Reply(status=500)]
    async with asked(*steps, can=PLAIN, other=[openai(RIGHT)]) as both:
        heard = await both.stream(**asks())
        (sent,) = both.upstreams[1].journal
    assert heard.text == RIGHT
    assert attempts(heard) == [("a", FIRST), ("a", REPAIR), ("b", FALLBACK)]
    assert sent.json["response_format"]["type"] == "json_schema"
    assert sent.json["messages"][1]["content"] == WRONG_AGE


async def test_the_target_that_answered_is_asked_again() -> None:
    """Though another stands before it: it knows what it said."""
    steps = [Reply(status=500)]
    other = [openai(WRONG_AGE), openai(RIGHT)]
    async with asked(*steps, other=other, other_can=PLAIN) as both:
        heard = await both.stream(**asks())
    assert heard.text == RIGHT
    assert attempts(heard) == [("a", FIRST), ("b", FALLBACK), ("b", REPAIR)]


async def test_a_repair_that_fails_costs_what_was_used() -> None:
    """The error is that of the asking that failed, with the usage of those before it."""
    async with asked(openai(WRONG_AGE), Reply(status=400)) as one:
        heard = await one.stream(**asks())
    assert heard.failure.reason == "UPSTREAM_REJECTED_REQUEST"
    assert heard.failure.failure is not None
    assert heard.failure.failure.usage.completion_tokens == 10


async def test_without_resilience_it_is_the_same() -> None:
    """Repairs are no retries: they do not need that stage."""
    async with asked(openai(WRONG_AGE), openai(RIGHT), resilience={"enabled": False}) as one:
        heard = await one.stream(**asks())
    assert heard.text == RIGHT
    assert attempts(heard) == [("a", FIRST), ("a", REPAIR)]


async def test_a_completion_is_judged_too() -> None:
    """Its schema and its repair stand in the prompt."""
    async with asked(openai(WRONG_AGE), openai(RIGHT), can=PLAIN) as one:
        request = CompleteRequest(prompt="How old?", model="m")
        request.options.CopyFrom(GenerationOptions(**asks()))
        reply = await one.weir.llm.Complete(request)
        told = json.dumps(one.sent[1])
    assert reply.text == RIGHT
    assert SAY_JSON in told
    assert WRONG in told


async def test_a_long_answer_comes_in_batches_of_bounded_size() -> None:
    """None larger than 32 KiB, though all of it was there at once."""
    text = json.dumps(["é" * 100] * 2_000, ensure_ascii=False)
    schema = json.dumps({"type": "array", "items": {"type": "string"}})
    async with asked(openai(text)) as one:
        messages = [
            message
            async for message in one.weir.llm.StreamChat(
                stream_request("How old?", model="m", **asks(schema=schema)), timeout=10
            )
        ]
    events = [event for message in messages for event in message.events]
    assert "".join(event.part_delta.text for event in events) == text
    assert len(messages) > 10
    assert max(message.ByteSize() for message in messages) <= 33 * 1024


async def test_words_in_the_models_mouth_cannot_be_repaired() -> None:
    """An answer that goes on from given words is not whole: say so before anything is sent."""
    messages = [
        Message(role=Role.ROLE_USER, parts=[Part(text="How old?")]),
        Message(role=Role.ROLE_ASSISTANT, parts=[Part(text="{")]),
    ]
    async with asked(openai(RIGHT), can=[*NATIVE, "assistant_prefill"]) as one:
        refusal = await refused(one.weir.llm.Chat(chat_request(messages, model="m", **asks())))
        assert not one.sent
    assert refusal.reason == "INVALID_REQUEST"
    assert refusal.fields == ["options.output_format.json_schema.max_repairs"]


async def test_of_two_weirs_the_one_next_to_the_provider_repairs() -> None:
    """Repairs do not multiply; the near one passes on the answer, or the error."""
    async with (
        FakeUpstream(openai(WRONG_AGE), openai(RIGHT), openai(PROSE)) as upstream,
        chain(upstream) as both,
    ):
        request = stream_request("How old?", model="far-m", **asks())
        right = well_formed(await hear(both.near.llm.StreamChat(request, timeout=10)))
        wrong = await hear(both.near.llm.StreamChat(request, timeout=10))
        assert len(upstream.journal) == 2 + 3
    assert right.text == RIGHT
    assert right.end.usage.completion_tokens == 20
    kinds = [each.kind for each in right.end.metadata.attempts]
    assert kinds == [FIRST, REPAIR, FIRST], "those of the far one come before what they were for"
    assert wrong.failure.reason == "OUTPUT_SCHEMA_MISMATCH"
    assert wrong.failure.failure is not None
    assert wrong.failure.failure.usage.completion_tokens == 30


async def test_heartbeats_go_on_while_an_answer_is_held_back() -> None:
    """The caller knows that its call is alive, and sees nothing of an answer until it is right."""
    slow = Slow(text=RIGHT)
    async with FakeUpstream(slow) as upstream:
        config = tree(upstream.url, max_retries=0)
        config["upstream"]["idle_timeout_s"] = config["upstream"]["first_token_timeout_s"] = 5.0
        pace = {"start_alone_after_s": 0.05, "heartbeat_interval_s": 0.1}
        async with serving(config, server=pace) as weir:
            request = stream_request("How old?", model="m", **asks())
            heard = well_formed(await hear(weir.llm.StreamChat(request, timeout=10)))
    assert heard.text == RIGHT
    assert heard.kinds[:2] == ["start", "heartbeat"]
    first_part = heard.kinds.index("part_start")
    assert set(heard.kinds[first_part:]) == {"part_start", "part_delta", "part_end", "end"}
