"""What do Ollama's refusals mean? Its documented statuses and its server's messages, row by row."""

import json

import pytest

from weir_server.core import errors as e
from weir_server.providers.wire.ollama.wire import OllamaWire

ROWS: list[tuple[int, str, type[e.UpstreamError]]] = [
    (400, '"llama3" does not support thinking', e.UpstreamRejectedRequest),
    (400, "model is required", e.UpstreamRejectedRequest),
    (400, "the input length exceeds the context length", e.UpstreamContextLengthExceeded),
    (
        500,
        "the request exceeds the available context size, try increasing it",
        e.UpstreamContextLengthExceeded,
    ),
    (403, "this model requires a subscription, upgrade for access", e.UpstreamQuotaExhausted),
    (404, 'model "llama9" not found, try pulling it first', e.UpstreamModelNotFound),
    (429, "you've reached your hourly usage limit, please wait", e.UpstreamQuotaExhausted),
    (499, "request canceled", e.UpstreamError),
    (500, "model requires more system memory (8 GiB) than is available", e.UpstreamError),
    (500, "image input is not supported", e.UpstreamRejectedRequest),
    (500, "server busy, please try again.", e.UpstreamOverloaded),
    (502, "cloud model cannot be reached", e.UpstreamError),
    (504, "gateway timeout", e.UpstreamTimeout),
    (301, "elsewhere", e.UpstreamProtocolError),
]


@pytest.mark.parametrize(("status", "message", "kind"), ROWS)
def test_a_refusal_has_its_reason(status: int, message: str, kind: type[e.UpstreamError]) -> None:
    """By status first, by text last, as deep as a proxy may have put it."""
    for body in ({"error": message}, {"error": {"message": message}}, {"message": message}):
        assert type(OllamaWire().explain(status, {}, json.dumps(body).encode())) is kind


@pytest.mark.parametrize(("status", "wait_s"), [(429, 3.0), (503, 3.0), (500, 3.0), (404, None)])
def test_a_wait_is_told_where_waiting_helps(status: int, wait_s: float | None) -> None:
    """`Retry-After` of a refusal that may pass."""
    error = OllamaWire().explain(status, {"retry-after": "3"}, b'{"error":"no"}')
    assert error.retry_after_s == wait_s
