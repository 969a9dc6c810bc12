"""Does a server of others' making say the same through the Responses API as through chats?"""

from dataclasses import replace

import pytest

from tests.providers.http.asking import CLOCK, LOOPBACK, a_call, ask
from tests.providers.local_asking import running_engine
from weir.fold import fold_chat
from weir.v1.content_pb2 import Message, Part, Role
from weir.v1.generation_pb2 import FinishReason, GenerationOptions
from weir.v1.provider_service_pb2 import ChatRequest, ChatResponse
from weir.v1.usage_pb2 import UsageSource
from weir_server.providers.backend import HttpProvider
from weir_server.providers.http.client import HttpClient
from weir_server.providers.http.guard import parse_endpoint
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.local.engine import LocalEngine
from weir_server.providers.wire.base import Wire
from weir_server.providers.wire.openai.quirks import LLAMA_CPP
from weir_server.providers.wire.openai.wire import OpenAIWire
from weir_server.providers.wire.responses.wire import ResponsesWire

pytestmark = pytest.mark.model


async def said(
    engine: LocalEngine, client: HttpClient, wire: Wire, *messages: Message, streaming: bool
) -> ChatResponse:
    """Ask the engine in the words of a wire format."""
    provider = HttpProvider(
        name="providers/engine",
        endpoint=parse_endpoint(engine.base_url, LOOPBACK),
        headers=ProviderHeaders(credential=engine.headers),
        wire=wire,
        client=client,
        clock=CLOCK,
    )
    request = ChatRequest(
        messages=messages, options=GenerationOptions(temperature=0, max_output_tokens=12)
    )
    call = a_call(streaming=streaming)
    call = call.aimed_at((replace(call.target, vendor_model="smollm2"),))
    return fold_chat(await ask(provider, call, request), numbered=False)


async def test_both_protocols_give_the_same() -> None:
    """Text, reason and the true number of tokens; whole and streamed; and what follows it, too."""
    hello = Message(role=Role.ROLE_USER, parts=[Part(text="Name three colours.")])
    again = Message(role=Role.ROLE_USER, parts=[Part(text="And one more.")])
    async with running_engine() as engine, HttpClient(clock=CLOCK) as client:
        for streaming in (False, True):
            told = [
                await said(engine, client, wire, hello, streaming=streaming)
                for wire in (OpenAIWire(LLAMA_CPP), ResponsesWire())
            ]
            turns = (hello, told[1].message, again)
            told.append(await said(engine, client, ResponsesWire(), *turns, streaming=streaming))

            chat, response, second = told
            assert response.message.parts[0].text == chat.message.parts[0].text
            assert response.usage.prompt_tokens == chat.usage.prompt_tokens
            assert response.usage.completion_tokens == chat.usage.completion_tokens == 12
            assert response.usage.source == UsageSource.USAGE_SOURCE_PROVIDER
            assert second.usage.prompt_tokens > response.usage.prompt_tokens
            # llama.cpp says `completed` here where a chat says `length`.
            assert chat.finish_reason == FinishReason.FINISH_REASON_MAX_TOKENS
            assert response.finish_reason == FinishReason.FINISH_REASON_STOP
