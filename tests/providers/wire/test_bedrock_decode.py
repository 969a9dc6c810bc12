"""Does every word of an answer of Converse arrive, whole and streamed alike?"""

import json
from typing import Any

from tests.contracts.answers import CHUNKS, TEXT
from tests.providers.wire import converse as c
from weir.v1.content_pb2 import Citation, Part
from weir.v1.generation_pb2 import (
    FinishReason,
    GenerationOptions,
    ReasoningOptions,
    ReasoningVisibility,
)
from weir.v1.provider_service_pb2 import ChatRequest, ChatResponse

WEB = {
    "title": "Oslo",
    "source": "s",
    "sourceContent": [{"text": "It is "}, {"text": "cold."}],
    "location": {"web": {"url": "https://example.com/oslo", "domain": "example.com"}},
}
PAGE = {"title": "Report", "location": {"documentPage": {"documentIndex": 2, "start": 1, "end": 3}}}
PNG = "iVBORw=="


def _parts(response: ChatResponse) -> list[Part]:
    return list(response.message.parts)


def _state(part: Part) -> Any:
    kind, _, state = part.provider_state.partition(b":")
    assert kind == b"bedrock"
    return json.loads(state)


# --- What the model says --------------------------------------------------------------------------


def test_text_with_its_sources() -> None:
    """A cited text has its citations, each for the whole of it, and the vendor's own as state."""
    said = "Kalt 👋."
    cited = {"citationsContent": {"content": [{"text": said}], "citations": [WEB, PAGE]}}

    response = c.both(
        [{"text": "So: "}, cited, {"text": "Bye."}],
        c.text(0, "So: "),
        [c.piece(1, text="Kalt "), c.piece(1, citation=WEB), c.piece(1, text="👋.")],
        [c.piece(1, citation=PAGE), c.end(1)],
        c.text(2, "Bye."),
    )

    parts = _parts(response)
    assert [part.text for part in parts] == ["So: ", said, "Bye."]
    assert list(parts[1].citations) == [
        Citation(
            end_byte=len(said.encode()),
            uri="https://example.com/oslo",
            title="Oslo",
            cited_text="It is cold.",
        ),
        Citation(end_byte=len(said.encode()), title="Report", document_id="2"),
    ]
    assert _state(parts[1]) == {"citations": [WEB, PAGE]}
    assert not parts[0].provider_state


def test_reasoning_in_the_clear_and_encrypted() -> None:
    """A signature comes back with its text, encrypted reasoning as a part of its own."""
    response = c.both(
        [
            {"reasoningContent": {"reasoningText": {"text": "Hm, hm", "signature": "c2lnbmF0"}}},
            {"reasoningContent": {"redactedContent": "AAECAwQF"}},
            {"text": "Yes"},
        ],
        [
            c.piece(0, reasoningContent={"text": "Hm, "}),
            c.piece(0, reasoningContent={"text": "hm"}),
        ],
        [c.piece(0, reasoningContent={"signature": "c2ln"})],
        [c.piece(0, reasoningContent={"signature": "bmF0"}), c.end(0)],
        [c.piece(1, reasoningContent={"redactedContent": "AAEC"})],
        [c.piece(1, reasoningContent={"redactedContent": "AwQF"}), c.end(1)],
        c.text(2, "Yes"),
    )

    parts = _parts(response)
    assert [part.reasoning.text for part in parts] == ["Hm, hm", "", ""]
    assert _state(parts[0]) == {"signature": "c2lnbmF0"}
    assert _state(parts[1]) == {"redactedContent": "AAECAwQF"}
    assert parts[2].text == "Yes"


def test_hidden_reasoning_is_only_state() -> None:
    """A caller that wants to see none gets none, and can still send it back."""
    hidden = ReasoningOptions(visibility=ReasoningVisibility.REASONING_VISIBILITY_HIDDEN)
    request = ChatRequest(options=GenerationOptions(reasoning=hidden))

    response = c.both(
        [{"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "s"}}}, {"text": "A"}],
        [c.piece(0, reasoningContent={"text": "H"}), c.piece(0, reasoningContent={"text": "m"})],
        [c.piece(0, reasoningContent={"signature": "s"}), c.end(0)],
        c.text(1, "A"),
        request=request,
    )

    parts = _parts(response)
    assert parts[0].HasField("reasoning")
    assert parts[0].reasoning.text == ""
    assert _state(parts[0]) == {"text": "Hm", "signature": "s"}


def test_tools_that_the_vendor_runs() -> None:
    """Call and answer are parts of their own, and the call is none for the caller to run."""
    content = [{"text": "4 degrees"}, {"json": {"t": 4}}]
    result = {"toolUseId": "t1", "type": "nova_grounding_result", "status": "success"}
    response = c.both(
        [
            {
                "toolUse": {
                    "toolUseId": "t1",
                    "name": "nova_grounding",
                    "input": {"q": "Oslo"},
                    "type": "server_tool_use",
                }
            },
            {"toolResult": {**result, "content": content}},
            {"text": TEXT},
        ],
        c.begin(
            0, toolUse={"toolUseId": "t1", "name": "nova_grounding", "type": "server_tool_use"}
        ),
        [c.piece(0, toolUse={"input": '{"q": "Oslo"}'}), c.end(0)],
        c.begin(1, toolResult=result),
        [c.piece(1, toolResult=[{"text": "4 de"}])],
        [c.piece(1, toolResult=[{"text": "grees"}, {"json": {"t": 4}}]), c.end(1)],
        c.text(2, *CHUNKS),
    )

    call, answer, text = _parts(response)
    assert call.server_tool_call.name == answer.server_tool_result.name == "nova_grounding"
    assert call.server_tool_call.arguments_json == '{"q": "Oslo"}'
    assert json.loads(answer.server_tool_result.result_json) == content
    assert answer.server_tool_result.tool_call_id == "t1"
    assert _state(answer) == {"type": "nova_grounding_result", "status": "success"}
    assert text.text == TEXT
    assert response.finish_reason == FinishReason.FINISH_REASON_STOP


def test_images_that_the_model_makes() -> None:
    """By their bytes, from S3, or with the reason why there is none."""
    failed = {"image": {"format": "png", "error": {"message": "blocked"}}}
    response = c.both(
        [
            {"image": {"format": "png", "source": {"bytes": PNG}}},
            {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://bucket/a"}}}},
            failed,
        ],
        [c.begin(0, image={"format": "png"}), c.piece(0, image={"source": {"bytes": PNG}})],
        [c.end(0), c.begin(1, image={"format": "webp"})],
        [c.piece(1, image={"source": {"s3Location": {"uri": "s3://bucket/a"}}}), c.end(1)],
        [c.begin(2, image={"format": "png"})],
        [c.piece(2, image={"error": {"message": "blocked"}}), c.end(2)],
    )

    drawn, stored, unknown = _parts(response)
    assert (drawn.media.mime_type, drawn.media.inline_data) == ("image/png", b"\x89PNG")
    assert (stored.media.mime_type, stored.media.uri) == ("image/webp", "s3://bucket/a")
    assert unknown.unknown.type == "bedrock/image"
    assert json.loads(unknown.unknown.json) == failed


def test_blocks_of_another_kind_are_kept_whole() -> None:
    """What Weir has no kind for is an unknown part that holds the vendor's own JSON."""
    body = b'{"output":{"message":{"content":[{"video": {"x": 1.0}}]}},"stopReason":"end_turn"}'

    part = _parts(c.folded(c.decode_whole(body)))[0]

    assert (part.unknown.type, part.unknown.json) == ("bedrock/video", '{"video": {"x": 1.0}}')


def test_pieces_of_another_kind_are_kept_whole() -> None:
    """A delta that nobody knows does not vanish in a stream either."""
    events = [c.begin(0, hologram={"y": 2}), c.piece(0, hologram={"x": 1}), c.begin(1)]

    start, delta, text = _parts(c.folded(c.decode_stream(c.stream(events, c.text(1, "A")))))

    assert start.unknown.type == "bedrock/contentBlockStart"
    assert json.loads(start.unknown.json)["start"] == {"hologram": {"y": 2}}
    assert delta.unknown.type == "bedrock/contentBlockDelta"
    assert json.loads(delta.unknown.json)["delta"] == {"hologram": {"x": 1}}
    assert text.text == "A"


def test_blocks_without_their_ends() -> None:
    """Parts are closed all the same, with all that was said of them."""
    body = c.stream(
        c.piece(0, reasoningContent={"text": "Hm"}),
        c.piece(0, reasoningContent={"signature": "s"}),
        c.piece(1, text="A"),
        c.begin(2, toolUse={"toolUseId": "t", "name": "f"}),
        stop="tool_use",
    )

    parts = _parts(c.folded(c.decode_stream(body)))

    assert _state(parts[0]) == {"signature": "s"}
    assert parts[1].text == "A"
    assert parts[2].tool_call.arguments_json == "{}"


def test_interleaved_tool_calls_keep_apart() -> None:
    """Each fragment goes to the call whose block it names."""
    body = c.stream(
        c.begin(0, toolUse={"toolUseId": "a", "name": "f"}),
        c.begin(1, toolUse={"toolUseId": "b", "name": "g"}),
        c.piece(0, toolUse={"input": '{"x"'}),
        c.piece(1, toolUse={"input": '{"y":2}'}),
        c.piece(0, toolUse={"input": ":1}"}),
        [c.end(1), c.end(0)],
        stop="tool_use",
    )

    calls = [part.tool_call for part in _parts(c.folded(c.decode_stream(body)))]

    assert [(call.id, call.arguments_json) for call in calls] == [
        ("a", '{"x":1}'),
        ("b", '{"y":2}'),
    ]
