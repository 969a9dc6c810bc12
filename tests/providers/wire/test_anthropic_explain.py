"""What does a refusal of Anthropic mean, and how long does it ask to wait?"""

import json

import pytest

from weir_server.core.errors import UpstreamError
from weir_server.providers.wire.anthropic.wire import AnthropicWire

DATE = "Wed, 25 Nov 2026 10:00:00 GMT"

INVALID = "invalid_request_error"
LIMITED = "rate_limit_error"
SPENT = "UPSTREAM_QUOTA_EXHAUSTED"
REJECTED = "UPSTREAM_REJECTED_REQUEST"
TOO_LONG = "CONTEXT_LENGTH_EXCEEDED"

CASES: list[tuple[int, str, str, str, str]] = [
    # status, type, code of its details, text, reason
    (400, INVALID, "", "messages: roles must alternate", REJECTED),
    (400, INVALID, "image_dimensions_too_large", "", REJECTED),
    (400, INVALID, "", "prompt is too long: 208310 tokens > 200000 maximum", TOO_LONG),
    (
        400,
        INVALID,
        "",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        TOO_LONG,
    ),
    (400, INVALID, "", "Your credit balance is too low to access the Anthropic API.", SPENT),
    (400, INVALID, "", "You have reached your specified API usage limits.", SPENT),
    (400, INVALID, "organization_on_hold", "", "UPSTREAM_CREDENTIALS_REJECTED"),
    (400, INVALID, "", "This organization has been disabled.", "UPSTREAM_CREDENTIALS_REJECTED"),
    (400, INVALID, "", "Unable to download the file. Check the URL.", "MEDIA_FETCH_FAILED"),
    (400, INVALID, "", "This URL is disallowed by robots.txt", "MEDIA_FETCH_FAILED"),
    (401, "authentication_error", "", "invalid x-api-key", "UPSTREAM_CREDENTIALS_REJECTED"),
    (402, "billing_error", "", "", SPENT),
    (402, "billing_error", "linked_organization_spend_limit_reached", "", SPENT),
    (403, "permission_error", "", "", "UPSTREAM_CREDENTIALS_REJECTED"),
    (404, "not_found_error", "", "model: claude-1", "UPSTREAM_MODEL_NOT_FOUND"),
    (404, "not_found_error", "", "File not found: file_1", REJECTED),
    (409, "conflict_error", "", "", "UPSTREAM_CONFLICT"),
    (413, "request_too_large", "", "", "REQUEST_TOO_LARGE"),
    (429, LIMITED, "", "", "UPSTREAM_RATE_LIMITED"),
    (
        429,
        LIMITED,
        "",
        "It would exceed your rate limit; see usage limits",
        "UPSTREAM_RATE_LIMITED",
    ),
    (429, LIMITED, "ramp_limit_exceeded", "", "UPSTREAM_RATE_LIMITED"),
    (429, LIMITED, "enforced_spend_limit_reached", "", SPENT),
    (429, LIMITED, "contract_spend_limit_reached", "", SPENT),
    (500, "api_error", "", "", "UPSTREAM_ERROR"),
    (504, "timeout_error", "", "", "UPSTREAM_TIMEOUT"),
    (529, "overloaded_error", "", "Overloaded", "UPSTREAM_OVERLOADED"),
    (503, "overloaded_error", "", "", "UPSTREAM_OVERLOADED"),
    # llama.cpp's own
    (400, "exceed_context_size_error", "", "", TOO_LONG),
    (501, "not_supported_error", "", "", REJECTED),
    (422, "", "", "", REJECTED),
    (503, "", "", "", "UPSTREAM_ERROR"),
]


def explained(
    status: int, kind: str = "", code: str = "", text: str = "", **headers: str
) -> UpstreamError:
    """Return what an answer means, whose body is the vendor's."""
    error = {"type": kind, "message": text, **({"details": {"error_code": code}} if code else {})}
    body = json.dumps({"type": "error", "error": error, "request_id": "req_1"}).encode()
    lower = {name.replace("_", "-"): value for name, value in headers.items()}
    failure = AnthropicWire().explain(status, lower, body)
    assert isinstance(failure, UpstreamError)
    return failure


@pytest.mark.parametrize(("status", "kind", "code", "text", "reason"), CASES)
def test_a_refusal_has_its_reason(
    status: int, kind: str, code: str, text: str, reason: str
) -> None:
    """By status first, by type and code next, by text last."""
    assert explained(status, kind, code, text).name() == reason


@pytest.mark.parametrize(
    "text",
    [
        "prompt is too long: 208310 tokens > 200000 maximum",
        "request (208310 tokens) exceeds the available context size (200000 tokens), try more",
    ],
)
def test_a_prompt_that_is_too_long_says_by_how_much(text: str) -> None:
    """In the vendor's words, and in llama.cpp's."""
    failure = explained(400, "exceed_context_size_error", text=text)
    assert failure.metadata == {
        "httpStatus": "400",
        "promptTokens": "208310",
        "maxTokens": "200000",
    }


@pytest.mark.parametrize(("status", "cause"), [(302, "redirect"), (204, "malformed")])
def test_a_status_that_is_no_refusal(status: int, cause: str) -> None:
    """Nobody who speaks this protocol answers so."""
    failure = explained(status)
    assert failure.name() == "UPSTREAM_PROTOCOL_ERROR"
    assert failure.metadata["cause"] == cause


def at(second: int) -> str:
    """Return a moment within the minute of DATE, as the vendor writes it."""
    return f"2026-11-25T10:00:{second:02}Z"


WAITS: dict[str, tuple[dict[str, str], float | None]] = {
    "as asked": ({"retry_after": "7", "date": DATE}, 7.0),
    "as asked, before a reset": (
        {"retry_after": "7", "date": DATE, "anthropic_ratelimit_requests_reset": at(30)},
        7.0,
    ),
    "until the spent limit is whole": (
        {
            "date": DATE,
            "anthropic_ratelimit_requests_remaining": "12",
            "anthropic_ratelimit_requests_reset": at(55),
            "anthropic_ratelimit_output_tokens_remaining": "0",
            "anthropic_ratelimit_output_tokens_reset": at(20),
        },
        20.0,
    ),
    "until the last of two": (
        {
            "date": DATE,
            "anthropic_ratelimit_input_tokens_reset": at(5),
            "anthropic_ratelimit_tokens_reset": "2026-11-25T11:00:09+01:00",
        },
        9.0,
    ),
    "none is spent": (
        {
            "date": DATE,
            "anthropic_ratelimit_requests_remaining": "12",
            "anthropic_ratelimit_requests_reset": at(55),
        },
        None,
    ),
    "it has passed": (
        {"date": DATE, "anthropic_ratelimit_tokens_reset": "2026-11-25T09:00:00Z"},
        0.0,
    ),
    "longer than any vendor": (
        {"date": DATE, "anthropic_ratelimit_tokens_reset": "2027-11-25T09:00:00Z"},
        300.0,
    ),
    "no date to compare with": ({"anthropic_ratelimit_tokens_reset": at(5)}, None),
    "a date of nonsense": ({"date": "soon", "anthropic_ratelimit_tokens_reset": at(5)}, None),
    "a reset of nonsense": ({"date": DATE, "anthropic_ratelimit_tokens_reset": "soon"}, None),
}


@pytest.mark.parametrize("name", WAITS)
def test_how_long_to_wait(name: str) -> None:
    """By `retry-after`, else by the limits that are spent, without a clock of Weir's own."""
    headers, expected = WAITS[name]
    assert explained(429, LIMITED, **headers).retry_after_s == expected


def test_no_wait_where_waiting_does_not_help() -> None:
    """A spent budget is not whole again in seconds, and a bad request never is a good one."""
    for failure in (
        explained(429, LIMITED, "enforced_spend_limit_reached", retry_after="7"),
        explained(400, INVALID, retry_after="7"),
    ):
        assert failure.retry_after_s is None
