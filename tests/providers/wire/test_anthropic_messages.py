"""Is a conversation said to Anthropic as its Messages API wants it?"""

import pytest

from tests.contracts.asks import PDF, PNG, result, system, tools, user
from tests.contracts.wire_format import TARGET
from tests.providers.wire import anthropic_words as w
from weir.v1.content_pb2 import CacheHint, MediaDetail, MediaPart, Message, Modality, Part, Role
from weir.v1.generation_pb2 import (
    GenerationOptions,
    UnsupportedOptionPolicy,
)
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import (
    UnsupportedModality,
    UnsupportedOption,
)
from weir_server.providers.wire.anthropic.wire import AnthropicWire


def test_instructions_stay_where_they_were_said() -> None:
    """Before the first turn they are the system prompt; later they are a turn of their own."""
    developer = Message(role=Role.ROLE_DEVELOPER, parts=[Part(text="Now in French.")])
    said = w.body_with(system("Be brief."), user("Hi"), developer, user("Again"))
    assert said["system"] == "Be brief."
    assert said["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": "Now in French."},
        {"role": "user", "content": "Again"},
    ]


def test_results_come_before_what_the_user_says() -> None:
    """Even where the words came first: the vendor wants it so."""
    said = w.body_with(user("Hurry!"), tools(result("c1", "1")), user("Well?"), tools(result("c2")))
    assert said["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "1"},
                {"type": "tool_result", "tool_use_id": "c2"},
                w.text("Hurry!"),
                w.text("Well?"),
            ],
        }
    ]


def test_an_empty_text_says_nothing() -> None:
    """The vendor refuses empty blocks."""
    assert w.body_with(user("", "Hi"))["messages"] == [{"role": "user", "content": "Hi"}]


def test_a_speakers_name_has_no_place() -> None:
    """It is refused by its path, or left out with a warning."""
    named = Message(role=Role.ROLE_USER, name="alice", parts=[Part(text="Hi")])
    assert w.fields(w.refused(named)) == ["messages[0].name"]
    policy = UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    request = ChatRequest(
        messages=[named], options=GenerationOptions(unsupported_option_policy=policy)
    )
    said = AnthropicWire().encode(request, TARGET, stream=False)
    assert [each.field for each in said.warnings] == ["messages[0].name"]


def test_instructions_are_text() -> None:
    """Nothing else has a place there."""
    image = Part(media=MediaPart(mime_type="image/png", inline_data=PNG))
    said = Message(role=Role.ROLE_SYSTEM, parts=[image])
    refusal = w.refused(said, user("Hi"))
    assert isinstance(refusal, UnsupportedModality)
    assert w.fields(refusal) == ["messages[0].parts[0].media"]


MEDIA: dict[str, tuple[MediaPart, w.Json]] = {
    "an image by the id of a file": (
        MediaPart(modality=Modality.MODALITY_IMAGE, file_id="file_1"),
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
    ),
    "a document by the id of a file": (
        MediaPart(mime_type="application/pdf", file_id="file_1", filename="a.pdf"),
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}, "title": "a.pdf"},
    ),
    "a document by its address": (
        MediaPart(mime_type="application/pdf", uri="https://example.com/a.pdf"),
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
    ),
    "a text": (
        MediaPart(mime_type="text/markdown; charset=utf-8", inline_data="# Grüße".encode()),
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "# Grüße"},
        },
    ),
    "an image to look at as the vendor does": (
        MediaPart(mime_type="IMAGE/PNG", inline_data=PNG, detail=MediaDetail.MEDIA_DETAIL_AUTO),
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "iVBOR//+"},
        },
    ),
}


@pytest.mark.parametrize("name", MEDIA)
def test_a_medium_is_said_by_its_source(name: str) -> None:
    """By bytes, address or file; the same within the answer of a tool."""
    media, block = MEDIA[name]
    said = w.body_with(user("See", Part(media=media)), tools(result("c", Part(media=media))))
    answer, _, medium = said["messages"][0]["content"]
    assert medium == block
    assert answer["content"] == [block]


@pytest.mark.parametrize(
    "media",
    [
        MediaPart(mime_type="image/tiff", inline_data=b"II"),
        MediaPart(mime_type="video/mp4", uri="https://example.com/a.mp4"),
        MediaPart(mime_type="audio/wav", inline_data=b"RIFF"),
        MediaPart(mime_type="application/zip", inline_data=b"PK"),
        MediaPart(mime_type="text/plain", inline_data=b"\xff\xfe"),
    ],
)
def test_a_medium_that_cannot_be_carried_is_refused(media: MediaPart) -> None:
    """By its path, whatever it is."""
    refusal = w.refused(user(Part(media=media)))
    assert isinstance(refusal, UnsupportedModality)
    assert w.fields(refusal) == ["messages[0].parts[0].media"]


def test_a_closer_look_cannot_be_asked_for() -> None:
    """It is an option that the vendor does not have."""
    media = MediaPart(mime_type="image/png", inline_data=PNG, detail=MediaDetail.MEDIA_DETAIL_HIGH)
    assert w.fields(w.refused(user(Part(media=media)))) == ["messages[0].parts[0].media.detail"]


def test_hints_to_cache_mark_their_blocks() -> None:
    """Of instructions, words, media, calls and answers of tools, each with its time to live."""
    hint = CacheHint(ttl="1h")
    pdf = Part(
        media=MediaPart(mime_type="application/pdf", inline_data=PDF), cache_hint=CacheHint()
    )
    answer = result("c", Part(text="1", cache_hint=hint))
    answer.cache_hint.CopyFrom(hint)
    said = w.body_with(
        Message(role=Role.ROLE_SYSTEM, parts=[Part(text="Long.", cache_hint=hint)]),
        user(Part(text="Hi", cache_hint=hint), pdf),
        tools(answer),
    )
    hour = {"type": "ephemeral", "ttl": "1h"}
    result_, text, document = said["messages"][0]["content"]
    assert said["system"] == [w.text("Long.", cache_control=hour)]
    assert text == w.text("Hi", cache_control=hour)
    assert document["cache_control"] == {"type": "ephemeral"}
    assert result_["cache_control"] == hour
    assert result_["content"] == [w.text("1", cache_control=hour)]


def test_an_odd_time_to_live_is_refused() -> None:
    """The vendor knows two."""
    refusal = w.refused(user(Part(text="Hi", cache_hint=CacheHint(ttl="2h"))))
    assert isinstance(refusal, UnsupportedOption)
    assert w.fields(refusal) == ["messages[0].parts[0].cache_hint.ttl"]
