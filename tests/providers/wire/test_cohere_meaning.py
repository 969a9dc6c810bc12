"""What do the things mean that only Cohere says: plans, citations, its two counts of tokens?"""

import json
from typing import Any

import pytest

from tests.contracts.answers import CHUNKS, PROMPT_TOKENS, TEXT
from tests.contracts.wire_format import TARGET, decode
from tests.providers.wire import cohere_samples as c
from weir.fold import fold_chat
from weir.v1.content_pb2 import Citation, Part, ReasoningPart, UnknownPart
from weir.v1.generation_pb2 import (
    REASONING_VISIBILITY_HIDDEN,
    FinishReason,
    GenerationOptions,
    ReasoningOptions,
)
from weir.v1.provider_service_pb2 import ChatRequest
from weir.v1.usage_pb2 import UsageSource
from weir_server.core.errors import (
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStreamBroken,
    UpstreamTimeout,
)
from weir_server.providers.wire.cohere.wire import CohereWire

PLAN = Part(reasoning=ReasoningPart(text="I will look."), provider_state=b"cohere:tool_plan")
ANSWER = "It is 24°C in Bern, says météo."


def cited(start: int, end: int, *sources: c.Json, **more: Any) -> c.Json:
    said = {"start": start, "end": end, "text": ANSWER[start:end], "sources": list(sources)}
    return {**said, **more}


TOOL = {"type": "tool", "id": "get_weather_1:0", "tool_output": {"temperature": "24°C"}}
DOCUMENT = {
    "type": "document",
    "id": "doc:1",
    "document": {"id": "doc:1", "title": "Météo", "url": "https://m.example", "text": "24°C"},
}


def citing(*citations: c.Json) -> list[c.Json]:
    """An answer that is cited before its block ends, as the vendor does."""
    block = c.block(0, "text", (ANSWER[:9], ANSWER[9:]))
    events: list[c.Json] = []
    for index, citation in enumerate(citations):
        events.append(c.event("citation-start", index, citations=citation))
        events.append(c.event("citation-end", index))
    return [*block[:-1], *events, block[-1], c.end("COMPLETE")]


def test_a_plan_is_reasoning_with_a_mark() -> None:
    """What the model plans before it calls tools is a part of its own, before the calls."""
    response = c.folded(
        *c.plan("I will", " look."),
        *c.streamed_call(0, "call_1", "now", ("{}",)),
        c.end("TOOL_CALL"),
    )
    whole = c.folded_whole(
        {"tool_plan": "I will look.", "tool_calls": [c.call("call_1", "now", "{}")]}, "TOOL_CALL"
    )
    assert response.message.parts[0] == PLAN
    assert response.message.parts[1].tool_call.name == "now"
    assert response == whole


def test_a_citation_counts_bytes() -> None:
    """Places are told in characters there and in bytes here; sources say what they are."""
    response = c.folded(*citing(cited(6, 10, TOOL), cited(25, 30, DOCUMENT)))
    part = response.message.parts[0]
    tool, document = part.citations
    text = ANSWER.encode()
    assert [text[it.start_byte : it.end_byte].decode() for it in part.citations] == [
        "24°C",
        "météo",
    ]
    assert (tool.document_id, tool.cited_text) == ("get_weather_1:0", '{"temperature":"24°C"}')
    assert document.document_id == "doc:1"
    assert (document.title, document.uri, document.cited_text) == (
        "Météo",
        "https://m.example",
        "24°C",
    )


def test_whole_answers_cite_as_streams_do() -> None:
    """Part by part the same, in the order of the vendor's list."""
    citations = [cited(6, 10, TOOL, DOCUMENT, type="TEXT_CONTENT"), cited(25, 30)]
    whole = c.folded_whole({"content": [{"type": "text", "text": ANSWER}], "citations": citations})
    assert whole == c.folded(*citing(*citations))
    assert len(whole.message.parts[0].citations) == 3, "one for each source, or one without any"


def test_a_citation_far_into_a_long_text_is_found() -> None:
    """Places are right past every piece that the text was kept in."""
    text = "é" * 5000 + "here" + "é" * 3000
    citation = {"start": 5000, "end": 5004, "text": "here"}
    whole = c.folded_whole({"content": [{"type": "text", "text": text}], "citations": [citation]})
    assert whole.message.parts[0].citations[0] == Citation(start_byte=10000, end_byte=10004)


@pytest.mark.parametrize(
    ("start", "end", "places"),
    [(-5, 3, (0, 3)), (3, 9999, (3, 34)), (9, 4, (10, 10)), ("x", None, (0, 0))],
)
def test_a_citation_of_no_place_stays_inside(start: Any, end: Any, places: tuple[int, int]) -> None:
    """Nonsense from the vendor becomes the nearest place that is in the text."""
    response = c.folded(*citing({"start": start, "end": end}))
    (citation,) = response.message.parts[0].citations
    assert (citation.start_byte, citation.end_byte) == places


def test_thoughts_and_plans_are_cited_too() -> None:
    """A citation goes with the part that it speaks of, by its type."""
    thought = {"start": 0, "end": 3, "type": "THINKING_CONTENT", "content_index": 0}
    plan = {"start": 2, "end": 6, "type": "PLAN"}
    whole = c.folded_whole(
        {
            "content": [{"type": "thinking", "thinking": "Hmm."}, {"type": "text", "text": "Yes"}],
            "tool_plan": "I will look.",
            "citations": [plan, thought],
        }
    )
    assert [len(part.citations) for part in whole.message.parts] == [1, 0, 1]


def test_a_late_citation_is_kept_whole() -> None:
    """A part that has ended takes no more; the citation comes as an item of its own, and is sent
    back with the message."""
    citation = {"start": 0, "end": 3, "type": "THINKING_CONTENT", "content_index": 0}
    response = c.folded(
        *c.block(0, "thinking", ("Hmm.",)),
        *c.block(1, "text", CHUNKS),
        c.event("citation-start", 0, citations=citation),
        c.end("COMPLETE"),
    )
    kept = response.message.parts[-1].unknown
    assert kept.type == "cohere/citation"
    assert json.loads(kept.json) == citation


def test_a_block_of_an_unknown_type_is_kept_whole() -> None:
    """In a stream it is put together; it has the vendor's type and JSON."""
    picture = {"type": "picture", "data": "abcd", "size": 3}
    whole = c.folded_whole({"content": [picture, {"type": "text", "text": TEXT}]})
    streamed = c.folded(
        c.event("content-start", 0, content={"type": "picture", "data": "ab"}),
        c.event("content-delta", 0, content={"data": "cd", "size": 3}),
        c.event("content-end", 0),
        *c.block(1, "text", CHUNKS),
        c.end("COMPLETE"),
    )
    unknown = UnknownPart(type="cohere/picture", json=json.dumps(picture, separators=(",", ":")))
    assert whole.message.parts[0] == Part(unknown=unknown)
    assert streamed == whole


@pytest.mark.parametrize("block", [{"type": {}}, {"type": None}, {"text": "a"}, "a", None, 1])
def test_a_block_of_no_type_is_kept_whole(block: object) -> None:
    """Whatever it is, it is no text, and no reason to lose the rest."""
    first, second = c.folded_whole(
        {"content": [block, {"type": "text", "text": "b"}]}
    ).message.parts
    assert first.unknown.type == "cohere/content"
    assert json.loads(first.unknown.json) == block
    assert second.text == "b"


def test_a_block_that_stands_alone_is_read() -> None:
    """Not in a list, as in an event."""
    assert c.folded_whole({"content": {"type": "text", "text": TEXT}}).message.parts[0].text == TEXT


def test_log_probabilities_come_with_their_text() -> None:
    """Each piece has that of its tokens together, which mostly are one."""
    items = [
        {"text": "He", "token_ids": [1], "logprobs": [-0.5]},
        {"text": "llo", "token_ids": [2, 3], "logprobs": [-0.25, -0.25]},
    ]
    pieces = [
        {**c.event("content-delta", 0, content={"text": item["text"]}), "logprobs": item}
        for item in items
    ]
    streamed = c.folded(*pieces, c.end("COMPLETE"))
    whole = c.folded_whole({"content": [{"type": "text", "text": "Hello"}]}, logprobs=items)
    assert [(it.token, it.logprob) for it in streamed.logprobs] == [("He", -0.5), ("llo", -0.5)]
    assert whole.logprobs == streamed.logprobs


def test_hidden_reasoning_is_left_out() -> None:
    """Neither thoughts nor plans, nor what they rest on, where the caller wants none of it."""
    request = ChatRequest(
        options=GenerationOptions(
            reasoning=ReasoningOptions(visibility=REASONING_VISIBILITY_HIDDEN)
        )
    )
    events = (
        *c.block(0, "thinking", ("Hmm.",)),
        *c.plan("I will"),
        *c.block(1, "text", CHUNKS),
        c.event("citation-start", 0, citations={"start": 0, "end": 1, "type": "PLAN"}),
        c.event("citation-start", 1, citations={"start": 0, "end": 1, "type": "THINKING_CONTENT"}),
    )
    body = c.stream(c.start(), *events, c.end("COMPLETE"))
    decoded = decode(CohereWire().decoder(request, TARGET, stream=True), [body])
    assert [part.text for part in fold_chat(decoded.events, numbered=False).message.parts] == [TEXT]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("ERROR_TOXIC", FinishReason.FINISH_REASON_CONTENT_FILTER),
        ("ERROR_LIMIT", FinishReason.FINISH_REASON_CONTEXT_LENGTH),
        ("USER_CANCEL", FinishReason.FINISH_REASON_OTHER),
    ],
)
def test_other_reasons_are_named(word: str, reason: FinishReason.ValueType) -> None:
    """The words of older deployments have a meaning, new ones are told as they are."""
    response = c.folded(*c.block(0, "text", CHUNKS), c.end(word))
    assert response.finish_reason == reason
    assert response.metadata.raw_finish_reason == word


@pytest.mark.parametrize(
    ("word", "error", "kind", "cause"),
    [
        ("ERROR", "internal server error", UpstreamStreamBroken, "error_event"),
        ("COMPLETE", "internal server error", UpstreamStreamBroken, "error_event"),
        ("TIMEOUT", None, UpstreamStreamBroken, "timeout"),
    ],
)
def test_an_answer_that_failed_is_broken(
    word: str, error: str | None, kind: type[UpstreamError], cause: str
) -> None:
    """Status 200 and a last event make no good answer: what was said is told, then the failure."""
    body = c.stream(c.start(), *c.block(0, "text", CHUNKS), c.end(word, error=error))
    decoded = c.decode_stream(body)
    assert "".join(event.part_delta.text for event in decoded.events) == TEXT
    assert type(decoded.failure) is kind
    assert decoded.failure.metadata["cause"] == cause


def test_a_failure_before_the_first_word_may_be_repeated() -> None:
    """Nothing was said, so it is the vendor's error and no broken stream."""
    failed = c.decode_stream(c.stream(c.start(), c.end("ERROR", error="boom"))).failure
    late = c.decode_whole(c.whole({"content": []}, "TIMEOUT")).failure
    assert type(failed) is UpstreamError
    assert type(late) is UpstreamTimeout


@pytest.mark.parametrize(
    "event",
    [
        b'event: error\ndata: {"message":"internal server error"}\n\n',
        b'data: {"type":"error","message":"boom"}\n\n',
        b'data: {"message":"boom"}\n\n',
        b'data: {"error":{"message":"boom"}}\n\n',
    ],
)
def test_an_error_inside_a_stream_breaks_it(event: bytes) -> None:
    """However it is spelled, an error is no event to be skipped."""
    begun = c.stream(c.start(), *c.block(0, "text", CHUNKS))
    assert type(c.decode_stream(begun + event).failure) is UpstreamStreamBroken
    assert type(c.decode_stream(c.stream(c.start()) + event).failure) is UpstreamError


@pytest.mark.parametrize(
    "event", [b"data: nonsense\n\n", b'data: {"delta":{}}\n\n', b"data: 1\n\n"]
)
def test_what_is_no_event_breaks_the_stream(event: bytes) -> None:
    """Skipped, an error in words of its own could pass for a complete answer."""
    decoded = c.decode_stream(c.stream(c.start()) + event + c.stream(c.end("COMPLETE")))
    assert type(decoded.failure) is UpstreamProtocolError


def test_events_of_no_meaning_are_skipped() -> None:
    """The vendor's debug events, pings and types to come change nothing."""
    odd = ({"type": "debug", "prompt": "..."}, {"type": "ping"}, {"type": "news-start", "index": 9})
    plain = c.folded(*c.block(0, "text", CHUNKS), c.end("COMPLETE"))
    assert c.folded(*odd, *c.block(0, "text", CHUNKS), *odd, c.end("COMPLETE")) == plain


def test_a_call_without_an_id_gets_one() -> None:
    """Made of the answer's own id, so that it is the same however the bytes are cut."""
    nameless = {"type": "function", "function": {"name": "now", "arguments": "{}"}}
    streamed = c.folded(c.event("tool-call-start", 0, tool_calls=nameless), c.end("TOOL_CALL"))
    whole = c.folded_whole({"tool_calls": [nameless]}, "TOOL_CALL")
    assert streamed.message.parts[0].tool_call.id == f"call_{c.ID}_0"
    assert streamed == whole


def test_arguments_of_no_call_are_malformed() -> None:
    """They belong to something that was lost."""
    delta = c.event("tool-call-delta", 3, tool_calls={"function": {"arguments": "{}"}})
    decoded = c.decode_stream(c.stream(c.start(), delta, c.end("TOOL_CALL")))
    assert type(decoded.failure) is UpstreamProtocolError


def test_tokens_are_preferred_to_billed_units() -> None:
    """Tokens are what went through the model; what is billed is told beside them."""
    response = c.folded(*c.block(0, "text", CHUNKS), c.end("COMPLETE"))
    assert response.usage.prompt_tokens == PROMPT_TOKENS
    assert response.metadata.attributes["cohere.billed_input_tokens"] == "5"
    assert response.metadata.attributes["cohere.id"] == c.ID


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"billed_units": {"input_tokens": 5, "output_tokens": 6}}, (5, 6, 0)),
        (
            {"billed_units": {"input_tokens": 5, "output_tokens": 6}, "cached_tokens": 480},
            (5, 6, 0),
        ),
        (
            {"tokens": {"input_tokens": 507, "output_tokens": 6}, "cached_tokens": 480},
            (507, 6, 480),
        ),
        ({"tokens": {"input_tokens": 5, "output_tokens": 6}, "cached_tokens": 6}, None),
        ({"tokens": {"input_tokens": 5, "output_tokens": 0}}, None),
        ({"tokens": {"input_tokens": 5.5, "output_tokens": 6}}, None),
        ({"tokens": {"input_tokens": -1, "output_tokens": 6}}, None),
        ({"tokens": {"input_tokens": 1e300, "output_tokens": 6}}, None),
        ({"tokens": {"input_tokens": True, "output_tokens": 6}}, None),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_usage_is_believed_or_left_out(usage: Any, counts: tuple[int, int, int] | None) -> None:
    """Counts that cannot be are left to be estimated, and cached tokens are not set off against
    billed units, which are another measure."""
    said = c.folded(*c.block(0, "text", CHUNKS), c.end("COMPLETE", usage)).usage
    if counts is None:
        assert said.source == UsageSource.USAGE_SOURCE_UNSPECIFIED
    else:
        found = (said.prompt_tokens, said.completion_tokens, said.cached_prompt_tokens)
        assert found == counts
