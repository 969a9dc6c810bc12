"""What do Ollama's answers mean where they are odd: no ids, no counts, errors in the middle?"""

import json
from typing import Any

import pytest

from tests.contracts.answers import CHUNKS, PROMPT_TOKENS, TEXT
from tests.providers.wire import ollama_samples as o
from weir.v1.generation_pb2 import (
    REASONING_VISIBILITY_HIDDEN,
    FinishReason,
    GenerationOptions,
    ReasoningOptions,
)
from weir.v1.provider_service_pb2 import ChatRequest
from weir.v1.usage_pb2 import UsageSource
from weir_server.core.errors import (
    UpstreamContextLengthExceeded,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStreamBroken,
)
from weir_server.providers.wire.parts import HELD_MAX_CHARS


def test_calls_without_ids_get_some() -> None:
    """Made of the line's own time and their place, so that they are the same for the same bytes."""
    calls = [o.call("now", {}), o.call("now", {"zone": "CET"}, index=1)]
    whole = o.folded_whole(o.last(tool_calls=calls))
    streamed = o.folded(*(o.chunk(tool_calls=[call]) for call in calls), o.last())
    ids = [part.tool_call.id for part in whole.message.parts]
    assert ids == [f"call_{o.CALL_TIME}_0", f"call_{o.CALL_TIME}_1"]
    assert streamed == whole


@pytest.mark.parametrize(
    ("arguments", "said", "valid"),
    [
        ({"b": 9007199254740993, "a": "é"}, '{"b":9007199254740993,"a":"é"}', True),
        ('{"a": 1}', '{"a": 1}', True),
        ("not json", "not json", False),
        (None, "{}", True),
        ([1], "[1]", True),
    ],
)
def test_arguments_keep_what_they_say(arguments: object, said: str, valid: bool) -> None:
    """Numbers whole, members in order; text that is no JSON is told as such."""
    call = o.folded_whole(o.last(tool_calls=[o.call("f", arguments)])).message.parts[0].tool_call
    assert (call.arguments_json, call.arguments_valid) == (said, valid)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("", FinishReason.FINISH_REASON_STOP),
        ("load", FinishReason.FINISH_REASON_OTHER),
        ("unload", FinishReason.FINISH_REASON_OTHER),
        ("connection_closed", FinishReason.FINISH_REASON_OTHER),
    ],
)
def test_other_reasons_are_named(reason: str, expected: FinishReason.ValueType) -> None:
    """Old servers tell none; a request that only moved a model was no answer's end."""
    response = o.folded(o.last(reason=reason))
    assert response.finish_reason == expected
    assert response.metadata.raw_finish_reason == reason


@pytest.mark.parametrize(
    "counts",
    [
        {"eval_count": 6},
        {"prompt_eval_count": 19},
        {"prompt_eval_count": -1, "eval_count": 6},
        {"prompt_eval_count": "19", "eval_count": 6},
        {"prompt_eval_count": True, "eval_count": 6},
        {"prompt_eval_count": 10**12, "eval_count": 6},
        {},
    ],
)
def test_counts_that_tell_too_little_are_left_out(counts: o.Json) -> None:
    """As for a prompt that was in the cache of an older server: Weir estimates instead."""
    usage = o.folded(o.chunk("Hi"), o.last(counts=counts)).usage
    assert usage.source == UsageSource.USAGE_SOURCE_UNSPECIFIED
    assert not usage.total_tokens


def test_an_empty_answer_used_its_prompt() -> None:
    """No tokens came out, and the server leaves out counts of 0."""
    usage = o.folded(o.last(counts={"prompt_eval_count": PROMPT_TOKENS})).usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (PROMPT_TOKENS, 0)


def test_the_servers_times_are_told() -> None:
    """How long it loaded and computed, and which model of the cloud it was."""
    metadata = o.folded({**o.last(), "remote_model": "gpt-oss:120b"}).metadata
    assert metadata.model == "qwen3:4b"
    assert metadata.attributes["ollama.load_duration_ns"] == "1334875"
    assert metadata.attributes["ollama.remote_model"] == "gpt-oss:120b"


def test_the_last_line_may_say_something() -> None:
    """And needs no line feed."""
    body = o.stream(o.chunk("Hé"), o.last("llo")).rstrip(b"\n")
    decoded = o.decode_stream(body)
    assert decoded.done
    assert "".join(event.part_delta.text for event in decoded.events) == "Héllo"


def _token(text: str, logprob: float, **more: Any) -> o.Json:
    return {"token": text, "logprob": logprob, **more}


def test_log_probabilities_come_with_their_text() -> None:
    """Those of tokens that the server held back come with the next text, and none is empty."""
    tops = [_token("He", -0.5), _token("\ufffd", -1.5, bytes=[240, 159])]
    lines = [
        {**o.chunk(), "logprobs": [_token("He", -0.5, top_logprobs=tops)]},
        {**o.chunk("Hello"), "logprobs": [_token("llo", -0.25)]},
        o.last(),
    ]
    response = o.folded(*lines)
    assert len(response.message.parts) == 1
    assert [(it.token, it.logprob) for it in response.logprobs] == [("He", -0.5), ("llo", -0.25)]
    assert response.logprobs[0].top_logprobs[1].token_bytes == b"\xf0\x9f"
    assert not response.logprobs[0].top_logprobs[0].token_bytes


def test_log_probabilities_of_a_call_make_no_text() -> None:
    """The text of such tokens is the call; there is no part that is empty."""
    held = {**o.chunk(), "logprobs": [_token("{", -0.5)]}
    response = o.folded(held, o.chunk(tool_calls=[o.call("now", {})]), o.last())
    assert [part.WhichOneof("kind") for part in response.message.parts] == ["tool_call"]


def test_thoughts_and_words_of_one_line_are_two_parts() -> None:
    """Their log probabilities are those of the words."""
    line = {**o.chunk("Yes", thinking="Hm"), "logprobs": [_token("Yes", -0.5)]}
    response = o.folded(line, o.last())
    assert [part.WhichOneof("kind") for part in response.message.parts] == ["reasoning", "text"]
    assert [it.token for it in response.logprobs] == ["Yes"]


def test_hidden_reasoning_is_left_out() -> None:
    """The server thinks aloud; a caller that wants none of it hears the answer only."""
    request = ChatRequest(
        options=GenerationOptions(
            reasoning=ReasoningOptions(visibility=REASONING_VISIBILITY_HIDDEN)
        )
    )
    thought = {**o.chunk(thinking="Hm"), "logprobs": [_token("Hm", -0.5)]}
    response = o.folded(thought, o.chunk("Yes"), o.last(), request=request)
    assert [part.text for part in response.message.parts] == ["Yes"]
    assert not response.logprobs


def test_an_error_in_the_middle_breaks_the_stream() -> None:
    """With status 200 as everything before it: what was said is told, then the failure."""
    begun = o.stream(*(o.chunk(piece) for piece in CHUNKS))
    decoded = o.decode_stream(begun + b'{"error":"model runner has unexpectedly stopped"}\n')
    assert "".join(event.part_delta.text for event in decoded.events) == TEXT
    assert type(decoded.failure) is UpstreamStreamBroken
    assert decoded.failure.metadata["cause"] == "error_event"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("the input length exceeds the context length", UpstreamContextLengthExceeded),
        ("boom", UpstreamError),
        ("", UpstreamError),
        ({"message": "boom"}, UpstreamError),
    ],
)
def test_an_error_in_place_of_an_answer_has_its_reason(
    error: object, kind: type[UpstreamError]
) -> None:
    """Nothing was said, so it means what it would with a status of its own."""
    assert type(o.decode_whole({"error": error}).failure) is kind
    assert type(o.decode_stream(json.dumps({"error": error}).encode() + b"\n").failure) is kind


@pytest.mark.parametrize("body", [{**o.last(TEXT), "done": False}, o.chunk(TEXT)])
def test_an_answer_that_is_not_done_is_cut(body: o.Json) -> None:
    """Whole or streamed: only `done: true` ends it."""
    for decoded in (o.decode_whole(body), o.decode_stream(o.stream(body))):
        assert type(decoded.failure) is UpstreamStreamBroken
        assert decoded.failure.metadata["cause"] == "cut"


@pytest.mark.parametrize("line", [b"nonsense\n", b"{}\n", b"[]\n", b"1\n", b'{"done":"yes"}\n'])
def test_what_is_no_line_of_an_answer_breaks_it(line: bytes) -> None:
    """Skipped, an error in words of its own could pass for a complete answer."""
    decoded = o.decode_stream(o.stream(o.chunk("Hi")) + line + o.stream(o.last()))
    assert type(decoded.failure) is UpstreamProtocolError


def test_lone_surrogates_become_whole_text() -> None:
    """In words, names and arguments alike."""
    line = (
        b'{"message":{"content":"a\\ud83d","tool_calls":[{"function":{"name":"f\\ude00",'
        b'"arguments":{"x":"\\ud83d\\ude00\\ud83d"}}}]},"done":true}\n'
    )
    decoded = o.decode_stream(line)
    assert decoded.failure is None
    call = decoded.events[-2].part_end.part.tool_call
    assert (call.name, call.arguments_json) == ("f\ufffd", '{"x":"😀\ufffd"}')


def test_calls_are_bounded() -> None:
    """What has to be repeated whole at the end of a call is not hoarded for ever."""
    big = o.call("f", {"x": "y" * (HELD_MAX_CHARS // 4)})
    lines = o.stream(*[o.chunk(tool_calls=[big])] * 5, o.last())
    failure = o.decode_stream(lines).failure
    assert type(failure) is UpstreamProtocolError
    assert failure.metadata["cause"] == "too_large"
