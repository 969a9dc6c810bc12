"""Does what Gemini said go back as it came? Signatures, calls, code, searches, media, all else."""

import json

import pytest

from tests.contracts.asks import PNG, PNG_BASE64, assistant, result, tools, user
from tests.contracts.wire_format import TARGET
from tests.providers.wire.gemini_samples import (
    RESPONSE_ID,
    VERTEX,
    Json,
    chunk,
    decode_stream,
    decode_whole,
    event,
    folded,
)
from weir.fold import fold_chat
from weir.v1.content_pb2 import Message
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.providers.wire.gemini.dialect import AI_STUDIO, Dialect
from weir_server.providers.wire.gemini.wire import GeminiWire

END = chunk(finish="STOP")
SIGNATURE = "AY89a18iOcFus5wr5bW5xN6zZ4aUiCyhgmg6HE2Y"


def back(*turns: Message, dialect: Dialect = AI_STUDIO) -> list[Json]:
    """Return the contents that a conversation becomes when it is sent back."""
    asked = GeminiWire(dialect).encode(ChatRequest(messages=turns), TARGET, stream=False)
    contents: list[Json] = json.loads(asked.body)["contents"]
    return contents


TURNS: dict[str, list[Json]] = {
    "a signed call": [
        {"text": "They ask.", "thought": True},
        {"functionCall": {"name": "now", "args": {"x": 1}, "id": "h1"}, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "now", "args": {}, "id": "h2"}},
    ],
    "a signature on no words": [{"text": "Hello."}, {"text": "", "thoughtSignature": SIGNATURE}],
    "a signature on words": [{"text": "Hello."}, {"text": " You.", "thoughtSignature": SIGNATURE}],
    "a signed thought": [
        {"text": "Hm.", "thought": True, "thoughtSignature": SIGNATURE},
        {"text": "Hello."},
    ],
    "a signature alone": [{"text": "Hello."}, {"thoughtSignature": SIGNATURE}],
    "code that was run": [
        {"executableCode": {"language": "PYTHON", "code": "print(1)", "id": "r1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n", "id": "r1"}},
        {"text": "It is 1.", "thoughtSignature": "c2ln"},
    ],
    "code without identities": [
        {"executableCode": {"language": "PYTHON", "code": "print(1)"}, "thoughtSignature": "c2ln"},
        {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "no"}},
    ],
    "a search": [
        {"toolCall": {"id": "t1", "toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["x"]}}},
        {"toolResponse": {"id": "t1", "toolType": "GOOGLE_SEARCH_WEB", "response": {"n": 1}}},
    ],
    "an image": [
        {"text": "Here:"},
        {"inlineData": {"mimeType": "image/png", "data": PNG_BASE64}, "thoughtSignature": "c2ln"},
    ],
    "a sound with its words": [
        {
            "inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="},
            "audioTranscription": {"text": "Hello.", "finished": True},
        }
    ],
    "a file": [{"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/x.mp4"}}],
    "what nobody knows": [{"hologram": {"z": [1, 2]}, "thoughtSignature": "c2ln"}, {"text": "!"}],
    "what Weir knows, but not so": [{"text": "a", "inlineData": {"data": ""}}],
    "a piece of a call": [{"functionCall": {"name": "f", "partialArgs": [], "willContinue": True}}],
    "bytes that are none": [{"inlineData": {"mimeType": "image/png", "data": "%"}}],
}


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("dialect", [AI_STUDIO, VERTEX], ids=["gemini", "vertex"])
def test_what_the_model_said_goes_back_in_place(name: str, dialect: Dialect) -> None:
    """Part by part and member by member, from a stream and from a whole answer alike."""
    turn = TURNS[name]
    streamed = folded(*map(chunk, turn), END, dialect=dialect)
    whole = fold_chat(
        decode_whole(chunk(*turn, finish="STOP"), dialect=dialect).events, numbered=False
    )
    assert streamed == whole
    assert back(user("?"), streamed.message, dialect=dialect)[1]["parts"] == turn


def test_a_conversation_of_three_turns_keeps_all_of_it() -> None:
    """Signatures, identities and the order, over two rounds of tools."""
    first = TURNS["a signed call"]
    second: list[Json] = [
        {"functionCall": {"name": "now", "args": {}}, "thoughtSignature": "c2lnMg=="}
    ]
    one = folded(*map(chunk, first), END).message
    two = folded(*map(chunk, second), END).message
    made = two.parts[0].tool_call.id
    contents = back(
        user("What time is it?"),
        one,
        tools(result("h1", "12:00"), result("h2", "12:01")),
        two,
        tools(result(made, "12:02")),
        user("Thanks."),
    )
    assert [content["role"] for content in contents] == [
        "user", "model", "user", "model", "user", "user",
    ]  # fmt: skip
    assert contents[1]["parts"] == first
    assert contents[3]["parts"] == second
    answers = [part["functionResponse"] for part in contents[2]["parts"]]
    assert [(answer["id"], answer["name"]) for answer in answers] == [("h1", "now"), ("h2", "now")]
    assert contents[4]["parts"][0]["functionResponse"] == {
        "name": "now",
        "response": {"output": "12:02"},
    }


def test_a_state_of_the_other_door_stays_there() -> None:
    """Signatures of AI Studio are nothing that Vertex gave."""
    said = folded(*map(chunk, TURNS["a signed call"]), END).message
    asked = GeminiWire(VERTEX).encode(ChatRequest(messages=[user("?"), said]), TARGET, stream=False)
    assert "thoughtSignature" not in asked.body.decode()
    assert [warning.field for warning in asked.warnings] == ["messages[1].parts[1].provider_state"]


def test_a_call_without_identity_gets_one() -> None:
    """The same whenever the answer is read again, and another for each call."""
    parts = ({"functionCall": {"name": "now", "args": {}}}, {"functionCall": {"name": "now"}})
    ids = [part.tool_call.id for part in folded(chunk(*parts), END).message.parts]
    assert ids == [f"gemini-{RESPONSE_ID}-1", f"gemini-{RESPONSE_ID}-2"]
    nameless = {**chunk(*parts, finish="STOP"), "responseId": ""}
    again = [[part.tool_call.id for part in folded(nameless).message.parts] for _ in range(2)]
    assert again[0] == again[1]
    assert len(set(again[0])) == 2


def test_arguments_are_kept_byte_for_byte() -> None:
    """Spaces, order and large numbers included."""
    arguments = '{"b": 1,  "a": 12345678901234567890, "c": "\\u00e9"}'
    body = json.dumps(chunk({"functionCall": {"name": "f", "args": "@"}}, finish="STOP"))
    decoded = decode_stream(event(body.replace('"@"', arguments)))
    part = fold_chat(decoded.events, numbered=False).message.parts[0]
    assert part.tool_call.arguments_json == arguments
    contents = GeminiWire().encode(
        ChatRequest(messages=[user("?"), assistant(part)]), TARGET, stream=False
    )
    assert arguments.encode() in contents.body


def test_media_are_heard() -> None:
    """Bytes and addresses, with their types."""
    parts = folded(*map(chunk, TURNS["an image"]), *map(chunk, TURNS["a file"]), END).message.parts
    assert [part.WhichOneof("kind") for part in parts] == ["text", "media", "media"]
    assert (parts[1].media.mime_type, parts[1].media.inline_data) == ("image/png", PNG)
    assert parts[2].media.uri == "gs://b/x.mp4"


def test_what_is_said_in_a_sound_is_told() -> None:
    """Where the vendor tells it."""
    (part,) = folded(*map(chunk, TURNS["a sound with its words"]), END).message.parts
    assert (part.media.mime_type, part.media.transcript) == ("audio/wav", "Hello.")


def test_code_and_its_result_belong_together() -> None:
    """By an identity, be it made; a failure is marked."""
    parts = folded(*map(chunk, TURNS["code without identities"]), END).message.parts
    assert parts[0].server_tool_call.name == "code_execution"
    assert parts[1].server_tool_result.tool_call_id == parts[0].server_tool_call.id
    assert parts[1].server_tool_result.is_error
    assert json.loads(parts[0].server_tool_call.arguments_json)["code"] == "print(1)"


def test_unknown_parts_have_the_vendors_name() -> None:
    """And the vendor's JSON."""
    part = folded(*map(chunk, TURNS["what nobody knows"]), END).message.parts[0]
    assert part.unknown.type == "gemini/hologram"
    assert json.loads(part.unknown.json) == TURNS["what nobody knows"][0]
