"""A text that is cut is gone on with by another target, where its caller asked for that."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from tests.service.asking import logged
from tests.service.test_fault_matrix import tree
from tests.service.weir import Heard, Weir, hear, serving, stream_request
from weir.fold import fold_chat
from weir.v1.error_pb2 import AttemptKind
from weir.v1.generation_pb2 import (
    BreakPolicy,
    FinishReason,
    FunctionTool,
    GenerationOptions,
    JsonObjectFormat,
    OutputFormat,
    RoutingOptions,
    Tool,
)
from weir.v1.provider_service_pb2 import CompleteRequest, StreamCompleteRequest
from weir.v1.usage_pb2 import UsageSource
from weir_server.fake_upstream.behaviour import Hang, Reply, Sse
from weir_server.fake_upstream.exchange import Behaviour, Ending
from weir_server.fake_upstream.journal import Attempt
from weir_server.fake_upstream.openai_service import OpenAiService, words
from weir_server.fake_upstream.openai_wire import ChatChunks, encode_events
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.resilience.continuation import PLEASE_GO_ON

WHOLE = words(60)
PIECES = [piece if number == 0 else f" {piece}" for number, piece in enumerate(WHOLE.split(" "))]
FIRST = AttemptKind.ATTEMPT_KIND_FIRST
CONTINUATION = AttemptKind.ATTEMPT_KIND_CONTINUATION
CONTINUE = RoutingOptions(on_break=BreakPolicy.BREAK_POLICY_CONTINUE)
ABLE = ["chat", "complete", "streaming", "assistant_prefill", "tools", "reasoning", "json_object"]
UNABLE = [able for able in ABLE if able != "assistant_prefill"]
Step = Behaviour | Callable[[Attempt], Behaviour]


def cut(*chunks: Mapping[str, Any]) -> Sse:
    """An answer that begins so, and ends without a word."""
    events = encode_events([ChatChunks().role(), *chunks], done=False)
    return Sse(events=events, ending=Ending.EOF)


def cut_after(count: int) -> Sse:
    """The first so many words of the whole text."""
    return cut(*map(ChatChunks().content, PIECES[:count]))


def said_to(attempt: Attempt) -> list[tuple[str, str]]:
    """The messages that an upstream was sent: role and text."""
    return [(message["role"], message["content"]) for message in attempt.json["messages"]]


def go_on(attempt: Attempt) -> Behaviour:
    """Say what follows on the last words of the assistant, as a model with a prefill does."""
    said = next((text for role, text in reversed(said_to(attempt)) if role == "assistant"), "")
    assert WHOLE.startswith(said)
    return OpenAiService(says=WHOLE[len(said) :])


@dataclass
class Two:
    """A Weir whose model has a target at `a`, then one at `b`."""

    weir: Weir
    a: FakeUpstream
    b: FakeUpstream

    async def ask(self, *, routing: RoutingOptions = CONTINUE, **options: Any) -> Heard:
        """Stream one chat and hold what comes to the guarantees of streams."""
        request = stream_request("Tell me", model="m", routing=routing, **options)
        return well_formed(await hear(self.weir.llm.StreamChat(request, timeout=10)))


@asynccontextmanager
async def two(
    a_steps: Sequence[Step], b_steps: Sequence[Step], *, can: Sequence[str] = ABLE
) -> AsyncIterator[Two]:
    """can: what the second target is able to do."""
    async with FakeUpstream(*a_steps) as a, FakeUpstream(*b_steps) as b:
        config = tree(a.url, b.url)
        first, second = config["models"][0]["targets"]
        first["can"], second["can"] = UNABLE, list(can)
        async with serving(config) as weir:
            yield Two(weir=weir, a=a, b=b)


def well_formed(heard: Heard) -> Heard:
    """Dense numbers, deltas within their part, every part closed before a good end, one end."""
    assert [event.sequence for event in heard.events] == list(range(len(heard.events)))
    assert heard.kinds.count("start") == 1
    assert heard.kinds.count("end") == 1
    assert heard.kinds[-1] == "end"
    opened: list[int] = []
    closed: set[int] = set()
    for event in heard.events:
        match event.WhichOneof("event"):
            case "part_start":
                assert event.part_start.index == len(opened)
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
    assert heard.end.HasField("usage")
    return heard


def attempts(heard: Heard) -> list[tuple[str, AttemptKind.ValueType]]:
    """Who was asked, and why, as the caller is told in its answer or in the failure."""
    if heard.code is grpc.StatusCode.OK:
        found = heard.end.metadata.attempts
    else:
        assert heard.failure.failure is not None
        found = heard.failure.failure.attempts
    return [(each.provider.removeprefix("providers/"), each.kind) for each in found]


def assert_broken(heard: Heard) -> None:
    """The error is the one that cut the stream, with what was used until then."""
    assert heard.code is grpc.StatusCode.ABORTED
    assert heard.failure.reason == "UPSTREAM_STREAM_BROKEN"
    assert heard.failure.info is not None
    assert heard.failure.info.metadata["cause"] == "cut"
    assert heard.end.finish_reason == FinishReason.FINISH_REASON_ERROR
    assert "warning" not in heard.kinds


async def test_a_text_cut_after_40_words_is_told_to_its_60th() -> None:
    """From the second target, which is given the words so far to go on from."""
    async with two([cut_after(40)], [go_on]) as both:
        heard = await both.ask()
        (sent,) = both.b.journal
    assert heard.code is grpc.StatusCode.OK
    assert heard.text == WHOLE
    assert len(heard.text.split()) == 60
    assert said_to(sent) == [("user", "Tell me"), ("assistant", words(40))]
    (warning,) = (event.warning for event in heard.events if event.HasField("warning"))
    assert (warning.code, warning.field) == ("CONTINUED", "options.routing.on_break")
    assert [each.code for each in heard.end.metadata.warnings] == ["CONTINUED"]
    assert attempts(heard) == [("a", FIRST), ("b", CONTINUATION)]
    assert heard.end.metadata.provider == "providers/b"
    assert fold_chat(heard.events).finish_reason == FinishReason.FINISH_REASON_STOP


async def test_without_being_asked_nobody_goes_on() -> None:
    """The caller keeps what it got and learns what it cost."""
    async with two([cut_after(40)], [go_on]) as both:
        heard = await both.ask(routing=RoutingOptions())
        assert len(both.b.journal) == 0
    assert_broken(heard)
    assert heard.text == words(40)
    assert heard.end.usage.source == UsageSource.USAGE_SOURCE_PARTIAL
    assert heard.end.usage.completion_tokens >= 40
    assert attempts(heard) == [("a", FIRST)]


async def test_who_cannot_be_given_words_is_asked_to_go_on() -> None:
    """By a message after them, whose text is documented."""
    async with two([cut_after(40)], [go_on], can=UNABLE) as both:
        heard = await both.ask()
        (sent,) = both.b.journal
    assert heard.code is grpc.StatusCode.OK
    assert heard.text == WHOLE
    assert said_to(sent)[1:] == [("assistant", words(40)), ("user", PLEASE_GO_ON)]


async def test_a_refusal_to_go_on_is_never_told() -> None:
    """Whatever the others say to the attempt to mend it, the caller gets what cut the stream."""
    a_steps = [cut_after(40), Reply(status=500)]
    async with two(a_steps, [Reply(status=400)]) as both:
        heard = await both.ask()
    assert_broken(heard)
    assert heard.text == words(40)
    assert attempts(heard) == [("a", FIRST), ("b", CONTINUATION), ("a", CONTINUATION)]
    assert heard.end.metadata.provider == "providers/a"


async def test_the_same_target_may_go_on() -> None:
    """Where the other cannot be asked, the one that was cut is better than none."""
    async with two([cut_after(40), go_on], [Reply(status=503)]) as both:
        heard = await both.ask()
    assert heard.text == WHOLE
    assert [name for name, _ in attempts(heard)] == ["a", "b", "a"]


async def test_what_is_cut_twice_is_gone_on_with_twice() -> None:
    """As long as there are attempts left; the second warning names the second switch."""

    def to_50(attempt: Attempt) -> Behaviour:
        assert said_to(attempt)[-1] == ("assistant", words(40))
        return cut(*map(ChatChunks().content, PIECES[40:50]))

    async with two([cut_after(40), go_on], [to_50]) as both:
        heard = await both.ask()
    assert heard.text == WHOLE
    assert heard.kinds.count("warning") == 2


async def test_attempts_are_bounded() -> None:
    """Three in all: a text that is cut each time ends with the error and all that was used."""
    forever = [cut_after(40)]
    async with two(forever, [cut(ChatChunks().content(" x"))]) as both:
        request = stream_request("Tell me", model="m", routing=CONTINUE)
        heard = well_formed(await hear(both.weir.llm.StreamChat(request, timeout=10)))
        assert (len(both.a.journal), len(both.b.journal)) == (2, 1)
    assert heard.failure.reason == "UPSTREAM_STREAM_BROKEN"
    assert heard.failure.failure is not None
    assert heard.failure.failure.usage == heard.end.usage
    assert heard.end.usage.completion_tokens >= 80


async def test_tool_calls_are_never_gone_on_with() -> None:
    """Half a call's arguments are not text."""
    chunks = ChatChunks()
    calling = cut(chunks.tool_call(0, "call_1", "f"), chunks.tool_arguments(0, '{"a": '))
    tool = Tool(function=FunctionTool(name="f", parameters_json_schema='{"type":"object"}'))
    async with two([calling], [go_on]) as both:
        heard = await both.ask(tools=[tool])
        assert len(both.b.journal) == 0
    assert_broken(heard)


async def test_a_tool_call_that_is_cut_later_costs_all_that_was_used() -> None:
    """The text was gone on with, the tool call that followed is not: both are counted."""
    chunks = ChatChunks()
    calling = cut(chunks.tool_call(0, "call_1", "f"), chunks.tool_arguments(0, '{"a": '))
    async with two([cut_after(40)], [calling]) as both:
        request = stream_request("Tell me", model="m", routing=CONTINUE)
        heard = well_formed(await hear(both.weir.llm.StreamChat(request, timeout=10)))
    assert heard.failure.reason == "UPSTREAM_STREAM_BROKEN"
    assert heard.end.usage.completion_tokens > 40
    assert heard.end.usage.prompt_tokens > 40


async def test_output_of_a_format_is_never_gone_on_with() -> None:
    """A second model would begin another object."""
    async with two([cut_after(3)], [go_on]) as both:
        heard = await both.ask(output_format=OutputFormat(json_object=JsonObjectFormat()))
        assert len(both.b.journal) == 0
    assert_broken(heard)


async def test_cut_within_its_thoughts() -> None:
    """They are closed, and the answer follows as parts of its own: there are no words to give."""
    thinking = cut(*map(ChatChunks().reasoning_content, ["Let me", " think"]))
    async with two([thinking], [go_on]) as both:
        heard = await both.ask()
        (sent,) = both.b.journal
    assert heard.code is grpc.StatusCode.OK
    assert said_to(sent) == [("user", "Tell me")]
    parts = fold_chat(heard.events).message.parts
    assert [part.WhichOneof("kind") for part in parts] == ["reasoning", "text"]
    assert parts[1].text == WHOLE


async def test_completions_are_gone_on_with_too() -> None:
    """The rest is asked for as a chat: the prompt, then the words so far."""
    text = [{"choices": [{"index": 0, "text": piece}]} for piece in PIECES[:40]]
    begun = Sse(events=encode_events(text, done=False), ending=Ending.EOF)
    request = CompleteRequest(
        prompt="Tell me", model="m", options=GenerationOptions(routing=CONTINUE)
    )
    async with two([begun], [go_on]) as both:
        call = both.weir.llm.StreamComplete(StreamCompleteRequest(request=request), timeout=10)
        heard = well_formed(await hear(call))
        (sent,) = both.b.journal
    assert heard.code is grpc.StatusCode.OK
    assert heard.text == WHOLE
    assert sent.path == "/v1/chat/completions"
    assert said_to(sent) == [("user", "Tell me"), ("assistant", words(40))]


async def test_the_rest_is_bounded_by_what_is_left() -> None:
    """Of `max_output_tokens`, what was said is taken off."""
    async with two([cut_after(40)], [go_on]) as both:
        await both.ask(max_output_tokens=100)
        (sent,) = both.b.journal
    assert 40 <= sent.json["max_completion_tokens"] <= 60


async def test_blanks_at_the_cut_come_once() -> None:
    """They are not sent, for models stumble over them, and those that come back are dropped."""
    begun = cut(*map(ChatChunks().content, ["The ", "water "]))
    async with two([begun], [go_on]) as both:
        heard = await both.ask()
        (sent,) = both.b.journal
    assert said_to(sent)[-1] == ("assistant", "The water")
    assert heard.text == WHOLE


async def test_blanks_at_the_cut_come_once_though_the_next_one_thinks() -> None:
    """What it thinks first is no text: the blank is taken off where the text begins."""
    chunks = ChatChunks()

    def thinks(attempt: Attempt) -> Behaviour:
        assert said_to(attempt)[-1] == ("assistant", "one")
        said = [chunks.role(), chunks.reasoning_content(" hm"), chunks.content(" two")]
        return Sse(events=encode_events([*said, chunks.finish("stop")]))

    async with two([cut(chunks.content("one "))], [thinks]) as both:
        heard = await both.ask()
    parts = fold_chat(heard.events).message.parts
    assert [part.text or part.reasoning.text for part in parts] == ["one two", " hm"]


SILENT = Hang()


async def test_a_silent_target_leaves_time_for_the_next() -> None:
    """Of three, the second says nothing: the third goes on within the caller's deadline."""
    async with (
        FakeUpstream(cut_after(40)) as a,
        FakeUpstream(SILENT) as b,
        FakeUpstream(go_on) as c,
    ):
        config = tree(a.url, b.url, c.url)
        config["upstream"]["first_token_timeout_s"] = 30.0
        for target in config["models"][0]["targets"]:
            target["can"] = ABLE
        async with serving(config) as weir:
            request = stream_request("Tell me", model="m", routing=CONTINUE)
            heard = well_formed(await hear(weir.llm.StreamChat(request, timeout=2)))
    assert heard.text == WHOLE
    assert [name for name, _ in attempts(heard)] == ["a", "b", "c"]


async def test_a_hang_up_while_another_goes_on() -> None:
    """Both attempts are in the account of the call, and nothing stays open."""
    begun = Sse(
        events=encode_events([ChatChunks().role(), ChatChunks().content(PIECES[40])], done=False),
        ending=Ending.STALL,
    )
    async with two([cut_after(40)], [begun]) as both:
        request = stream_request("Tell me", model="m", routing=CONTINUE)
        call = both.weir.llm.StreamChat(request, timeout=10)
        async for message in call:
            if any(event.part_delta.text == PIECES[40] for event in message.events):
                break
        call.cancel()
        await both.b.wait_closed(both.b.journal[0])
        (line,) = await logged(both.weir)
        states = both.weir.app.upstreams.targets()
    assert line["code"] == "CANCELLED"
    assert line["completion_tokens"] >= 41
    assert {state.in_flight for state in states} == {0}
    assert {state.provider_in_flight for state in states} == {0}
