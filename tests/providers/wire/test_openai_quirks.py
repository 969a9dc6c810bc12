"""Do vendors' habits change only what they should?"""

import json

import pytest

from tests.contracts.wire_format import TARGET
from tests.providers.wire.intents import HI, WEATHER
from tests.providers.wire.samples import decode_unary
from weir.fold import fold_chat
from weir.v1.content_pb2 import Message, Part, Role
from weir.v1.generation_pb2 import GenerationOptions, GrammarFormat, OutputFormat, ProviderExtension
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import InvalidRequest
from weir_server.core.handler import Request
from weir_server.fake_upstream import openai_wire as w
from weir_server.providers.local.dialect import DIALECT
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.openai.quirks import COMPATIBLE, LLAMA_CPP, OPENAI, Quirks
from weir_server.providers.wire.openai.wire import OpenAIWire


def encode(request: Request, quirks: Quirks = OPENAI) -> HttpRequest:
    """Say a request."""
    return OpenAIWire(quirks).encode(request, TARGET, stream=False)


def extended(*extensions: ProviderExtension) -> ChatRequest:
    """Return a chat with settings for kinds of providers."""
    return ChatRequest(messages=[HI], options=GenerationOptions(extensions=extensions))


def test_what_compatible_servers_are_told() -> None:
    """They get the older names, and instructions as the system's."""
    request = ChatRequest(
        messages=[Message(role=Role.ROLE_DEVELOPER, parts=[Part(text="Be brief.")]), HI],
        options=GenerationOptions(max_output_tokens=9, end_user_id="u-1"),
    )

    body = json.loads(encode(request, COMPATIBLE).body)

    assert body["messages"][0]["role"] == "system"
    assert (body["max_tokens"], body["user"]) == (9, "u-1")


def test_defaults_only_where_the_caller_left_an_option_unset() -> None:
    """A vendor's defaults never override what was asked for, not even a zero."""
    quirks = Quirks(
        top_k_field="top_k", default_options={"temperature": 0.6, "repeat_penalty": 1.1, "top_k": 4}
    )
    options = GenerationOptions(temperature=0, top_k=9)

    body = json.loads(encode(ChatRequest(messages=[HI], options=options), quirks).body)

    assert (body["temperature"], body["repeat_penalty"], body["top_k"]) == (0, 1.1, 9)


def test_a_grammar_where_the_vendor_takes_one() -> None:
    """llama.cpp takes GBNF."""
    form = OutputFormat(grammar=GrammarFormat(syntax="gbnf", definition='root ::= "a"'))

    body = json.loads(
        encode(
            ChatRequest(messages=[HI], options=GenerationOptions(output_format=form)), LLAMA_CPP
        ).body
    )

    assert body["grammar"] == 'root ::= "a"'


def test_usage_is_not_asked_for_where_that_is_not_understood() -> None:
    """Some servers refuse the whole request for `stream_options`."""
    wire = OpenAIWire(Quirks(stream_usage=False))

    body = json.loads(wire.encode(ChatRequest(messages=[HI]), TARGET, stream=True).body)

    assert body["stream"] is True
    assert "stream_options" not in body


def test_reasoning_of_earlier_turns_where_the_vendor_wants_it() -> None:
    """It goes back where it came from; elsewhere the protocol has no place for it."""
    said = Message(role=Role.ROLE_ASSISTANT, parts=[Part(text="Yes.")])
    said.parts.add().reasoning.text = "Hm."
    request = ChatRequest(messages=[HI, said, HI])

    wanted = encode(request, Quirks(reasoning_history_field="reasoning_content"))
    unwanted = encode(request)

    assert json.loads(wanted.body)["messages"][1]["reasoning_content"] == "Hm."
    assert wanted.warnings == ()
    assert json.loads(unwanted.body)["messages"][1] == {"role": "assistant", "content": "Yes."}
    assert [(w.code, w.field) for w in unwanted.warnings] == [
        ("PART_DROPPED", "messages[1].parts[1].reasoning")
    ]


def test_another_providers_state_is_left_out_with_a_warning() -> None:
    """A conversation that comes from elsewhere goes on, and what it loses is said."""
    said = Message(role=Role.ROLE_ASSISTANT, parts=[Part(text="Yes.", provider_state=b"sig")])
    said.parts.add(provider_state=b"sealed").reasoning.SetInParent()

    request = encode(ChatRequest(messages=[HI, said, HI]))

    assert b"sig" not in request.body
    assert [(w.code, w.field) for w in request.warnings] == [
        ("PART_DROPPED", "messages[1].parts[0].provider_state"),
        ("PART_DROPPED", "messages[1].parts[1].reasoning"),
    ]


def test_the_embedded_model_sees_its_own_extensions() -> None:
    """Extensions for OpenAI are for others; one that must not be skipped refuses the call."""
    wire = OpenAIWire(DIALECT)
    openais = ProviderExtension(provider_kind="openai", json='{"service_tier":"flex"}')
    own = ProviderExtension(provider_kind="local", json='{"min_p":0.1}')
    required = ProviderExtension(provider_kind="openai", json="{}", required=True)

    said = wire.encode(extended(openais, own), TARGET, stream=False)
    with pytest.raises(InvalidRequest) as refused:
        wire.encode(extended(own, required), TARGET, stream=False)

    body = json.loads(said.body)
    assert body["min_p"] == 0.1
    assert "service_tier" not in body
    assert said.warnings == ()
    assert refused.value.name() == "UNSUPPORTED_OPTION"
    assert [v.field for v in refused.value.violations] == ["options.extensions[1]"]


def test_encoding_leaves_the_request_as_it_was() -> None:
    """A request has several readers; none of them writes to it."""
    request = ChatRequest(messages=[HI], options=GenerationOptions(tools=[WEATHER], temperature=1))
    before = request.SerializeToString(deterministic=True)

    encode(request)

    assert request.SerializeToString(deterministic=True) == before


def test_what_an_answer_goes_on_from_is_not_repeated() -> None:
    """llama.cpp does so in whole answers; of OpenAI nobody expects it."""
    begun = Message(role=Role.ROLE_ASSISTANT, parts=[Part(text="One, "), Part(text="two")])
    request = ChatRequest(messages=[HI, begun])
    body = json.dumps(w.chat_completion("One, two, three")).encode()

    for quirks, text in ((LLAMA_CPP, ", three"), (OPENAI, "One, two, three")):
        decoded = decode_unary(body, quirks=quirks, request=request)
        assert fold_chat(decoded.events, numbered=False).message.parts[0].text == text
