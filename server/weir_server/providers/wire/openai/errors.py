"""What does a refusal mean? By status first, by the vendor's code next, by its text last.

Codes are those of OpenAI's guide "Error codes" and of servers like it (Azure, OpenRouter, vLLM,
Groq, DeepSeek, Gemini's compatible endpoint). No text of the vendor ends up in an error.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from weir_server.core.errors import (
    UpstreamContextLengthExceeded,
    UpstreamCredentialsRejected,
    UpstreamError,
    UpstreamMediaFetchFailed,
    UpstreamModelNotFound,
    UpstreamOverloaded,
    UpstreamQuotaExhausted,
    UpstreamRejectedRequest,
    UpstreamRequestTooLarge,
)
from weir_server.providers.wire.refusals import Rules, Words, no_refusal, read_refusal, told
from weir_server.providers.wire.retry_after import retry_after_s

_SPECIFIC: Mapping[str, type[UpstreamError]] = {
    "context_length_exceeded": UpstreamContextLengthExceeded,
    "context_window_exceeded": UpstreamContextLengthExceeded,
    "exceed_context_size_error": UpstreamContextLengthExceeded,  # llama.cpp
    "string_above_max_length": UpstreamContextLengthExceeded,
    "insufficient_quota": UpstreamQuotaExhausted,
    "insufficient_credits": UpstreamQuotaExhausted,
    "insufficient_balance": UpstreamQuotaExhausted,
    "billing_hard_limit_reached": UpstreamQuotaExhausted,
    "billing_not_active": UpstreamQuotaExhausted,
    "billing_error": UpstreamQuotaExhausted,
    "spend_limit_reached": UpstreamQuotaExhausted,
    "account_deactivated": UpstreamCredentialsRejected,
    "invalid_api_key": UpstreamCredentialsRejected,
    "model_not_found": UpstreamModelNotFound,
    "deploymentnotfound": UpstreamModelNotFound,
    "model_decommissioned": UpstreamModelNotFound,
    "invalid_model": UpstreamModelNotFound,  # Mistral, with status 400
    "not_supported_error": UpstreamRejectedRequest,  # llama.cpp, with status 501
    "content_filter": UpstreamRejectedRequest,
    "content_policy_violation": UpstreamRejectedRequest,  # OpenRouter, with status 403
    "request_too_large": UpstreamRequestTooLarge,
    "engine_overloaded": UpstreamOverloaded,
    "overloaded": UpstreamOverloaded,
    "overloaded_error": UpstreamOverloaded,
    "capacity_exceeded": UpstreamOverloaded,
    "invalid_image_url": UpstreamMediaFetchFailed,
    "failed_to_download_image": UpstreamMediaFetchFailed,
    "image_download_error": UpstreamMediaFetchFailed,
}
"""Codes and types that say more than the status they come with."""

_GENERAL: Mapping[str, int] = {
    "invalid_request_error": 400,
    "badrequesterror": 400,
    "invalid_argument": 400,
    "invalid_value": 400,
    "invalid_prompt": 400,
    "data_residency_mismatch": 400,
    "bio_policy": 400,
    "misalignment_policy_violation": 400,
    "invalid_image": 400,
    "invalid_image_format": 400,
    "invalid_image_mode": 400,
    "invalid_base64_image": 400,
    "image_too_large": 400,
    "image_too_small": 400,
    "image_parse_error": 400,
    "image_content_policy_violation": 400,
    "image_file_too_large": 400,
    "image_file_not_found": 400,
    "unsupported_image_media_type": 400,
    "empty_image_file": 400,
    "authentication_error": 401,
    "authenticationerror": 401,
    "unauthenticated": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "permissiondeniederror": 403,
    "not_found_error": 404,
    "notfounderror": 404,
    "not_found": 404,
    "timeout": 408,
    "vector_store_timeout": 408,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "ratelimiterror": 429,
    "resource_exhausted": 429,
    "tokens": 429,
    "requests": 429,
    "service_unavailable_error": 503,
    "service_unavailable": 503,
    "unavailable": 529,
}
"""Codes and types that stand for a status, where an error came with none of its own."""

_TEXTS: tuple[Words, ...] = (
    (
        re.compile(
            r"maximum context length|context (?:length|window|size)|prompt is too long"
            r"|too many (?:input )?tokens"
        ),
        UpstreamContextLengthExceeded,
        frozenset({400, 413, 422, 500}),
    ),
    (
        re.compile(r"exceeded your current quota|insufficient (?:balance|credit|quota|funds)"),
        UpstreamQuotaExhausted,
        frozenset({400, 403, 429}),
    ),
    (re.compile(r"api key not valid"), UpstreamCredentialsRejected, frozenset({400})),
    # xAI, OpenRouter, Mistral: the key is good, and must not be left alone for what was asked.
    (
        re.compile(
            r"violates usage guidelines|requires moderation|input was flagged"
            r"|blocked by (?:a )?guardrail"
        ),
        UpstreamRejectedRequest,
        frozenset({403}),
    ),
    # llama.cpp, of an image for a model that takes none
    (re.compile(r"\bis not supported\b"), UpstreamRejectedRequest, frozenset({500, 501})),
    (re.compile(r"overloaded|at capacity"), UpstreamOverloaded, frozenset({500, 502, 503, 504})),
    (
        re.compile(r"(?:download|fetch)\w* (?:the )?(?:image|file|media|url)"),
        UpstreamMediaFetchFailed,
        frozenset({400, 422}),
    ),
)
"""Words that tell, in lower case, where a vendor gives no code; each with its statuses."""

_CONTEXT_NUMBERS = (
    re.compile(
        r"context length is (?P<max>\d{1,9}) tokens"
        r".{0,200}?(?:resulted in|requested) (?P<prompt>\d{1,9}) tokens",
        re.DOTALL,
    ),
    re.compile(
        r"request \((?P<prompt>\d{1,9}) tokens\) exceeds .{0,40}context size "
        r"\((?P<max>\d{1,9}) tokens\)"
    ),
)
"""How OpenAI and vLLM, and llama.cpp, tell by how much a prompt is too long."""

_RULES = Rules(
    codes=_SPECIFIC,
    texts=_TEXTS,
    statuses={
        410: UpstreamModelNotFound,
        498: UpstreamOverloaded,  # Groq: capacity exceeded
        529: UpstreamOverloaded,
    },
    context_numbers=_CONTEXT_NUMBERS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """What a body says of an error, in lower case."""

    words: tuple[str, ...] = ()
    """Code, type and status, as far as they are words."""
    status: int = 0
    """A status that the body itself names; 0: none."""
    text: str = ""


def explain(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """Say what an answer with this status means; `headers` has lower-case names."""
    if (odd := no_refusal(status)) is not None:
        return odd
    refusal = _refusal(read_refusal(body))
    kind = _RULES.kind(status, codes=refusal.words, text=refusal.text)
    return _RULES.error(kind, text=refusal.text, status=status, wait_s=retry_after_s(headers))


def explain_said(said: object) -> UpstreamError:
    """Say what an error object means that came in an answer with status 200."""
    refusal = _refusal(said)
    status = refusal.status
    if not status:
        known = (_GENERAL[word] for word in refusal.words if word in _GENERAL)
        status = next(known, 500)
    kind = _RULES.kind(status, codes=refusal.words, text=refusal.text)
    return _RULES.error(kind, text=refusal.text)


def is_error(said: object) -> bool:
    """Tell whether what came in an answer with status 200 is an error.

    It has an `error` in it, whatever that holds but `null`; or is bare, as vLLM and proxies send
    it; or is either in a list, as Gemini's compatible endpoint sends it.
    """
    if isinstance(said, list) and said:
        said = said[0]
    return isinstance(said, dict) and (
        said.get("error") is not None
        or said.get("object") == "error"
        or (isinstance(said.get("message"), str) and ("code" in said or "type" in said))
    )


def _refusal(said: object) -> _Refusal:
    """Find code, type, status and text in any of the shapes that vendors use."""
    # Gemini's compatible endpoint wraps the object in a list; others put it under `error`.
    if isinstance(said, list) and said:
        said = said[0]
    if isinstance(said, Mapping) and said.get("error"):
        said = said["error"]
    if isinstance(said, str):
        return _Refusal(text=told(said))
    if not isinstance(said, Mapping):
        return _Refusal()
    named = [said.get(name) for name in ("code", "type", "status")]
    statuses = [int(n) for n in map(str, named) if _IS_STATUS.fullmatch(n)]
    text = said.get("message") or said.get("detail")
    return _Refusal(
        words=tuple(word.lower() for word in named if isinstance(word, str)),
        status=statuses[0] if statuses else 0,
        text=told(text),
    )


_IS_STATUS = re.compile(r"[45][0-9][0-9]")
