"""Are answers that only one vendor gives understood? Usage, sources and endings of their own."""

import json

import pytest

from tests.contracts.vendor_row import decoded
from tests.providers.wire.samples import CHUNKS, USAGE, end_of, stream_of
from weir.fold import fold_chat
from weir.v1.content_pb2 import Citation
from weir.v1.provider_service_pb2 import ChatResponse
from weir_server.core.errors import UpstreamStreamBroken
from weir_server.fake_upstream import openai_wire as w
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.openai.quirks import OPENAI
from weir_server.providers.wire.openai.usage import read_usage


def answer(vendor: str, *chunks: w.Json, done: bool = True) -> ChatResponse:
    """Return the answer that a vendor's chunks add up to."""
    events = decoded(VENDORS[vendor], [stream_of(*chunks, done=done)])
    end_of(events)
    return fold_chat(events.events, numbered=False)


def test_perplexity_may_end_without_done() -> None:
    """The reason is the end of an answer; without one it is broken all the same."""
    whole = answer("perplexity", CHUNKS.content("Hi"), CHUNKS.finish(), done=False)
    cut = decoded(VENDORS["perplexity"], [stream_of(CHUNKS.content("Hi"), done=False)])

    assert whole.message.parts[0].text == "Hi"
    assert isinstance(cut.failure, UpstreamStreamBroken)


def test_addresses_alone_are_sources_too() -> None:
    """Older answers name no titles; what is no address is skipped."""
    last = {**CHUNKS.finish(), "citations": ["https://example.org/a", 7]}

    (part,) = answer("perplexity", CHUNKS.content("Hi"), last).message.parts

    assert list(part.citations) == [Citation(uri="https://example.org/a")]


def test_annotations_are_sources() -> None:
    """As OpenAI's search models and OpenRouter give them; one of another kind is kept as it is."""
    source = {"url": "https://example.org/a", "title": "A", "content": "said", "start_index": 0}
    annotations = [{"type": "url_citation", "url_citation": source}, {"type": "file_citation"}, 7]
    said = CHUNKS.delta({"annotations": annotations})

    parts = answer("openrouter", CHUNKS.content("Hi"), said, CHUNKS.finish()).message.parts
    part, *others = parts

    assert [(other.unknown.type, json.loads(other.unknown.json)) for other in others] == [
        ("openrouter/annotation.file_citation", {"type": "file_citation"}),
        ("openrouter/annotation.unnamed", 7),
    ]
    assert list(part.citations) == [
        Citation(uri="https://example.org/a", title="A", cited_text="said")
    ]


@pytest.mark.parametrize("results", [[], [None], "no", [{"url": 7, "title": None}]])
def test_sources_that_are_none(results: object) -> None:
    """Whatever stands there, the answer is read."""
    last = {**CHUNKS.finish(), "search_results": results, "citations": None}

    (part,) = answer("perplexity", CHUNKS.content("Hi"), last).message.parts

    assert part.text == "Hi"
    assert all(not citation.uri for citation in part.citations)


def test_pieces_of_any_other_kind_are_kept() -> None:
    """Each is a part with the vendor's JSON, text around it stays text."""
    pieces = ["One ", {"type": "image_url", "image_url": "x"}, 7, {"type": "text", "text": ""}]
    said = CHUNKS.delta({"content": pieces})

    response = answer("mistral", said, CHUNKS.content("two"), CHUNKS.finish())

    kinds = [part.WhichOneof("kind") for part in response.message.parts]
    assert kinds == ["text", "unknown", "unknown", "text"]
    first, second = (part.unknown for part in response.message.parts[1:3])
    assert (first.type, first.json) == (
        "mistral/image_url",
        '{"type":"image_url","image_url":"x"}',
    )
    assert (second.type, second.json) == ("mistral/None", "7")


@pytest.mark.parametrize("thinking", [7, [7, {"text": None}], "Hm", ["Hm"], None])
def test_thinking_of_any_form(thinking: object) -> None:
    """What can be read is read, and nothing breaks the answer."""
    said = CHUNKS.delta({"content": [{"type": "thinking", "thinking": thinking}]})

    response = answer("mistral", said, CHUNKS.content("Yes"), CHUNKS.finish())

    assert response.message.parts[-1].text == "Yes"
    assert "".join(part.reasoning.text for part in response.message.parts) in ("", "Hm")


@pytest.mark.parametrize("name", ["prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens"])
def test_cached_tokens_beside_the_details(name: str) -> None:
    """DeepSeek, Mistral and Moonshot each have a name for them."""
    usage = read_usage(
        {**USAGE, "prompt_tokens_details": None, name: 5}, produced=True, quirks=OPENAI
    )

    assert usage is not None
    assert usage.cached_prompt_tokens == 5


@pytest.mark.parametrize(("beside", "reasoning"), [(4, 4), (4000, 0)])
def test_reasoning_beside_the_details(beside: int, reasoning: int) -> None:
    """It counts where it can be among the completion; else it was never charged there."""
    counts = {"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15}

    usage = read_usage({**counts, "reasoning_tokens": beside}, produced=True, quirks=OPENAI)

    assert usage is not None
    assert usage.reasoning_tokens == reasoning
