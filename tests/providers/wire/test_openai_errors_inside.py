"""What does an error mean that comes under a good status?"""

import json

import pytest

from tests.providers.wire.samples import (
    CHUNKS,
    decode_stream,
    decode_unary,
    stream_of,
)
from weir_server.fake_upstream import openai_wire as w

LATER_ERRORS = {
    "error object": stream_of({"error": {"message": "boom", "type": "server_error"}}),
    "bare error of vLLM": stream_of({"object": "error", "message": "boom", "code": 500}),
    "error event": b'event: error\ndata: {"message":"boom"}\n\n',
    "error chunk of OpenRouter": stream_of(
        {**CHUNKS.finish("error"), "error": {"code": 502, "message": "gone"}}
    ),
    "bare error of a proxy": stream_of({"message": "Internal", "type": "server_error"}),
    "error of nothing": stream_of({"error": {}}),
    "error without words": stream_of({"error": ""}),
    "error beside choices": stream_of({**CHUNKS.content("b"), "error": {}}),
    "error beside choices of no list": stream_of({"error": {}, "choices": 3}),
    "error event that is no JSON": b"event: error\ndata: boom\n\n",
    "finish reason": stream_of(CHUNKS.finish("error")),
    "aborted": stream_of(CHUNKS.finish("abort")),
}


@pytest.mark.parametrize("case", LATER_ERRORS)
def test_an_error_after_output_breaks_the_stream(case: str) -> None:
    """It is never a good end, and not the class that the body names: output has begun."""
    decoded = decode_stream(stream_of(CHUNKS.content("a"), done=False), LATER_ERRORS[case])

    assert decoded.failure is not None
    assert decoded.failure.name() == "UPSTREAM_STREAM_BROKEN"
    assert decoded.failure.metadata == {"cause": "error_event"}


FIRST_ERRORS: dict[str, tuple[object, str]] = {
    "rate limit": (
        {"error": {"message": "slow down", "code": "rate_limit_exceeded"}},
        "UPSTREAM_RATE_LIMITED",
    ),
    "quota": ({"error": {"type": "insufficient_quota"}}, "UPSTREAM_QUOTA_EXHAUSTED"),
    "key": ({"error": {"code": "invalid_api_key"}}, "UPSTREAM_CREDENTIALS_REJECTED"),
    "status of OpenRouter": ({"error": {"code": 429}}, "UPSTREAM_RATE_LIMITED"),
    "status as text": ({"error": {"code": "402"}}, "UPSTREAM_QUOTA_EXHAUSTED"),
    "bare error of vLLM": (
        {"object": "error", "type": "BadRequestError", "code": 400, "message": "bad"},
        "UPSTREAM_REJECTED_REQUEST",
    ),
    "context": (
        {"object": "error", "code": 400, "message": "This model's maximum context length is 5."},
        "CONTEXT_LENGTH_EXCEEDED",
    ),
    "overloaded": ({"error": {"type": "overloaded_error"}}, "UPSTREAM_OVERLOADED"),
    "a text": ({"error": "something"}, "UPSTREAM_ERROR"),
    "an empty text": ({"error": ""}, "UPSTREAM_ERROR"),
    "an empty object": ({"error": {}}, "UPSTREAM_ERROR"),
    "an empty object beside choices": (
        {**w.chat_completion("Hi"), "error": {}},
        "UPSTREAM_ERROR",
    ),
    "bare error of a proxy": (
        {"message": "Internal", "type": "server_error", "code": 500},
        "UPSTREAM_ERROR",
    ),
    "bare error of a proxy that is full": (
        {"message": "Slow down", "code": 429},
        "UPSTREAM_RATE_LIMITED",
    ),
    "error of Gemini, in a list": (
        [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}],
        "UPSTREAM_RATE_LIMITED",
    ),
    "nothing known": ({"error": {"message": "boom"}}, "UPSTREAM_ERROR"),
}


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("case", FIRST_ERRORS)
def test_an_error_before_output_is_the_class_it_names(case: str, streamed: bool) -> None:
    """A good status with an error in it is as bad as the status that the error names."""
    said, reason = FIRST_ERRORS[case]
    body = json.dumps(said)

    decoded = decode_stream(stream_of(body)) if streamed else decode_unary(body.encode())

    assert decoded.failure is not None
    assert decoded.failure.name() == reason
    assert decoded.events == []


def test_a_role_before_an_error_is_not_output() -> None:
    """Nothing was said yet, so another target may still be asked."""
    decoded = decode_stream(stream_of(CHUNKS.role(), {"error": {"code": "rate_limit_exceeded"}}))

    assert decoded.failure is not None
    assert decoded.failure.name() == "UPSTREAM_RATE_LIMITED"
