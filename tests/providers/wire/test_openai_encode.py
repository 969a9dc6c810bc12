"""Does Weir say what the vendor's SDK says? The same JSON for the same intent, in its types."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.completion_create_params import (
    CompletionCreateParamsNonStreaming as LegacyParams,
)
from openai.types.embedding_create_params import EmbeddingCreateParams
from pydantic import TypeAdapter

from tests.contracts.wire_format import TARGET
from tests.fakes_selftest.sdk import sdk_for
from tests.providers.wire.intents import INTENTS, MESSAGES
from weir.v1.content_pb2 import Message, Part, Role, ToolResultPart
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.generation_pb2 import GenerationOptions
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.handler import Request
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.wire.openai.quirks import LLAMA_CPP, OPENAI, Quirks
from weir_server.providers.wire.openai.wire import OpenAIWire

CHAT = TypeAdapter[Any](CompletionCreateParamsNonStreaming)
CHAT_STREAM = TypeAdapter[Any](CompletionCreateParamsStreaming)
LEGACY = TypeAdapter[Any](LegacyParams)
EMBEDDING = TypeAdapter[Any](EmbeddingCreateParams)


def body_of(request: Request, *, stream: bool = False, quirks: Quirks = OPENAI) -> dict[str, Any]:
    """Return the JSON that Weir would send."""
    parsed: dict[str, Any] = json.loads(
        OpenAIWire(quirks).encode(request, TARGET, stream=stream).body
    )
    return parsed


def settled(value: object) -> object:
    """Return a validated value with the SDK's lazy lists read out, which validates them too."""
    if isinstance(value, dict):
        return {name: settled(inner) for name, inner in value.items()}
    if isinstance(value, list | Iterator) or type(value).__name__ == "ValidatorIterator":
        return [settled(inner) for inner in value]  # type: ignore[attr-defined]
    return value


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream() as fake:
        yield fake


@pytest.fixture
async def sdk(upstream: FakeUpstream) -> AsyncIterator[AsyncOpenAI]:
    async with sdk_for(upstream.url) as client:
        yield client


@pytest.mark.parametrize("intent", INTENTS)
async def test_a_chat_as_the_sdk_sends_it(
    intent: str, sdk: AsyncOpenAI, upstream: FakeUpstream
) -> None:
    """The SDK's request on the wire and ours are the same JSON."""
    said = INTENTS[intent].said
    await sdk.chat.completions.create(model=TARGET.vendor_model, **said)

    ours = OpenAIWire().encode(INTENTS[intent].request, TARGET, stream=False)

    theirs = upstream.journal[-1]
    assert json.loads(ours.body) == theirs.json
    assert f"/v1{ours.path}" == theirs.path
    assert ours.method == theirs.method
    assert ours.headers == {"content-type": "application/json", "accept": "application/json"}


async def test_a_streamed_chat_as_the_sdk_sends_it(
    sdk: AsyncOpenAI, upstream: FakeUpstream
) -> None:
    """A stream is asked for with its usage."""
    stream = await sdk.chat.completions.create(
        model=TARGET.vendor_model,
        **INTENTS["sampling"].said,
        stream=True,
        stream_options={"include_usage": True},
    )
    await stream.close()

    ours = OpenAIWire().encode(INTENTS["sampling"].request, TARGET, stream=True)

    assert json.loads(ours.body) == upstream.journal[-1].json
    assert ours.headers["accept"] == "text/event-stream"


@pytest.mark.parametrize("intent", INTENTS)
def test_a_chat_in_the_sdks_types(intent: str) -> None:
    """Every field is one that the vendor documents, with a type that it takes."""
    unary = body_of(INTENTS[intent].request)
    streamed = body_of(INTENTS[intent].request, stream=True)

    if intent == "sampling":
        # The SDK's types have whole numbers here; the vendor's reference says -100 to 100.
        del unary["logit_bias"]["7"], streamed["logit_bias"]["7"]
    assert settled(CHAT.validate_python(unary)) == unary
    assert settled(CHAT_STREAM.validate_python(streamed)) == streamed


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("quirks", [OPENAI, LLAMA_CPP, Quirks(default_options={"seed": 7})])
@pytest.mark.parametrize("intent", MESSAGES)
def test_no_options_say_what_empty_options_say(intent: str, quirks: Quirks, stream: bool) -> None:
    """A request without options skips them all; the same request with none of them set does not."""
    without = MESSAGES[intent].request
    empty = ChatRequest(messages=without.messages, options=GenerationOptions())
    assert empty.HasField("options")
    assert not without.HasField("options")
    wire = OpenAIWire(quirks)

    assert wire.encode(without, TARGET, stream=stream) == wire.encode(empty, TARGET, stream=stream)


@pytest.mark.parametrize(
    ("texts", "is_error", "content"),
    [
        ([], False, ""),
        ([], True, "Error: the tool failed without a message"),
        ([""], True, "Error: the tool failed without a message"),
        (["late"], True, "Error: late"),
        (
            ["late", "again"],
            True,
            [{"type": "text", "text": "Error: late"}, {"type": "text", "text": "again"}],
        ),
    ],
)
def test_the_model_is_told_that_a_tool_failed(
    texts: list[str], is_error: bool, content: object
) -> None:
    """The protocol has no mark for it; silence would pass for an answer of the tool."""
    result = ToolResultPart(
        tool_call_id="c", content=[Part(text=text) for text in texts], is_error=is_error
    )
    message = Message(role=Role.ROLE_TOOL, parts=[Part(tool_result=result)])

    body = body_of(ChatRequest(messages=[message]))

    assert body["messages"] == [{"role": "tool", "tool_call_id": "c", "content": content}]


def test_who_speaks_is_said_by_name() -> None:
    """Of system, developer, user and assistant; a tool's message goes by the id of its call."""
    roles = (Role.ROLE_SYSTEM, Role.ROLE_DEVELOPER, Role.ROLE_USER, Role.ROLE_ASSISTANT)
    named = [Message(role=role, name="ann", parts=[Part(text="a")]) for role in roles]

    body = body_of(ChatRequest(messages=named))

    assert [said["name"] for said in body["messages"]] == ["ann"] * len(roles)


COMPLETION = CompleteRequest(
    prompt="Once upon",
    options=GenerationOptions(
        temperature=0.5, max_output_tokens=9, top_logprobs=2, stop_sequences=["."], end_user_id="u"
    ),
)


async def test_a_legacy_completion_as_the_sdk_sends_it(
    sdk: AsyncOpenAI, upstream: FakeUpstream
) -> None:
    """Where the vendor has completions, Complete is one."""
    await sdk.completions.create(
        model=TARGET.vendor_model,
        prompt="Once upon",
        temperature=0.5,
        max_tokens=9,
        logprobs=2,
        stop=["."],
        user="u",
    )

    ours = OpenAIWire(Quirks(legacy_completions=True)).encode(COMPLETION, TARGET, stream=False)

    body = json.loads(ours.body)
    assert body == upstream.journal[-1].json
    assert ours.path == "/completions"
    assert settled(LEGACY.validate_python(body)) == body


def test_a_completion_as_a_chat() -> None:
    """Where the vendor has none, Complete is a chat with one message of the user."""
    body = body_of(COMPLETION)

    assert body["messages"] == [{"role": "user", "content": "Once upon"}]
    assert body["max_completion_tokens"] == 9


async def test_embeddings_as_the_sdk_sends_them(sdk: AsyncOpenAI, upstream: FakeUpstream) -> None:
    """Vectors are asked for in base64, as the SDK does."""
    await sdk.embeddings.create(model=TARGET.vendor_model, input=["a", "b"], dimensions=4, user="u")
    request = EmbedRequest(
        inputs=[EmbedInput(text="a"), EmbedInput(text="b")], dimensions=4, end_user_id="u"
    )

    ours = OpenAIWire().encode(request, TARGET, stream=False)

    body = json.loads(ours.body)
    assert body == upstream.journal[-1].json
    assert ours.path == "/embeddings"
    assert settled(EMBEDDING.validate_python(body)) == body
