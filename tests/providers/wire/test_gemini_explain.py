"""What do Google's refusals mean? The bodies that it documents, and those that people have met."""

import json
from typing import Any

import pytest

from weir_server.core.errors import (
    UpstreamConflict,
    UpstreamContextLengthExceeded,
    UpstreamCredentialsRejected,
    UpstreamError,
    UpstreamMediaFetchFailed,
    UpstreamOverloaded,
    UpstreamProtocolError,
    UpstreamQuotaExhausted,
    UpstreamRateLimited,
    UpstreamRejectedRequest,
    UpstreamTimeout,
)
from weir_server.providers.wire.gemini.errors import explain, explain_said


def body(code: int, status: str = "", text: str = "No.", *details: dict[str, Any]) -> Any:
    typed = [{**d, "@type": f"type.googleapis.com/google.rpc.{d['@type']}"} for d in details]
    return {"error": {"code": code, "message": text, "status": status, "details": typed}}


def explained(said: Any, **headers: str) -> UpstreamError:
    lower = {name.replace("_", "-"): value for name, value in headers.items()}
    code = said[0]["error"]["code"] if isinstance(said, list) else said["error"]["code"]
    return explain(code, lower, json.dumps(said).encode())


def quota(**violation: str) -> dict[str, Any]:
    return {"@type": "QuotaFailure", "violations": [violation]}


def retry(delay: str) -> dict[str, Any]:
    return {"@type": "RetryInfo", "retryDelay": delay}


def info(reason: str) -> dict[str, Any]:
    return {"@type": "ErrorInfo", "reason": reason, "domain": "googleapis.com"}


CASES: dict[str, tuple[Any, type[UpstreamError]]] = {
    "an expired key": (
        body(400, "INVALID_ARGUMENT", "API key expired."),
        UpstreamCredentialsRejected,
    ),
    "a key by its reason": (
        body(400, "INVALID_ARGUMENT", "Bad.", info("API_KEY_INVALID")),
        UpstreamCredentialsRejected,
    ),
    "no token": (body(401, "UNAUTHENTICATED"), UpstreamCredentialsRejected),
    "a service that is off": (
        body(403, "PERMISSION_DENIED", "Off.", info("SERVICE_DISABLED")),
        UpstreamCredentialsRejected,
    ),
    "billing that is off": (
        body(403, "PERMISSION_DENIED", "This API method requires it.", info("BILLING_DISABLED")),
        UpstreamQuotaExhausted,
    ),
    "a country without a free tier": (
        body(400, "FAILED_PRECONDITION", "Not available in your country. Please enable billing."),
        UpstreamQuotaExhausted,
    ),
    "a wrong country": (
        body(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
        UpstreamRejectedRequest,
    ),
    "a day's quota": (
        body(429, "RESOURCE_EXHAUSTED", "Quota.", quota(quotaId="XPerDayPerProject"), retry("7s")),
        UpstreamQuotaExhausted,
    ),
    "a quota of nothing": (
        body(429, "RESOURCE_EXHAUSTED", "Quota.", quota(quotaId="XPerMinute", quotaValue="0")),
        UpstreamQuotaExhausted,
    ),
    "credits that are gone": (
        body(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."),
        UpstreamQuotaExhausted,
    ),
    "a minute's quota": (
        body(429, "RESOURCE_EXHAUSTED", "Quota.", quota(quotaId="XPerMinutePerProject")),
        UpstreamRateLimited,
    ),
    "a shared quota of Vertex": (
        [body(429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later.")],
        UpstreamRateLimited,
    ),
    "a long prompt at Vertex": (
        body(
            400,
            "INVALID_ARGUMENT",
            "The input token count is 40000 but model only supports up to 32768. It exceeds the "
            "maximum number of tokens.",
        ),
        UpstreamContextLengthExceeded,
    ),
    "an address that cannot be read": (
        body(400, "INVALID_ARGUMENT", "Cannot fetch content from the provided URL."),
        UpstreamMediaFetchFailed,
    ),
    "a status of Vertex for addresses": (
        body(400, "INVALID_ARGUMENT", "URL_ERROR-ERROR_NOT_FOUND; status 404"),
        UpstreamMediaFetchFailed,
    ),
    "an abort": (body(409, "ABORTED"), UpstreamConflict),
    "a call that was given up": (body(499, "CANCELLED"), UpstreamError),
    "overload": (body(503, "UNAVAILABLE"), UpstreamOverloaded),
    "a late answer": (body(504, "DEADLINE_EXCEEDED"), UpstreamTimeout),
    "a method that is not there": (body(501, "UNIMPLEMENTED"), UpstreamError),
}


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_means(name: str) -> None:
    """By its status, its details, and its text last."""
    said, kind = CASES[name]
    assert type(explained(said)) is kind


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_within_an_answer_means_the_same(name: str) -> None:
    """The body tells the status that the answer does not."""
    said, kind = CASES[name]
    assert type(explain_said(said)) is kind


@pytest.mark.parametrize(
    ("delay", "wait_s"),
    [("7s", 7.0), ("0.250s", 0.25), ("99999s", 300.0), ("7", None), ("-1s", None), ("xs", None)],
)
def test_a_wait_is_read_from_the_details(delay: str, wait_s: float | None) -> None:
    """As protobuf writes durations."""
    said = body(429, "RESOURCE_EXHAUSTED", "Slow down.", retry(delay))
    assert explained(said).retry_after_s == wait_s


def test_a_header_goes_before_the_details() -> None:
    """It is nearer to the door."""
    said = body(503, "UNAVAILABLE", "Busy.", retry("7s"))
    assert explained(said, retry_after="2").retry_after_s == 2.0


def test_no_wait_is_told_where_waiting_does_not_help() -> None:
    """A day's quota comes with a delay of seconds."""
    said, _ = CASES["a day's quota"]
    assert explained(said).retry_after_s is None


def test_by_how_much_a_prompt_is_too_long() -> None:
    """The vendor's text has both numbers."""
    text = "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576)."
    error = explained(body(400, "INVALID_ARGUMENT", text))
    assert error.metadata == {
        "httpStatus": "400",
        "maxTokens": "1048576",
        "promptTokens": "1200293",
    }


@pytest.mark.parametrize("status", [100, 204, 302, 600])
def test_other_statuses_make_no_sense(status: int) -> None:
    """Neither an answer nor an error."""
    assert isinstance(explain(status, {}, b""), UpstreamProtocolError)


@pytest.mark.parametrize(
    "said",
    [
        None,
        "busy",
        {"error": "busy"},
        {"error": {"code": "429", "status": 7, "details": "x"}},
        {"error": {"details": [7, {"violations": 7}, {"violations": [7]}, {"reason": []}]}},
        [],
        [7],
    ],
)
def test_refusals_of_odd_shapes_are_errors(said: object) -> None:
    """Whatever they are made of."""
    assert type(explain_said(said)) is UpstreamError
    assert type(explain(500, {}, json.dumps(said).encode())) is UpstreamError


def test_a_huge_refusal_is_not_read() -> None:
    """Its status tells enough."""
    assert type(explain(400, {}, b" " * 100_000)) is UpstreamRejectedRequest
