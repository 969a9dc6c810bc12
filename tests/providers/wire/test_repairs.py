"""Repairs are no business of any wire format: Weir judges answers itself, whoever gives them."""

import pytest

from tests.contracts.wire_format import TARGET
from weir.v1.content_pb2 import Message, Part, Role
from weir.v1.generation_pb2 import GenerationOptions, JsonSchemaFormat, OutputFormat
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.providers.wire.anthropic.wire import AnthropicWire
from weir_server.providers.wire.base import Wire
from weir_server.providers.wire.bedrock.wire import BedrockWire
from weir_server.providers.wire.cohere.wire import CohereWire
from weir_server.providers.wire.gemini.wire import GeminiWire
from weir_server.providers.wire.ollama.wire import OllamaWire
from weir_server.providers.wire.openai.wire import OpenAIWire
from weir_server.providers.wire.responses.wire import ResponsesWire

WIRES: list[Wire] = [
    AnthropicWire(),
    BedrockWire(),
    CohereWire(),
    GeminiWire(),
    OllamaWire(),
    OpenAIWire(),
    ResponsesWire(),
]


def _asked(max_repairs: int) -> ChatRequest:
    said = JsonSchemaFormat(name="n", schema_json='{"type":"object"}', max_repairs=max_repairs)
    return ChatRequest(
        messages=[Message(role=Role.ROLE_USER, parts=[Part(text="Hi")])],
        options=GenerationOptions(
            output_format=OutputFormat(json_schema=said), max_output_tokens=9
        ),
    )


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: type(wire).__name__)
def test_a_request_says_the_same_with_repairs_and_without(wire: Wire) -> None:
    """Nothing is refused, and nothing is left out with a warning."""
    with_repairs = wire.encode(_asked(3), TARGET, stream=False)

    assert with_repairs.body == wire.encode(_asked(0), TARGET, stream=False).body
    assert not with_repairs.warnings
