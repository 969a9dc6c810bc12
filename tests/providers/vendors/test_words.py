"""Are vendors' own words used, and what they have none for refused? One case for each habit."""

import json
from typing import Any

import pytest

from tests.contracts.asks import PNG, call, result, tools, user
from tests.contracts.wire_format import TARGET
from weir.v1.content_pb2 import MediaPart, Message, Part, Role
from weir.v1.generation_pb2 import (
    AllowedTools,
    FunctionTool,
    GenerationOptions,
    GrammarFormat,
    OutputFormat,
    ProviderExtension,
    ReasoningEffort,
    ReasoningOptions,
    Tool,
    ToolChoice,
    ToolChoiceMode,
    UnsupportedOptionPolicy,
)
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import InvalidRequest
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.openai.wire import OpenAIWire

HI = user("Hi")
F = Tool(function=FunctionTool(name="f"))
REASONING = {
    name.removeprefix("REASONING_EFFORT_").lower(): value for name, value in ReasoningEffort.items()
}


def encode(vendor: str, *messages: Message, **options: Any) -> HttpRequest:
    """Say a chat to a vendor."""
    request = ChatRequest(messages=messages or [HI], options=GenerationOptions(**options))
    return OpenAIWire(VENDORS[vendor].quirks).encode(request, TARGET, stream=False)


def said(vendor: str, *messages: Message, **options: Any) -> dict[str, Any]:
    """Return the request as JSON, without the model and the messages."""
    body: dict[str, Any] = json.loads(encode(vendor, *messages, **options).body)
    return {name: value for name, value in body.items() if name not in ("model", "messages")}


def refused(vendor: str, *messages: Message, **options: Any) -> list[str]:
    """Return the fields that a request is refused for."""
    with pytest.raises(InvalidRequest) as refusal:
        encode(vendor, *messages, **options)
    return [violation.field for violation in refusal.value.violations]


EFFORTS: dict[tuple[str, str], dict[str, Any] | None] = {
    ("deepseek", "none"): {"thinking": {"type": "disabled"}},
    ("deepseek", "max"): {"reasoning_effort": "max"},
    ("qwen", "none"): {"enable_thinking": False},
    ("qwen", "high"): None,
    ("openrouter", "max"): {"reasoning": {"effort": "xhigh"}},
    ("cerebras", "none"): {"disable_reasoning": True},
    ("cerebras", "minimal"): None,
    ("cohere-compatible", "low"): None,
    ("cohere-compatible", "high"): {"reasoning_effort": "high"},
    ("zai", "none"): {"thinking": {"type": "disabled"}},
    ("zai", "medium"): None,
    ("groq", "none"): {"reasoning_effort": "none"},
    ("tgi", "low"): None,
    ("vllm", "minimal"): {"reasoning_effort": "minimal"},
}


@pytest.mark.parametrize(("vendor", "effort"), EFFORTS)
def test_an_effort(vendor: str, effort: str) -> None:
    """Each vendor's word for it, or a refusal."""
    options = {"reasoning": ReasoningOptions(effort=REASONING[effort])}
    expected = EFFORTS[vendor, effort]
    if expected is None:
        assert refused(vendor, **options) == ["options.reasoning.effort"]
    else:
        assert said(vendor, **options) == expected


def test_a_bound_of_reasoning() -> None:
    """Beside the effort, in one object, or with the switch that it needs."""
    bound = ReasoningOptions(budget_tokens=99)
    both = ReasoningOptions(budget_tokens=99, effort=REASONING["low"])

    assert said("qwen", reasoning=bound) == {"thinking_budget": 99, "enable_thinking": True}
    assert said("vllm", reasoning=bound) == {"thinking_token_budget": 99}
    assert said("openrouter", reasoning=both) == {"reasoning": {"effort": "low", "max_tokens": 99}}


CHOICES: dict[tuple[str, str], object] = {
    ("mistral", "required"): "any",
    ("moonshot", "required"): None,
    ("moonshot", "function"): {"type": "function", "function": {"name": "f"}},
    ("zai", "none"): None,
    ("zai", "auto"): "auto",
    ("deepinfra", "function"): None,
    ("deepinfra", "none"): "none",
    ("groq", "allowed"): None,
}
_CHOICE = {
    "auto": ToolChoice(mode=ToolChoiceMode.TOOL_CHOICE_MODE_AUTO),
    "none": ToolChoice(mode=ToolChoiceMode.TOOL_CHOICE_MODE_NONE),
    "required": ToolChoice(mode=ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED),
    "function": ToolChoice(function_name="f"),
    "allowed": ToolChoice(allowed=AllowedTools(names=["f"])),
}


@pytest.mark.parametrize(("vendor", "choice"), CHOICES)
def test_a_choice_of_tools(vendor: str, choice: str) -> None:
    """Each vendor's word for it, or a refusal of this choice alone."""
    expected = CHOICES[vendor, choice]
    if expected is None:
        fields = refused(vendor, tools=[F], tool_choice=_CHOICE[choice])
        assert fields == [f"options.tool_choice.{choice}"]
    else:
        assert said(vendor, tools=[F], tool_choice=_CHOICE[choice])["tool_choice"] == expected


def test_no_choice_at_all() -> None:
    """Where no choice is known, whichever it is, the option as such is named."""
    assert refused("ollama-compatible", tools=[F], tool_choice=_CHOICE["auto"]) == [
        "options.tool_choice"
    ]


def test_who_says_it() -> None:
    """A name is sent, refused, or left out with a warning."""
    named = Message(role=Role.ROLE_USER, name="ann", parts=[Part(text="Hi")])
    drop = UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING

    sent = json.loads(encode("xai", named).body)["messages"]
    dropped = encode("groq", named, unsupported_option_policy=drop)

    assert sent == [{"role": "user", "content": "Hi", "name": "ann"}]
    assert refused("groq", named) == ["messages[0].name"]
    assert json.loads(dropped.body)["messages"] == [{"role": "user", "content": "Hi"}]
    assert [(w.code, w.field) for w in dropped.warnings] == [("OPTION_DROPPED", "messages[0].name")]


def test_stop_sequences_within_the_vendors_bound() -> None:
    """One more than it takes is refused, not cut."""
    assert said("zai", stop_sequences=["a"]) == {"stop": ["a"]}
    assert refused("zai", stop_sequences=["a", "b"]) == ["options.stop_sequences"]
    assert said("moonshot", stop_sequences=["a"] * 5)["stop"] == ["a"] * 5


def test_grammars_where_they_go() -> None:
    """Inside an object for vLLM, beside the rest for SGLang and LocalAI."""

    def form(syntax: str) -> OutputFormat:
        return OutputFormat(grammar=GrammarFormat(syntax=syntax, definition="[ab]"))

    assert said("vllm", output_format=form("regex")) == {"structured_outputs": {"regex": "[ab]"}}
    assert said("sglang", output_format=form("ebnf")) == {"ebnf": "[ab]"}
    assert said("localai", output_format=form("gbnf")) == {"grammar": "[ab]"}
    assert refused("vllm", output_format=form("gbnf")) == ["options.output_format.grammar"]


def test_an_images_address_where_only_bytes_are_taken() -> None:
    """It is refused, as nobody fetches it for the caller."""
    image = Part(media=MediaPart(mime_type="image/png", uri="https://example.com/cat.png"))

    assert refused("sambanova", user(image)) == ["messages[0].parts[0].media"]


def test_mistral_takes_a_document_by_its_address_or_its_id() -> None:
    """Both are pieces of their own."""
    by_address = MediaPart(mime_type="application/pdf", uri="https://example.com/a.pdf")
    by_id = MediaPart(mime_type="application/pdf", file_id="f-1")

    body = json.loads(encode("mistral", user(Part(media=by_address), Part(media=by_id))).body)

    assert body["messages"][0]["content"] == [
        {"type": "document_url", "document_url": "https://example.com/a.pdf"},
        {"type": "file", "file_id": "f-1"},
    ]


def test_a_tool_that_failed_with_an_image_only() -> None:
    """The model is told that it failed before it sees what came of it."""
    image = Part(media=MediaPart(mime_type="image/png", inline_data=PNG))
    turns = (
        HI,
        Message(role=Role.ROLE_ASSISTANT, parts=[call("c", "f", "{}")]),
        tools(result("c", image, failed=True)),
    )

    content = json.loads(encode("mistral", *turns, tools=[F]).body)["messages"][2]["content"]

    assert content[0]["text"].startswith("Error: ")
    assert content[1]["type"] == "image_url"


def test_mistrals_own_settings_go_as_extensions() -> None:
    """Byte for byte, such as `safe_prompt`."""
    extension = ProviderExtension(provider_kind="openai", json='{"safe_prompt":true}')

    assert said("mistral", extensions=[extension]) == {"safe_prompt": True}
