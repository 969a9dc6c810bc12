"""Are legacy completions understood, streamed and whole?"""

import json

import pytest

from tests.providers.wire.samples import (
    completing,
    decode_stream,
    decode_unary,
    stream_of,
)
from weir.fold import fold_complete
from weir.v1.generation_pb2 import FinishReason
from weir_server.fake_upstream import openai_wire as w

LOGPROBS = {
    "tokens": [" there", " was"],
    "token_logprobs": [-0.5, None],
    "top_logprobs": [{" there": -0.5, " lived": -1.5}, None],
    "text_offset": [0, 6],
}


def _completion(text: str, *, finish: str | None, logprobs: w.Json | None = None) -> w.Json:
    choice = {"text": text, "index": 0, "logprobs": logprobs, "finish_reason": finish}
    return {"id": "cmpl-1", "object": "text_completion", "model": "m-1", "choices": [choice]}


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
def test_a_completion(streamed: bool) -> None:
    """The older shape says its text beside the choice, streamed and whole alike."""
    usage = {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}
    if streamed:
        decoded = decode_stream(
            stream_of(
                _completion(" there", finish=None),
                _completion(" was", finish=None),
                _completion("", finish="length"),
                {**_completion("", finish=None), "choices": [], "usage": usage},
            ),
            request=completing(),
        )
    else:
        body = {**_completion(" there was", finish="length"), "usage": usage}
        decoded = decode_unary(json.dumps(body).encode(), request=completing())

    response = fold_complete(decoded.events, numbered=False)

    assert response.text == " there was"
    assert response.finish_reason == FinishReason.FINISH_REASON_MAX_TOKENS
    assert response.usage.total_tokens == 4
    assert response.metadata.model == "m-1"


def test_log_probabilities_of_a_completion() -> None:
    """Parallel lists become tokens; one without a value gets 0."""
    body = json.dumps(_completion(" there was", finish="stop", logprobs=LOGPROBS)).encode()

    response = fold_complete(decode_unary(body, request=completing()).events, numbered=False)

    assert [(t.token, t.logprob) for t in response.logprobs] == [(" there", -0.5), (" was", 0.0)]
    assert [(t.token, t.logprob) for t in response.logprobs[0].top_logprobs] == [
        (" there", -0.5),
        (" lived", -1.5),
    ]


def test_log_probabilities_in_the_shape_of_a_chat() -> None:
    """llama.cpp gives a completion's tokens the shape that a chat's have."""
    logprobs = {"content": [{"id": 655, **w.token_logprob(" there", -0.5, [(" there", -0.5)])}]}
    first = _completion(" there", finish=None, logprobs=logprobs)
    body = stream_of(first, _completion("", finish="stop"))

    response = fold_complete(decode_stream(body, request=completing()).events, numbered=False)

    assert response.text == " there"
    assert [(t.token, t.logprob) for t in response.logprobs] == [(" there", -0.5)]
