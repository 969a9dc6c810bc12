"""Do events add up to exactly the answer they tell of?"""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weir
from tests.clients.python.answers import (
    METADATA,
    USAGE,
    arguments,
    closed,
    end,
    heartbeat,
    numbered,
    opened,
    start,
    text,
    text_answer,
)
from weir.fold import ChatFold, CompleteFold, fold_chat, fold_complete
from weir.v1.content_pb2 import (
    Citation,
    MediaPart,
    Message,
    Part,
    ReasoningPart,
    RefusalPart,
    Role,
    ServerToolCallPart,
    ServerToolResultPart,
    ToolCallPart,
    ToolResultPart,
    UnknownPart,
)
from weir.v1.generation_pb2 import (
    FinishReason,
    GenerationEvent,
    PartDelta,
    StreamEnd,
    TokenLogprob,
    UsageUpdate,
)
from weir.v1.provider_service_pb2 import ChatResponse, CompleteResponse
from weir.v1.usage_pb2 import TokenUsage

CALL = ToolCallPart(id="call_1", name="get_weather")


def fold_parts(*events: GenerationEvent) -> list[Part]:
    """The parts that the events between start and end make."""
    response = fold_chat(numbered([start(), *events, end()]))
    return list(response.message.parts)


def test_a_text() -> None:
    """Deltas join to the text; usage, metadata and finish reason come from the end."""
    response = fold_chat(text_answer("Hel", "lo"))

    assert response == ChatResponse(
        message=Message(role=Role.ROLE_ASSISTANT, parts=[Part(text="Hello")]),
        finish_reason=FinishReason.FINISH_REASON_STOP,
        usage=USAGE,
        metadata=METADATA,
    )


def test_a_completion() -> None:
    """A completion is the text of the text parts alone."""
    events = [
        opened(0, Part(reasoning=ReasoningPart())),
        text(0, "hmm"),
        closed(0),
        opened(1, Part(text="")),
        text(1, "yes"),
        closed(1),
    ]

    response = fold_complete(numbered([start(), *events, end()]))

    assert response == CompleteResponse(
        text="yes",
        finish_reason=FinishReason.FINISH_REASON_STOP,
        usage=USAGE,
        metadata=METADATA,
    )


@pytest.mark.parametrize(
    ("began", "deltas", "ended", "whole"),
    [
        (Part(text=""), [], None, Part(text="")),
        (Part(text=""), [text(0, "a")], Part(text=""), Part(text="a")),
        (
            Part(text=""),
            [text(0, "a")],
            Part(provider_state=b"signed"),
            Part(text="a", provider_state=b"signed"),
        ),
        (
            Part(reasoning=ReasoningPart()),
            [text(0, "a"), text(0, "b")],
            Part(reasoning=ReasoningPart(is_summary=True), provider_state=b"s"),
            Part(reasoning=ReasoningPart(text="ab", is_summary=True), provider_state=b"s"),
        ),
        (
            Part(refusal=RefusalPart()),
            [text(0, "no")],
            None,
            Part(refusal=RefusalPart(text="no")),
        ),
        (
            Part(tool_call=CALL),
            [arguments(0, '{"a"'), arguments(0, ":1}")],
            None,
            Part(tool_call=ToolCallPart(id=CALL.id, name=CALL.name, arguments_json='{"a":1}')),
        ),
        (
            Part(tool_call=ToolCallPart(id="call_1")),
            [arguments(0, "{}")],
            Part(tool_call=ToolCallPart(id="call_1", name="f", arguments_valid=False)),
            Part(
                tool_call=ToolCallPart(
                    id="call_1", name="f", arguments_json="{}", arguments_valid=False
                )
            ),
        ),
        (
            Part(server_tool_call=ServerToolCallPart(id="s")),
            [arguments(0, "{}")],
            None,
            Part(server_tool_call=ServerToolCallPart(id="s", arguments_json="{}")),
        ),
        (
            Part(media=MediaPart(mime_type="audio/wav")),
            [
                GenerationEvent(part_delta=PartDelta(inline_data=b"\x00")),
                GenerationEvent(part_delta=PartDelta(inline_data=b"\xff")),
            ],
            Part(media=MediaPart(transcript="hm")),
            Part(media=MediaPart(mime_type="audio/wav", inline_data=b"\x00\xff", transcript="hm")),
        ),
        (
            Part(media=MediaPart(mime_type="image/png")),
            [],
            Part(media=MediaPart(mime_type="image/png", uri="https://example.com/cat.png")),
            Part(media=MediaPart(mime_type="image/png", uri="https://example.com/cat.png")),
        ),
        (
            Part(server_tool_result=ServerToolResultPart(tool_call_id="s", result_json="[]")),
            [],
            None,
            Part(server_tool_result=ServerToolResultPart(tool_call_id="s", result_json="[]")),
        ),
        (
            Part(tool_result=ToolResultPart(tool_call_id="t", content=[Part(text="x")])),
            [],
            Part(tool_result=ToolResultPart(tool_call_id="t", content=[Part(text="x")])),
            Part(tool_result=ToolResultPart(tool_call_id="t", content=[Part(text="x")])),
        ),
        (
            Part(unknown=UnknownPart(type="audio_transcription", json="{}")),
            [],
            None,
            Part(unknown=UnknownPart(type="audio_transcription", json="{}")),
        ),
    ],
)
def test_a_part(
    began: Part, deltas: list[GenerationEvent], ended: Part | None, whole: Part
) -> None:
    """A part is its beginning, its joined deltas, and what its end overrides."""
    assert fold_parts(opened(0, began), *deltas, closed(0, ended)) == [whole]


def test_interleaved_parts() -> None:
    """Parallel calls interleave; each gets its own arguments."""
    parts = fold_parts(
        opened(0, Part(tool_call=ToolCallPart(id="a"))),
        opened(1, Part(tool_call=ToolCallPart(id="b"))),
        arguments(1, "[1"),
        arguments(0, "[0"),
        heartbeat(),
        arguments(1, "]"),
        arguments(0, "]"),
        closed(1),
        closed(0),
    )

    assert [(part.tool_call.id, part.tool_call.arguments_json) for part in parts] == [
        ("a", "[0]"),
        ("b", "[1]"),
    ]


def test_citations() -> None:
    """Sources add up in order, and one that the end repeats is there once."""
    first, second, third = (Citation(uri=f"https://example.com/{n}") for n in range(3))

    (part,) = fold_parts(
        opened(0, Part(text="", citations=[first])),
        GenerationEvent(part_delta=PartDelta(text="a", citations=[second])),
        closed(0, Part(citations=[first, third])),
    )

    assert list(part.citations) == [first, second, third]
    assert part.text == "a"


def test_logprobs() -> None:
    """Log probabilities stand in the order of the parts; a completion has those of its text."""
    thought, said = TokenLogprob(token="hm", logprob=-1), TokenLogprob(token="yes", logprob=-2)
    events = numbered(
        [
            start(),
            opened(0, Part(reasoning=ReasoningPart())),
            opened(1, Part(text="")),
            GenerationEvent(part_delta=PartDelta(index=1, text="yes", logprobs=[said])),
            GenerationEvent(part_delta=PartDelta(index=0, text="hm", logprobs=[thought])),
            closed(0),
            closed(1),
            end(),
        ]
    )

    assert list(fold_chat(events).logprobs) == [thought, said]
    assert list(fold_complete(events).logprobs) == [said]


def test_the_end_alone_says_what_was_used() -> None:
    """Interim usage adds nothing; an end without usage leaves it absent."""
    interim = GenerationEvent(usage_update=UsageUpdate(usage=TokenUsage(total_tokens=99)))
    bare = GenerationEvent(end=StreamEnd(finish_reason=FinishReason.FINISH_REASON_STOP))

    response = fold_chat([interim, bare], numbered=False)

    assert not response.HasField("usage")
    assert not response.HasField("metadata")


def test_a_kind_of_event_that_is_not_known() -> None:
    """An event of a newer server is skipped, but counted."""
    events = text_answer("a")
    newer = GenerationEvent()
    newer.MergeFromString(b"\x52\x00")  # field 10, a message

    response = fold_chat(numbered([*events[:3], newer, *events[3:]]))

    assert response.message.parts[0].text == "a"


def test_a_kind_of_part_that_is_not_known() -> None:
    """A part of a newer server is kept byte for byte."""
    newer = Part(provider_state=b"s")
    newer.MergeFromString(b"\x5a\x02hi")  # field 11, two bytes

    (part,) = fold_parts(opened(0, newer), text(0, "?"), closed(0))

    assert part.SerializeToString() == newer.SerializeToString()


def test_the_fold_keeps_copies() -> None:
    """An event may be changed or reused once it was added."""
    fold = ChatFold()
    for event in text_answer("a"):
        fold.add(event)
        event.end.usage.total_tokens += 99
        event.part_start.part.text = "changed"

    assert fold.response() == fold_chat(text_answer("a"))


def test_a_response_is_its_callers() -> None:
    """Changing a response does not change the next one."""
    fold = ChatFold()
    fold.add_all(text_answer("a"))

    fold.response().message.parts[0].text = "changed"

    assert fold.response().message.parts[0].text == "a"


def test_unnumbered_events() -> None:
    """Without numbers neither the sequence nor the start is asked for."""
    events = [opened(0, Part(text="")), text(0, "a"), closed(0), end()]

    assert fold_chat(events, numbered=False).message.parts[0].text == "a"


BEGUN = [start(), opened(0, Part(text=""))]


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([heartbeat()], "heartbeat before the start"),
        ([start(), start()], "a second start"),
        ([start(), opened(1, Part(text=""))], "part 1 opened where 0 was due"),
        ([*BEGUN, opened(0, Part(text=""))], "part 0 opened where 1 was due"),
        ([*BEGUN, text(1, "a")], "a delta for part 1, which is not open"),
        ([*BEGUN, closed(0), text(0, "a")], "a delta for part 0, which is not open"),
        ([*BEGUN, closed(1)], "part 1 ended, which is not open"),
        ([*BEGUN, closed(0), closed(0)], "part 0 ended, which is not open"),
        ([*BEGUN, arguments(0, "{}")], "a delta of arguments_json for part 0, a text"),
        ([*BEGUN, closed(0, Part(tool_call=CALL))], "part 0 began as text and ended as tool_call"),
        ([start(), opened(0, Part())], "part 0 opened without a kind"),
        ([*BEGUN, end()], r"a successful end while parts \[0\] are open"),
        ([start(), end(), end()], "an event .* after the end"),
        ([start(), end(), heartbeat()], "an event .* after the end"),
    ],
)
def test_what_breaks_the_contract(events: list[GenerationEvent], said: str) -> None:
    """Events that cannot follow each other are refused, in words."""
    with pytest.raises(weir.ProtocolError, match=said):
        fold_chat(numbered(events))


@pytest.mark.parametrize("sequence", [0, 2, 7])
def test_a_wrong_sequence(sequence: int) -> None:
    """The sequence rises by one, without repeats and gaps."""
    events = text_answer("a")
    events[1].sequence = sequence

    with pytest.raises(weir.ProtocolError, match=f"event {sequence} where 1 was due"):
        fold_chat(events)


@pytest.mark.parametrize("fold", [ChatFold(), CompleteFold()])
def test_before_the_end(fold: ChatFold | CompleteFold) -> None:
    """Without its end no answer is whole."""
    fold.add_all(text_answer("a")[:-1])

    assert fold.end is None
    with pytest.raises(weir.StreamBrokenError):
        fold.response()


@given(pieces=st.lists(st.text()), cuts=st.lists(st.integers(min_value=0, max_value=200)))
def test_any_cut_of_a_text(pieces: list[str], cuts: list[int]) -> None:
    """How a text was cut into deltas does not show in the answer."""
    whole = "".join(pieces)
    bounds = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    recut = [whole[a:b] for a, b in itertools.pairwise(bounds)]

    assert fold_chat(text_answer(*pieces)) == fold_chat(text_answer(*recut))


def test_time_grows_with_the_total() -> None:
    """Ten times the deltas take about ten times as long, not a hundred times."""

    def seconds(count: int) -> float:
        events = text_answer(*["token "] * count)
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            fold_chat(events)
            best = min(best, time.process_time() - began)
        return best

    assert seconds(20_000) < 40 * seconds(2_000)
