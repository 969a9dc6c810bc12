"""What do Cohere's refusals mean? Its documented statuses and messages, one row each."""

import json

import pytest

from weir_server.core import errors as e
from weir_server.providers.wire.cohere.wire import CohereWire

ROWS: list[tuple[int, str, type[e.UpstreamError]]] = [
    (400, "invalid request: valid input_type must be provided", e.UpstreamRejectedRequest),
    (400, "too many tokens: size limit exceeded by 11326 tokens.", e.UpstreamContextLengthExceeded),
    (
        400,
        "too many tokens: max tokens must be less than or equal to 4096 - received 8192.",
        e.UpstreamRejectedRequest,
    ),
    (400, "invalid api token", e.UpstreamCredentialsRejected),
    (401, "no api key supplied", e.UpstreamCredentialsRejected),
    (402, "Please add or update your payment method", e.UpstreamQuotaExhausted),
    (404, "model 'command' was removed on September 15, 2025", e.UpstreamModelNotFound),
    (422, "unprocessable", e.UpstreamRejectedRequest),
    (429, "You are past the per minute request limit, please wait", e.UpstreamRateLimited),
    (
        429,
        "trial token rate limit exceeded, limit is 100000 tokens per minute",
        e.UpstreamRateLimited,
    ),
    (429, "Please upgrade: limited to 1000 API calls per month", e.UpstreamQuotaExhausted),
    (498, "blocked", e.UpstreamRejectedRequest),
    (499, "request cancelled", e.UpstreamError),
    (500, "internal server error", e.UpstreamError),
    (501, "not implemented", e.UpstreamRejectedRequest),
    (502, "too many users", e.UpstreamOverloaded),
    (504, "gateway timeout", e.UpstreamTimeout),
    (302, "elsewhere", e.UpstreamProtocolError),
]


@pytest.mark.parametrize(("status", "message", "kind"), ROWS)
def test_a_refusal_has_its_reason(status: int, message: str, kind: type[e.UpstreamError]) -> None:
    """By status first, by text last."""
    for body in ({"message": message}, {"data": message}, {"error": {"message": message}}):
        assert type(CohereWire().explain(status, {}, json.dumps(body).encode())) is kind


def test_a_prompt_too_long_is_told_by_how_much() -> None:
    """The numbers are the vendor's, the words are not."""
    message = (
        "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292"
    )
    error = CohereWire().explain(400, {}, json.dumps({"message": message}).encode())
    assert error.metadata["maxTokens"] == "4081"
    assert error.metadata["promptTokens"] == "4292"


@pytest.mark.parametrize(("status", "wait_s"), [(429, 3.0), (503, 3.0), (499, 3.0), (400, None)])
def test_a_wait_is_told_where_waiting_helps(status: int, wait_s: float | None) -> None:
    """`Retry-After` of a refusal that may pass."""
    error = CohereWire().explain(status, {"retry-after": "3"}, b"{}")
    assert error.retry_after_s == wait_s
