"""How is Gemini's wire format asked what it says, refuses and drops? Four short ways."""

import json
from collections.abc import Sequence

import pytest

from tests.contracts.asks import user
from tests.contracts.wire_format import TARGET
from tests.providers.wire.gemini_samples import Json
from weir.v1.content_pb2 import Message
from weir.v1.generation_pb2 import GenerationOptions
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import InvalidRequest
from weir_server.core.target import Target
from weir_server.providers.wire.gemini.dialect import AI_STUDIO, Dialect
from weir_server.providers.wire.gemini.wire import GeminiWire


def target(model: str) -> Target:
    return Target(
        provider=TARGET.provider,
        model=TARGET.model,
        vendor_model=model,
        capabilities=TARGET.capabilities,
    )


def said(
    *messages: Message,
    options: GenerationOptions | None = None,
    model: str = "gemini-3-flash",
    dialect: Dialect = AI_STUDIO,
) -> Json:
    """Return the body of a chat."""
    request = ChatRequest(messages=messages or [user("Hi")], options=options)
    body: Json = json.loads(GeminiWire(dialect).encode(request, target(model), stream=False).body)
    return body


def config(options: GenerationOptions, model: str = "gemini-3-flash") -> Json:
    body: Json = said(options=options, model=model)["generationConfig"]
    return body


def refused(*messages: Message, options: GenerationOptions | None = None) -> Sequence[str]:
    with pytest.raises(InvalidRequest) as refusal:
        said(*messages, options=options)
    return [violation.field for violation in refusal.value.violations]


def dropped(*messages: Message) -> Sequence[str]:
    request = ChatRequest(messages=messages)
    ours = GeminiWire().encode(request, target("gemini-3-flash"), stream=False)
    return [warning.field for warning in ours.warnings]
