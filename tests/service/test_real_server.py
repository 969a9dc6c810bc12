"""Do both wire formats say to a real server what `local` says, and bring back the same answer?

The embedded engine's own HTTP server speaks OpenAI's protocol and Anthropic's. Here it is a
provider like any other, over the network, beside the embedded model itself.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.providers.local_asking import running_engine
from tests.service.asking import refused
from tests.service.weir import Weir, chat_request, hear, serving, stream_request, user
from weir.v1.content_pb2 import Message, Part, Role
from weir.v1.generation_pb2 import FinishReason
from weir.v1.provider_service_pb2 import ChatRequest, CountTokensRequest
from weir.v1.usage_pb2 import TokenUsage, UsageSource

pytestmark = pytest.mark.model

MODEL = "smollm2-135m-instruct"
PROTOCOLS = ("openai", "anthropic")
POET = Message(role=Role.ROLE_SYSTEM, parts=[Part(text="You are a poet.")])
TURNS = [
    user("My name is Ada."),
    Message(role=Role.ROLE_ASSISTANT, parts=[Part(text="Hello, Ada.")]),
    user("What is my name?"),
]
BEGUN = [
    user("What is the capital of France?"),
    Message(role=Role.ROLE_ASSISTANT, parts=[Part(text="The capital")]),
]


@pytest.fixture
async def three() -> AsyncIterator[Weir]:
    """A Weir with the embedded model, and the same model behind each protocol of a server."""
    async with running_engine(context_tokens_per_slot=512) as engine:
        server = {"api_key": engine.api_key, "allow_private": True, "allow_insecure_http": True}
        tree = {
            "providers": [
                {"id": "local", "kind": "local", "context_tokens": 512},
                {"id": "openai", "kind": "openai", "endpoint": engine.base_url, **server}
                | {"vendor": "llama-cpp"},
                {"id": "anthropic", "kind": "anthropic", "endpoint": engine.origin, **server},
            ],
            "models": [
                {"name": name, "provider": name, "vendor_model": MODEL}
                for name in ("local", *PROTOCOLS)
            ],
        }
        async with serving(tree) as weir:
            yield weir


def asked(messages: list[Message], model: str, **options: Any) -> ChatRequest:
    """Return a question that has one answer: at temperature 0, and not for long."""
    return chat_request(messages, model=model, temperature=0.0, max_output_tokens=12, **options)


def counts(usage: TokenUsage) -> tuple[int, int, int]:
    """Return what was used, but for the cache, which is each engine's own."""
    assert usage.source == UsageSource.USAGE_SOURCE_PROVIDER
    assert usage.cached_prompt_tokens <= usage.prompt_tokens
    return usage.prompt_tokens, usage.completion_tokens, usage.total_tokens


async def test_both_protocols_say_what_the_embedded_model_says(three: Weir) -> None:
    """Word for word, unary and streamed, with the same count of tokens and the same ending."""
    for messages in ([POET, user("What is the capital of France?")], TURNS, BEGUN):
        own = await three.llm.Chat(asked(messages, "local"))
        assert own.message.parts[0].text
        for protocol in PROTOCOLS:
            reply = await three.llm.Chat(asked(messages, protocol))
            request = stream_request(messages, model=protocol)
            request.request.options.CopyFrom(asked(messages, protocol).options)
            heard = await hear(three.llm.StreamChat(request))

            assert reply.message == own.message
            assert heard.text == own.message.parts[0].text
            assert counts(reply.usage) == counts(heard.end.usage) == counts(own.usage)
            assert reply.finish_reason == heard.end.finish_reason == own.finish_reason
            assert reply.metadata.model == MODEL


async def test_both_protocols_stop_count_and_refuse_alike(three: Weir) -> None:
    """At a stop sequence, which one of them names; in full before; and not beyond the context."""
    question = [user("What is the capital of France?")]
    own = await three.llm.Chat(asked(question, "local", stop_sequences=["Paris"]))
    for protocol in PROTOCOLS:
        reply = await three.llm.Chat(asked(question, protocol, stop_sequences=["Paris"]))
        assert reply.message == own.message
        assert counts(reply.usage) == counts(own.usage)
        if protocol == "anthropic":
            assert reply.finish_reason == FinishReason.FINISH_REASON_STOP_SEQUENCE
            assert reply.metadata.matched_stop_sequence == "Paris"
        refusal = await refused(three.llm.Chat(asked([user("word " * 600)], protocol)))
        assert refusal.verdict == ("INVALID_ARGUMENT", "CONTEXT_LENGTH_EXCEEDED")
        assert refusal.details["ErrorInfo"].metadata["maxTokens"] == "512"

    counted = [
        await three.llm.CountTokens(CountTokensRequest(chat=asked(question, model)))
        for model in ("local", "anthropic")
    ]
    assert [(count.tokens, count.exact) for count in counted] == [
        (own.usage.prompt_tokens, True)
    ] * 2
