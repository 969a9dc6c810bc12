"""Does what a vendor wants back survive a turn? Signatures, encrypted reasoning, unknown pieces."""

import json
import re
from typing import Any

import pytest

from tests.contracts.asks import call, result, tools
from tests.contracts.vendor_row import decoded
from tests.contracts.wire_format import TARGET
from tests.providers.wire.samples import CHUNKS, USAGE, decode_stream, end_of, stream_of
from weir.fold import fold_chat
from weir.v1.content_pb2 import Message, Part, ReasoningPart, Role, UnknownPart
from weir.v1.generation_pb2 import GenerationOptions, ReasoningOptions, ReasoningVisibility
from weir.v1.generation_pb2 import Warning as WarningEvent
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.fake_upstream import recordings
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.openai.wire import OpenAIWire
from weir_server.providers.wire.state import sealed

RECORDED = recordings.of_vendors()
HI = Message(role=Role.ROLE_USER, parts=[Part(text="Hi")])


def answer_of(vendor: str) -> Message:
    """Return what a vendor's recording says."""
    events = decoded(VENDORS[vendor], [RECORDED[vendor].body]).events
    return fold_chat(events, numbered=False).message


def sent_to(vendor: str, said: Message) -> tuple[dict[str, Any], list[WarningEvent]]:
    """Return how a message is said again in the next turn, and the warnings."""
    request = ChatRequest(messages=[HI, said, HI])
    encoded = OpenAIWire(VENDORS[vendor].quirks).encode(request, TARGET, stream=False)
    message: dict[str, Any] = json.loads(encoded.body)["messages"][1]
    return message, list(encoded.warnings)


def test_mistrals_thinking_comes_back_with_its_signature() -> None:
    """As the chunks they were, unknown ones byte for byte, in their order."""
    message, warnings = sent_to("mistral", answer_of("mistral"))

    assert message == {
        "role": "assistant",
        "content": [
            {
                "type": "thinking",
                "thinking": [{"type": "text", "text": "The user asks for 2+2."}],
                "signature": "c2ln",
                "closed": True,
            },
            {"type": "text", "text": "2 + 2 = 4"},
            {"type": "reference", "reference_ids": [1, 2]},
        ],
    }
    assert warnings == []


def test_thinking_alone_stays_a_chunk() -> None:
    """Reasoning without a word after it is content all the same."""
    said = Message(role=Role.ROLE_ASSISTANT, parts=[Part(reasoning=ReasoningPart(text="Hm."))])

    message, _ = sent_to("mistral", said)

    assert message["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}], "closed": True}
    ]


def test_openrouters_reasoning_details_come_back_joined() -> None:
    """Fragments of one detail are one, with the signature that came last."""
    message, warnings = sent_to("openrouter", answer_of("openrouter"))

    assert message["reasoning_details"] == [
        {
            "type": "reasoning.text",
            "format": "anthropic-claude-v1",
            "index": 0,
            "text": "Check the weather.",
            "signature": "RXVN",
        }
    ]
    assert "reasoning" not in message
    assert message["tool_calls"][0]["id"] == "toolu_1"
    assert warnings == []


def test_encrypted_reasoning_is_a_part_without_text() -> None:
    """There is nothing to read, but something to send back."""
    detail = {"type": "reasoning.encrypted", "data": "c2VjcmV0", "index": 0}
    said = {"role": "assistant", "content": "", "reasoning_details": [detail]}
    body = stream_of(CHUNKS.delta(said), CHUNKS.content("Yes."), CHUNKS.finish())

    response = fold_chat(decoded(VENDORS["openrouter"], [body]).events, numbered=False)
    message, _ = sent_to("openrouter", response.message)

    assert [part.WhichOneof("kind") for part in response.message.parts] == ["reasoning", "text"]
    assert message["reasoning_details"] == [detail]
    assert message["content"] == "Yes."


def test_reasoning_that_ends_the_answer_keeps_its_state() -> None:
    """Details that nothing follows are sealed at the end."""
    said = {"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]}
    body = stream_of(CHUNKS.delta(said), CHUNKS.finish(), CHUNKS.last_usage(USAGE))

    (part,) = fold_chat(decoded(VENDORS["openrouter"], [body]).events, numbered=False).message.parts

    assert part.provider_state == sealed("openrouter", b'[{"type":"reasoning.text","text":"Hm."}]')


def test_geminis_thought_signature_comes_back_with_its_call() -> None:
    """The call that has one gets it, the other none."""
    message, warnings = sent_to("gemini-compatible", answer_of("gemini-compatible"))

    assert [call.get("extra_content") for call in message["tool_calls"]] == [
        {"google": {"thought_signature": "EqUBCqIB"}},
        None,
    ]
    assert warnings == []


@pytest.mark.parametrize(
    "call_id", ["toolu_01AAAAAAAAAAAAAAAAAAAAAA", "call_1", "ünicode", "D681PevKs"]
)
def test_mistral_is_told_ids_that_it_takes(call_id: str) -> None:
    """Its own stay, another vendor's become letters and digits, for call and result alike."""
    turns = [
        HI,
        Message(role=Role.ROLE_ASSISTANT, parts=[call(call_id, "f", "{}"), call("x", "f", "{}")]),
        tools(result(call_id, "1"), result("x", "2")),
    ]
    wire = OpenAIWire(VENDORS["mistral"].quirks)

    messages = json.loads(wire.encode(ChatRequest(messages=turns), TARGET, stream=False).body)[
        "messages"
    ]

    told = [each["id"] for each in messages[1]["tool_calls"]]
    assert [message["tool_call_id"] for message in messages[2:]] == told
    assert all(re.fullmatch(r"[a-zA-Z0-9]{9}", each) for each in told)
    assert len(set(told)) == 2
    assert (told[0] == call_id) == (call_id == "D681PevKs")


@pytest.mark.parametrize("vendor", ["mistral", "openrouter", "gemini-compatible"])
def test_another_vendor_gets_none_of_it_and_a_warning(vendor: str) -> None:
    """A conversation goes on elsewhere; what cannot cross is named."""
    said = answer_of(vendor)
    for part in list(said.parts):
        if part.HasField("unknown"):
            said.parts.remove(part)

    message, warnings = sent_to("groq", said)

    assert "reasoning_details" not in message
    assert all("extra_content" not in call for call in message.get("tool_calls", ()))
    assert [(w.code, w.field) for w in warnings] == [
        ("PART_DROPPED", "messages[1].parts[0].provider_state")
    ]


def test_an_unknown_piece_of_another_vendor_is_left_out() -> None:
    """Nobody else can read it, and that is said."""
    piece = UnknownPart(type="mistral/reference", json="{}")
    said = Message(role=Role.ROLE_ASSISTANT, parts=[Part(unknown=piece)])

    _, warnings = sent_to("groq", said)

    assert [(w.code, w.field) for w in warnings] == [
        ("PART_DROPPED", "messages[1].parts[0].unknown")
    ]


@pytest.mark.parametrize("state", [b"{", b"7", b'{"a":1}{"b":2}', b"\xff"])
def test_a_state_that_was_tampered_with_is_left_out(state: bytes) -> None:
    """It never becomes part of the request, and that is said."""
    said = answer_of("gemini-compatible")
    said.parts[0].provider_state = sealed("gemini-compatible", state)

    message, warnings = sent_to("gemini-compatible", said)

    assert "extra_content" not in message["tool_calls"][0]
    assert [w.field for w in warnings] == ["messages[1].parts[0].provider_state"]


def test_tampered_details_fall_back_to_the_text() -> None:
    """The reasoning itself is still sent, as a caller without the state would."""
    said = answer_of("openrouter")
    said.parts[0].provider_state = sealed("openrouter", b"[")

    message, warnings = sent_to("openrouter", said)

    assert message["reasoning"] == "Check the weather."
    assert [w.field for w in warnings] == ["messages[1].parts[0].provider_state"]


@pytest.mark.parametrize("vendor", ["mistral", "openrouter", "databricks"])
def test_hidden_reasoning_is_not_seen(vendor: str) -> None:
    """A caller that asked for none sees none; what the vendor wants back is kept, sealed."""
    hidden = ReasoningOptions(visibility=ReasoningVisibility.REASONING_VISIBILITY_HIDDEN)
    request = ChatRequest(options=GenerationOptions(reasoning=hidden))
    body = RECORDED[vendor].body

    decoded_ = decode_stream(body, quirks=VENDORS[vendor].quirks, request=request)

    end_of(decoded_)
    parts = fold_chat(decoded_.events, numbered=False).message.parts
    assert not any(part.reasoning.text for part in parts)
    kept = [part for part in parts if part.HasField("reasoning")]
    assert all(part.provider_state for part in kept)
    assert bool(kept) is (vendor != "databricks")
