"""Tokens are counted as the model would count them, or the answer says that it is an estimate."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.service.asking import refused
from tests.service.weir import ECHO, Weir, chat_request, serving, upstream_tree, user
from weir.v1.content_pb2 import MediaPart, Message, Modality, Part, Role
from weir.v1.generation_pb2 import FunctionTool, Tool
from weir.v1.provider_service_pb2 import (
    ChatRequest,
    CountTokensRequest,
    CountTokensResponse,
    ValidateTokenCountRequest,
)
from weir_server.fake_upstream.upstream import FakeUpstream

O200K = {"antidisestablishmentarianism": 6, "2 + 2 = 4": 7, "お誕生日おめでとう": 8}
"""As the vendor's cookbook prints them for o200k_base."""
CL100K = {"antidisestablishmentarianism": 6, "2 + 2 = 4": 7, "お誕生日おめでとう": 9}
"""The same for cl100k_base."""


@pytest.fixture
async def counting(upstream: FakeUpstream) -> AsyncIterator[Weir]:
    """A Weir with models of several families; none of the counts needs the provider."""
    tree: dict[str, Any] = upstream_tree(upstream.url)
    names = {"gpt-4o": "gpt-4o", "older": "gpt-4-turbo", "stranger": "llama-4-maverick"}
    tree["providers"] = [*tree["providers"], *ECHO["providers"]]
    tree["models"] = [
        *({"name": name, "provider": "fake", "vendor_model": to} for name, to in names.items()),
        {"name": "told", "provider": "fake", "vendor_model": "x", "tokenizer": "cl100k_base"},
        *ECHO["models"],
    ]
    async with serving(tree) as weir:
        yield weir
    assert not upstream.journal.connections


async def count(weir: Weir, **fields: Any) -> CountTokensResponse:
    return await weir.llm.CountTokens(CountTokensRequest(**fields))


@pytest.mark.parametrize(
    ("model", "tokenizer", "expected"),
    [
        ("gpt-4o", "o200k_base", O200K),
        ("models/gpt-4o", "o200k_base", O200K),
        ("older", "cl100k_base", CL100K),
        ("told", "cl100k_base", CL100K),
    ],
)
async def test_known_vocabularies_count_exactly(
    counting: Weir, model: str, tokenizer: str, expected: dict[str, int]
) -> None:
    """By the vendor's name of the model, or by the one that the operator names."""
    for text, tokens in expected.items():
        reply = await count(counting, text=text, model=model)
        assert (reply.tokens, reply.exact, reply.tokenizer) == (tokens, True, tokenizer)


async def test_an_estimate_says_so(counting: Weir) -> None:
    """A model whose vocabulary is not here is counted by another's, and labelled."""
    reply = await count(counting, text="お誕生日おめでとう", model="stranger")
    assert (reply.tokens, reply.exact, reply.tokenizer) == (8, False, "estimate:o200k_base")


async def test_a_provider_that_counts_is_asked(counting: Weir) -> None:
    """The echo's tokens are words."""
    reply = await count(counting, text="one two three", model="echo")
    assert (reply.tokens, reply.exact, reply.tokenizer) == (3, True, "echo:words")


async def test_a_whole_chat_has_its_overhead(counting: Weir) -> None:
    """3 for each message, its role and words, and 3 for the answer to begin: as published."""
    chat = chat_request([user("hello world"), user("2 + 2 = 4")], model="gpt-4o")
    reply = await count(counting, chat=chat)
    assert (reply.tokens, reply.exact) == ((3 + 1 + 2) + (3 + 1 + 7) + 3, True)


async def test_what_has_no_published_rule_is_an_estimate(counting: Weir) -> None:
    """Tools and pictures add what only the vendor knows."""
    plain = chat_request("hello world", model="gpt-4o")
    tool = Tool(function=FunctionTool(name="look", parameters_json_schema='{"type": "object"}'))
    with_tool = chat_request("hello world", model="gpt-4o", tools=[tool])
    picture = MediaPart(
        modality=Modality.MODALITY_IMAGE, mime_type="image/png", inline_data=b"\x89PNG"
    )
    with_picture = ChatRequest(
        model="gpt-4o",
        messages=[Message(role=Role.ROLE_USER, parts=[Part(text="look"), Part(media=picture)])],
    )
    base = await count(counting, chat=plain)
    for chat in (with_tool, with_picture):
        reply = await count(counting, chat=chat)
        assert not reply.exact
        assert reply.tokens > 0
    assert base.exact
    assert (await count(counting, chat=with_tool)).tokens > base.tokens


async def test_the_outer_model_wins_over_the_chat_s_own(counting: Weir) -> None:
    """One request can be counted for another model without being rewritten."""
    chat = chat_request("one two three", model="gpt-4o")
    reply = await count(counting, chat=chat, model="echo")
    assert reply.tokenizer == "echo:words"


@pytest.mark.parametrize(("allowed", "excess"), [(8, 0), (7, 0), (6, 1), (1, 6)])
async def test_validate_token_count_says_by_how_much(
    counting: Weir, allowed: int, excess: int
) -> None:
    """Too long is an answer, not an error."""
    reply = await counting.llm.ValidateTokenCount(
        ValidateTokenCountRequest(text="2 + 2 = 4", max_tokens=allowed, model="gpt-4o")
    )
    assert (reply.valid, reply.tokens, reply.exact) == (excess == 0, 7, True)
    assert reply.excess_tokens == excess


REFUSED = {
    "nothing to count": (CountTokensRequest(model="gpt-4o"), "INVALID_REQUEST", "input"),
    "an empty chat": (CountTokensRequest(chat=ChatRequest()), "INVALID_REQUEST", "chat.messages"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_bad_request_names_its_field(counting: Weir, case: str) -> None:
    """INVALID_ARGUMENT with the path within the request."""
    request, reason, field = REFUSED[case]
    refusal = await refused(counting.llm.CountTokens(request))
    assert refusal.verdict == ("INVALID_ARGUMENT", reason)
    assert refusal.fields == [field]


async def test_a_limit_of_nothing_is_refused(counting: Weir) -> None:
    """max_tokens is above 0."""
    request = ValidateTokenCountRequest(text="x", max_tokens=0)
    refusal = await refused(counting.llm.ValidateTokenCount(request))
    assert refusal.fields == ["max_tokens"]


async def test_an_unknown_model_is_not_estimated(counting: Weir) -> None:
    """NOT_FOUND names it."""
    refusal = await refused(counting.llm.CountTokens(CountTokensRequest(text="x", model="gpt-9")))
    assert refusal.verdict == ("NOT_FOUND", "MODEL_NOT_FOUND")
    assert refusal.details["ResourceInfo"].resource_name == "gpt-9"
