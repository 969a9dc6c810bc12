"""Is what an answer holds beside its text kept? Sounds, images, sources, calls of custom tools."""

import json
from base64 import b64encode

import pytest

from tests.contracts.asks import PNG, PNG_BASE64, result, tools, user
from tests.contracts.wire_format import TARGET, decode
from tests.providers.wire.samples import CHUNKS, stream_of
from weir.fold import fold_chat
from weir.v1.content_pb2 import Message, Part
from weir.v1.generation_pb2 import GenerationOptions, ProviderExtension
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken
from weir_server.fake_upstream import openai_wire as w
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.openai.wire import OpenAIWire

OPENAI = OpenAIWire(VENDORS["openai"].quirks)
OPENROUTER = OpenAIWire(VENDORS["openrouter"].quirks)
WAV = b"RIFF" + bytes(range(60))


def delta(said: w.Json) -> w.Json:
    """Return a chunk that says this."""
    chunk = CHUNKS.content("")
    chunk["choices"][0]["delta"] = said
    return chunk


def streamed(*said: w.Json, wire: OpenAIWire = OPENAI, finish: str = "stop") -> Message:
    """Return the message of a streamed answer."""
    body = stream_of(*map(delta, said), CHUNKS.finish(finish))
    decoded = decode(wire.decoder(ChatRequest(), TARGET, stream=True), [body])
    return fold_chat(decoded.events, numbered=False).message


def whole(
    said: w.Json, *, wire: OpenAIWire = OPENAI, request: ChatRequest | None = None
) -> Message:
    """Return the message of a whole answer."""
    body = json.dumps(w.chat_completion(None, message_extras=said)).encode()
    decoded = decode(wire.decoder(request or ChatRequest(), TARGET, stream=False), [body])
    return fold_chat(decoded.events, numbered=False).message


def next_turn(
    answer: Message, *, wire: OpenAIWire = OPENAI, answers: tuple[Part, ...] = ()
) -> w.Json:
    """Return an answer as the next turn says it, with nothing dropped."""
    last = tools(*answers) if answers else user("Go on")
    sent = wire.encode(ChatRequest(messages=[user("Hi"), answer, last]), TARGET, stream=False)
    assert not sent.warnings
    said: w.Json = json.loads(sent.body)["messages"][1]
    return said


def test_a_sound_is_a_medium_that_goes_back_by_its_identity() -> None:
    """Bytes, words and identity, however they come in pieces; the next turn names it."""
    data = b64encode(WAV).decode()
    said: w.Json = {"id": "audio_1", "data": data, "transcript": "Héllo", "expires_at": 9}
    pieces: list[w.Json] = [
        {"role": "assistant", "audio": {"id": "audio_1"}},
        {"audio": {"transcript": "Hé"}},
        {"audio": {"data": data[:10]}},
        {"audio": {"data": data[10:], "transcript": "llo"}},
        {"audio": {"expires_at": 9}},
    ]

    answer = streamed(*pieces)

    (part,) = answer.parts
    assert part.media.inline_data == WAV
    assert part.media.transcript == "Héllo"
    assert part.media.mime_type == "audio/wav"
    assert answer == whole({"audio": said})
    assert next_turn(answer) == {"role": "assistant", "content": None, "audio": {"id": "audio_1"}}


def test_another_vendor_is_told_what_was_said_aloud() -> None:
    """An identity means nothing elsewhere: the words go, and the sound is named as dropped."""
    answer = whole({"audio": {"id": "a", "data": "AAAA", "transcript": "Hello"}})
    request = ChatRequest(messages=[user("Hi"), answer, user("Go on")])

    sent = OPENROUTER.encode(request, TARGET, stream=False)

    assert json.loads(sent.body)["messages"][1] == {"role": "assistant", "content": "Hello"}
    assert [warning.field for warning in sent.warnings] == ["messages[1].parts[0].media"]


@pytest.mark.parametrize(
    ("asked", "told"), [("mp3", "audio/mpeg"), ("pcm16", "audio/pcm"), ("new", "audio/wav")]
)
def test_the_type_of_a_sound_is_what_was_asked_for(asked: str, told: str) -> None:
    """The answer does not say it; where the request does not either, the bytes do."""
    extension = ProviderExtension(
        provider_kind="openai", json=json.dumps({"audio": {"format": asked, "voice": "ash"}})
    )
    request = ChatRequest(options=GenerationOptions(extensions=[extension]))

    answer = whole({"audio": {"data": b64encode(WAV).decode()}}, request=request)

    assert answer.parts[0].media.mime_type == told


@pytest.mark.parametrize(
    ("audio", "failure"),
    [
        ({"data": "AAAAA"}, UpstreamStreamBroken),
        ({"data": "!!!!"}, UpstreamProtocolError),
        ("aloud", UpstreamProtocolError),
    ],
)
def test_a_sound_that_is_none_is_no_answer(audio: object, failure: type[Exception]) -> None:
    """Bytes that broke off or are no bytes do not pass for a complete answer."""
    body = stream_of(delta({"audio": audio}), CHUNKS.finish())
    decoded = decode(OPENAI.decoder(ChatRequest(), TARGET, stream=True), [body])

    assert isinstance(decoded.failure, failure)


def test_a_custom_tools_call_goes_back_as_it_came() -> None:
    """Its input is text and no JSON; the tool may answer as any other."""
    given = {"id": "c1", "type": "custom", "custom": {"name": "shell", "input": "ls -l"}}
    first = {**given, "index": 0, "custom": {"name": "shell", "input": ""}}

    answer = streamed(
        {"tool_calls": [first]},
        {"tool_calls": [{"index": 0, "custom": {"input": "ls"}}]},
        {"tool_calls": [{"index": 0, "custom": {"input": " -l"}}]},
        finish="tool_calls",
    )

    (part,) = answer.parts
    assert (part.tool_call.name, part.tool_call.arguments_json) == ("shell", "ls -l")
    assert not part.tool_call.arguments_valid
    assert answer == whole({"tool_calls": [given]})
    said = next_turn(answer, answers=(result("c1", "a.txt"),))
    assert said == {"role": "assistant", "content": None, "tool_calls": [given]}


def test_sources_tell_the_bytes_that_they_are_for() -> None:
    """The vendor counts characters; the contract counts bytes of the part's text."""
    source = {"url": "https://x.example", "title": "X", "start_index": 2, "end_index": 4}
    said = [{"type": "url_citation", "url_citation": source}]

    answer = streamed({"content": "é"}, {"content": "👋ab"}, {"content": "c", "annotations": said})

    (part,) = answer.parts
    (citation,) = part.citations
    assert part.text.encode()[citation.start_byte : citation.end_byte] == b"ab"
    assert citation.uri == "https://x.example"
    assert answer == whole({"content": "é👋abc", "annotations": said})


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (0, 99), (2, 1), (None, "x")])
def test_a_place_outside_the_text_is_none(start: object, end: object) -> None:
    """The source is named all the same, for all of the part."""
    source = {"url": "https://x.example", "start_index": start, "end_index": end}
    said = [{"type": "url_citation", "url_citation": source}]

    (citation,) = whole({"content": "abc", "annotations": said}).parts[0].citations

    assert (citation.start_byte, citation.end_byte) == (0, 0)


def test_other_annotations_go_back_to_where_they_stood() -> None:
    """OpenRouter does not read a file again whose annotation comes back."""
    read = {"type": "file", "file": {"hash": "h", "name": "a.pdf", "content": []}}

    answer = streamed({"content": "Read."}, {"annotations": [read]}, wire=OPENROUTER)

    assert [part.WhichOneof("kind") for part in answer.parts] == ["text", "unknown"]
    assert answer.parts[1].unknown.type == "openrouter/annotation.file"
    assert answer == whole({"content": "Read.", "annotations": [read]}, wire=OPENROUTER)
    assert next_turn(answer, wire=OPENROUTER) == {
        "role": "assistant",
        "content": "Read.",
        "annotations": [read],
    }


def test_images_that_a_model_draws_are_media() -> None:
    """By their bytes or their address; what is neither is kept as it came."""
    drawn = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_BASE64}"}},
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,!"}},
    ]

    answer = streamed({"content": "Here."}, {"images": drawn}, wire=OPENROUTER)

    _, drawing, linked, odd = answer.parts
    assert (drawing.media.mime_type, drawing.media.inline_data) == ("image/png", PNG)
    assert linked.media.uri == "https://x.example/a.png"
    assert json.loads(odd.unknown.json) == drawn[2]
    assert answer == whole({"content": "Here.", "images": drawn}, wire=OPENROUTER)
