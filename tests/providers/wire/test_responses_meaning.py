"""What do the Responses API's items mean, beyond what every vendor says?"""

import json
from typing import Any

import pytest

from tests.contracts.wire_format import TARGET, Decoded, decode
from tests.providers.wire import responses_words as w
from weir.fold import fold_chat
from weir.v1.content_pb2 import Citation, ServerToolCallPart
from weir.v1.generation_pb2 import (
    FinishReason,
    GenerationOptions,
    ReasoningOptions,
    ReasoningVisibility,
)
from weir.v1.provider_service_pb2 import ChatRequest, ChatResponse
from weir_server.core.errors import (
    UpstreamContextLengthExceeded,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimited,
    UpstreamRejectedRequest,
    UpstreamStreamBroken,
    UpstreamTimeout,
)
from weir_server.providers.wire.responses.wire import ResponsesWire

SEARCH = {
    "id": "ws_1",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "weir", "sources": None},
}
PYTHON = {
    "id": "ci_1",
    "type": "code_interpreter_call",
    "status": "completed",
    "code": "print(1)",
    "container_id": "cntr_1",
    "outputs": [{"type": "logs", "logs": "1\n"}],
}
MCP = {
    "id": "mcp_1",
    "type": "mcp_call",
    "status": "failed",
    "arguments": '{"a":1}',
    "name": "roll",
    "server_label": "dice",
    "output": None,
    "error": {"type": "mcp_protocol_error", "code": 32000, "message": "no"},
}


def decode_stream(*events: w.Json, request: ChatRequest | None = None) -> Decoded:
    """Decode a stream of these events."""
    decoder = ResponsesWire().decoder(request or ChatRequest(), TARGET, stream=True)
    return decode(decoder, [b"".join(w.sse(*events))])


def decode_whole(whole: object, request: ChatRequest | None = None) -> Decoded:
    """Decode a whole answer."""
    decoder = ResponsesWire().decoder(request or ChatRequest(), TARGET, stream=False)
    return decode(decoder, [json.dumps(whole, ensure_ascii=False).encode()])


def meant(whole: w.Json, *pieces: Any, request: ChatRequest | None = None) -> ChatResponse:
    """Return what an answer means: streamed, and the same as a whole."""
    streamed = decode_stream(*w.stream(whole, *pieces), request=request)
    assert streamed.failure is None, streamed.failure
    response = fold_chat(streamed.events, numbered=False)
    unary = decode_whole(whole, request)
    assert response == fold_chat(unary.events, numbered=False)
    return response


def kinds(response: ChatResponse) -> list[str | None]:
    """Return what the parts are."""
    return [part.WhichOneof("kind") for part in response.message.parts]


def test_a_summary_is_said_to_be_one() -> None:
    """Its sections are paragraphs of one part, told apart from reasoning itself."""
    whole = w.response(w.reasoning("First.", "Then."), w.message(w.text("Yes")))

    response = meant(whole)

    assert kinds(response) == ["reasoning", "text"]
    thought = response.message.parts[0].reasoning
    assert (thought.text, thought.is_summary) == ("First.\n\nThen.", True)


def test_a_summary_and_what_it_sums_up_are_two_parts() -> None:
    """Servers that show both give both."""
    content = [{"type": "reasoning_text", "text": "Hm."}]
    response = meant(w.response(w.reasoning("Short.", content=content)))

    thoughts = [part.reasoning for part in response.message.parts]
    assert [(t.text, t.is_summary) for t in thoughts] == [("Short.", True), ("Hm.", False)]


def test_reasoning_that_is_only_encrypted_is_a_part_without_text() -> None:
    """Its state has to be sent back."""
    response = meant(w.response(w.reasoning(), w.message(w.text("Yes"))))

    assert kinds(response) == ["reasoning", "text"]
    assert b"gAAAA+sealed/" in response.message.parts[0].provider_state


def test_reasoning_that_tells_nothing_is_left_out() -> None:
    """It has neither text nor state that could be sent back."""
    response = meant(w.response(w.reasoning(encrypted=None), w.message(w.text("Yes"))))

    assert kinds(response) == ["text"]


def test_hidden_reasoning_keeps_its_state_alone() -> None:
    """Who asks for none of it still has what the model needs again, without a word of it."""
    hidden = ReasoningOptions(visibility=ReasoningVisibility.REASONING_VISIBILITY_HIDDEN)
    request = ChatRequest(options=GenerationOptions(reasoning=hidden))
    content = [{"type": "reasoning_text", "text": "Secretly."}]

    response = meant(w.response(w.reasoning("Openly.", content=content)), request=request)

    part = response.message.parts[0]
    assert part.reasoning.text == ""
    assert b"sealed" in part.provider_state
    assert b"Secretly" not in part.provider_state
    assert b"Openly" not in part.provider_state


def test_sources_are_cited_by_their_bytes() -> None:
    """The vendor counts characters, the contract bytes."""
    url = {
        "type": "url_citation",
        "start_index": 2,
        "end_index": 4,
        "url": "https://example.com",
        "title": "Ex",
    }
    file = {"type": "file_citation", "file_id": "file-1", "filename": "a.pdf", "index": 3}

    response = meant(w.response(w.message(w.text("ü👋xy", url, file))), ["ü👋", "xy"])

    assert list(response.message.parts[0].citations) == [
        Citation(start_byte=6, end_byte=8, uri="https://example.com", title="Ex"),
        Citation(start_byte=7, end_byte=7, title="a.pdf", document_id="file-1"),
    ]


def test_log_probabilities_come_with_their_deltas() -> None:
    """Alternatives without a token, which the vendor's types allow, are left out."""
    tokens = [
        {
            "token": "Hi",
            "logprob": -0.25,
            "bytes": [72, 105],
            "top_logprobs": [
                {"token": "Ho", "logprob": -1.5, "bytes": [72, 111]},
                {"token": None, "logprob": None},
            ],
        }
    ]
    whole = w.response(w.message(w.text("Hi", logprobs=tokens)))
    events = w.stream(whole)
    for event in events:
        if event["type"] == "response.output_text.delta":
            event["logprobs"] = tokens

    streamed = fold_chat(decode_stream(*events).events, numbered=False)

    assert streamed == fold_chat(decode_whole(whole).events, numbered=False)
    assert [(t.token, t.logprob) for t in streamed.logprobs] == [("Hi", -0.25)]
    assert [t.token for t in streamed.logprobs[0].top_logprobs] == ["Ho"]


def test_what_the_vendors_tools_did_is_told() -> None:
    """A call, and where there is one its result; a failure is said to be one."""
    response = meant(w.response(SEARCH, PYTHON, MCP, w.message(w.text("Done"))))

    assert kinds(response) == [
        "server_tool_call",
        "server_tool_call",
        "server_tool_result",
        "server_tool_call",
        "server_tool_result",
        "text",
    ]
    search, python, printed, _, failed, _ = response.message.parts
    assert search.server_tool_call.name == "web_search"
    assert json.loads(search.server_tool_call.arguments_json) == SEARCH["action"]
    assert python.server_tool_call == ServerToolCallPart(
        id="ci_1", name="code_interpreter", arguments_json='{"code":"print(1)"}'
    )
    assert json.loads(printed.server_tool_result.result_json) == PYTHON["outputs"]
    assert failed.server_tool_result.is_error
    assert failed.server_tool_result.name == "roll"
    assert response.finish_reason == FinishReason.FINISH_REASON_STOP


def test_an_item_without_a_kind_is_kept_whole() -> None:
    """Byte for byte, under the vendor's own name."""
    item = {"id": "ig_1", "type": "image_generation_call", "result": "iVBO", "n": 2**70}

    part = meant(w.response(item)).message.parts[0]

    assert part.unknown.type == "openai-responses/image_generation_call"
    assert part.unknown.json == json.dumps(item)


def test_a_tool_that_the_caller_runs_is_waited_for() -> None:
    """A custom tool's input is no JSON, so the call is kept whole; the reason says who is next."""
    item = {"id": "ct_1", "type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x y"}

    response = meant(w.response(item))

    assert response.finish_reason == FinishReason.FINISH_REASON_TOOL_CALLS


def test_a_stretch_that_was_compacted_is_state() -> None:
    """The vendor alone can read it."""
    item = {"id": "cmp_1", "type": "compaction", "encrypted_content": "gAAA"}

    part = meant(w.response(item)).message.parts[0]

    assert part.HasField("compaction")
    assert b"gAAA" in part.provider_state


def test_only_the_last_event_has_to_come() -> None:
    """A server that streams no pieces at all says the same."""
    whole = w.response(
        w.reasoning("Hm."), w.message(w.text("Yes")), w.call("c", "f", '{"a":1}'), SEARCH
    )
    last = decode_stream({"type": "response.completed", "response": whole})

    assert fold_chat(last.events, numbered=False) == meant(whole)


def test_an_item_that_comes_without_its_pieces_is_said_from_its_end() -> None:
    """Nothing is said twice, nor left out, whichever of the two a server leaves out."""
    whole = w.response(w.message(w.text("Yes")), w.call("c", "f", '{"a":1}'))
    events = [e for e in w.stream(whole) if not e["type"].endswith((".delta", ".done"))]
    ends = [e for e in w.stream(whole) if e["type"] == "response.output_item.done"]

    response = fold_chat(decode_stream(*events[:1], *ends, events[-1]).events, numbered=False)

    assert response == meant(whole)


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"reason": "max_output_tokens"}, FinishReason.FINISH_REASON_MAX_TOKENS),
        ({"reason": "content_filter"}, FinishReason.FINISH_REASON_CONTENT_FILTER),
        ({"reason": "steered"}, FinishReason.FINISH_REASON_INTERRUPTED),
        ({"reason": "max_messages"}, FinishReason.FINISH_REASON_OTHER),
        (None, FinishReason.FINISH_REASON_OTHER),
    ],
)
def test_why_an_answer_is_not_complete(
    details: w.Json | None, reason: FinishReason.ValueType
) -> None:
    """The vendor's word is kept beside the contract's."""
    whole = w.response(w.message(w.text("Ye")), status="incomplete", incomplete_details=details)

    response = meant(whole)

    assert response.finish_reason == reason
    assert response.metadata.raw_finish_reason == (details or {}).get("reason", "incomplete")


def test_arguments_that_were_cut_off_are_said_to_be_no_json() -> None:
    """The bound of tokens may come in the middle of a call."""
    whole = w.response(
        w.call("c", "f", '{"a":'),
        status="incomplete",
        incomplete_details={"reason": "max_output_tokens"},
    )

    response = meant(whole)

    assert not response.message.parts[0].tool_call.arguments_valid
    assert response.finish_reason == FinishReason.FINISH_REASON_MAX_TOKENS


def test_halves_of_a_pair_find_each_other() -> None:
    """A model's tokens may cut an emoji's escapes in two."""
    deltas = [
        b'data: {"type": "response.output_text.delta", "delta": "%b"}\n\n' % half
        for half in (rb"\ud83d", rb"\ude00")
    ]
    end = w.sse({"type": "response.completed", "response": w.response()})[0]
    decoder = ResponsesWire().decoder(ChatRequest(), TARGET, stream=True)

    decoded = decode(decoder, [*deltas, end])

    assert fold_chat(decoded.events, numbered=False).message.parts[0].text == "😀"


def test_facts_about_the_answer() -> None:
    """The model that answered, and the vendor's own identity of the answer."""
    response = meant(w.response(w.message(w.text("Hi")), service_tier="flex"))

    assert response.metadata.model == w.MODEL
    assert dict(response.metadata.attributes) == {
        "openai.id": w.ID,
        "openai.service_tier": "flex",
    }


# --- what fails -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("rate_limit_exceeded", UpstreamRateLimited),
        ("server_error", UpstreamError),
        ("invalid_prompt", UpstreamRejectedRequest),
        ("image_too_large", UpstreamRejectedRequest),
        ("vector_store_timeout", UpstreamTimeout),
        ("context_length_exceeded", UpstreamContextLengthExceeded),
        ("a new one", UpstreamError),
    ],
)
def test_an_answer_that_failed_has_its_reason(code: str, kind: type[UpstreamError]) -> None:
    """In a stream as whole, with status 200, before anything was said."""
    failed = w.response(status="failed", error={"code": code, "message": "No: sk-canary"})
    event = {"type": "error", "code": code, "message": "No: sk-canary", "param": None}

    decoded = (
        decode_whole(failed),
        decode_stream(*w.stream(failed)),
        decode_stream(event),
        decode_stream({"type": "error", "error": {"code": code, "message": "No: sk-canary"}}),
    )

    for each in decoded:
        assert type(each.failure) is kind
        assert "canary" not in f"{each.failure!r} {each.failure.metadata}"


def test_a_failure_after_words_is_a_broken_stream() -> None:
    """What was said was passed on, so that the call cannot be made again unseen."""
    events = w.stream(w.response(w.message(w.text("Yes"))))[:-2]
    failed = w.response(status="failed", error={"code": "server_error", "message": "x"})

    decoded = decode_stream(*events, {"type": "response.failed", "response": failed})

    assert isinstance(decoded.failure, UpstreamStreamBroken)
    assert decoded.failure.metadata["cause"] == "error_event"
    assert "part_start" in [event.WhichOneof("event") for event in decoded.events]


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "response.output_text.delta", "delta": 7}],
        [{"type": "response.output_text.delta", "delta": "a", "output_index": -1}],
        [{"type": "response.output_text.delta", "delta": "a", "content_index": 2**40}],
        [{"type": "response.output_item.done", "output_index": 0, "item": []}],
        [{"type": "response.output_item.done", "output_index": 0, "item": {"id": "x"}}],
        [{"type": "response.output_item.done", "output_index": 0}],
        [{"type": "response.completed", "response": 7}],
        [{"type": ["response.completed"]}],
        [{"type": ""}],
    ],
)
def test_what_is_no_such_event_breaks_the_answer(events: list[w.Json]) -> None:
    """Skipped, an answer with a hole could pass for complete."""
    decoded = decode_stream(*events, {"type": "response.completed", "response": w.response()})

    assert isinstance(decoded.failure, UpstreamProtocolError)
    assert decoded.failure.metadata["cause"] == "malformed"


def test_events_that_say_nothing_are_skipped() -> None:
    """Pings, progress and events of tomorrow, whatever their fields hold."""
    whole = w.response(w.message(w.text("Yes")))
    events: list[w.Json] = []
    for event in w.stream(whole):
        events += [{"type": "keepalive"}, {"type": "response.new", "delta": {"x": 1}}, event]

    assert fold_chat(decode_stream(*events).events, numbered=False) == meant(whole)


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_an_answer_that_is_still_being_made_is_none(status: str) -> None:
    """Whole, it would pass for an empty one."""
    decoded = decode_whole(w.response(status=status))

    assert isinstance(decoded.failure, UpstreamStreamBroken)


@pytest.mark.parametrize("body", [{}, {"object": "response"}, [], "x", {"output": 7}])
def test_a_body_that_is_no_answer_is_none(body: object) -> None:
    """Nor is it an error of the vendor's."""
    decoded = decode_whole(body)

    assert isinstance(decoded.failure, UpstreamProtocolError)


def test_the_part_that_answers_keeps_its_order_among_calls() -> None:
    """Items come one after the other; what interleaves is told apart by its place."""
    whole = w.response(w.call("a", "f", '{"x":1}'), w.call("b", "g", '{"y":2}', item_id="fc_2"))
    events = w.stream(whole, ['{"x":', "1}"], ['{"y":', "2}"])
    first, second = events[1:6], events[6:11]
    mixed = [each for pair in zip(first, second, strict=True) for each in pair]

    response = fold_chat(decode_stream(events[0], *mixed, events[-1]).events, numbered=False)

    assert [part.tool_call.arguments_json for part in response.message.parts] == [
        '{"x":1}',
        '{"y":2}',
    ]


def test_a_server_that_numbers_nothing_is_understood() -> None:
    """llama.cpp tells items apart by their identity alone, and calls by that of the call."""
    first, second = w.call("c1", "f", '{"x":1}'), w.call("c2", "g", "{}")
    del first["id"], second["id"]
    items = [w.reasoning("Hm."), w.message(w.text("Yes")), first, second]
    whole = w.response(*items)
    numbered = w.stream(
        {**whole, "output": [{**item, "id": item.get("id", item.get("call_id"))} for item in items]}
    )
    events = []
    for event in numbered:
        plain = {name: value for name, value in event.items() if not name.endswith("_index")}
        if plain.get("item", {}).get("type") == "function_call":
            plain["item"] = {k: v for k, v in plain["item"].items() if k != "id"}
        events.append(plain)
    events[-1] = {"type": "response.completed", "response": whole}

    streamed = fold_chat(decode_stream(*events).events, numbered=False)

    assert streamed == fold_chat(decode_whole(whole).events, numbered=False)
    assert kinds(streamed) == ["reasoning", "text", "tool_call", "tool_call"]
