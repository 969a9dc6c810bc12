"""Is a conversation said to Converse as it takes it, and the rest named?"""

import json
from collections.abc import Sequence

import pytest

from tests.contracts.asks import (
    PDF,
    PNG,
    assistant,
    system,
    user,
)
from tests.providers.wire import converse as c
from tests.providers.wire.bedrock_asking import (
    CLAUDE,
    NOVA,
    PROFILE,
    body_of,
    encode,
    medium,
    refused,
    turns_of,
    warned,
)
from weir.v1.content_pb2 import (
    CacheHint,
    CompactionPart,
    MediaDetail,
    Message,
    Modality,
    Part,
    ReasoningPart,
    RefusalPart,
    Role,
    ServerToolCallPart,
    UnknownPart,
)
from weir.v1.generation_pb2 import (
    UnsupportedOptionPolicy,
)
from weir.v1.provider_service_pb2 import ChatRequest

# --- The conversation -----------------------------------------------------------------------------


def test_turns_of_one_speaker_are_one_message() -> None:
    """The vendor wants speakers to alternate; empty texts, which it refuses, are left out."""
    said = turns_of(
        user("A"), user("B"), assistant("C", ""), assistant("D"), user("E"), assistant("")
    )

    assert [(turn["role"], [block["text"] for block in turn["content"]]) for turn in said] == [
        ("user", ["A", "B"]),
        ("assistant", ["C", "D"]),
        ("user", ["E"]),
    ]


def test_late_instructions_are_moved_and_said_so() -> None:
    """Instructions in the middle go before the conversation, with a warning."""
    request = ChatRequest(messages=[system("A"), user("Hi"), system("B")])

    assert body_of(request)["system"] == [{"text": "A"}, {"text": "B"}]
    assert warned(request) == [("MESSAGE_MOVED", "messages[2]")]


def test_a_refusal_of_an_earlier_turn_is_text() -> None:
    """It is what the model said, whichever vendor had a kind of its own for it."""
    said = turns_of(user("Hi"), assistant(Part(refusal=RefusalPart(text="No."))))

    assert said[-1]["content"] == [{"text": "No."}]


def test_what_other_vendors_said_is_dropped_by_name() -> None:
    """Their reasoning, their tools and their items have no place, and each is in a warning."""
    parts = [
        Part(reasoning=ReasoningPart(text="Hm"), provider_state=b"anthropic:sig"),
        Part(text="A", provider_state=b"google:state"),
        Part(server_tool_call=ServerToolCallPart(id="s", name="web_search", arguments_json="{}")),
        Part(compaction=CompactionPart(summary="Short")),
        Part(unknown=UnknownPart(type="openai/x", json="{}")),
        Part(unknown=UnknownPart(type="bedrock/contentBlockDelta", json="{}")),
    ]
    request = ChatRequest(messages=[user("Hi"), assistant(*parts), user("Go on")])
    at = "messages[1].parts"

    assert warned(request) == [
        ("PART_DROPPED", f"{at}[0].provider_state"),
        ("PART_DROPPED", f"{at}[0].reasoning"),
        ("PART_DROPPED", f"{at}[1].provider_state"),
        ("PART_DROPPED", f"{at}[2].server_tool_call"),
        ("PART_DROPPED", f"{at}[3].compaction"),
        ("PART_DROPPED", f"{at}[4].unknown"),
        ("PART_DROPPED", f"{at}[5].unknown"),
    ]
    assert body_of(request)["messages"][1]["content"] == [{"text": "A"}]


def test_a_speakers_name_is_refused_or_dropped() -> None:
    """There is no place for it; the caller says which of the two it wants."""
    message = user("Hi")
    message.name = "alice"
    request = ChatRequest(messages=[message])

    assert refused(request) == ["messages[0].name"]
    request.options.unsupported_option_policy = (
        UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    )
    assert warned(request) == [("OPTION_DROPPED", "messages[0].name")]


@pytest.mark.parametrize("name", ["guardContent", "searchResult", "cachePoint", "document"])
def test_a_callers_own_block_goes_in_as_it_is(name: str) -> None:
    """What Weir has no kind for can be written in the vendor's words, byte for byte."""
    block = f'{{"{name}":{{"a": 1.0}}}}'
    part = Part(unknown=UnknownPart(type=f"bedrock/{name}", json=block))

    assert block.encode() in encode(ChatRequest(messages=[user("Hi", part)])).body


@pytest.mark.parametrize(
    ("type_", "json_", "field"),
    [
        ("bedrock/guardContent", "{", "unknown.json"),
        ("bedrock/guardContent", "[]", "unknown.json"),
        ("bedrock/guardContent", '{"guardContent":{},"text":"x"}', "unknown.json"),
        ("bedrock/guardContent", '{"text":"x"}', "unknown.json"),
        ("bedrock/else", '{"else":{}}', "unknown"),
        ("openai/guardContent", '{"guardContent":{}}', "unknown"),
    ],
)
def test_a_block_that_is_none_is_refused(type_: str, json_: str, field: str) -> None:
    """One member, and that the named one: nothing else is smuggled in."""
    part = Part(unknown=UnknownPart(type=type_, json=json_))

    assert refused(ChatRequest(messages=[user("Hi", part)])) == [f"messages[0].parts[1].{field}"]


def test_guarded_instructions() -> None:
    """A guardrail's block may stand among instructions, other blocks may not."""
    guard = '{"guardContent":{"text":{"text":"x"}}}'
    part = Part(unknown=UnknownPart(type="bedrock/guardContent", json=guard))
    instructions = Message(role=Role.ROLE_SYSTEM, parts=[Part(text="Be brief."), part])

    assert body_of(ChatRequest(messages=[instructions, user("Hi")]))["system"] == [
        {"text": "Be brief."},
        json.loads(guard),
    ]
    instructions.parts[1].media.uri = "s3://b/a.png"
    assert refused(ChatRequest(messages=[instructions, user("Hi")])) == [
        "messages[0].parts[1].media"
    ]


# --- Media ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media", "block"),
    [
        (
            medium(mime_type="image/webp", uri="s3://bucket/a.webp"),
            {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://bucket/a.webp"}}}},
        ),
        (
            medium(mime_type="video/3gpp", uri="s3://bucket/a"),
            {"video": {"format": "three_gp", "source": {"s3Location": {"uri": "s3://bucket/a"}}}},
        ),
        (
            medium(modality=Modality.MODALITY_IMAGE, uri="s3://bucket/b.JPG"),
            {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://bucket/b.JPG"}}}},
        ),
        (
            medium(modality=Modality.MODALITY_DOCUMENT, uri="s3://b/c.md", filename="c.md"),
            {
                "document": {
                    "format": "md",
                    "name": "c",
                    "source": {"s3Location": {"uri": "s3://b/c.md"}},
                }
            },
        ),
        (
            medium(mime_type="video/mp4", inline_data=b"\x00\x01"),
            {"video": {"format": "mp4", "source": {"bytes": "AAE="}}},
        ),
        (
            medium(mime_type="text/plain", inline_data=b"a"),
            {"document": {"format": "txt", "name": "document", "source": {"bytes": "YQ=="}}},
        ),
        (
            medium(mime_type="IMAGE/JPEG", inline_data=b"a"),
            {"image": {"format": "jpeg", "source": {"bytes": "YQ=="}}},
        ),
    ],
)
def test_a_medium_goes_in(media: Part, block: c.Json) -> None:
    """By its bytes or from S3, in the vendor's word for its format."""
    assert turns_of(user("Look:", media))[0]["content"][1] == block


@pytest.mark.parametrize(
    "media",
    [
        medium(mime_type="image/png", uri="https://example.com/a.png"),
        medium(mime_type="image/tiff", inline_data=b"a"),
        medium(mime_type="image/png", file_id="file-1"),
        medium(modality=Modality.MODALITY_IMAGE, uri="s3://bucket/file"),
        medium(modality=Modality.MODALITY_IMAGE, uri="s3://bucket/a.3gp"),
        medium(mime_type="application/zip", inline_data=b"a"),
    ],
)
def test_a_medium_that_cannot_go_in_is_refused(media: Part) -> None:
    """Addresses other than S3's, uploads elsewhere, and formats that Converse does not list."""
    assert refused(ChatRequest(messages=[user("Look:", media)])) == ["messages[0].parts[1].media"]


def test_how_closely_to_look_cannot_be_said() -> None:
    """A wish for a fine look at an image is named, not ignored."""
    media = medium(mime_type="image/png", inline_data=PNG, detail=MediaDetail.MEDIA_DETAIL_HIGH)

    assert refused(ChatRequest(messages=[user(media)])) == ["messages[0].parts[0].media.detail"]


@pytest.mark.parametrize(
    ("filenames", "names"),
    [
        (["report.pdf", "report.pdf"], ["report", "report (2)"]),
        (["", "", ""], ["document", "document (2)", "document (3)"]),
        (["Q3: Umsätze_2026 (v2).final.pdf"], ["Q3 Ums tze 2026 (v2) final"]),
        (["../../etc/passwd", "…"], ["etc passwd", "document"]),
    ],
)
def test_documents_have_names_of_their_own(filenames: Sequence[str], names: list[str]) -> None:
    """In the characters that the vendor takes, and no two the same in one request."""
    parts = [
        medium(mime_type="application/pdf", inline_data=PDF, filename=name) for name in filenames
    ]

    said = turns_of(user("Read.", *parts))[0]["content"][1:]

    assert [block["document"]["name"] for block in said] == names


# --- Caching --------------------------------------------------------------------------------------


def _cached(ttl: str = "") -> ChatRequest:
    part = Part(text="Long.", cache_hint=CacheHint(ttl=ttl))
    return ChatRequest(messages=[user(part, "Short.")])


@pytest.mark.parametrize(
    ("model", "points"),
    [(CLAUDE, 1), (NOVA, 1), (PROFILE, 1), ("meta.llama3-3-70b-instruct-v1:0", 0)],
)
def test_a_cache_point_stands_where_the_model_can_cache(model: str, points: int) -> None:
    """It follows its part; models that would refuse it are not sent the hint."""
    content = body_of(_cached(), model)["messages"][0]["content"]

    assert content[1:-1] == [{"cachePoint": {"type": "default"}}] * points


def test_how_long_to_cache() -> None:
    """The vendor's two words are sent, others refused."""
    content = body_of(_cached("1h"))["messages"][0]["content"]

    assert content[1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert refused(_cached("2d")) == ["messages[0].parts[0].cache_hint.ttl"]
