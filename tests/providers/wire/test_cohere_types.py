"""Is there a meaning for everything that the types of Cohere's SDK can say?"""

import typing

import pytest
from cohere.types import ChatFinishReason, CitationType
from cohere.v2 import V2ChatStreamResponse

from tests.contracts.answers import CHUNKS
from tests.providers.wire import cohere_samples as c
from weir.v1.generation_pb2 import FinishReason
from weir_server.providers.wire.cohere.finish import REASONS, failure_of

SAID_ELSEWHERE = {"content-start", "content-end", "citation-end", "debug"}
"""Events that say nothing of their own: what they bracket says it."""


def _literals(union: object) -> set[str]:
    """The words that an open enumeration of the SDK lists."""
    found = (typing.get_args(each) for each in typing.get_args(union))
    return {word for words in found for word in words if isinstance(word, str)}


def _event_types() -> set[str]:
    union = typing.get_args(V2ChatStreamResponse)[0]
    return {kind.model_fields["type"].default for kind in typing.get_args(union)}


def test_every_event_means_something() -> None:
    """Each type that the SDK knows is in a stream that we read, or is known to say nothing."""
    events = [
        c.start(),
        *c.block(0, "text", CHUNKS),
        c.event("citation-start", 0, citations={"start": 0, "end": 2}),
        *c.plan("Now"),
        *c.streamed_call(0, "call_1", "now", ("{}",)),
        c.end("TOOL_CALL"),
    ]
    assert _event_types() == {event["type"] for event in events} | SAID_ELSEWHERE
    kinds = [part.WhichOneof("kind") for part in c.folded(*events[1:]).message.parts]
    assert kinds == ["text", "reasoning", "tool_call"]


@pytest.mark.parametrize("word", sorted(_literals(ChatFinishReason)))
def test_every_reason_means_something(word: str) -> None:
    """Each ends an answer for a reason of ours, or fails it."""
    reason = REASONS.get(word, FinishReason.FINISH_REASON_OTHER)
    failed = failure_of(word, None, produced=True) is not None
    assert failed != (reason != FinishReason.FINISH_REASON_OTHER)


def test_every_citation_finds_its_part() -> None:
    """Each type speaks of one kind of part."""
    message = {
        "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Yes"}],
        "tool_plan": "I look.",
    }
    types = sorted(_literals(CitationType))
    citations = [{"start": 0, "end": 1, "type": kind} for kind in types]
    parts = c.folded_whole({**message, "citations": citations}).message.parts
    assert len(types) == len(parts) == 3
    assert [len(part.citations) for part in parts] == [1, 1, 1]
