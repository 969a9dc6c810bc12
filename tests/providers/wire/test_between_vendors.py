"""Does a conversation move between vendors? What cannot cross is named, the rest crosses."""

import json
from collections.abc import Iterator

import pytest

from tests.contracts.answers import TEXT
from tests.contracts.asks import NOW, PNG, WAV, WEATHER, assistant, result, tools, user
from tests.contracts.vendor_wire import Recorded, VendorWireSuite
from tests.contracts.wire_format import decode
from tests.providers.wire import (
    test_anthropic_contract,
    test_bedrock_contract,
    test_cohere_contract,
    test_gemini_contract,
    test_mistral_contract,
    test_ollama_contract,
    test_openai_contract,
    test_responses_contract,
)
from weir.fold import fold_chat
from weir.v1.content_pb2 import (
    CompactionPart,
    MediaPart,
    Message,
    Part,
    Role,
    ServerToolCallPart,
    ToolCallPart,
    UnknownPart,
)
from weir.v1.generation_pb2 import GenerationOptions, ReasoningEffort, ReasoningOptions
from weir.v1.provider_service_pb2 import ChatRequest

VENDORS: dict[str, VendorWireSuite] = {
    "anthropic": test_anthropic_contract.TestAnthropic(),
    "bedrock": test_bedrock_contract.TestBedrock(),
    "cohere": test_cohere_contract.TestCohere(),
    "gemini": test_gemini_contract.TestGemini(),
    "mistral": test_mistral_contract.TestMistral(),
    "ollama": test_ollama_contract.TestOllama(),
    "openai": test_openai_contract.TestOpenAI(),
    "openai-responses": test_responses_contract.TestResponses(),
}
PAIRS = [(one, other) for one in VENDORS for other in VENDORS]
MAY_DROP = frozenset(
    {"provider_state", "reasoning", "server_tool_call", "compaction", "unknown", "citations"}
)
"""What one vendor says and another may have no place for."""


def said_by(vendor: str, answer: str, *, streamed: bool) -> Message | None:
    """Return the message of a recorded answer, as a caller gets it; None: it never says so."""
    suite = VENDORS[vendor]
    recorded = suite.answers()[answer]
    if not isinstance(recorded, Recorded):
        return None
    decoder = suite.wire().decoder(ChatRequest(), suite.target, stream=streamed)
    decoded = decode(decoder, [recorded.stream if streamed else recorded.unary])
    return fold_chat(decoded.events, numbered=False).message


def three_turns(vendor: str, *, streamed: bool) -> ChatRequest:
    """A conversation that the vendor answered twice: with thoughts, then with calls of tools."""
    request = ChatRequest(options=GenerationOptions(tools=[WEATHER, NOW]))
    request.messages.append(user("Hello"))
    thought = said_by(vendor, "reasoning", streamed=streamed)
    spoken = said_by(vendor, "text", streamed=streamed)
    assert spoken is not None
    request.messages.append(spoken if thought is None else thought)
    request.messages.append(user("And the weather, and the time?"))
    called = said_by(vendor, "several tool calls", streamed=streamed)
    assert called is not None
    request.messages.append(called)
    calls = [part.tool_call for part in called.parts if part.HasField("tool_call")]
    answers = [result(call.id, f"answer {n}", name=call.name) for n, call in enumerate(calls)]
    request.messages.append(tools(*answers))
    request.messages.append(user("Thanks"))
    return request


def texts(value: object) -> Iterator[str]:
    """Give every text of a body, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def body_for(vendor: str, request: ChatRequest) -> tuple[object, list[str]]:
    """Return what a vendor is sent, and the fields that warnings name."""
    suite = VENDORS[vendor]
    said = suite.wire().encode(request, suite.target, stream=False)
    return json.loads(said.body), [warning.field for warning in said.warnings]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("one", "other"), PAIRS, ids=[f"{a} to {b}" for a, b in PAIRS])
def test_a_conversation_moves(one: str, other: str, streamed: bool) -> None:
    """Texts, calls and their answers are there in their order; what is dropped is named."""
    request = three_turns(one, streamed=streamed)
    body, dropped = body_for(other, request)
    found = list(texts(body))
    turns = ["Hello", TEXT, "And the weather, and the time?", "answer 0", "answer 1", "Thanks"]
    assert [text for text in found if text in turns] == turns
    called = [text for text in found if text in ("get_weather", "now")]
    assert called.count("get_weather") >= 2, "declared, and called"
    assert called.count("now") >= 2
    assert {field.rpartition(".")[2] for field in dropped} <= MAY_DROP


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_gets_its_own_state_back(vendor: str, streamed: bool) -> None:
    """Signatures and sealed thoughts are sent as they came: nothing of them is dropped."""
    request = three_turns(vendor, streamed=streamed)
    body, dropped = body_for(vendor, request)
    states = [part for message in request.messages for part in message.parts if part.provider_state]
    assert [field for field in dropped if field.endswith("provider_state")] == []
    if vendor in {"anthropic", "bedrock", "openai-responses"}:
        assert states, "its reasoning carries a signature"
        assert not dropped
    again, _ = body_for(vendor, request)
    assert again == body


@pytest.mark.parametrize("vendor", VENDORS)
def test_another_vendors_items_are_dropped_aloud(vendor: str) -> None:
    """Of what a model said elsewhere only the text crosses; a call is not refused for the rest."""
    elsewhere = Message(
        role=Role.ROLE_ASSISTANT,
        parts=[
            Part(text="Seen."),
            Part(server_tool_call=ServerToolCallPart(id="s1", name="search")),
            Part(compaction=CompactionPart(summary="Earlier.")),
            Part(unknown=UnknownPart(type="nobody/thing", json="{}")),
        ],
    )
    body, dropped = body_for(vendor, ChatRequest(messages=[user("Hi"), elsewhere, user("Go on")]))
    assert "Seen." in list(texts(body))
    assert {field.rpartition(".")[2] for field in dropped} >= {"server_tool_call", "unknown"}


TAKES_BACK = {
    "an image": {"bedrock", "gemini"},
    "a file of another vendor": set[str](),
    "a sound": {"bedrock", "gemini"},
}
"""Vendors that take back a medium that a model made."""
MADE = {
    "an image": MediaPart(mime_type="image/png", inline_data=PNG),
    "a file of another vendor": MediaPart(mime_type="image/png", file_id="file_1/2"),
    "a sound": MediaPart(mime_type="audio/wav", inline_data=WAV, transcript="Ding dong."),
}


@pytest.mark.parametrize("medium", MADE)
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_medium_that_a_model_made_does_not_end_a_conversation(vendor: str, medium: str) -> None:
    """Who takes none back is told what was said in it; that it is left out is said aloud."""
    request = ChatRequest(
        messages=[user("Make one"), assistant("Here.", Part(media=MADE[medium])), user("Go on")]
    )

    body, dropped = body_for(vendor, request)

    taken = vendor in TAKES_BACK[medium]
    assert dropped == ([] if taken else ["messages[1].parts[1].media"])
    words = "".join(text for text in texts(body) if text.startswith(("Here.", "Ding")))
    assert words == ("Here." if taken or medium != "a sound" else "Here.Ding dong.")


@pytest.mark.parametrize("vendor", VENDORS)
def test_arguments_that_broke_off_do_not_end_a_conversation(vendor: str) -> None:
    """The model sees what it wrote, so that it can do better; an object that holds it is named."""
    cut = ToolCallPart(id="c", name="now", arguments_json='{"at":', arguments_valid=False)
    request = ChatRequest(
        messages=[
            user("When?"),
            assistant(Part(tool_call=cut)),
            tools(result("c", "no JSON", name="now", failed=True)),
        ],
        options=GenerationOptions(tools=[NOW]),
    )

    body, warned = body_for(vendor, request)

    assert '{"at":' in list(texts(body))
    wraps = vendor in {"anthropic", "bedrock", "gemini", "ollama"}
    assert warned == (["messages[1].parts[0].tool_call.arguments_json"] if wraps else [])


@pytest.mark.parametrize(
    ("vendor", "effort"),
    [
        ("anthropic", ReasoningEffort.REASONING_EFFORT_MINIMAL),
        ("gemini", ReasoningEffort.REASONING_EFFORT_MAX),
    ],
)
def test_an_effort_in_coarser_steps_is_said_aloud(
    vendor: str, effort: ReasoningEffort.ValueType
) -> None:
    """The nearest that the vendor has is asked for; a step that it has is no news."""
    wire, target = VENDORS[vendor].wire(), VENDORS[vendor].target
    asked = ChatRequest(
        messages=[user("Hi")],
        options=GenerationOptions(reasoning=ReasoningOptions(effort=effort)),
    )

    rounded = wire.encode(asked, target, stream=False).warnings
    asked.options.reasoning.effort = ReasoningEffort.REASONING_EFFORT_HIGH

    assert [(warning.code, warning.field) for warning in rounded] == [
        ("OPTION_ROUNDED", "options.reasoning.effort")
    ]
    assert not wire.encode(asked, target, stream=False).warnings
