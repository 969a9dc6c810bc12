"""How does a test ask Converse's encoder, or boto3, and look at what would be sent?"""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.contracts.asks import user
from tests.contracts.wire_format import TARGET
from tests.providers.wire import bedrock_sdk
from tests.providers.wire import converse as c
from weir.v1.content_pb2 import MediaPart, Message, Part
from weir.v1.generation_pb2 import GenerationOptions
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.errors import InvalidRequest
from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.bedrock.wire import BedrockWire

CLAUDE = "anthropic.claude-opus-4-6-v1"
NOVA = "us.amazon.nova-2-lite-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"


def encode(request: ChatRequest | CompleteRequest, model: str = CLAUDE) -> HttpRequest:
    """Return what is sent to ask a model of Bedrock."""
    return BedrockWire().encode(request, replace(TARGET, vendor_model=model), stream=False)


def body_of(request: ChatRequest | CompleteRequest, model: str = CLAUDE) -> Any:
    """Return the JSON that is sent."""
    return json.loads(encode(request, model).body)


def with_options(model: str = CLAUDE, **options: Any) -> Any:
    """Return the JSON that is sent for a chat with these options."""
    return body_of(ChatRequest(messages=[user("Hi")], options=GenerationOptions(**options)), model)


def turns_of(*messages: Message, model: str = CLAUDE) -> Any:
    """Return the messages that are sent for a conversation."""
    return body_of(ChatRequest(messages=messages), model)["messages"]


def refused(request: ChatRequest, model: str = CLAUDE) -> list[str]:
    """Return the fields for which a request is refused."""
    with pytest.raises(InvalidRequest) as refusal:
        encode(request, model)
    return [violation.field for violation in refusal.value.violations]


def warned(request: ChatRequest, model: str = CLAUDE) -> list[tuple[str, str]]:
    """Return code and field of every warning."""
    return [(warning.code, warning.field) for warning in encode(request, model).warnings]


async def boto3_says(operation: str = "converse", reply: bytes | None = None, **said: Any) -> Any:
    """Return what boto3 sends."""
    async with FakeUpstream(Reply(body=reply or c.whole({"text": "Hi"}))) as upstream:
        await bedrock_sdk.ask(upstream.origin, operation, **said)
        return upstream.journal[-1]


def medium(**fields: Any) -> Part:
    """Return a medium."""
    return Part(media=MediaPart(**fields))
