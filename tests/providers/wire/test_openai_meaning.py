"""What do OpenAI's streams mean? Recordings against what they say, and each oddity by itself."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.providers.wire.samples import (
    CHUNKS,
    calls,
    decode_stream,
    end_of,
    folded,
    kinds,
    stream_of,
)
from weir.fold import fold_chat
from weir.v1.generation_pb2 import (
    FinishReason,
    GenerationEvent,
    GenerationOptions,
    ReasoningOptions,
    ReasoningVisibility,
)
from weir.v1.provider_service_pb2 import ChatRequest, ChatResponse
from weir_server.fake_upstream import openai_wire as w
from weir_server.fake_upstream import recordings

FINISH = {
    "stop": FinishReason.FINISH_REASON_STOP,
    "length": FinishReason.FINISH_REASON_MAX_TOKENS,
    "tool_calls": FinishReason.FINISH_REASON_TOOL_CALLS,
    "content_filter": FinishReason.FINISH_REASON_CONTENT_FILTER,
}


@pytest.mark.parametrize("name", recordings.names())
def test_a_recording_says_what_its_notes_say(name: str) -> None:
    """Text, reasoning, refusal, tool calls, finish, log probabilities and usage are all there."""
    recording = recordings.load(name)
    expected = recording.expected

    response = fold_chat(decode_stream(recording.body).events, numbered=False)

    parts = response.message.parts
    assert "".join(part.text for part in parts) == expected["text"]
    assert "".join(part.reasoning.text for part in parts) == expected["reasoning"]
    assert "".join(part.refusal.text for part in parts) == expected["refusal"]
    assert [
        {"id": call_id, "name": name, "arguments": arguments}
        for call_id, name, arguments, _ in calls(response)
    ] == expected["tool_calls"]
    assert response.metadata.raw_finish_reason == expected["finish_reason"]
    assert [token.token for token in response.logprobs] == [
        said["token"] for said in expected["logprobs"]
    ]
    _assert_usage(response, expected["usage"])


def _assert_usage(response: ChatResponse, expected: dict[str, Any] | None) -> None:
    assert response.HasField("usage") == (expected is not None)
    if expected is not None:
        usage = response.usage
        assert {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
            "cached_tokens": usage.cached_prompt_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
        } == expected


def test_facts_about_the_answer() -> None:
    """The served model, the vendor's id, fingerprint and tier are kept."""
    metadata = folded(*CHUNKS.text(["Hi"])).metadata

    assert metadata.model == w.MODEL
    assert dict(metadata.attributes) == {
        "openai.id": w.COMPLETION_ID,
        "openai.system_fingerprint": w.FINGERPRINT,
        "openai.service_tier": "default",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why an answer ends, in the vendor's words and in the contract's."""

    label: str
    delta: w.Json
    reason: FinishReason.ValueType


ENDINGS = {
    "stop": Ending(label="stop", delta={"content": "a"}, reason=FinishReason.FINISH_REASON_STOP),
    "length": Ending(
        label="length", delta={"content": "a"}, reason=FinishReason.FINISH_REASON_MAX_TOKENS
    ),
    "context full": Ending(
        label="model_length",
        delta={"content": "a"},
        reason=FinishReason.FINISH_REASON_CONTEXT_LENGTH,
    ),
    "tool calls": Ending(
        label="tool_calls",
        delta={"tool_calls": [{"index": 0, **w.tool_call("c", "f", "{}")}]},
        reason=FinishReason.FINISH_REASON_TOOL_CALLS,
    ),
    "a forced tool call ends with stop": Ending(
        label="stop",
        delta={"tool_calls": [{"index": 0, **w.tool_call("c", "f", "{}")}]},
        reason=FinishReason.FINISH_REASON_TOOL_CALLS,
    ),
    "function call": Ending(
        label="function_call",
        delta={"function_call": {"name": "f", "arguments": "{}"}},
        reason=FinishReason.FINISH_REASON_TOOL_CALLS,
    ),
    "filter": Ending(
        label="content_filter",
        delta={"content": "a"},
        reason=FinishReason.FINISH_REASON_CONTENT_FILTER,
    ),
    "filtered before a word": Ending(
        label="content_filter", delta={}, reason=FinishReason.FINISH_REASON_CONTENT_FILTER
    ),
    "a refusal ends with stop": Ending(
        label="stop", delta={"refusal": "No."}, reason=FinishReason.FINISH_REASON_REFUSAL
    ),
    "a refusal that was cut short": Ending(
        label="length", delta={"refusal": "No"}, reason=FinishReason.FINISH_REASON_MAX_TOKENS
    ),
    "a word nobody knows": Ending(
        label="tired", delta={"content": "a"}, reason=FinishReason.FINISH_REASON_OTHER
    ),
}


@pytest.mark.parametrize("case", ENDINGS)
def test_finish_reasons(case: str) -> None:
    """Each of the vendor's words becomes one reason; the word itself is kept."""
    ending = ENDINGS[case]

    end = end_of(decode_stream(stream_of(CHUNKS.delta(ending.delta), CHUNKS.finish(ending.label))))

    assert end.end.finish_reason == ending.reason
    assert end.end.metadata.raw_finish_reason == ending.label


@pytest.mark.parametrize("field", ["stop_reason", "matched_stop"])
def test_a_stop_sequence_that_the_server_names(field: str) -> None:
    """vLLM and SGLang tell which stop sequence it was; a number is a token, not a sequence."""
    finish = CHUNKS.finish()
    finish["choices"][0][field] = "\n\n"
    by_token = CHUNKS.finish()
    by_token["choices"][0][field] = 151645

    named = end_of(decode_stream(stream_of(CHUNKS.content("a"), finish))).end
    plain = end_of(decode_stream(stream_of(CHUNKS.content("a"), by_token))).end

    assert named.finish_reason == FinishReason.FINISH_REASON_STOP_SEQUENCE
    assert named.metadata.matched_stop_sequence == "\n\n"
    assert plain.finish_reason == FinishReason.FINISH_REASON_STOP
    assert plain.metadata.matched_stop_sequence == ""


def test_a_role_says_nothing() -> None:
    """The first chunk names the role only; no part begins."""
    decoded = decode_stream(stream_of(CHUNKS.role(), CHUNKS.content(""), done=False))

    assert decoded.events == []


def test_reasoning_text_and_refusal_are_parts_of_their_own() -> None:
    """A part closes when another kind begins, and text that resumes opens a new one."""
    response = folded(
        CHUNKS.reasoning_content("Hm."),
        CHUNKS.content("Yes"),
        CHUNKS.reasoning("But"),
        CHUNKS.content("no"),
        CHUNKS.refusal("I won't."),
        CHUNKS.finish(),
    )

    assert kinds(response) == ["reasoning", "text", "reasoning", "text", "refusal"]


def test_reasoning_under_two_names_is_said_once() -> None:
    """Servers that send both fields say the same in both."""
    both = CHUNKS.delta({"reasoning_content": "Hm.", "reasoning": "Hm."})

    response = folded(both, CHUNKS.content("Yes"), CHUNKS.finish())

    assert response.message.parts[0].reasoning.text == "Hm."


def test_hidden_reasoning_is_left_out() -> None:
    """A caller who asks for none of it gets none, whatever the vendor sends."""
    request = ChatRequest(
        options=GenerationOptions(
            reasoning=ReasoningOptions(visibility=ReasoningVisibility.REASONING_VISIBILITY_HIDDEN)
        )
    )
    body = stream_of(CHUNKS.reasoning_content("Hm."), CHUNKS.content("Yes"), CHUNKS.finish())

    response = fold_chat(decode_stream(body, request=request).events, numbered=False)

    assert kinds(response) == ["text"]


def test_a_burst_of_text_is_one_delta() -> None:
    """Text that came in one read is merged; in two reads it is two deltas."""
    body = stream_of(*CHUNKS.text([f"w{n} " for n in range(100)]))
    half = body.index(b"w50")
    half = body.rindex(b"\n\n", 0, half) + 2

    def deltas(*pieces: bytes) -> list[GenerationEvent]:
        events = decode_stream(*pieces).events
        return [event for event in events if event.WhichOneof("event") == "part_delta"]

    assert len(deltas(body)) == 1
    assert len(deltas(body[:half], body[half:])) == 2


def test_deltas_with_logprobs_stay_apart() -> None:
    """Each delta keeps the log probabilities of its own tokens."""
    body = stream_of(
        CHUNKS.content("Hel", [w.token_logprob("Hel", -0.5, [("Hel", -0.5), ("Ho", -1.5)])]),
        CHUNKS.content("lo", [w.token_logprob("lo", -0.25)]),
        CHUNKS.finish(),
    )

    events = decode_stream(body).events

    deltas = [e.part_delta for e in events if e.WhichOneof("event") == "part_delta"]
    assert [[t.token for t in delta.logprobs] for delta in deltas] == [["Hel"], ["lo"]]
    assert [(t.token, t.logprob) for t in deltas[0].logprobs[0].top_logprobs] == [
        ("Hel", -0.5),
        ("Ho", -1.5),
    ]


def test_a_token_that_is_no_whole_text_keeps_its_bytes() -> None:
    """The bytes are told where the text does not tell them, and only there."""
    odd = {"token": "\\xf0\\x9f", "logprob": -1.0, "bytes": [0xF0, 0x9F], "top_logprobs": []}
    body = stream_of(
        CHUNKS.content("", [odd]),
        CHUNKS.content("a", [w.token_logprob("a", -1.0)]),
        CHUNKS.finish(),
    )

    tokens = fold_chat(decode_stream(body).events, numbered=False).logprobs

    assert [t.token_bytes for t in tokens] == [b"\xf0\x9f", b""]
