"""How is a request put, where the Responses API has words of its own?"""

import json
from typing import Any

import pytest

from tests.contracts import asks
from tests.contracts.wire_format import TARGET
from weir.v1.content_pb2 import MediaDetail, MediaPart, Message, Modality, Part
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.generation_pb2 import (
    AllowedTools,
    GenerationOptions,
    OutputFormat,
    ProviderExtension,
    ReasoningEffort,
    ReasoningOptions,
    ReasoningVisibility,
    ServerTool,
    TextFormat,
    Tool,
    ToolChoice,
    ToolChoiceMode,
    UnsupportedOptionPolicy,
)
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.errors import InvalidRequest
from weir_server.providers.wire.responses.wire import ResponsesWire

_REQUIRED = ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED
SEARCH = Tool(server=ServerTool(type="web_search", config_json='{"search_context_size":"low"}'))


def sent(*messages: Message, **options: Any) -> Any:
    """Return the JSON of a chat."""
    request = ChatRequest(
        messages=messages or [asks.user("Hi")], options=GenerationOptions(**options)
    )
    return json.loads(ResponsesWire().encode(request, TARGET, stream=False).body)


def refused(*messages: Message, **options: Any) -> list[str]:
    """Return the fields for which a chat is refused."""
    with pytest.raises(InvalidRequest) as refusal:
        sent(*messages, **options)
    return [violation.field for violation in refusal.value.violations]


def extended(text: str, **options: Any) -> Any:
    """Return the JSON of a chat with an extension."""
    extension = ProviderExtension(provider_kind="openai-responses", json=text)
    return sent(extensions=[extension], **options)


@pytest.mark.parametrize(
    ("media", "said"),
    [
        (
            MediaPart(
                modality=Modality.MODALITY_IMAGE,
                file_id="file-1",
                detail=MediaDetail.MEDIA_DETAIL_HIGH,
            ),
            {"type": "input_image", "file_id": "file-1", "detail": "high"},
        ),
        (
            MediaPart(mime_type="application/pdf", uri="https://example.com/a.pdf"),
            {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        ),
        (
            MediaPart(mime_type="application/pdf", file_id="file-2"),
            {"type": "input_file", "file_id": "file-2"},
        ),
    ],
)
def test_media_by_reference(media: MediaPart, said: object) -> None:
    """Images and documents may be addresses, or files that the vendor has."""
    assert sent(asks.user(Part(media=media)))["input"][0]["content"] == [said]


def test_instructions_are_text() -> None:
    """A picture among them is refused by its place."""
    picture = Part(media=MediaPart(mime_type="image/png", inline_data=asks.PNG))

    assert refused(Message(role=asks.system("").role, parts=[picture]), asks.user("Hi")) == [
        "messages[0].parts[0].media"
    ]


def test_a_speakers_name_is_refused() -> None:
    """The API has no place for it, and left out it would change who speaks."""
    alice = asks.user("Hi")
    alice.name = "alice"

    assert refused(alice) == ["messages[0].name"]


def test_a_speakers_name_is_dropped_where_the_caller_says_so() -> None:
    """As every other field that the API has no place for."""
    alice = asks.user("Hi")
    alice.name = "alice"
    request = ChatRequest(
        messages=[alice],
        options=GenerationOptions(
            unsupported_option_policy=(
                UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
            )
        ),
    )

    said = ResponsesWire().encode(request, TARGET, stream=False)

    assert json.loads(said.body)["input"] == [{"role": "user", "content": "Hi"}]
    assert [warning.field for warning in said.warnings] == ["messages[0].name"]


def test_the_vendors_own_tools_are_said_with_their_settings() -> None:
    """Type and settings, as the caller has them."""
    assert sent(tools=[SEARCH, asks.NOW])["tools"][0] == {
        "type": "web_search",
        "search_context_size": "low",
    }


@pytest.mark.parametrize("config", ["[]", "7", '{"type":"mcp"}'])
def test_settings_of_a_tool_are_an_object_without_a_type(config: str) -> None:
    """What else they are is refused by its place."""
    tool = Tool(server=ServerTool(type="web_search", config_json=config))

    assert refused(tools=[tool]) == ["options.tools[0].server.config_json"]


def test_some_tools_are_named_each_as_what_it_is() -> None:
    """A function by its name, a tool of the vendor's by its type."""
    allowed = AllowedTools(mode=_REQUIRED, names=["now", "web_search"])

    choice = sent(tools=[SEARCH, asks.NOW], tool_choice=ToolChoice(allowed=allowed))["tool_choice"]

    assert choice == {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "now"}, {"type": "web_search"}],
    }


@pytest.mark.parametrize(
    ("visibility", "said"),
    [
        (ReasoningVisibility.REASONING_VISIBILITY_SUMMARY, {"effort": "low", "summary": "auto"}),
        (ReasoningVisibility.REASONING_VISIBILITY_FULL, {"effort": "low", "summary": "auto"}),
        (ReasoningVisibility.REASONING_VISIBILITY_HIDDEN, {"effort": "low"}),
    ],
)
def test_how_much_of_the_reasoning_is_shown(
    visibility: ReasoningVisibility.ValueType, said: object
) -> None:
    """At most a summary: the vendor gives no more."""
    reasoning = ReasoningOptions(effort=ReasoningEffort.REASONING_EFFORT_LOW, visibility=visibility)

    body = sent(reasoning=reasoning)

    assert body["reasoning"] == said
    assert body["include"] == ["reasoning.encrypted_content"]


def test_who_wants_no_reasoning_asks_for_none() -> None:
    """A model that cannot reason refuses to be asked for encrypted reasoning."""
    none = ReasoningOptions(effort=ReasoningEffort.REASONING_EFFORT_NONE)

    assert sent(reasoning=none)["reasoning"] == {"effort": "none"}
    assert "include" not in sent(reasoning=none)
    assert "include" not in sent()


def test_log_probabilities_without_alternatives() -> None:
    """They are asked for by what is included."""
    body = sent(top_logprobs=0)

    assert body["include"] == ["message.output_text.logprobs"]
    assert "top_logprobs" not in body


def test_an_extension_adds_beside_what_options_say() -> None:
    """To reasoning, the text's form and what is included, member by member."""
    body = extended(
        '{"text":{"verbosity":"low"},"include":["web_search_call.action.sources"],'
        '"reasoning":{"mode":"pro"},"prompt_cache_key":"k"}',
        output_format=OutputFormat(text=TextFormat()),
        reasoning=ReasoningOptions(effort=ReasoningEffort.REASONING_EFFORT_HIGH),
    )

    assert body["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert body["reasoning"] == {"effort": "high", "mode": "pro"}
    assert body["include"] == ["reasoning.encrypted_content", "web_search_call.action.sources"]
    assert body["prompt_cache_key"] == "k"


@pytest.mark.parametrize(
    "text",
    [
        '{"store":true}',
        '{"previous_response_id":"resp_1"}',
        '{"background":true}',
        '{"text":{"format":{"type":"json_object"}}}',
        '{"text":[]}',
        '{"include":{}}',
    ],
)
def test_an_extension_overrides_nothing(text: str) -> None:
    """Neither what Weir writes nor the promise that nothing is kept."""
    options: dict[str, Any] = {
        "output_format": OutputFormat(text=TextFormat()),
        "top_logprobs": 1,
    }

    with pytest.raises(InvalidRequest) as refusal:
        extended(text, **options)
    rule = "BAD_JSON" if text in ('{"text":[]}', '{"include":{}}') else "CONFLICT"
    assert [each.rule for each in refusal.value.violations] == [rule]


def test_a_failed_tool_that_shows_a_picture_says_so_first() -> None:
    """The model is told before it looks."""
    picture = Part(media=MediaPart(mime_type="image/png", inline_data=asks.PNG))
    turn = asks.tools(asks.result("c", picture, failed=True), asks.result("d", failed=True))

    shown, silent = sent(asks.user("Hi"), asks.assistant(asks.call("c", "f", "{}")), turn)["input"][
        2:
    ]

    assert [piece["type"] for piece in shown["output"]] == ["input_text", "input_image"]
    assert shown["output"][0]["text"] == "Error: the tool failed"
    assert silent["output"] == "Error: the tool failed without a message"


def test_a_completion_is_a_chat_of_one_message() -> None:
    """The API has no other."""
    said = ResponsesWire().encode(CompleteRequest(prompt="Once"), TARGET, stream=True)

    assert said.path == "/responses"
    assert json.loads(said.body)["input"] == [{"role": "user", "content": "Once"}]


def test_embeddings_are_asked_for_as_openai_has_them() -> None:
    """The same address serves them."""
    request = EmbedRequest(inputs=[EmbedInput(text="a")])

    assert ResponsesWire().encode(request, TARGET, stream=False).path == "/embeddings"
