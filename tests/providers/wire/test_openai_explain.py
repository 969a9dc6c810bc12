"""What does a refusal mean? Each status, each vendor's way to say it, as one of our errors."""

import json

import pytest

from weir_server.core.errors import UpstreamError
from weir_server.fake_upstream import openai_errors as vendor
from weir_server.providers.wire.openai.wire import OpenAIWire


def explain(
    status: int, body: object = b"", headers: dict[str, str] | None = None
) -> UpstreamError:
    """Return what the wire format makes of an answer."""
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    error = OpenAIWire().explain(status, headers or {}, octets)
    assert isinstance(error, UpstreamError)
    return error


def said(message: str = "", **fields: object) -> dict[str, object]:
    """Return an error body in OpenAI's form."""
    return {"error": {"message": message, **fields}}


VENDOR_ERRORS: dict[str, tuple[vendor.VendorError, str]] = {
    "bad request": (vendor.BAD_REQUEST, "UPSTREAM_REJECTED_REQUEST"),
    "context too long": (vendor.CONTEXT_TOO_LONG, "CONTEXT_LENGTH_EXCEEDED"),
    "content blocked": (vendor.CONTENT_BLOCKED, "UPSTREAM_REJECTED_REQUEST"),
    "unprocessable": (vendor.UNPROCESSABLE, "UPSTREAM_REJECTED_REQUEST"),
    "bad key": (vendor.BAD_KEY, "UPSTREAM_CREDENTIALS_REJECTED"),
    "forbidden": (vendor.FORBIDDEN, "UPSTREAM_CREDENTIALS_REJECTED"),
    "payment required": (vendor.PAYMENT_REQUIRED, "UPSTREAM_QUOTA_EXHAUSTED"),
    "quota exhausted": (vendor.QUOTA_EXHAUSTED, "UPSTREAM_QUOTA_EXHAUSTED"),
    "model not found": (vendor.MODEL_NOT_FOUND, "UPSTREAM_MODEL_NOT_FOUND"),
    "request timeout": (vendor.REQUEST_TIMEOUT, "UPSTREAM_TIMEOUT"),
    "conflict": (vendor.CONFLICT, "UPSTREAM_CONFLICT"),
    "too large": (vendor.TOO_LARGE, "REQUEST_TOO_LARGE"),
    "rate limited": (vendor.RATE_LIMITED, "UPSTREAM_RATE_LIMITED"),
    "server error": (vendor.SERVER_ERROR, "UPSTREAM_ERROR"),
    "bad gateway": (vendor.BAD_GATEWAY, "UPSTREAM_ERROR"),
    "unavailable": (vendor.UNAVAILABLE, "UPSTREAM_ERROR"),
    "gateway timeout": (vendor.GATEWAY_TIMEOUT, "UPSTREAM_ERROR"),
    "overloaded": (vendor.OVERLOADED, "UPSTREAM_OVERLOADED"),
    "engine overloaded": (vendor.ENGINE_OVERLOADED, "UPSTREAM_OVERLOADED"),
    "wrapped failure": (vendor.OPENROUTER_ERROR, "UPSTREAM_ERROR"),
}


@pytest.mark.parametrize("case", VENDOR_ERRORS)
def test_what_vendors_answer(case: str) -> None:
    """Each known refusal has its reason, and tells its status."""
    answer, reason = VENDOR_ERRORS[case]

    error = explain(answer.status, answer.body)

    assert error.name() == reason
    assert error.metadata["httpStatus"] == str(answer.status)


STATUSES = {
    204: "UPSTREAM_PROTOCOL_ERROR",
    206: "UPSTREAM_PROTOCOL_ERROR",
    301: "UPSTREAM_PROTOCOL_ERROR",
    308: "UPSTREAM_PROTOCOL_ERROR",
    400: "UPSTREAM_REJECTED_REQUEST",
    401: "UPSTREAM_CREDENTIALS_REJECTED",
    402: "UPSTREAM_QUOTA_EXHAUSTED",
    403: "UPSTREAM_CREDENTIALS_REJECTED",
    404: "UPSTREAM_MODEL_NOT_FOUND",
    405: "UPSTREAM_REJECTED_REQUEST",
    408: "UPSTREAM_TIMEOUT",
    409: "UPSTREAM_CONFLICT",
    413: "REQUEST_TOO_LARGE",
    418: "UPSTREAM_REJECTED_REQUEST",
    422: "UPSTREAM_REJECTED_REQUEST",
    429: "UPSTREAM_RATE_LIMITED",
    500: "UPSTREAM_ERROR",
    502: "UPSTREAM_ERROR",
    503: "UPSTREAM_ERROR",
    504: "UPSTREAM_ERROR",
    520: "UPSTREAM_ERROR",
    529: "UPSTREAM_OVERLOADED",
    600: "UPSTREAM_PROTOCOL_ERROR",
}
BODIES = {
    "nothing": b"",
    "a page": b"<html><body>Bad gateway</body></html>",
    "no object": b"[1, 2]",
    "an empty object": b"{}",
    "error of null": b'{"error": null}',
    "not UTF-8": b'{"error": "\xff"}',
    "deep": b"[" * 100_000,
    "large": b'{"error":{"code":"insufficient_quota","message":"' + b"x" * 70_000 + b'"}}',
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("status", STATUSES)
def test_the_status_alone(status: int, body: str) -> None:
    """Where the body tells nothing, the status does, whatever the body is."""
    assert explain(status, BODIES[body]).name() == STATUSES[status]


@pytest.mark.parametrize("status", range(300, 400))
def test_every_redirect_is_a_protocol_error(status: int) -> None:
    """Weir follows none and says so."""
    assert explain(status).metadata == {"httpStatus": str(status), "cause": "redirect"}


CODES: dict[str, tuple[int, dict[str, object], str]] = {
    "context": (400, said(code="context_length_exceeded"), "CONTEXT_LENGTH_EXCEEDED"),
    "context of llama.cpp": (
        400,
        said(code=400, type="exceed_context_size_error"),
        "CONTEXT_LENGTH_EXCEEDED",
    ),
    "what llama.cpp was not started for": (
        501,
        said("This server does not support embeddings.", code=501, type="not_supported_error"),
        "UPSTREAM_REJECTED_REQUEST",
    ),
    "an image that llama.cpp cannot see": (
        500,
        said("image input is not supported - hint: provide the mmproj", type="server_error"),
        "UPSTREAM_REJECTED_REQUEST",
    ),
    "context by its text": (
        400,
        said("This model's maximum context length is 4096 tokens."),
        "CONTEXT_LENGTH_EXCEEDED",
    ),
    "quota as a type": (429, said(type="insufficient_quota"), "UPSTREAM_QUOTA_EXHAUSTED"),
    "billing": (400, said(code="billing_hard_limit_reached"), "UPSTREAM_QUOTA_EXHAUSTED"),
    "xAI's filter": (
        403,
        {
            "code": "The caller does not have permission to execute the specified operation",
            "error": "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO",
        },
        "UPSTREAM_REJECTED_REQUEST",
    ),
    "OpenRouter's filter": (
        403,
        said("meta/llama requires moderation on Groq. Your input was flagged", code=403),
        "UPSTREAM_REJECTED_REQUEST",
    ),
    "a filter by its code": (
        403,
        said(code="content_policy_violation"),
        "UPSTREAM_REJECTED_REQUEST",
    ),
    "billing as forbidden": (403, said(code="billing_not_active"), "UPSTREAM_QUOTA_EXHAUSTED"),
    "quota by its text": (
        429,
        said("You exceeded your current quota, please check your plan."),
        "UPSTREAM_QUOTA_EXHAUSTED",
    ),
    "key of Gemini": (
        400,
        said("API key not valid. Please pass a valid API key.", status="INVALID_ARGUMENT"),
        "UPSTREAM_CREDENTIALS_REJECTED",
    ),
    "model": (400, said(code="model_not_found"), "UPSTREAM_MODEL_NOT_FOUND"),
    "deployment of Azure": (404, said(code="DeploymentNotFound"), "UPSTREAM_MODEL_NOT_FOUND"),
    "overloaded by its text": (
        503,
        said("That model is currently overloaded with other requests."),
        "UPSTREAM_OVERLOADED",
    ),
    "the word in a bad request is no overload": (
        400,
        said("The operator is overloaded in line 3"),
        "UPSTREAM_REJECTED_REQUEST",
    ),
    "image by its code": (400, said(code="invalid_image_url"), "MEDIA_FETCH_FAILED"),
    "image by its text": (
        400,
        said("Error while downloading image: failed to download image from the URL."),
        "MEDIA_FETCH_FAILED",
    ),
    "capacity of Groq": (498, said(), "UPSTREAM_OVERLOADED"),
    "the status wins over a general type": (
        500,
        said(type="invalid_request_error"),
        "UPSTREAM_ERROR",
    ),
    "a text for an error": (400, {"error": "no"}, "UPSTREAM_REJECTED_REQUEST"),
    "a detail": (422, {"detail": [{"msg": "field required"}]}, "UPSTREAM_REJECTED_REQUEST"),
}


@pytest.mark.parametrize("case", CODES)
def test_codes_and_texts(case: str) -> None:
    """A code says more than the status; a text is the last to be asked."""
    status, body, reason = CODES[case]

    assert explain(status, body).name() == reason


def test_an_error_in_a_list() -> None:
    """Gemini's compatible endpoint wraps its error in a list."""
    body = [said(code=429, status="RESOURCE_EXHAUSTED")]

    assert explain(429, body).name() == "UPSTREAM_RATE_LIMITED"


LONG_PROMPTS: dict[str, dict[str, object]] = {
    "OpenAI": said(
        "This model's maximum context length is 4096 tokens. However, your messages resulted in "
        "9031 tokens.",
        code="context_length_exceeded",
    ),
    "vLLM": said(
        "This model's maximum context length is 4096 tokens. However, you requested 9031 tokens "
        "(9026 in the messages, 5 in the completion).",
        type="BadRequestError",
    ),
    "llama.cpp": said(
        "request (9031 tokens) exceeds the available context size (4096 tokens), try increasing it",
        type="exceed_context_size_error",
    ),
}


@pytest.mark.parametrize("case", LONG_PROMPTS)
def test_the_numbers_of_a_long_prompt_are_told(case: str) -> None:
    """The caller learns by how much the prompt is too long."""
    error = explain(400, LONG_PROMPTS[case])

    assert error.name() == "CONTEXT_LENGTH_EXCEEDED"
    assert error.metadata == {"httpStatus": "400", "maxTokens": "4096", "promptTokens": "9031"}


@pytest.mark.parametrize("case", VENDOR_ERRORS)
def test_no_text_of_the_vendor_escapes(case: str) -> None:
    """Neither a key that a vendor quotes nor any other of its words is in the error."""
    answer, _ = VENDOR_ERRORS[case]
    error = explain(answer.status, answer.body)

    shown = f"{error} {error!r} {sorted(error.metadata.items())} {error.violations}"

    for word in ("sk-", "org-", "platform", "quota,", "exploded", "Sorry"):
        assert word not in shown
    assert set(error.metadata) <= {"httpStatus", "maxTokens", "promptTokens"}


WAITS = {
    429: 20.0,
    500: 20.0,
    503: 20.0,
    529: 20.0,
    408: 20.0,
    409: 20.0,
    400: None,
    401: None,
    402: None,
    404: None,
}


@pytest.mark.parametrize("status", WAITS)
def test_a_wait_is_told_where_waiting_helps(status: int) -> None:
    """Nobody is told to wait for a request that will never be good."""
    assert explain(status, headers={"retry-after": "20"}).retry_after_s == WAITS[status]


def test_an_exhausted_quota_is_not_waited_for() -> None:
    """The vendor's wait is for rate limits; credit does not come back by itself."""
    answer = vendor.QUOTA_EXHAUSTED

    assert explain(answer.status, answer.body, {"retry-after": "1"}).retry_after_s is None
