"""Is what a vendor wants back of hidden reasoning kept? Without its words in the answer."""

import json

import pytest

from tests.contracts.asks import result, tools, user
from tests.contracts.wire_format import TARGET
from tests.providers.wire.samples import CHUNKS, decode_stream, decode_unary, stream_of
from weir.fold import fold_chat
from weir.v1.content_pb2 import Message
from weir.v1.generation_pb2 import (
    REASONING_VISIBILITY_HIDDEN,
    GenerationOptions,
    ReasoningOptions,
)
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import UpstreamProtocolError
from weir_server.fake_upstream import openai_wire as w
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.openai.wire import OpenAIWire

HIDDEN = ChatRequest(
    options=GenerationOptions(reasoning=ReasoningOptions(visibility=REASONING_VISIBILITY_HIDDEN))
)
THOUGHT = "Let me think."
CALL = w.tool_call("a23456789", "now", "{}")
DETAILS = [
    {"type": "reasoning.text", "text": THOUGHT, "index": 0},
    {"type": "reasoning.encrypted", "data": "E", "index": 1},
]
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}
SAID: dict[str, list[w.Json]] = {
    "openrouter": [{"reasoning": THOUGHT, "reasoning_details": DETAILS}],
    "mistral": [{"content": [THINKING]}, {"content": [{**THINKING, "signature": "S"}]}],
    "deepseek": [{"reasoning_content": "Let me"}, {"reasoning_content": " think."}],
    "groq": [{"reasoning": "Let me"}, {"reasoning": " think."}],
}
"""What each vendor says of its reasoning, in chunks."""
SENT_BACK: dict[str, w.Json] = {
    "openrouter": {"content": None, "reasoning_details": DETAILS},
    "mistral": {
        "content": [
            {
                "type": "thinking",
                "thinking": [{"type": "text", "text": THOUGHT * 2}],
                "signature": "S",
                "closed": True,
            }
        ]
    },
    "deepseek": {"content": None, "reasoning_content": THOUGHT},
    "groq": {"content": None, "reasoning": THOUGHT},
}


def delta(said: w.Json) -> w.Json:
    """Return a chunk that says this."""
    chunk = CHUNKS.content("")
    chunk["choices"][0]["delta"] = said
    return chunk


def streamed(vendor: str, request: ChatRequest = HIDDEN) -> Message:
    """Return a streamed answer that thinks and calls a tool."""
    chunks = [*map(delta, SAID[vendor]), delta({"tool_calls": [{**CALL, "index": 0}]})]
    body = stream_of(*chunks, CHUNKS.finish("tool_calls"))
    decoded = decode_stream(body, quirks=VENDORS[vendor].quirks, request=request)
    return fold_chat(decoded.events, numbered=False).message


def whole(vendor: str) -> Message:
    """Return the same answer, given whole."""
    said: w.Json = {}
    for chunk in SAID[vendor]:
        for name, value in chunk.items():
            said[name] = said[name] + value if name in said else value
    answer = w.chat_completion(None, tool_calls=[CALL], message_extras=said)
    body = json.dumps(answer).encode()
    decoded = decode_unary(body, quirks=VENDORS[vendor].quirks, request=HIDDEN)
    return fold_chat(decoded.events, numbered=False).message


def next_turn(vendor: str, answer: Message) -> tuple[w.Json, list[str]]:
    """Return the answer as the next turn says it, and what it drops."""
    request = ChatRequest(messages=[user("Hi"), answer, tools(result("a23456789", "Noon"))])
    sent = OpenAIWire(VENDORS[vendor].quirks).encode(request, TARGET, stream=False)
    return json.loads(sent.body)["messages"][1], [warning.field for warning in sent.warnings]


@pytest.mark.parametrize("vendor", SAID)
def test_hidden_reasoning_goes_back(vendor: str) -> None:
    """The next turn holds what it would have held, had the reasoning been shown."""
    answer = streamed(vendor)

    said, dropped = next_turn(vendor, answer)

    assert [part.WhichOneof("kind") for part in answer.parts] == ["reasoning", "tool_call"]
    assert answer.parts[0].reasoning.text == ""
    assert said == {"role": "assistant", **SENT_BACK[vendor], "tool_calls": [CALL]}
    assert dropped == []
    assert said == next_turn(vendor, streamed(vendor, ChatRequest()))[0], "as shown"


@pytest.mark.parametrize("vendor", SAID)
def test_a_whole_answer_is_the_fold_of_its_stream(vendor: str) -> None:
    """Hidden or not, both shapes come to the same parts and states."""
    assert whole(vendor) == streamed(vendor)


def test_hidden_reasoning_crosses_as_shown_reasoning_does() -> None:
    """Text goes to any vendor of the protocol that has a place for it; others are told it not."""
    said, dropped = next_turn("groq", streamed("deepseek"))
    assert said["reasoning"] == THOUGHT
    assert dropped == []

    said, dropped = next_turn("openai", streamed("deepseek"))
    assert said == {"role": "assistant", "content": None, "tool_calls": [CALL]}
    assert dropped == ["messages[1].parts[0].reasoning"]

    said, dropped = next_turn("deepseek", streamed("mistral"))
    assert said["reasoning_content"] == THOUGHT * 2
    assert dropped == ["messages[1].parts[0].provider_state"], "the signature is not for it"


def test_a_vendor_that_wants_nothing_back_leaves_nothing() -> None:
    """Reasoning that no turn can hold is left out of the answer altogether."""
    chunks = [delta({"reasoning_content": THOUGHT}), CHUNKS.content("Hi"), CHUNKS.finish()]

    decoded = decode_stream(stream_of(*chunks), request=HIDDEN)

    answer = fold_chat(decoded.events, numbered=False).message
    assert [part.WhichOneof("kind") for part in answer.parts] == ["text"]


def test_what_is_hidden_has_a_bound() -> None:
    """A model that thinks without end is cut off, as nothing of it is given on."""
    chunks = [delta({"reasoning_content": "x" * 900_000})] * 12

    decoded = decode_stream(
        *(stream_of(chunk, done=False) for chunk in chunks),
        quirks=VENDORS["deepseek"].quirks,
        request=HIDDEN,
    )

    assert isinstance(decoded.failure, UpstreamProtocolError)
    assert decoded.failure.metadata == {"cause": "too_large"}
