"""Chats of which vendors have published what they count: requests, and the usage they tell."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from tests.accounting.test_images import png
from weir.v1.content_pb2 import Role
from weir.v1.provider_service_pb2 import ChatRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One chat with the prompt tokens that its vendor reports."""

    title: str
    source: str
    vendor_model: str
    make: Callable[[], ChatRequest]
    tokens: int
    within: float | None = 0.02
    """The share by which Weir's count may be off; None: an estimate of another vendor's tokens."""


SYSTEM, USER = Role.ROLE_SYSTEM, Role.ROLE_USER


def chat(*said: tuple[Role.ValueType, str]) -> ChatRequest:
    request = ChatRequest()
    for role, text in said:
        request.messages.add(role=role).parts.add(text=text)
    return request


def weather(*, location: str, unit: str, described: str) -> Callable[[ChatRequest], ChatRequest]:
    """Add the tool of both examples."""
    units: dict[str, object] = {"type": "string", "enum": ["celsius", "fahrenheit"]}
    if unit:
        units = {"type": "string", "description": unit, "enum": ["celsius", "fahrenheit"]}

    def add(request: ChatRequest) -> ChatRequest:
        function = request.options.tools.add().function
        function.name, function.description = "get_current_weather", described
        function.parameters_json_schema = json.dumps(
            {
                "type": "object",
                "properties": {
                    "location": {"type": "string", "description": location},
                    "unit": units,
                },
                "required": ["location"],
            }
        )
        return request

    return add


def cookbook_tools() -> ChatRequest:
    add = weather(
        location="The city and state, e.g. San Francisco, CA",
        unit="The unit of temperature to return",
        described="Get the current weather in a given location",
    )
    about = "You are a helpful assistant that can answer to questions about the weather."
    return add(chat((SYSTEM, about), (USER, "What's the weather like in San Francisco?")))


def reference_tools() -> ChatRequest:
    add = weather(
        location="The city and state, e.g. San Francisco, CA",
        unit="",
        described="Get the current weather in a given location",
    )
    return add(chat((USER, "What's the weather like in Boston today?")))


def reference_image() -> ChatRequest:
    request = chat((USER, "What's in this image?"))
    media = request.messages[0].parts.add().media
    media.mime_type, media.inline_data = "image/png", png(2560, 1669)
    return request


def hello() -> ChatRequest:
    return chat((SYSTEM, "You are a helpful assistant."), (USER, "Hello!"))


COOKBOOK = "OpenAI cookbook, How to count tokens with tiktoken"
REFERENCE = "OpenAI API reference, Create chat completion"
CHATS = (
    Counted(title="greeting", source=REFERENCE, vendor_model="gpt-4o", make=hello, tokens=19),
    *(
        Counted(
            title="weather tool",
            source=COOKBOOK,
            vendor_model=model,
            make=cookbook_tools,
            tokens=tokens,
        )
        for model, tokens in (
            ("gpt-3.5-turbo", 105),
            ("gpt-4", 105),
            ("gpt-4o", 101),
            ("gpt-4o-mini", 101),
        )
    ),
    # The page names another model by now, but `created` is still of November 2023.
    Counted(
        title="weather tool, one without words",
        source=REFERENCE,
        vendor_model="gpt-3.5-turbo",
        make=reference_tools,
        tokens=82,
    ),
    Counted(
        title="image of 2560 x 1669",
        source=REFERENCE,
        vendor_model="gpt-4.1",
        make=reference_image,
        tokens=1117,
    ),
    Counted(
        title="scientist",
        source="Anthropic, Token counting",
        vendor_model="claude-opus-4-5",
        make=lambda: chat((SYSTEM, "You are a scientist"), (USER, "Hello, Claude")),
        tokens=14,
        within=None,
    ),
    Counted(
        title="greeting",
        source="Anthropic, Messages examples",
        vendor_model="claude-sonnet-4-5",
        make=lambda: chat((USER, "Hello, Claude")),
        tokens=10,
        within=None,
    ),
    Counted(
        title="introduction and reply",
        source="Google, Understand and count tokens",
        vendor_model="gemini-2.0-flash",
        make=lambda: chat((USER, "Hi my name is Bob"), (Role.ROLE_ASSISTANT, "Hi Bob!")),
        tokens=10,
        within=None,
    ),
    Counted(
        title="quick brown fox",
        source="Google, Understand and count tokens",
        vendor_model="gemini-2.0-flash",
        make=lambda: chat((USER, "The quick brown fox jumps over the lazy dog.")),
        tokens=11,
        within=None,
    ),
)
