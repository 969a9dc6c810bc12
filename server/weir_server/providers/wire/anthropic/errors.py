"""What does a refusal mean? By its status first, by the vendor's type and code, by its text last.

Types are those of the reference "Errors" and codes those of the SDK's error types; llama.cpp, which
speaks the protocol too, has a few of its own. No text of the vendor ends up in an error.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from weir_server.core.errors import (
    UpstreamContextLengthExceeded,
    UpstreamCredentialsRejected,
    UpstreamError,
    UpstreamMediaFetchFailed,
    UpstreamOverloaded,
    UpstreamQuotaExhausted,
    UpstreamRejectedRequest,
    UpstreamRequestTooLarge,
    UpstreamTimeout,
)
from weir_server.providers.wire.refusals import Rules, Words, no_refusal, read_refusal, told
from weir_server.providers.wire.retry_after import retry_after_s

_TYPES: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""What the vendor's types stand for, where an error came with no status of its own."""

_CODES: Mapping[str, type[UpstreamError]] = {
    "enforced_spend_limit_reached": UpstreamQuotaExhausted,
    "contract_spend_limit_reached": UpstreamQuotaExhausted,
    "linked_organization_spend_limit_reached": UpstreamQuotaExhausted,
    "linked_organization_billing_unavailable": UpstreamQuotaExhausted,
    "user_profile_not_billable": UpstreamQuotaExhausted,
    "organization_on_hold": UpstreamCredentialsRejected,
    "request_body_too_large_after_decoding": UpstreamRequestTooLarge,
    "file_expired": UpstreamRejectedRequest,
    "overloaded_error": UpstreamOverloaded,
    "billing_error": UpstreamQuotaExhausted,
    "exceed_context_size_error": UpstreamContextLengthExceeded,  # llama.cpp
    "not_supported_error": UpstreamRejectedRequest,  # llama.cpp, with status 501
}
"""Codes and types that say more than the status they come with."""

_TEXTS: tuple[Words, ...] = (
    (
        re.compile(r"prompt is too long|exceed(?:s|ed)? (?:the )?(?:context|model's maximum)"),
        UpstreamContextLengthExceeded,
        frozenset({400, 413}),
    ),
    (
        re.compile(r"credit balance is too low|api usage limits|spend(?:ing)? limit"),
        UpstreamQuotaExhausted,
        frozenset({400, 403, 429}),
    ),
    (
        re.compile(r"organization has been disabled"),
        UpstreamCredentialsRejected,
        frozenset({400}),
    ),
    (
        re.compile(r"(?:download|fetch)\w*.{0,40}(?:image|file|document|url)|\brobots\.txt\b"),
        UpstreamMediaFetchFailed,
        frozenset({400}),
    ),
    # Files that are gone are no fault of the model's.
    (re.compile(r"\bfile\b|\bcontainer\b"), UpstreamRejectedRequest, frozenset({404})),
)
"""Words that tell, in lower case, where the vendor gives no code; each with its statuses."""

_CONTEXT_NUMBERS = (
    re.compile(r"too long: (?P<prompt>\d{1,9}) tokens > (?P<max>\d{1,9})"),
    re.compile(
        r"request \((?P<prompt>\d{1,9}) tokens\) exceeds .{0,40}context size "
        r"\((?P<max>\d{1,9}) tokens\)"
    ),
)
"""How the vendor, and llama.cpp, tell by how much a prompt is too long."""

_RULES = Rules(
    codes=_CODES,
    texts=_TEXTS,
    statuses={
        504: UpstreamTimeout,
        529: UpstreamOverloaded,
    },
    context_numbers=_CONTEXT_NUMBERS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """What a body says of an error, in lower case."""

    words: tuple[str, ...] = ()
    """The code of its details and its type, as far as they are words."""
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
    status = next((_TYPES[word] for word in refusal.words if word in _TYPES), 500)
    kind = _RULES.kind(status, codes=refusal.words, text=refusal.text)
    return _RULES.error(kind, text=refusal.text)


def is_error(said: object) -> bool:
    """Tell whether what came in an answer with status 200 is an error."""
    return isinstance(said, dict) and (said.get("error") is not None or said.get("type") == "error")


def _refusal(said: object) -> _Refusal:
    if isinstance(said, Mapping) and said.get("error"):
        said = said["error"]
    if isinstance(said, str):
        return _Refusal(text=told(said))
    if not isinstance(said, Mapping):
        return _Refusal()
    details = said.get("details")
    code = details.get("error_code") if isinstance(details, Mapping) else None
    text = said.get("message")
    return _Refusal(
        words=tuple(word.lower() for word in (code, said.get("type")) if isinstance(word, str)),
        text=told(text),
    )
