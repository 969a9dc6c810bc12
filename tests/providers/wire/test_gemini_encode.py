"""What does Gemini's wire format say that the contract does not list, and what does it refuse?"""

import json

import pytest

from tests.contracts.asks import PNG, assistant, call, result, system, tools, user
from tests.providers.wire.gemini_samples import VERTEX, Json
from tests.providers.wire.gemini_saying import config, dropped, refused, said, target
from weir.v1.content_pb2 import (
    CompactionPart,
    MediaDetail,
    MediaPart,
    Modality,
    Part,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
)
from weir.v1.generation_pb2 import (
    GenerationOptions,
    GrammarFormat,
    JsonSchemaFormat,
    OutputFormat,
    ProviderExtension,
    ReasoningEffort,
    ReasoningOptions,
    ReasoningVisibility,
)
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.errors import InvalidRequest
from weir_server.providers.wire.gemini.dialect import AI_STUDIO, Dialect
from weir_server.providers.wire.gemini.wire import GeminiWire

PARENT = "/projects/p/locations/global"


@pytest.mark.parametrize(
    ("dialect", "model", "path"),
    [
        (AI_STUDIO, "gemini-3-flash", "/models/gemini-3-flash:generateContent"),
        (AI_STUDIO, "models/gemini-3-flash", "/models/gemini-3-flash:generateContent"),
        (AI_STUDIO, "tunedModels/mine", "/tunedModels/mine:generateContent"),
        (AI_STUDIO, "../x?y#z", "/models/-/x%3Fy%23z:generateContent"),
        (VERTEX, "m-1", f"{PARENT}/publishers/google/models/m-1:generateContent"),
        (VERTEX, "meta/l-4", f"{PARENT}/publishers/meta/models/l-4:generateContent"),
        (VERTEX, "endpoints/7", f"{PARENT}/endpoints/7:generateContent"),
        (
            VERTEX,
            "projects/p/locations/global/endpoints/7",
            f"{PARENT}/endpoints/7:generateContent",
        ),
        (
            VERTEX,
            "projects/q/locations/global/endpoints/7",
            f"{PARENT}/publishers/projects/models/q/locations/global/endpoints/7:generateContent",
        ),
    ],
)
def test_a_model_is_part_of_the_path(dialect: Dialect, model: str, path: str) -> None:
    """By the names that the vendor's SDK takes; none of them leads out of its place."""
    request = ChatRequest(messages=[user("Hi")])
    assert GeminiWire(dialect).encode(request, target(model), stream=False).path == path


def test_a_stream_is_asked_for_as_events() -> None:
    """Without `alt=sse` it would be one long list."""
    asked = GeminiWire().encode(ChatRequest(messages=[user("Hi")]), target("m"), stream=True)
    assert asked.path == "/models/m:streamGenerateContent?alt=sse"
    assert asked.headers["accept"] == "text/event-stream"


def test_a_completion_is_a_chat() -> None:
    """There is no older way to ask."""
    asked = GeminiWire().encode(CompleteRequest(prompt="Once"), target("m"), stream=False)
    assert json.loads(asked.body) == {"contents": [{"role": "user", "parts": [{"text": "Once"}]}]}


@pytest.mark.parametrize(
    ("effort", "second", "third"),
    [
        (ReasoningEffort.REASONING_EFFORT_NONE, {"thinkingBudget": 0}, {"thinkingBudget": 0}),
        (
            ReasoningEffort.REASONING_EFFORT_MINIMAL,
            {"thinkingBudget": 1024},
            {"thinkingLevel": "MINIMAL"},
        ),
        (ReasoningEffort.REASONING_EFFORT_LOW, {"thinkingBudget": 1024}, {"thinkingLevel": "LOW"}),
        (
            ReasoningEffort.REASONING_EFFORT_MAX,
            {"thinkingBudget": 24_576},
            {"thinkingLevel": "HIGH"},
        ),
    ],
)
def test_effort_is_a_budget_in_the_second_generation(
    effort: ReasoningEffort.ValueType, second: Json, third: Json
) -> None:
    """And a level since."""
    options = GenerationOptions(reasoning=ReasoningOptions(effort=effort))
    assert config(options, "gemini-2.5-flash")["thinkingConfig"] == second
    assert config(options, "gemini-3-flash")["thinkingConfig"] == third


@pytest.mark.parametrize(
    ("visibility", "expected"),
    [
        (ReasoningVisibility.REASONING_VISIBILITY_SUMMARY, {"includeThoughts": True}),
        (ReasoningVisibility.REASONING_VISIBILITY_FULL, {"includeThoughts": True}),
        (ReasoningVisibility.REASONING_VISIBILITY_HIDDEN, None),
    ],
)
def test_thoughts_are_asked_for(
    visibility: ReasoningVisibility.ValueType, expected: Json | None
) -> None:
    """By default the vendor tells none."""
    options = GenerationOptions(reasoning=ReasoningOptions(visibility=visibility))
    assert said(options=options).get("generationConfig", {}).get("thinkingConfig") == expected


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (
            GenerationOptions(
                reasoning=ReasoningOptions(
                    effort=ReasoningEffort.REASONING_EFFORT_LOW, budget_tokens=1
                )
            ),
            "options.reasoning.effort",
        ),
        (GenerationOptions(stop_sequences=list("abcdef")), "options.stop_sequences"),
        (GenerationOptions(seed=2**40), "options.seed"),
        (
            GenerationOptions(output_modalities=[Modality.MODALITY_DOCUMENT]),
            "options.output_modalities[0]",
        ),
        (
            GenerationOptions(output_format=OutputFormat(grammar=GrammarFormat(syntax="gbnf"))),
            "options.output_format.grammar",
        ),
        (
            GenerationOptions(
                output_format=OutputFormat(
                    json_schema=JsonSchemaFormat(schema_json="{}", description="A place.")
                )
            ),
            "options.output_format.json_schema.description",
        ),
    ],
)
def test_what_cannot_be_asked_for_is_named(options: GenerationOptions, field: str) -> None:
    """Nothing is left out silently."""
    assert refused(options=options) == [field]


def test_images_can_be_asked_for() -> None:
    """Beside text."""
    modalities = [Modality.MODALITY_TEXT, Modality.MODALITY_IMAGE]
    options = GenerationOptions(output_modalities=modalities, top_logprobs=0)
    assert config(options) == {"responseModalities": ["TEXT", "IMAGE"], "responseLogprobs": True}


def _extended(text: str, **options: object) -> GenerationOptions:
    extension = ProviderExtension(provider_kind="gemini", json=text)
    return GenerationOptions(extensions=[extension], **options)  # type: ignore[arg-type]


def test_extensions_add_to_what_weir_says() -> None:
    """Byte for byte, within the objects that Weir itself writes, too."""
    text = """{"safetySettings": [{"category": "C", "threshold": "OFF"}],
               "generationConfig": {"mediaResolution": "LOW"},
               "toolConfig": {"retrievalConfig": {"languageCode": "no"}}}"""
    body = said(options=_extended(text, temperature=0.5))
    assert body["safetySettings"] == [{"category": "C", "threshold": "OFF"}]
    assert body["generationConfig"] == {"temperature": 0.5, "mediaResolution": "LOW"}
    assert body["toolConfig"] == {"retrievalConfig": {"languageCode": "no"}}


@pytest.mark.parametrize(
    "text",
    [
        '{"contents": []}',
        '{"generation_config": {}}',
        '{"generationConfig": {"temperature": 1}}',
        '{"generationConfig": {"candidateCount": 2}}',
        '{"generationConfig": []}',
        '{"systemInstruction": {}}',
    ],
)
def test_extensions_do_not_overwrite(text: str) -> None:
    """What Weir or other options say stands."""
    assert refused(options=_extended(text, temperature=0.5)) == ["options.extensions[0].json"]


def test_an_image_is_looked_at_closely() -> None:
    """The vendor's word for it stands beside the image."""
    media = MediaPart(mime_type="image/png", inline_data=PNG, detail=MediaDetail.MEDIA_DETAIL_HIGH)
    part = said(user(Part(media=media)))["contents"][0]["parts"][0]
    assert part["mediaResolution"] == {"level": "MEDIA_RESOLUTION_HIGH"}


def test_uploaded_files_have_addresses() -> None:
    """At AI Studio by their name; Vertex knows buckets only."""
    part = Part(media=MediaPart(mime_type="video/mp4", file_id="files/abc-1"))
    uri = "https://generativelanguage.googleapis.com/v1beta/files/abc-1"
    assert said(user(part))["contents"][0]["parts"] == [
        {"fileData": {"mimeType": "video/mp4", "fileUri": uri}}
    ]
    with pytest.raises(InvalidRequest):
        said(user(part), dialect=VERTEX)
    bucket = Part(media=MediaPart(file_id="gs://b/x.mp4"))
    body = said(user(bucket), dialect=VERTEX)
    assert body["contents"][0]["parts"] == [{"fileData": {"fileUri": "gs://b/x.mp4"}}]


def test_instructions_stand_apart_from_the_conversation() -> None:
    """Wherever they were said; that later ones are moved is said aloud."""
    messages = [system("Be kind."), user("Hi"), system("Be brief.")]
    sent = GeminiWire().encode(
        ChatRequest(messages=messages), target("gemini-3-flash"), stream=False
    )
    body = json.loads(sent.body)
    assert [content["role"] for content in body["contents"]] == ["user"]
    assert body["systemInstruction"] == {"parts": [{"text": "Be kind."}, {"text": "Be brief."}]}
    assert [(warning.code, warning.field) for warning in sent.warnings] == [
        ("MESSAGE_MOVED", "messages[2]")
    ]


def test_what_another_vendor_said_is_kept_as_far_as_it_can_be() -> None:
    """Words are; states, tools of its own and compactions are not, and a warning says so."""
    earlier = assistant(
        Part(reasoning=ReasoningPart(text="Hm."), provider_state=b"anthropic:xyz"),
        Part(reasoning=ReasoningPart(), provider_state=b"openai:xyz"),
        Part(refusal=RefusalPart(text="No.")),
        Part(server_tool_call=ServerToolCallPart(id="s", name="web_search", arguments_json="{}")),
        Part(compaction=CompactionPart(summary="Long ago.")),
    )
    assert said(user("Hi"), earlier)["contents"][1]["parts"] == [
        {"text": "Hm.", "thought": True},
        {"text": "No."},
    ]
    assert dropped(user("Hi"), earlier) == [
        "messages[1].parts[0].provider_state",
        "messages[1].parts[1].provider_state",
        "messages[1].parts[3].server_tool_call",
        "messages[1].parts[4].compaction",
    ]


def test_a_turn_of_which_nothing_can_be_said_is_left_out() -> None:
    """The vendor refuses contents without parts."""
    nothing = assistant(Part(compaction=CompactionPart(summary="Long ago.")))
    assert [c["role"] for c in said(user("Hi"), nothing, user("Again"))["contents"]] == [
        "user",
        "user",
    ]


def test_a_speakers_name_has_no_place() -> None:
    """And a warning says so."""
    named = user("Hi")
    named.name = "alice"
    assert dropped(named) == ["messages[0].name"]


@pytest.mark.parametrize("state", [b"gemini:{", b'gemini:{"text":"x"}', b"gemini:[]"])
def test_a_state_that_was_tampered_with_is_refused(state: bytes) -> None:
    """It may hold what stands beside a part, never what a part is."""
    part = Part(text="Hi", provider_state=state)
    assert refused(user("Hi"), assistant(part)) == ["messages[1].parts[0].provider_state"]


def test_what_has_no_place_in_a_turn_is_refused() -> None:
    """Users say text and media, tools answer, instructions are text."""
    asked = call("c", "now", "{}")
    image = Part(media=MediaPart(mime_type="image/png", inline_data=PNG))
    instructions = system("Hi")
    instructions.parts.append(image)
    instructions.parts.append(asked)
    assert refused(instructions, user(asked), tools(asked)) == [
        "messages[0].parts[1].media",
        "messages[0].parts[2].tool_call",
        "messages[1].parts[0].tool_call",
        "messages[2].parts[0].tool_call",
    ]
    assert refused(user("?"), tools(result("c", asked, name="now"))) == [
        "messages[1].parts[0].tool_result.content[0].tool_call"
    ]
