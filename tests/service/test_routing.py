"""Through the real server: each request reaches an upstream that can serve it, and in order."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from tests.service.asking import refused
from tests.service.weir import Weir, chat_request, hear, serving, stream_request, user
from weir.v1.content_pb2 import MediaPart, Message, Part, Role
from weir.v1.generation_pb2 import (
    BreakPolicy,
    FunctionTool,
    ProviderExtension,
    RoutingOptions,
    Tool,
)
from weir.v1.provider_service_pb2 import CompleteRequest
from weir_server.fake_upstream.upstream import FakeUpstream

PLAIN = ["chat", "complete", "streaming"]
TOOL = Tool(function=FunctionTool(name="f", parameters_json_schema='{"type":"object"}'))
IMAGE = Message(
    role=Role.ROLE_USER,
    parts=[Part(media=MediaPart(mime_type="image/png", uri="https://a.example/cat.png"))],
)


@dataclass
class Two:
    """A Weir before two upstreams, whose providers are `a` and `b`."""

    weir: Weir
    a: FakeUpstream
    b: FakeUpstream

    @property
    def asked(self) -> tuple[int, int]:
        """How many calls each of them got."""
        return len(self.a.journal), len(self.b.journal)


def provider(name: str, upstream: FakeUpstream, **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "kind": "openai",
        "endpoint": upstream.url,
        "allow_private": True,
        "allow_insecure_http": True,
        **fields,
    }


def model(*targets: dict[str, Any], name: str = "m", **fields: Any) -> dict[str, Any]:
    return {"name": name, "targets": list(targets), **fields}


@asynccontextmanager
async def two(*models: dict[str, Any], seed: int = 1, **fields: Any) -> AsyncIterator[Two]:
    """Serve models whose targets are at `a`, `b` or the `echo`. fields: those of provider `b`."""
    async with FakeUpstream() as a, FakeUpstream() as b:
        tree = {
            "providers": [
                provider("a", a),
                provider("b", b, **fields),
                {"id": "echo", "kind": "echo", "model": "echo"},
            ],
            "models": list(models),
        }
        async with serving(tree, rng=Random(seed)) as weir:
            yield Two(weir=weir, a=a, b=b)


async def test_tools_go_to_who_can_use_them() -> None:
    """Words go to the first target that is listed; tools pass it by, unary and as a stream."""
    async with two(model({"provider": "a", "can": PLAIN}, {"provider": "b"})) as both:
        await both.weir.llm.Chat(chat_request("hello"))
        assert both.asked == (1, 0)
        await both.weir.llm.Chat(chat_request("hello", tools=[TOOL]))
        await both.weir.stream(
            "hello",
        )
        heard = await hear(both.weir.llm.StreamChat(stream_request("hello", tools=[TOOL])))
        assert both.asked == (2, 2)
    assert heard.end.metadata.provider == "providers/b"


async def test_images_go_to_who_sees_them() -> None:
    """The echo is listed first and takes text alone."""
    async with two(model({"provider": "echo"}, {"provider": "b"})) as both:
        words = await both.weir.llm.Chat(chat_request("hello"))
        image = await both.weir.llm.Chat(chat_request([IMAGE]))
        assert words.metadata.provider == "providers/echo"
        assert image.metadata.provider == "providers/b"
        assert both.asked == (0, 1)


async def test_a_required_extension_goes_to_its_kind() -> None:
    """Others are skipped rather than left to ignore it."""
    extension = ProviderExtension(provider_kind="openai", json="{}", required=True)
    async with two(model({"provider": "echo"}, {"provider": "b"})) as both:
        await both.weir.llm.Chat(chat_request("hello", extensions=[extension]))
        assert both.asked == (0, 1)


async def test_streams_go_to_who_streams() -> None:
    """A target that only answers at once gets the unary calls."""
    async with two(model({"provider": "a", "can": ["chat"]}, {"provider": "b"})) as both:
        await both.weir.stream("hello")
        assert both.asked == (0, 1)
        await both.weir.llm.Chat(chat_request("hello"))
        assert both.asked == (1, 1)


WINDOWS = model(
    {"provider": "a", "context_window_tokens": 500},
    {"provider": "b", "context_window_tokens": 8_000},
)
LONG = "one two three " * 600


async def test_a_long_prompt_goes_to_the_larger_window() -> None:
    """It is counted where its bytes do not show that it fits; a short one goes as listed."""
    async with two(WINDOWS) as both:
        await both.weir.llm.Chat(chat_request("hello"))
        await both.weir.llm.Chat(chat_request("word " * 300))  # 1,500 bytes, some 300 tokens
        assert both.asked == (2, 0)
        await both.weir.llm.Chat(chat_request(LONG))
        await both.weir.stream(LONG)
        await both.weir.llm.Complete(CompleteRequest(prompt=LONG))
        assert both.asked == (2, 3)


async def test_room_for_the_answer_counts() -> None:
    """A short prompt that wants a long answer goes to the larger window, too."""
    async with two(WINDOWS) as both:
        await both.weir.llm.Chat(chat_request("hello", max_output_tokens=499))
        assert both.asked == (0, 1)


async def test_a_prompt_that_fits_nobody_is_refused_unsent() -> None:
    """With how long it is and how long it may be, unary and as a stream."""
    async with two(WINDOWS) as both:
        unary = await refused(both.weir.llm.Chat(chat_request(LONG * 8)))
        stream = await both.weir.stream(LONG * 8)
        assert both.asked == (0, 0)
    assert unary.verdict == ("INVALID_ARGUMENT", "CONTEXT_LENGTH_EXCEEDED")
    assert stream.failure.reason == "CONTEXT_LENGTH_EXCEEDED"
    facts = unary.details["ErrorInfo"].metadata
    assert facts["maxTokens"] == "8000"
    assert 14_000 < int(facts["promptTokens"]) < 16_000


async def test_weights_hold_roughly() -> None:
    """Three of four calls go to the target with a weight of 3 of 4."""
    weighted = model({"provider": "a", "weight": 3}, {"provider": "b"}, order="weighted")
    async with two(weighted) as both:
        for _ in range(200):
            await both.weir.llm.Chat(chat_request("hello"))
        assert sum(both.asked) == 200
        assert 130 <= both.asked[0] <= 170


async def test_a_key_sticks_to_a_target() -> None:
    """All calls with one key reach one upstream; many keys reach both."""
    async with two(model({"provider": "a"}, {"provider": "b"})) as both:
        firsts = set()
        for key in range(12):
            before = both.asked
            for _ in range(3):
                routing = RoutingOptions(affinity_key=f"conversation-{key}")
                await both.weir.llm.Chat(chat_request("hello", routing=routing))
            gained = tuple(now - then for now, then in zip(both.asked, before, strict=True))
            assert sorted(gained) == [0, 3]
            firsts.add(gained)
        assert len(firsts) == 2


CHAINED: Sequence[dict[str, Any]] = (
    model({"provider": "a", "can": PLAIN}, fallback_models=["able"]),
    model({"provider": "b"}, name="able"),
    model({"provider": "echo"}, name="other"),
)


async def test_a_fallback_serves_what_the_model_cannot() -> None:
    """Its own targets cannot use tools; the model that it falls back on can."""
    async with two(*CHAINED) as both:
        await both.weir.llm.Chat(chat_request("hello", model="m", tools=[TOOL]))
        assert both.asked == (0, 1)


async def test_a_callers_fallbacks_replace_the_models() -> None:
    """Only those are left, and each has to be known."""
    routing = RoutingOptions(fallback_models=["other"])
    async with two(*CHAINED) as both:
        reply = await both.weir.llm.Chat(
            chat_request("hello", model="m", tools=[TOOL], routing=routing)
        )
        routing.fallback_models.append("nobody")
        refusal = await refused(both.weir.llm.Chat(chat_request("hello", routing=routing)))
        assert both.asked == (0, 0)
    assert reply.metadata.provider == "providers/echo"
    assert refusal.verdict == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert refusal.fields == ["options.routing.fallback_models[1]"]


async def test_a_closed_provider_refuses_unlisted_models() -> None:
    """By name of the provider and a vendor's model that the configuration does not list."""
    listed = model({"provider": "b", "vendor_model": "gpt-listed"})
    async with two(listed, unlisted_models=False) as both:
        await both.weir.llm.Chat(chat_request("hello", provider="providers/b", model="gpt-listed"))
        refusal = await refused(
            both.weir.llm.Chat(chat_request("hello", provider="providers/b", model="gpt-other"))
        )
        assert both.asked == (0, 1)
        await both.weir.llm.Chat(chat_request("hello", provider="providers/a", model="gpt-other"))
        assert both.asked == (1, 1)
    assert refusal.verdict == ("NOT_FOUND", "MODEL_NOT_FOUND")


@pytest.mark.parametrize("method", ["Chat", "Complete"])
async def test_nothing_of_the_routing_options_is_refused(method: str) -> None:
    """Whatever this server may do for a call, a caller may ask for or decline."""
    routing = RoutingOptions(
        fallback_models=["m"],
        max_attempts=2,
        allow_hedging=True,
        bypass_cache=True,
        on_break=BreakPolicy.BREAK_POLICY_CONTINUE,
        affinity_key="k",
    )
    routing.attempt_timeout.seconds = 5
    routing.first_token_timeout.seconds = 5
    async with two(model({"provider": "a"}, {"provider": "b"})) as both:
        if method == "Chat":
            reply = await both.weir.llm.Chat(chat_request("hello", routing=routing))
            assert list(reply.metadata.warnings) == []
        else:
            request = CompleteRequest(prompt="hello")
            request.options.routing.CopyFrom(routing)
            completed = await both.weir.llm.Complete(request)
            assert list(completed.metadata.warnings) == []
        assert sum(both.asked) == 1


async def test_the_credential_of_a_target_is_sent() -> None:
    """A provider with two keys gets the one that the target names."""
    keys = [{"name": "x", "api_key": "sk-x"}, {"name": "y", "api_key": "sk-y"}]
    pinned = model({"provider": "b", "credential": "y"})
    async with two(pinned, credentials=keys) as both:
        await both.weir.llm.Chat(chat_request([user("hello")]))
        assert both.b.journal[0].bearer == "sk-y"
