"""How does an OpenAI-like vendor say no? Error bodies for each class a gateway must tell apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.openai_wire import Json
from weir_server.fake_upstream.sending import HeaderPairs


def error_body(
    message: str,
    *,
    type_: str = "invalid_request_error",
    param: str | None = None,
    code: str | None = None,
) -> Json:
    """Return the error object of OpenAI's API, wrapped as it is sent."""
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorError:
    """One refusal: status, body and headers."""

    status: int
    body: Mapping[str, Any]
    headers: HeaderPairs = field(default=())

    def reply(self, *headers: tuple[str, str]) -> Reply:
        """Return a reply that says it, with these headers added."""
        return Reply(status=self.status, body=self.body, headers=(*self.headers, *headers))


BAD_REQUEST = VendorError(
    status=400,
    body=error_body(
        "Invalid value: 'wizard'. Supported values are: 'system', 'assistant', 'user'.",
        param="messages[0].role",
        code="invalid_value",
    ),
)
CONTEXT_TOO_LONG = VendorError(
    status=400,
    body=error_body(
        "This model's maximum context length is 128000 tokens. However, your messages resulted "
        "in 130012 tokens. Please reduce the length of the messages.",
        param="messages",
        code="context_length_exceeded",
    ),
)
CONTENT_BLOCKED = VendorError(
    status=400,
    body={
        "error": {
            "message": "The response was filtered due to the prompt triggering the content "
            "management policy.",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": {"violence": {"filtered": True, "severity": "medium"}},
            },
        }
    },
)
"""As Azure OpenAI refuses a prompt."""
UNPROCESSABLE = VendorError(
    status=422,
    body={"object": "error", "message": "Unprocessable input", "type": "BadRequest", "code": 422},
)
"""As vLLM-like servers answer: no `error` object around it, and a number for a code."""
BAD_KEY = VendorError(
    status=401,
    body=error_body(
        "Incorrect API key provided: sk-canar*********cret. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
        code="invalid_api_key",
    ),
)
FORBIDDEN = VendorError(
    status=403,
    body=error_body(
        "Country, region, or territory not supported",
        type_="request_forbidden",
        code="unsupported_country_region_territory",
    ),
)
PAYMENT_REQUIRED = VendorError(
    status=402,
    body=error_body("Insufficient Balance", type_="unknown_error", code="invalid_request_error"),
)
"""As DeepSeek answers an empty account."""
QUOTA_EXHAUSTED = VendorError(
    status=429,
    body=error_body(
        "You exceeded your current quota, please check your plan and billing details.",
        type_="insufficient_quota",
        code="insufficient_quota",
    ),
)
MODEL_NOT_FOUND = VendorError(
    status=404,
    body=error_body(
        "The model `gpt-404` does not exist or you do not have access to it.",
        code="model_not_found",
    ),
)
REQUEST_TIMEOUT = VendorError(
    status=408, body=error_body("Request timed out.", type_="timeout", code=None)
)
CONFLICT = VendorError(
    status=409, body=error_body("The resource is being modified.", type_="conflict_error")
)
TOO_LARGE = VendorError(
    status=413,
    body=error_body("Request too large. Maximum size is 25 MB.", code="request_too_large"),
)
RATE_LIMITED = VendorError(
    status=429,
    body=error_body(
        "Rate limit reached for gpt-4.1-mini in organization org-fake on requests per min (RPM): "
        "Limit 3, Used 3, Requested 1. Please try again in 20s.",
        type_="requests",
        code="rate_limit_exceeded",
    ),
)
SERVER_ERROR = VendorError(
    status=500,
    body=error_body(
        "The server had an error while processing your request. Sorry about that!",
        type_="server_error",
    ),
)
BAD_GATEWAY = VendorError(status=502, body=error_body("Bad gateway", type_="server_error"))
UNAVAILABLE = VendorError(
    status=503,
    body=error_body("The service is temporarily unavailable.", type_="server_error"),
)
GATEWAY_TIMEOUT = VendorError(
    status=504, body=error_body("Upstream timed out.", type_="server_error")
)
OVERLOADED = VendorError(
    status=529,
    body=error_body("Overloaded", type_="overloaded_error", code="overloaded"),
)
ENGINE_OVERLOADED = VendorError(
    status=503,
    body=error_body(
        "The engine is currently overloaded, please try again later.",
        type_="server_error",
        code="engine_overloaded",
    ),
)
OPENROUTER_ERROR = VendorError(
    status=502,
    body={
        "error": {
            "message": "Provider returned error",
            "code": 502,
            "metadata": {"provider_name": "Fake", "raw": "upstream exploded"},
        },
        "user_id": "user_fake",
    },
)
"""As OpenRouter wraps another provider's failure: the code is a number."""
