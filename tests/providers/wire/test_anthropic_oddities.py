"""Do Anthropic's streams mean what they should where they are odd, broken or from elsewhere?"""

import json
from typing import Any

import pytest
from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

from tests.contracts.asks import assistant, user
from tests.contracts.vendor_wire import Recorded
from tests.providers.wire import anthropic_words as w
from tests.providers.wire.test_anthropic_contract import ANSWERS
from weir.v1.content_pb2 import Citation
from weir.v1.generation_pb2 import FinishReason
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import UpstreamOverloaded, UpstreamProtocolError
from weir_server.fake_upstream.behaviour import Sse
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.wire.parts import HELD_MAX_CHARS

TEXT = w.text_block(0, ["Hello", " there"])


def test_the_recordings_are_what_the_sdk_reads() -> None:
    """Every recorded event is one of the SDK's own types, and every whole answer its message."""
    adapter: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
    for recorded in ANSWERS.values():
        if isinstance(recorded, Recorded):
            for event in recorded.stream.decode().strip().split("\n\n"):
                said = json.loads(event.partition("data: ")[2])
                if said["type"] != "ping":
                    assert adapter.validate_python(said).type == said["type"]


async def test_the_sdk_adds_the_recordings_up_to_the_same() -> None:
    """Each recorded stream is, to the SDK's own accumulation, the whole answer beside it."""
    recorded = [answer for answer in ANSWERS.values() if isinstance(answer, Recorded)]
    async with (
        FakeUpstream() as upstream,
        AsyncAnthropic(
            base_url=upstream.origin,
            api_key="sk-fake",
            max_retries=0,
            http_client=DefaultAsyncHttpxClient(verify=False),
        ) as sdk,
    ):
        upstream.script(*[Sse(events=[answer.stream]) for answer in recorded])
        for answer in recorded:
            async with sdk.messages.stream(
                model="m", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]
            ) as stream:
                said = (await stream.get_final_message()).model_dump(mode="json")
            whole = json.loads(answer.unary)
            for block, expected in zip(said["content"], whole["content"], strict=True):
                assert {name: block[name] for name in expected} == expected
            for name in ("stop_reason", "stop_sequence", "model", "id"):
                assert said[name] == whole[name]
            assert said["usage"]["output_tokens"] == whole["usage"]["output_tokens"]


REASONS = {
    "end_turn": FinishReason.FINISH_REASON_STOP,
    "max_tokens": FinishReason.FINISH_REASON_MAX_TOKENS,
    "stop_sequence": FinishReason.FINISH_REASON_STOP_SEQUENCE,
    "tool_use": FinishReason.FINISH_REASON_TOOL_CALLS,
    "pause_turn": FinishReason.FINISH_REASON_PAUSED,
    "compaction": FinishReason.FINISH_REASON_PAUSED,
    "refusal": FinishReason.FINISH_REASON_CONTENT_FILTER,
    "model_context_window_exceeded": FinishReason.FINISH_REASON_CONTEXT_LENGTH,
    "moonrise": FinishReason.FINISH_REASON_OTHER,
}


@pytest.mark.parametrize("stop", REASONS)
def test_why_it_ended(stop: str) -> None:
    """Each of the vendor's words, and one that it has not yet; the word itself is told too."""
    end = w.end_of(w.decode_stream(w.stream(TEXT, stop=stop))).end
    assert end.finish_reason == REASONS[stop]
    assert end.metadata.raw_finish_reason == stop


@pytest.mark.parametrize("stop", ["stop_sequence", "end_turn"])
def test_the_stop_sequence_is_told(stop: str) -> None:
    """llama.cpp names it under `end_turn`: it is a stop sequence all the same."""
    end = w.end_of(w.decode_stream(w.stream(TEXT, stop=stop, stop_sequence="END"))).end
    assert end.finish_reason == FinishReason.FINISH_REASON_STOP_SEQUENCE
    assert end.metadata.matched_stop_sequence == "END"


def test_facts_of_the_answer_are_told() -> None:
    """Id, model, tier, container, why it was stopped, and what the vendor's tools did."""
    details = {"type": "refusal", "category": "bio", "explanation": "Not this."}
    ending = w.stopped(
        "refusal",
        stop_details=details,
        container={"id": "container_1", "expires_at": "2026-11-25T10:00:00Z"},
        server_tool_use={"web_search_requests": 2, "web_fetch_requests": 0},
        cache_creation={"ephemeral_1h_input_tokens": 7, "ephemeral_5m_input_tokens": 0},
    )
    metadata = w.end_of(w.decode_stream(w.stream_of(w.started(), *TEXT, *ending))).end.metadata
    assert metadata.model == "claude-test-1"
    assert dict(metadata.attributes) == {
        "anthropic.id": "msg_01",
        "anthropic.service_tier": "standard",
        "anthropic.container": "container_1",
        "anthropic.stop_category": "bio",
        "anthropic.stop_explanation": "Not this.",
        "anthropic.cache_write_1h_tokens": "7",
        "anthropic.web_search_requests": "2",
    }


CITATIONS: dict[str, tuple[w.Json, Citation]] = {
    "characters": (
        {
            "type": "char_location",
            "document_index": 0,
            "document_title": "Notes",
            "start_char_index": 5,
            "end_char_index": 9,
            "file_id": None,
        },
        Citation(title="Notes", document_id="0"),
    ),
    "pages": (
        {
            "type": "page_location",
            "document_index": 1,
            "document_title": None,
            "start_page_number": 1,
            "end_page_number": 2,
            "file_id": "file_7",
        },
        Citation(document_id="file_7"),
    ),
    "blocks": (
        {
            "type": "content_block_location",
            "document_index": 2,
            "document_title": "List",
            "start_block_index": 0,
            "end_block_index": 1,
        },
        Citation(title="List", document_id="2"),
    ),
    "the web": (
        {
            "type": "web_search_result_location",
            "encrypted_index": "Eo8B",
            "title": "Page",
            "url": "https://example.com/",
        },
        Citation(title="Page", uri="https://example.com/"),
    ),
    "a search of the caller's": (
        {
            "type": "search_result_location",
            "search_result_index": 3,
            "source": "kb://1",
            "title": "Base",
            "start_block_index": 0,
            "end_block_index": 1,
        },
        Citation(title="Base", uri="kb://1", document_id="3"),
    ),
}


@pytest.mark.parametrize("name", CITATIONS)
def test_a_citation_stands_for_its_block(name: str) -> None:
    """Wherever its delta came in the stream, from the first byte of the part to the last."""
    said, expected = CITATIONS[name]
    said = {**said, "cited_text": "4°"}
    expected.cited_text, expected.end_byte = "4°", len("Zürich: 4°".encode())
    cited = {"type": "citations_delta", "citation": said}
    pieces: list[w.Json] = [{"type": "text_delta", "text": piece} for piece in ("Zürich", ": 4°")]
    for deltas in ([*pieces, cited], [cited, *pieces], [pieces[0], cited, pieces[1]]):
        (part,) = w.folded(
            w.decode_stream(w.stream(w.block(0, w.text("", citations=[]), *deltas)))
        ).message.parts
        assert part.text == "Zürich: 4°"
        assert list(part.citations) == [expected]


def test_usage_is_cumulative() -> None:
    """What the end of a stream repeats replaces what its beginning told; the rest stays."""
    ending = w.stopped(
        completion=30,
        input_tokens=110,
        cache_read_input_tokens=40,
        output_tokens_details={"thinking_tokens": 8},
    )
    begun = w.started(usage=w.usage(25, cache_creation_input_tokens=5))
    usage = w.end_of(w.decode_stream(w.stream_of(begun, *TEXT, *ending))).end.usage
    assert usage.prompt_tokens == 110 + 40 + 5
    assert usage.cached_prompt_tokens == 40
    assert usage.cache_write_prompt_tokens == 5
    assert (usage.completion_tokens, usage.reasoning_tokens) == (30, 8)
    assert usage.total_tokens == 155 + 30


@pytest.mark.parametrize(
    "said",
    [
        None,
        3,
        {},
        {"input_tokens": 0, "output_tokens": 3},
        {"input_tokens": 5, "output_tokens": 0},
        {"input_tokens": -1, "output_tokens": 3},
        {"input_tokens": True, "output_tokens": 3},
        {"input_tokens": "5", "output_tokens": 3},
        {"input_tokens": 5, "output_tokens": 3, "output_tokens_details": {"thinking_tokens": 4}},
        {"input_tokens": 10**12, "output_tokens": 3},
    ],
)
def test_counts_that_cannot_be_are_not_told(said: object) -> None:
    """Weir estimates instead."""
    end = w.end_of(w.decode_whole(w.message(w.text("Hi"), usage=said))).end
    assert not end.HasField("usage")


EXTRAS: dict[str, list[w.Json]] = {
    "pings everywhere": [w.PING] * 3,
    "an event that is not known": [{"type": "moonrise", "index": {"a": 1}, "delta": 3}],
    "a delta that is not known": [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "glow", "lux": 3}}
    ],
    "an empty delta": [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ""}}
    ],
    "the stop of a block that never was": [{"type": "content_block_stop", "index": 7}],
}


@pytest.mark.parametrize("name", EXTRAS)
def test_what_is_added_changes_nothing(name: str) -> None:
    """The vendor adds events as it likes."""
    begun, middle, last, stop = TEXT
    said = [w.started(), *EXTRAS[name][:1], begun, middle, *EXTRAS[name], last, stop]
    decoded = w.decode_stream(w.stream_of(*said, *EXTRAS[name], *w.stopped()))
    plain = w.decode_stream(w.stream(TEXT))
    assert w.folded(decoded) == w.folded(plain)


def test_a_server_that_leaves_out_the_frame_is_understood() -> None:
    """Without starts and stops of blocks, names of events, and the blank line at the very end."""
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"thinking": "Hm."}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Yes"}},
    ]
    said = [w.started(), *deltas, *w.stopped()]
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in said)
    parts = w.folded(w.decode_stream(body.rstrip(b"\n"))).message.parts
    assert [(part.reasoning.text, part.text) for part in parts] == [("Hm.", ""), ("", "Yes")]


def test_input_that_comes_with_the_start_is_kept() -> None:
    """Where a server sends no deltas of it."""
    begun = w.block(0, w.call("toolu_1", "f", {"a": 1}))
    (part,) = w.folded(w.decode_stream(w.stream(begun, stop="tool_use"))).message.parts
    assert json.loads(part.tool_call.arguments_json) == {"a": 1}
    assert part.tool_call.arguments_valid


def test_calls_that_are_written_at_once_stay_apart() -> None:
    """Should blocks ever overlap: each delta goes to its own."""
    first = w.call_block(0, "toolu_1", "f", ['{"a"', ":1}"])
    second = w.call_block(1, "toolu_2", "g", ['{"b"', ":2}"])
    mixed = [event for pair in zip(first, second, strict=True) for event in pair]
    parts = w.folded(w.decode_stream(w.stream(mixed, stop="tool_use"))).message.parts
    assert [part.tool_call.arguments_json for part in parts] == ['{"a":1}', '{"b":2}']


def test_an_unfinished_call_is_no_valid_one() -> None:
    """Cut by the bound of tokens: its words are kept, and it is said that they are no JSON."""
    calls = w.call_block(0, "toolu_1", "f", ['{"a": "b'])
    (part,) = w.folded(w.decode_stream(w.stream(calls, stop="max_tokens"))).message.parts
    assert part.tool_call.arguments_json == '{"a": "b'
    assert not part.tool_call.arguments_valid


def test_a_call_without_an_id_gets_one() -> None:
    """One of Weir's making, unique within the answer."""
    blocks = [{"type": "tool_use", "name": "f", "input": {}} for _ in range(2)]
    parts = w.folded(w.decode_whole(w.message(*blocks, stop="tool_use"))).message.parts
    assert [part.tool_call.id for part in parts] == ["call_msg_01_0", "call_msg_01_1"]


# --- What breaks ----------------------------------------------------------------------------------

OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def test_an_error_before_output_is_what_it_says() -> None:
    """With a good status, in a stream or instead of one: it can be asked again elsewhere."""
    for decoded in (
        w.decode_stream(w.stream_of(w.started(), w.PING, OVERLOADED)),
        w.decode_stream(json.dumps(OVERLOADED).encode()),
        w.decode_whole(OVERLOADED),
    ):
        assert type(decoded.failure) is UpstreamOverloaded


LATER = {
    "the vendor's own": w.stream_of(OVERLOADED),
    "words of a proxy": b"event: error\ndata: upstream gone\n\n",
    "of llama.cpp": b'data: {"error":{"code":500,"message":"no slot","type":"server_error"}}\n\n',
}


@pytest.mark.parametrize("name", LATER)
def test_an_error_after_output_breaks_the_stream(name: str) -> None:
    """It is never a good end, and not the class that the body names: output has begun."""
    decoded = w.decode_stream(w.stream_of(w.started(), *TEXT[:2]), LATER[name])
    assert decoded.failure is not None
    assert decoded.failure.name() == "UPSTREAM_STREAM_BROKEN"
    assert decoded.failure.metadata == {"cause": "error_event"}


@pytest.mark.parametrize(
    "said",
    [
        b"data: nonsense\n\n",
        b'data: {"type":"content_block_start","index":0,"content_block":3}\n\n',
        b'data: {"type":"content_block_start","index":0}\n\n',
        b'data: {"type":"content_block_delta","delta":[]}\n\n',
        b"<html>busy</html>",
    ],
)
def test_what_makes_no_sense_is_no_answer(said: bytes) -> None:
    """Skipped, the answer could pass for complete."""
    decoded = w.decode_stream(said, w.stream(TEXT))
    assert isinstance(decoded.failure, UpstreamProtocolError)
    assert decoded.failure.metadata["cause"] == "malformed"


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b"", b'{"content":[3]}', b'{"content":3}'])
def test_a_whole_answer_that_is_none(body: bytes) -> None:
    """Whatever it is, it is no answer."""
    assert isinstance(w.decode_whole(body).failure, UpstreamProtocolError)


def test_an_answer_without_its_reason_was_cut() -> None:
    """Though the stream closes politely, or the body is whole."""
    for decoded in (
        w.decode_stream(w.stream_of(w.started(), *TEXT, {"type": "message_stop"})),
        w.decode_whole(w.message(w.text("Hello"), stop=None)),
    ):
        assert decoded.failure is not None
        assert decoded.failure.metadata == {"cause": "cut"}


def test_what_has_to_be_held_is_bounded() -> None:
    """A signature, an input or an item that never ends is given up on."""
    piece = "x" * 500_000
    for delta in (
        {"type": "input_json_delta", "partial_json": piece},
        {"type": "glow", "words": piece},
    ):
        begun = w.call("c", "f", {}) if "partial_json" in delta else {"type": "hologram"}
        start, one, _ = w.block(0, begun, delta)
        often = [one] * (HELD_MAX_CHARS // len(piece) + 1)
        decoded = w.decode_stream(w.stream_of(w.started(), start), *w.encode_events(often))
        assert isinstance(decoded.failure, UpstreamProtocolError)
        assert decoded.failure.metadata == {"cause": "too_large"}


def test_lone_halves_of_surrogates_become_whole_text() -> None:
    """As the contract has UTF-8: the half is replaced, and what is around it stays."""
    said = json.dumps(w.message(w.text("a\ud83db"), w.call("c\udc00", "f", {"k": "\ud83d"})))
    parts = w.folded(w.decode_whole(said.encode())).message.parts
    assert parts[0].text == "a\ufffdb"
    assert json.loads(parts[1].tool_call.arguments_json) == {"k": "\ufffd"}


def test_what_an_answer_goes_on_from_is_not_repeated() -> None:
    """llama.cpp does so in whole answers; the vendor does not, and is taken by its word."""
    request = ChatRequest(messages=[user("Count."), assistant("One, ", "two")])
    for message_id, said, text in (
        ("chatcmpl-1", "One, two, three", ", three"),
        ("chatcmpl-1", ", three", ", three"),
        ("msg_01", "One, two, three", "One, two, three"),
    ):
        whole = w.decode_whole(w.message(w.text(said), id=message_id), request)
        assert w.folded(whole).message.parts[0].text == text
