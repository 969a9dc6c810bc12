"""What is passed on, what is asked again and what it costs: the stage alone."""

import pytest

from tests.structured.answering import (
    Next,
    begin,
    call,
    close,
    end,
    heard,
    more,
    read,
    request,
    says,
    target,
    used,
)
from weir.fold import fold_chat
from weir.v1.content_pb2 import Part, ReasoningPart, RefusalPart, ToolCallPart
from weir.v1.error_pb2 import AttemptKind
from weir.v1.generation_pb2 import FinishReason, GenerationEvent
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import (
    CircuitOpen,
    MessageTooLarge,
    OutputSchemaMismatch,
    UpstreamStreamBroken,
)
from weir_server.core.handler import Handler
from weir_server.structured.checker import Checker
from weir_server.structured.held import MAX_TEXT_CHARS
from weir_server.structured.stage import StructuredStage

RIGHT, WRONG = '{"age": 7}', '{"size": 7}'


def stage(next_stage: Handler, *, max_held_bytes: int = 1 << 20) -> StructuredStage:
    return StructuredStage(next_stage, Checker(), max_held_bytes=max_held_bytes)


def text_of(events: list[GenerationEvent]) -> str:
    return fold_chat(events, numbered=False).message.parts[-1].text


async def test_without_repairs_the_stage_is_not_there() -> None:
    """It hands out the next stage's own answer, event by event as it comes."""
    following = Next(says(WRONG))

    async with stage(following).open(call(), request(0)) as batches:
        assert following.open_now == 1
        assert await read(batches) == says(WRONG)


async def test_a_right_answer_is_told_when_it_is_whole() -> None:
    """By then nothing is held upstream any more."""
    following = Next(says(RIGHT))

    async with stage(following).open(call(), request()) as batches:
        assert following.open_now == 0
        assert text_of(await read(batches)) == RIGHT


async def test_a_repair_is_an_asking_of_its_own_kind() -> None:
    """With the first request, its answer and the complaint; usage is that of both."""
    following = Next(says(WRONG), says(RIGHT))
    asked = request()
    before = asked.SerializeToString()

    events = await heard(stage(following), call(), asked)

    assert text_of(events) == RIGHT
    assert events[-1].end.usage == used(20)
    first, second = following.asked
    assert first[0].kind == AttemptKind.ATTEMPT_KIND_FIRST
    assert second[0].kind == AttemptKind.ATTEMPT_KIND_REPAIR
    again = second[1]
    assert isinstance(again, ChatRequest)
    assert again.options == asked.options
    assert again.messages[1].parts[0].text == WRONG
    assert "'age' is a required property" in again.messages[2].parts[0].text
    assert asked.SerializeToString() == before


async def test_the_last_wrong_answer_alone_is_shown() -> None:
    """A prompt does not grow with every repair."""
    following = Next(says(WRONG), says("[1]"), says(RIGHT))

    await heard(stage(following), call(), request(2))

    third = following.asked[2][1]
    assert isinstance(third, ChatRequest)
    assert [message.parts[0].text for message in third.messages][1] == "[1]"
    assert len(third.messages) == 3


async def test_an_empty_answer_is_asked_for_again() -> None:
    """Without a turn of no words, which vendors refuse."""
    following = Next([end()], says(RIGHT))

    events = await heard(stage(following), call(), request())

    assert text_of(events) == RIGHT
    again = following.asked[1][1]
    assert isinstance(again, ChatRequest)
    assert len(again.messages) == 2


PASSED = {
    "cut": says('{"age"', finish_reason=FinishReason.FINISH_REASON_MAX_TOKENS),
    "withheld": [end(FinishReason.FINISH_REASON_CONTENT_FILTER)],
    "refused": says("I will not.", finish_reason=FinishReason.FINISH_REASON_REFUSAL),
    "refused in a part": [
        begin(0, Part(refusal=RefusalPart())),
        more(0, "No."),
        close(0),
        end(),
    ],
    "a tool call": [
        begin(0, Part(tool_call=ToolCallPart(id="1", name="f"))),
        close(0),
        end(FinishReason.FINISH_REASON_TOOL_CALLS),
    ],
    "paused": says("Wait", finish_reason=FinishReason.FINISH_REASON_PAUSED),
}


@pytest.mark.parametrize("case", PASSED)
async def test_what_is_no_try_at_the_schema_is_passed_on(case: str) -> None:
    """As it is, with its own finish reason."""
    following = Next(PASSED[case])

    events = await heard(stage(following), call(), request())

    assert len(following.asked) == 1
    expected, told = fold_chat(PASSED[case], numbered=False), fold_chat(events, numbered=False)
    assert told.message == expected.message
    assert told.finish_reason == expected.finish_reason


async def test_thoughts_are_no_part_of_the_answer() -> None:
    """They are passed on before it, and not judged."""
    thinking = [begin(0, Part(reasoning=ReasoningPart())), more(0, "Hm."), close(0)]
    answer = [begin(1, Part(text="")), more(1, RIGHT), close(1), end()]

    events = await heard(stage(Next([*thinking, *answer])), call(), request())

    parts = fold_chat(events, numbered=False).message.parts
    assert [part.WhichOneof("kind") for part in parts] == ["reasoning", "text"]
    assert (parts[0].reasoning.text, parts[1].text) == ("Hm.", RIGHT)


@pytest.mark.parametrize("fence", ["```\n{}\n```", "```json\n{}\n```\n", " ```JSON\n{}```"])
async def test_a_fence_is_taken_off(fence: str) -> None:
    """Without asking again, where what it holds is right."""
    following = Next(says(fence.replace("{}", RIGHT)))

    assert text_of(await heard(stage(following), call(), request())) == RIGHT


async def test_a_fence_around_a_wrong_answer_is_asked_again() -> None:
    """What it holds is judged like any answer."""
    following = Next(says(f"```json\n{WRONG}\n```"), says(RIGHT))

    assert text_of(await heard(stage(following), call(), request())) == RIGHT


async def test_the_error_after_the_last_repair() -> None:
    """Tells how often was asked and which rule is broken, and carries what all of it cost."""
    now = call()

    with pytest.raises(OutputSchemaMismatch) as failed:
        await heard(stage(Next(says(WRONG), says(WRONG))), now, request())

    error = failed.value
    assert error.metadata == {"repairs": "1", "rule": "required", "schemaPath": "/required"}
    assert error.usage == now.progress.usage == used(20)


async def test_a_failure_in_a_repair_costs_what_was_used() -> None:
    """Once, though it never came to an attempt that could be counted."""
    now = call()

    with pytest.raises(CircuitOpen) as failed:
        await heard(stage(Next(says(WRONG), CircuitOpen())), now, request())

    assert failed.value.usage == now.progress.usage == used(10)


async def test_an_answer_without_an_end_is_broken() -> None:
    """It is not known to be whole, so it is neither judged nor passed on."""
    with pytest.raises(UpstreamStreamBroken):
        await heard(stage(Next(says(RIGHT)[:-1])), call(), request())


async def test_the_target_that_answered_is_asked_first() -> None:
    """The others stand by in their order."""
    a, b, c = target("a"), target("b"), target("c")
    now = call(a, b, c)
    now.progress.route = b
    following = Next(says(WRONG), says(RIGHT))

    await heard(stage(following), now, request())

    assert following.asked[1][0].targets == (b, a, c)


async def test_a_far_weir_judges_by_itself() -> None:
    """Its answer is passed on as it comes, for it was held back there already."""
    following = Next(says(WRONG))

    events = await heard(stage(following), call(target(kind="weir")), request())

    assert events == says(WRONG)


async def test_a_far_weir_among_others_is_not_asked_to_repair_again() -> None:
    """Repairs do not multiply along a chain."""
    far = target("far", kind="weir")
    now = call(target("a"), far)
    now.progress.route = far
    following = Next(says(WRONG))

    with pytest.raises(OutputSchemaMismatch):
        await heard(stage(following), now, request(5))

    assert len(following.asked) == 1


async def test_what_is_held_is_bounded() -> None:
    """By what the server may answer at all, and by what can be judged in good time."""
    with pytest.raises(MessageTooLarge):
        await heard(stage(Next(says("x" * 5_000)), max_held_bytes=4_096), call(), request())
    with pytest.raises(MessageTooLarge):
        await heard(
            stage(Next(says("x" * (MAX_TEXT_CHARS + 1))), max_held_bytes=1 << 30),
            call(),
            request(),
        )


async def test_small_pieces_are_held_as_one() -> None:
    """What is held costs about what it says, however many events it came in."""
    text = '{"age": 7, "name": "' + "x" * 2_000 + '"}'

    events = await heard(
        stage(Next(says(text, pieces=len(text))), max_held_bytes=20_000), call(), request()
    )

    assert text_of(events) == text
    assert len(events) == 4
