"""Is Cohere's protocol spoken as somebody else has understood it, too? LLMock plays the vendor."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from llmock.pytest_plugin import LLMock
from llmock.scenarios import StreamFault, StreamFaultKind

from tests.contracts.asks import WEATHER, assistant, call, result, tools, user
from tests.service.asking import refused
from tests.service.weir import Weir, chat_request, hear, serving, stream_request
from weir.v1.generation_pb2 import FinishReason


@asynccontextmanager
async def before(llmock: LLMock) -> AsyncIterator[Weir]:
    """A Weir whose one provider is LLMock, as Cohere."""
    provider = {
        "id": "mock",
        "kind": "cohere",
        "endpoint": llmock.base_url("cohere"),
        "api_key": "co-test",
        "allow_private": True,
        "allow_insecure_http": True,
        "max_retries": 0,
    }
    model = {"name": "m", "provider": "mock", "vendor_model": "command-r-plus"}
    async with serving({"providers": [provider], "models": [model]}) as weir:
        yield weir


async def test_an_answer_is_the_same_whole_and_streamed(llmock: LLMock) -> None:
    """Text, reason and usage."""
    llmock.reply("Héllo, wörld 👋", times=None)
    async with before(llmock) as weir:
        reply = await weir.llm.Chat(chat_request("Hi", model="m"), timeout=20)
        heard = await hear(weir.llm.StreamChat(stream_request("Hi", model="m"), timeout=20))
    assert heard.code is grpc.StatusCode.OK
    assert heard.text == reply.message.parts[0].text == "Héllo, wörld 👋"
    assert heard.end.finish_reason == reply.finish_reason == FinishReason.FINISH_REASON_STOP
    assert heard.end.usage.total_tokens == reply.usage.total_tokens > 0


async def test_a_conversation_with_tools(llmock: LLMock) -> None:
    """It asks for the tool, is told the result with the call's own id, and answers."""
    llmock.call_tool("get_weather", {"city": "Oslo"}).reply("4 degrees.")
    async with before(llmock) as weir:
        request = chat_request("Is it warm?", model="m", tools=[WEATHER])
        asked = await weir.llm.Chat(request, timeout=20)
        (part,) = asked.message.parts
        turns = [
            user("Is it warm?"),
            assistant(call(part.tool_call.id, "get_weather", part.tool_call.arguments_json)),
            tools(result(part.tool_call.id, "4 degrees")),
        ]
        told = chat_request(turns, model="m", tools=[WEATHER])
        answered = await weir.llm.Chat(told, timeout=20)
    assert asked.finish_reason == FinishReason.FINISH_REASON_TOOL_CALLS
    assert answered.message.parts[0].text == "4 degrees."


@pytest.mark.parametrize("kind", ["disconnect", "truncate", "malformed"])
async def test_half_an_answer_is_told(llmock: LLMock, kind: StreamFaultKind) -> None:
    """It never passes for a whole one."""
    llmock.add(StreamFault(kind, after_chunks=4))
    async with before(llmock) as weir:
        heard = await hear(weir.llm.StreamChat(stream_request("Go on.", model="m"), timeout=20))
    assert heard.code in (grpc.StatusCode.ABORTED, grpc.StatusCode.INTERNAL)
    assert heard.end.error.reason


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "UPSTREAM_CREDENTIALS_REJECTED"),
        (404, "UPSTREAM_MODEL_NOT_FOUND"),
        (429, "UPSTREAM_RATE_LIMITED"),
        (500, "UPSTREAM_ERROR"),
        (503, "UPSTREAM_OVERLOADED"),
    ],
)
async def test_refusals_have_their_reasons(llmock: LLMock, status: int, reason: str) -> None:
    """In the words of somebody else's Cohere."""
    llmock.fail(status, times=None)
    async with before(llmock) as weir:
        refusal = await refused(weir.llm.Chat(chat_request("Hi", model="m"), timeout=20))
    assert refusal.reason == reason


async def test_too_long_a_prompt_is_told(llmock: LLMock) -> None:
    """By the text, as the status is that of any bad request."""
    llmock.context_overflow(times=None)
    async with before(llmock) as weir:
        refusal = await refused(weir.llm.Chat(chat_request("Hi", model="m"), timeout=20))
    assert refusal.reason == "CONTEXT_LENGTH_EXCEEDED"
