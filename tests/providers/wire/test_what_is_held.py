"""Does anything grow without a bound, whatever a vendor says without end?"""

import json
import tracemalloc
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.contracts.wire_format import TARGET
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import UpstreamProtocolError
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.anthropic.wire import AnthropicWire
from weir_server.providers.wire.base import Wire
from weir_server.providers.wire.body import BODY_MAX_BYTES
from weir_server.providers.wire.cohere.wire import CohereWire
from weir_server.providers.wire.gemini.wire import GeminiWire
from weir_server.providers.wire.ollama.wire import OllamaWire
from weir_server.providers.wire.openai.quirks import OPENAI
from weir_server.providers.wire.openai.wire import OpenAIWire
from weir_server.providers.wire.parts import PartWriter, TextKind
from weir_server.providers.wire.responses.saying import Saying
from weir_server.providers.wire.responses.wire import ResponsesWire

BIG = "x" * 900_000
MANY = 70_000
OPENROUTER = OpenAIWire(VENDORS["openrouter"].quirks)


def event(said: object) -> bytes:
    """Return a server-sent event."""
    return b"data: %b\n\n" % json.dumps(said).encode()


def delta(**said: object) -> bytes:
    """Return a chunk of OpenAI's."""
    return event({"id": "c", "model": "m", "choices": [{"index": 0, "delta": said}]})


def sources() -> Iterator[bytes]:
    """Sources that are said at the end."""
    for n in range(20):
        source = {"url": f"https://example.com/{n}", "title": BIG}
        yield delta(annotations=[{"type": "url_citation", "url_citation": source}])


def other_annotations() -> Iterator[bytes]:
    """What is annotated and is no source."""
    for _ in range(20):
        yield delta(annotations=[{"type": "file", "file": {"name": BIG}}])


def sounds() -> Iterator[bytes]:
    """A sound that goes on and on."""
    for _ in range(20):
        yield delta(audio={"data": "AAAA" * (len(BIG) // 4)})


def custom_calls() -> Iterator[bytes]:
    """The input of a custom tool."""
    yield delta(tool_calls=[{"index": 0, "id": "c", "custom": {"name": "f"}}])
    for _ in range(20):
        yield delta(tool_calls=[{"index": 0, "custom": {"input": BIG}}])


def details() -> Iterator[bytes]:
    """Reasoning that is to come back, in words and in other things."""
    for n in range(20):
        yield delta(reasoning_details=[{"type": "odd", "index": n, "data": [BIG]}])


def small_details() -> Iterator[bytes]:
    """Many that say next to nothing."""
    for _ in range(20):
        yield delta(reasoning_details=[{"type": "odd"}] * (MANY // 16))


def grounding() -> Iterator[bytes]:
    """Sources of a search, each another."""
    for n in range(20):
        found = {"web": {"uri": f"https://example.com/{n}", "title": BIG}}
        support = {"segment": {"endIndex": 1}, "groundingChunkIndices": [0]}
        grounds = {"groundingChunks": [found], "groundingSupports": [support]}
        yield event({"candidates": [{"groundingMetadata": grounds}], "modelVersion": "m"})


def text_of_responses(item_id: str = "m") -> bytes:
    """Return a piece of a message, by the identity of its item alone."""
    said = {"item_id": item_id, "content_index": 0, "delta": "a"}
    return event({"type": "response.output_text.delta", **said})


def annotations() -> Iterator[bytes]:
    """Sources of an open piece."""
    yield text_of_responses()
    told = {"type": "response.output_text.annotation.added", "item_id": "m"}
    for _ in range(20):
        yield event({**told, "annotation": {"type": "url_citation", "title": BIG}})


def identities() -> Iterator[bytes]:
    """Items with identities, each of which may come again."""
    for n in range(20):
        yield text_of_responses(item_id=f"{BIG}{n}")


def names() -> Iterator[bytes]:
    """Items by number, whose identity is to come back."""
    for n in range(20):
        item = {"type": "message", "id": f"{BIG}{n}"}
        yield event({"type": "response.output_item.added", "output_index": n, "item": item})


def likelihoods() -> Iterator[bytes]:
    """Log probabilities of tokens whose text never comes."""
    for _ in range(20):
        tokens = [{"token": BIG, "logprob": -0.5}]
        yield json.dumps({"message": {"content": ""}, "logprobs": tokens}).encode() + b"\n"


HOARDS: Mapping[str, tuple[Wire, Callable[[], Iterator[bytes]]]] = {
    "sources in chats": (OpenAIWire(OPENAI), sources),
    "other annotations in chats": (OpenAIWire(OPENAI), other_annotations),
    "sounds in chats": (OpenAIWire(OPENAI), sounds),
    "calls of custom tools": (OpenAIWire(OPENAI), custom_calls),
    "details of reasoning": (OPENROUTER, details),
    "small details of reasoning": (OPENROUTER, small_details),
    "sources of searches": (GeminiWire(), grounding),
    "sources of a piece": (ResponsesWire(), annotations),
    "identities": (ResponsesWire(), identities),
    "names of items": (ResponsesWire(), names),
    "log probabilities": (OllamaWire(), likelihoods),
}


@pytest.mark.parametrize("name", HOARDS)
def test_what_never_ends_is_too_large(name: str) -> None:
    """Each of what is held until something ends has a bound."""
    wire, hoard = HOARDS[name]
    decoder = wire.decoder(ChatRequest(), TARGET, stream=True)

    for piece in hoard():
        decoder.feed(piece)

    assert isinstance(decoder.failure, UpstreamProtocolError)
    assert decoder.failure.metadata == {"cause": "too_large"}


def test_members_of_usage_that_are_not_read_are_not_kept() -> None:
    """Ever new names of counts, and texts in place of known ones, take no room."""
    decoder = AnthropicWire().decoder(ChatRequest(), TARGET, stream=True)
    tracemalloc.start()

    for n in range(20):
        usage = {f"{BIG}{n}": n, f"more_{n}": BIG, "output_tokens": BIG, "service_tier": BIG}
        usage["cache_creation"] = {f"{BIG}{n}": n, "ephemeral_1h_input_tokens": [BIG]}
        for name, value in usage.items():
            decoder.feed(event({"type": "message_delta", "delta": {}, "usage": {name: value}}))

    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert decoder.failure is None
    assert held_bytes < 3 * len(BIG)


@pytest.mark.parametrize(
    "wire",
    [OpenAIWire(OPENAI), ResponsesWire(), AnthropicWire(), GeminiWire(), CohereWire()],
    ids=lambda wire: type(wire).__name__,
)
def test_a_giant_body_in_place_of_a_stream_is_too_large(wire: Wire) -> None:
    """It is left as soon as it is too large, and not only at its end."""
    decoder = wire.decoder(ChatRequest(), TARGET, stream=True)
    decoder.feed(b'{"error": "')

    for _ in range(BODY_MAX_BYTES // len(BIG) + 1):
        decoder.feed(BIG.encode())

    assert isinstance(decoder.failure, UpstreamProtocolError)
    assert decoder.failure.metadata == {"cause": "too_large"}


def test_each_piece_that_was_said_counts() -> None:
    """Which pieces were said is known until the answer ends, so it counts among what is held."""
    writer = PartWriter()
    saying = Saying(writer)

    for number in range(1000):
        saying.begin(TextKind.TEXT, 0, number, "")
    saying.leave("")

    assert saying.was_said(0, TextKind.TEXT, 999)
    assert writer.held_chars >= 100_000


def test_text_that_ended_is_held_no_longer() -> None:
    """A long answer of many pieces is no hoard."""
    writer = PartWriter()
    saying = Saying(writer)
    saying.write(saying.begin(TextKind.TEXT, 0, 0, ""), BIG)
    before = writer.held_chars

    saying.leave("")

    assert before - writer.held_chars == len(BIG)


def test_arguments_in_small_pieces_take_little_more_than_what_they_say() -> None:
    """Thirty thousand pieces of two letters are held as their text is, not piece by piece."""
    writer = PartWriter()
    call = writer.open_call("c", "f")
    tracemalloc.start()

    for n in range(30_000):
        writer.arguments(call, f"{n % 100:02}")
        writer.take()

    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held_bytes < 1 << 19
    writer.close()
    assert len(writer.take()[-1].part_end.part.tool_call.arguments_json) == 60_000


def test_reasoning_in_many_fragments_is_joined_in_linear_time() -> None:
    """Details of a long thought cost what they say, not its square."""
    decoder = OPENROUTER.decoder(ChatRequest(), TARGET, stream=True)
    detail = {"type": "reasoning.text", "index": 0, "text": "thought " * 4}
    fragments = delta(reasoning="x", reasoning_details=[detail]) * 100

    for _ in range(300):
        decoder.feed(fragments)

    # The test's own time limit is the promise; quadratic work here would copy 15 GB.
    assert decoder.failure is None
