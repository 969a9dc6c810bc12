"""Does each model get its own count, with the truth about how far to trust it?"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
import tiktoken

from tests.accounting.calls import call_of, target_of
from tests.accounting.texts import PROSE
from weir.v1.content_pb2 import Role
from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.accounting.encoder import CHUNK_CHARS
from weir_server.accounting.images import UNKNOWN_TOKENS
from weir_server.accounting.tokens import Tokens
from weir_server.accounting.vocabulary import load_vocabularies
from weir_server.core.call import Call
from weir_server.core.errors import ProviderNotInitialized
from weir_server.core.target import Target
from weir_server.core.tokens import ProviderTokenCounter, TokenCount

TEXT = "Compte les jetons, s'il te plaît: 你好 👋"


@pytest.mark.parametrize(
    ("vendor_model", "tokenizer", "name", "exact"),
    [
        ("gpt-4o", "", "o200k_base", True),
        ("gpt-4o-mini-2024-07-18", "", "o200k_base", True),
        ("gpt-5-nano", "", "o200k_base", True),
        ("o3", "", "o200k_base", True),
        ("gpt-oss-20b", "", "o200k_harmony", True),
        ("gpt-4-0613", "", "cl100k_base", True),
        ("gpt-3.5-turbo", "", "cl100k_base", True),
        ("text-embedding-3-small", "", "cl100k_base", True),
        ("deployment-7", "cl100k_base", "cl100k_base", True),
        ("gpt-4o", "cl100k_base", "cl100k_base", True),
        ("claude-x", "", "estimate:o200k_base", False),
        ("text-davinci-003", "", "estimate:o200k_base", False),
        ("m", "no_such_encoding", "estimate:o200k_base", False),
    ],
)
async def test_text_is_counted_as_the_model_would(
    tokens: Tokens,
    encodings: Mapping[str, tiktoken.Encoding],
    vendor_model: str,
    tokenizer: str,
    name: str,
    exact: bool,
) -> None:
    """The model decides the vocabulary, unless the target names one; the rest is an estimate."""
    target = target_of(vendor_model, tokenizer)

    count = await tokens.count_text(call_of(target), target, TEXT)

    expected = len(encodings[name.removeprefix("estimate:")].encode_ordinary(TEXT))
    assert count == TokenCount(tokens=expected, exact=exact, tokenizer=name)


@dataclass
class OwnCounter(ProviderTokenCounter):
    """A provider that counts for itself."""

    asked: list[object] = field(default_factory=list)

    async def count_text(self, call: Call, target: Target, text: str) -> TokenCount:
        self.asked.append((target.provider, text))
        return TokenCount(tokens=7, exact=True, tokenizer="own")

    async def count_chat(self, call: Call, target: Target, request: ChatRequest) -> TokenCount:
        self.asked.append((target.provider, request))
        return TokenCount(tokens=8, exact=True, tokenizer="own")


async def test_provider_is_asked_where_it_counts(
    encodings: Mapping[str, tiktoken.Encoding],
) -> None:
    """A target whose provider counts for itself is counted by that provider."""
    provider = OwnCounter()
    tokens = Tokens(encodings, provider)
    target = target_of("smollm2", "provider")
    chat = ChatRequest()

    text_count = await tokens.count_text(call_of(target), target, TEXT)
    chat_count = await tokens.count_chat(call_of(target), target, chat)

    assert (text_count.tokens, chat_count.tokens) == (7, 8)
    assert provider.asked == [("providers/p", TEXT), ("providers/p", chat)]


async def test_provider_that_is_not_there(tokens: Tokens) -> None:
    """Without anybody to ask the count is refused, not made up; the meter still has an estimate."""
    target = target_of("smollm2", "provider")

    with pytest.raises(ProviderNotInitialized):
        await tokens.count_text(call_of(target), target, TEXT)

    assert tokens.estimate_text(target, "hello world") == 2


async def test_vocabularies_load_off_the_loop() -> None:
    """The loop goes on while the counter loads."""
    load_vocabularies.cache_clear()
    ticks = 0
    loading = asyncio.create_task(Tokens.load())

    while not loading.done():
        await asyncio.sleep(0.001)
        ticks += 1

    assert ticks > 5
    assert (await loading).estimate_text(target_of(), "hello world") == 2


# The worked example of OpenAI's cookbook, "How to count tokens with tiktoken": role, name, content.
COOKBOOK = [
    (
        Role.ROLE_SYSTEM,
        "",
        (
            "You are a helpful, pattern-following assistant that translates corporate jargon into "
            "plain English."
        ),
    ),
    (Role.ROLE_SYSTEM, "example_user", "New synergies will help drive top-line growth."),
    (
        Role.ROLE_SYSTEM,
        "example_assistant",
        "Things working well together will increase revenue.",
    ),
    (
        Role.ROLE_SYSTEM,
        "example_user",
        (
            "Let's circle back when we have more bandwidth to touch base on opportunities for "
            "increased leverage."
        ),
    ),
    (
        Role.ROLE_SYSTEM,
        "example_assistant",
        "Let's talk later when we're less busy about how to do better.",
    ),
    (
        Role.ROLE_USER,
        "",
        "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    ),
]


def chat_of(*said: tuple[Role.ValueType, str, str]) -> ChatRequest:
    request = ChatRequest()
    for role, name, text in said:
        request.messages.add(role=role, name=name).parts.add(text=text)
    return request


@pytest.mark.parametrize(
    ("vendor_model", "expected"),
    [("gpt-3.5-turbo", 129), ("gpt-4-0613", 129), ("gpt-4o", 124), ("gpt-4o-mini", 124)],
)
async def test_chat_counts_as_published(tokens: Tokens, vendor_model: str, expected: int) -> None:
    """The vendor's worked example comes to the number that the vendor's API reports for it."""
    target = target_of(vendor_model)

    count = await tokens.count_chat(call_of(target), target, chat_of(*COOKBOOK))

    assert (count.tokens, count.exact) == (expected, True)


def with_tool() -> ChatRequest:
    request = chat_of(*COOKBOOK)
    function = request.options.tools.add().function
    function.name, function.description = "f", "does things"
    function.parameters_json_schema = '{"type":"object"}'
    return request


def with_image() -> ChatRequest:
    request = chat_of(*COOKBOOK)
    request.messages[-1].parts.add().media.mime_type = "image/png"
    return request


def with_schema() -> ChatRequest:
    request = chat_of(*COOKBOOK)
    request.options.output_format.json_schema.schema_json = '{"type":"object"}'
    return request


def with_call() -> ChatRequest:
    request = chat_of(*COOKBOOK)
    call = request.messages.add(role=Role.ROLE_ASSISTANT).parts.add().tool_call
    call.id, call.name, call.arguments_json = "c", "f", '{"city":"Oslo"}'
    result = request.messages.add(role=Role.ROLE_TOOL).parts.add().tool_result
    result.tool_call_id = "c"
    result.content.add(text="sunny, 21 degrees")
    return request


def with_developer() -> ChatRequest:
    request = chat_of(*COOKBOOK)
    request.messages.add(role=Role.ROLE_DEVELOPER).parts.add(text="Be brief.")
    return request


@pytest.mark.parametrize(
    ("request_of", "at_least"),
    [
        (with_tool, 20),
        (with_image, UNKNOWN_TOKENS),
        (with_schema, 4),
        (with_call, 15),
        (with_developer, 7),
    ],
)
async def test_what_no_rule_speaks_of_is_an_estimate(
    tokens: Tokens, request_of: Callable[[], ChatRequest], at_least: int
) -> None:
    """Tools, media, schemas and other roles add tokens, and the count says that it is no more."""
    target = target_of("gpt-4o")
    request = request_of()

    count = await tokens.count_chat(call_of(target), target, request)

    assert count.tokens >= 124 + at_least
    assert not count.exact
    assert count.tokenizer == "estimate:o200k_base"


async def test_text_that_cannot_be_cut_is_an_estimate(tokens: Tokens) -> None:
    """A text too long to count whole and without a place to cut is named as an estimate."""
    target = target_of("gpt-4o")

    count = await tokens.count_text(call_of(target), target, "x" * (CHUNK_CHARS + 1))

    assert (count.exact, count.tokenizer) == (False, "estimate:o200k_base")


@pytest.mark.parametrize("vendor_model", ["gpt-5", "o3-mini", "gpt-4.1", "gpt-4o-audio-preview"])
async def test_chat_of_other_models_is_an_estimate(tokens: Tokens, vendor_model: str) -> None:
    """The rule is exact for no model that it was not published for."""
    target = target_of(vendor_model)

    count = await tokens.count_chat(call_of(target), target, chat_of(*COOKBOOK))

    assert count == TokenCount(tokens=124, exact=False, tokenizer="estimate:o200k_base")


@pytest.mark.parametrize(
    ("mime_type", "size_bytes", "expected"),
    [
        ("image/png", 10, 765),
        ("audio/wav", 48_000, 11),
        ("video/mp4", 10_000, 11),
        ("application/pdf", 5_000, 101),
        ("audio/wav", 0, 765),
    ],
)
async def test_media_cost_by_kind_and_size(
    tokens: Tokens, mime_type: str, size_bytes: int, expected: int
) -> None:
    """A medium has an estimate by its kind and size; one that is elsewhere counts as an image."""
    request = EmbedRequest()
    media = request.inputs.add().media
    media.mime_type = mime_type
    media.inline_data = b"x" * size_bytes

    assert tokens.estimate_prompt(target_of(), request) == expected


async def test_estimates_equal_counts_of_short_requests(tokens: Tokens) -> None:
    """At once and awaited, a request of ordinary size comes to the same number."""
    target = target_of()
    chat = chat_of((Role.ROLE_USER, "", PROSE * 20))
    complete = CompleteRequest(prompt=PROSE)
    embed = EmbedRequest()
    embed.inputs.add(text="hello world")
    embed.inputs.add(text=PROSE)

    counted = await tokens.count_chat(call_of(target), target, chat)
    prose = await tokens.count_text(call_of(target), target, PROSE)

    assert tokens.estimate_prompt(target, chat) == counted.tokens
    assert tokens.estimate_prompt(target, complete) == prose.tokens
    assert tokens.estimate_prompt(target, embed) == prose.tokens + 2


async def test_estimate_of_a_large_request_is_near(tokens: Tokens) -> None:
    """A request too large to count at once is estimated to within a few percent."""
    target = target_of()
    chat = chat_of(*((Role.ROLE_USER, "", PROSE * 5) for _ in range(200)))
    counted = await tokens.count_chat(call_of(target), target, chat)

    assert tokens.estimate_prompt(target, chat) == pytest.approx(counted.tokens, rel=0.03)


async def test_prompts_of_all_kinds_are_counted_without_asking(tokens: Tokens) -> None:
    """Whole, by the target's vocabulary, even where the provider would count for itself."""
    target = target_of()
    chat = chat_of(*((Role.ROLE_USER, "", PROSE * 5) for _ in range(50)))
    embed = EmbedRequest()
    embed.inputs.add(text=PROSE)

    counted = await tokens.count_chat(call_of(target), target, chat)
    prose = await tokens.count_text(call_of(target), target, PROSE)

    assert await tokens.count_prompt(target, chat) == counted.tokens
    assert await tokens.count_prompt(target, CompleteRequest(prompt=PROSE)) == prose.tokens
    assert await tokens.count_prompt(target, embed) == prose.tokens
    assert await tokens.count_prompt(target_of("m", "provider"), chat) == counted.tokens
