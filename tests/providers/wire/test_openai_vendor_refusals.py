"""Is each vendor's documented refusal told by its reason, and not by its status alone?"""

import json

import pytest

from weir_server.core.errors import UpstreamError
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.openai.errors import explain_said
from weir_server.providers.wire.openai.wire import OpenAIWire

CONTEXT = "CONTEXT_LENGTH_EXCEEDED"
CREDENTIALS = "UPSTREAM_CREDENTIALS_REJECTED"
MODEL = "UPSTREAM_MODEL_NOT_FOUND"
OVERLOADED = "UPSTREAM_OVERLOADED"
QUOTA = "UPSTREAM_QUOTA_EXHAUSTED"
RATE = "UPSTREAM_RATE_LIMITED"
REJECTED = "UPSTREAM_REJECTED_REQUEST"


def said(message: str = "", **fields: object) -> dict[str, object]:
    """Return an error body in OpenAI's form."""
    return {"error": {"message": message, **fields}}


def too_long(path: str, length: int = 64) -> dict[str, object]:
    """Return OpenAI's refusal of a text that is too long, wherever it stands."""
    message = (
        f"Invalid '{path}': string too long. Expected a string with maximum length {length}, but "
        f"got a string with length {length + 1} instead."
    )
    return said(message, type="invalid_request_error", code="string_above_max_length")


TGI_TOO_LONG = (
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 "
    "`inputs` tokens and 20 `max_new_tokens`"
)
XAI_INVALID = "Client specified an invalid argument"
XAI_FORBIDDEN = "The caller does not have permission to execute the specified operation"
SUSPENDED = "Your account is suspended, please check your plan and billing details"
ARREARS = "Access denied, please make sure your account is in good standing."

REFUSALS: dict[str, tuple[str, int, object, str]] = {
    "moonshot, quota": (
        "moonshot",
        429,
        said(SUSPENDED, type="exceeded_current_quota_error"),
        QUOTA,
    ),
    "moonshot, overloaded": (
        "moonshot",
        429,
        said("The engine is currently overloaded", type="engine_overloaded_error"),
        OVERLOADED,
    ),
    "moonshot, rate": ("moonshot", 429, said(type="rate_limit_reached_error"), RATE),
    "moonshot, context": (
        "moonshot",
        400,
        said(
            "Invalid request: Your request exceeded model token limit: 8192",
            type="invalid_request_error",
        ),
        CONTEXT,
    ),
    "qwen, arrears as forbidden": ("qwen", 403, said(ARREARS, code="Arrearage"), QUOTA),
    "qwen, arrears as bad request": ("qwen", 400, said(ARREARS, code="Arrearage"), QUOTA),
    "qwen, free tier": (
        "qwen",
        403,
        said("The free tier is exhausted.", code="AllocationQuota.FreeTierOnly"),
        QUOTA,
    ),
    "qwen, context": (
        "qwen",
        400,
        said("Range of input length should be [1, 30720]", code="invalid_parameter_error"),
        CONTEXT,
    ),
    "qwen, rate": ("qwen", 429, said("too many", code="limit_requests"), RATE),
    "zhipu, arrears": ("zhipu", 429, said("您的账户已欠费", code="1113"), QUOTA),
    "zhipu, context": ("zhipu", 400, said("Prompt 超长", code="1261"), CONTEXT),
    "zhipu, model": ("zhipu", 400, said("模型不存在", code="1211"), MODEL),
    "zhipu, daily limit": ("zhipu", 429, said(code="1304"), QUOTA),
    "zhipu, model overloaded": ("zhipu", 429, said(code="1312"), OVERLOADED),
    "zhipu, rate": ("zhipu", 429, said(code="1302"), RATE),
    "zai, arrears": ("zai", 429, said("Insufficient balance", code="1113"), QUOTA),
    "its code from another vendor": ("mistral", 400, said(code="1113"), REJECTED),
    "xai, key": (
        "xai",
        400,
        {"code": XAI_INVALID, "error": "Incorrect API key provided: xa***."},
        CREDENTIALS,
    ),
    "xai, context": (
        "xai",
        400,
        {
            "code": XAI_INVALID,
            "error": "This model's maximum prompt length is 131072 but the request contains "
            "154000 tokens.",
        },
        CONTEXT,
    ),
    "xai, another bad argument": ("xai", 400, {"code": XAI_INVALID, "error": "no"}, REJECTED),
    "xai, no credits": (
        "xai",
        403,
        {"code": XAI_FORBIDDEN, "error": "Your newly created team doesn't have any credits yet."},
        QUOTA,
    ),
    "xai, forbidden": ("xai", 403, {"code": XAI_FORBIDDEN, "error": "no"}, CREDENTIALS),
    "xai, credits are spent": (
        "xai",
        429,
        {"code": XAI_INVALID, "error": "Your team has used all available credits or reached its"},
        QUOTA,
    ),
    "tgi, context": ("tgi", 422, {"error": TGI_TOO_LONG, "error_type": "validation"}, CONTEXT),
    "tgi, another": ("tgi", 422, {"error": "no", "error_type": "validation"}, REJECTED),
    "tgi, overloaded": (
        "tgi",
        429,
        {"error": "Model is overloaded", "error_type": "overloaded"},
        OVERLOADED,
    ),
    "together, context": (
        "together",
        422,
        said(TGI_TOO_LONG, type="invalid_request_error"),
        CONTEXT,
    ),
    "llama.cpp, loading": (
        "llama-cpp",
        503,
        said("Loading model", code=503, type="unavailable_error"),
        OVERLOADED,
    ),
    "openrouter, the key's limit": (
        "openrouter",
        403,
        said("Key limit exceeded (total limit). Manage it in the settings.", code=403),
        QUOTA,
    ),
    "openrouter, flagged": ("openrouter", 403, said("Input flagged", code=403), REJECTED),
    "openai, a message": ("openai", 400, too_long("messages[1].content", 1048576), CONTEXT),
    "openai, a piece of it": (
        "openai",
        400,
        too_long("messages[1].content[0].text", 1048576),
        CONTEXT,
    ),
    "openai, input": ("openai", 400, too_long("input", 10485760), CONTEXT),
    "openai, input's text": ("openai", 400, too_long("input[3].content[0].text"), CONTEXT),
    "openai, instructions": ("openai", 400, too_long("instructions", 1048576), CONTEXT),
    "openai, the user": ("openai", 400, too_long("user"), REJECTED),
    "openai, the id of a call": (
        "openai",
        400,
        too_long("messages[2].tool_calls[0].id", 40),
        REJECTED,
    ),
    "openai, an id of input": ("openai", 400, too_long("input[3].id"), REJECTED),
    "openai, a tool": ("openai", 400, too_long("tools[0].function.description", 1024), REJECTED),
}


def explain(vendor: str, status: int, body: object) -> UpstreamError:
    """Return what a vendor's refusal means."""
    wire = OpenAIWire(VENDORS[vendor].quirks)
    error = wire.explain(status, {}, json.dumps(body).encode())
    assert isinstance(error, UpstreamError)
    return error


@pytest.mark.parametrize("case", REFUSALS)
def test_a_vendors_refusal(case: str) -> None:
    """Its code or its words tell the reason."""
    vendor, status, body, reason = REFUSALS[case]

    assert explain(vendor, status, body).name() == reason


@pytest.mark.parametrize(
    ("case", "numbers"),
    [("xai, context", ("131072", "154000")), ("tgi, context", ("4096", "5000"))],
)
def test_by_how_much_a_prompt_is_too_long(case: str, numbers: tuple[str, str]) -> None:
    """The caller learns it where the vendor tells it."""
    vendor, status, body, _ = REFUSALS[case]

    told = explain(vendor, status, body).metadata

    assert (told["maxTokens"], told["promptTokens"]) == numbers


def test_a_vendors_own_code_within_an_answer() -> None:
    """It means the same as with a status of its own."""
    own = VENDORS["zhipu"].quirks.refusal_codes

    assert explain_said(said(code="1113"), own=own).name() == QUOTA


def test_tgi_refuses_within_a_stream() -> None:
    """Text and type stand beside each other there too."""
    assert explain_said({"error": "no", "error_type": "validation"}).name() == REJECTED
    assert explain_said({"error": TGI_TOO_LONG, "error_type": "validation"}).name() == CONTEXT
