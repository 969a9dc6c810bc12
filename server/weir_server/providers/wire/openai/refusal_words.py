"""With which codes and words do servers refuse that speak OpenAI's protocol? Data, not code.

Codes are those of OpenAI's guide "Error codes" and of servers like it (Azure, OpenRouter, vLLM,
Groq, DeepSeek, Gemini's compatible endpoint), and of the error pages of Moonshot, Qwen, xAI and
TGI. Codes that are bare numbers, which two vendors may use for two things, are a vendor's quirk.
"""

import re
from collections.abc import Mapping

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
from weir_server.providers.wire.refusals import Words

SPECIFIC: Mapping[str, type[UpstreamError]] = {
    "context_length_exceeded": UpstreamContextLengthExceeded,
    "context_window_exceeded": UpstreamContextLengthExceeded,
    "exceed_context_size_error": UpstreamContextLengthExceeded,  # llama.cpp
    "insufficient_quota": UpstreamQuotaExhausted,
    "insufficient_credits": UpstreamQuotaExhausted,
    "insufficient_balance": UpstreamQuotaExhausted,
    "billing_hard_limit_reached": UpstreamQuotaExhausted,
    "billing_not_active": UpstreamQuotaExhausted,
    "billing_error": UpstreamQuotaExhausted,
    "spend_limit_reached": UpstreamQuotaExhausted,
    "exceeded_current_quota_error": UpstreamQuotaExhausted,  # Moonshot
    "arrearage": UpstreamQuotaExhausted,  # Qwen, with status 400 or 403
    "allocationquota.freetieronly": UpstreamQuotaExhausted,  # Qwen, with status 403
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
    "engine_overloaded_error": UpstreamOverloaded,  # Moonshot
    "unavailable_error": UpstreamOverloaded,  # llama.cpp, while it loads its model
    "overloaded": UpstreamOverloaded,  # TGI, with status 429
    "overloaded_error": UpstreamOverloaded,
    "capacity_exceeded": UpstreamOverloaded,
    "invalid_image_url": UpstreamMediaFetchFailed,
    "failed_to_download_image": UpstreamMediaFetchFailed,
    "image_download_error": UpstreamMediaFetchFailed,
}
"""Codes and types that say more than the status they come with."""

GENERAL: Mapping[str, int] = {
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
    "validation": 422,
    "timeout": 408,
    "vector_store_timeout": 408,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "rate_limit_reached_error": 429,
    "ratelimiterror": 429,
    "resource_exhausted": 429,
    "tokens": 429,
    "requests": 429,
    "service_unavailable_error": 503,
    "service_unavailable": 503,
    "unavailable": 529,
}
"""Codes and types that stand for a status, where an error came with none of its own."""

TEXTS: tuple[Words, ...] = (
    (
        re.compile(
            r"maximum context length|context (?:length|window|size)|prompt is too long"
            r"|too many (?:input )?tokens"
            r"|exceeded model token limit"  # Moonshot
            r"|maximum prompt length is \d"  # xAI
            r"|range of input length should be"  # Qwen
            r"|`inputs` tokens \+ `max_new_tokens` must be"  # TGI and Together
            # OpenAI's string_above_max_length: of what is said, not of a name or an id.
            r"|invalid '(?:messages?[.\[\d\]]*\.content(?:\[\d+\]\.text)?|prompt[.\[\d\]]*"
            r"|instructions|input[.\[\d\]]*(?:\.(?:content|output)(?:\[\d+\]\.text)?)?)'"
            r": string too long"
        ),
        UpstreamContextLengthExceeded,
        frozenset({400, 413, 422, 500}),
    ),
    (
        re.compile(
            r"exceeded your current quota|insufficient (?:balance|credit|quota|funds)"
            # xAI
            r"|doesn.t have any credits|used all available credits"
            r"|key limit exceeded"  # OpenRouter
        ),
        UpstreamQuotaExhausted,
        frozenset({400, 403, 429}),
    ),
    # Gemini and xAI
    (
        re.compile(r"api key not valid|incorrect api key provided"),
        UpstreamCredentialsRejected,
        frozenset({400}),
    ),
    # xAI, OpenRouter, Mistral: the key is good, and must not be left alone for what was asked.
    (
        re.compile(
            r"violates usage guidelines|requires moderation|input (?:was )?flagged"
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

CONTEXT_NUMBERS = (
    re.compile(
        r"context length is (?P<max>\d{1,9}) tokens"
        r".{0,200}?(?:resulted in|requested) (?P<prompt>\d{1,9}) tokens",
        re.DOTALL,
    ),
    re.compile(
        r"request \((?P<prompt>\d{1,9}) tokens\) exceeds .{0,40}context size "
        r"\((?P<max>\d{1,9}) tokens\)"
    ),
    re.compile(
        r"prompt length is (?P<max>\d{1,9}) but the request contains (?P<prompt>\d{1,9}) tokens"
    ),
    re.compile(
        r"`max_new_tokens` must be <= (?P<max>\d{1,9})\. "
        r"given: (?P<prompt>\d{1,9}) `inputs` tokens"
    ),
)
"""How OpenAI and vLLM, llama.cpp, xAI, and TGI tell by how much a prompt is too long."""
