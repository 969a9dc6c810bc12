"""What does a refusal mean? By status first, by the details next, by its text last.

The vendor's errors are google.rpc.Status as JSON (https://cloud.google.com/apis/design/errors),
alone or in a list; its pages "Troubleshooting" tell which status stands for what. No text of the
vendor ends up in an error.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from weir_server.core.errors import (
    UpstreamContextLengthExceeded,
    UpstreamCredentialsRejected,
    UpstreamError,
    UpstreamMediaFetchFailed,
    UpstreamOverloaded,
    UpstreamQuotaExhausted,
    UpstreamRequestTooLarge,
    UpstreamTimeout,
)
from weir_server.providers.wire.refusals import Kind, Rules, Words, no_refusal, read_refusal, told
from weir_server.providers.wire.retry_after import WAIT_MAX_S, retry_after_s

_NAMES: Mapping[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""Names of google.rpc.Code, with the status that stands for each."""

_REASONS: Mapping[str, type[UpstreamError]] = {
    "API_KEY_INVALID": UpstreamCredentialsRejected,
    "API_KEY_EXPIRED": UpstreamCredentialsRejected,
    "API_KEY_SERVICE_BLOCKED": UpstreamCredentialsRejected,
    "ACCESS_TOKEN_EXPIRED": UpstreamCredentialsRejected,
    "BILLING_DISABLED": UpstreamQuotaExhausted,
    "CONSUMER_SUSPENDED": UpstreamCredentialsRejected,
}
"""Reasons of an ErrorInfo that say more than the status they come with."""

_TEXTS: tuple[Words, ...] = (
    (
        re.compile(
            r"token count .{0,40}exceeds|exceeds the maximum number of (?:input )?tokens"
            r"|context (?:length|window)|too many (?:input )?tokens"
        ),
        UpstreamContextLengthExceeded,
        frozenset({400, 413, 500}),
    ),
    (re.compile(r"payload size exceeds"), UpstreamRequestTooLarge, frozenset({400})),
    (
        re.compile(r"api key (?:not valid|expired|not found)|please pass a valid api key"),
        UpstreamCredentialsRejected,
        frozenset({400}),
    ),
    (
        re.compile(
            r"enable billing|billing (?:account|to be enabled)|credits? (?:are|is|have been) deple"
            r"|spend(?:ing)? (?:cap|limit)"
        ),
        UpstreamQuotaExhausted,
        frozenset({400, 403, 429}),
    ),
    (
        re.compile(
            r"(?:cannot|could not|unable to|failed to) (?:fetch|retrieve|download|access)"
            r"|(?:url|uri)_(?:error|timeout|rejected)"
        ),
        UpstreamMediaFetchFailed,
        frozenset({400}),
    ),
)
"""Words that tell, in lower case, where the vendor gives no code; each with its statuses."""

_CONTEXT_NUMBERS = re.compile(
    r"token count \(?(?P<prompt>\d{1,9})\)? exceeds [^(0-9]{0,80}\(?(?P<max>\d{1,9})"
)
_RULES = Rules(
    codes=_REASONS,
    texts=_TEXTS,
    statuses={
        499: UpstreamError,
        503: UpstreamOverloaded,
        504: UpstreamTimeout,
        529: UpstreamOverloaded,
    },
    context_numbers=(_CONTEXT_NUMBERS,),
)
_LONG_QUOTA = re.compile(r"per_?-?(?:day|month)|daily|monthly")
"""In a quota's name: waiting for seconds does not help."""
_DELAY = re.compile(r"(?P<seconds>[0-9]{1,9}(?:\.[0-9]{1,9})?)s")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """What a body says of an error."""

    status: int = 0
    """The status that the body itself names; 0: none."""
    text: str = ""
    """In lower case."""
    reasons: tuple[str, ...] = ()
    used_up: bool = False
    """Whether a quota is gone that does not come back within minutes."""
    wait_s: float | None = None


def explain(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """Say what an answer with this status means; `headers` has lower-case names."""
    if (odd := no_refusal(status)) is not None:
        return odd
    refusal = _refusal(read_refusal(body))
    asked_s = retry_after_s(headers)
    wait_s = refusal.wait_s if asked_s is None else asked_s
    kind = _kind(status, refusal)
    return _RULES.error(kind, text=refusal.text, status=status, wait_s=wait_s)


def explain_said(said: object) -> UpstreamError:
    """Say what an error object means that came in an answer with status 200."""
    refusal = _refusal(said)
    kind = _kind(refusal.status or 500, refusal)
    return _RULES.error(kind, text=refusal.text, wait_s=refusal.wait_s)


def is_error(said: object) -> bool:
    """Tell whether what came in an answer with status 200 is an error, alone or in a list."""
    if isinstance(said, list) and said:
        said = said[0]
    return isinstance(said, dict) and (
        said.get("error") is not None or ("code" in said and "message" in said)
    )


def _kind(status: int, refusal: _Refusal) -> Kind:
    is_told = any(reason in _REASONS for reason in refusal.reasons)
    if refusal.used_up and status in (403, 429) and not is_told:
        return UpstreamQuotaExhausted
    return _RULES.kind(status, codes=refusal.reasons, text=refusal.text)


def _refusal(said: object) -> _Refusal:
    """Find status, text and details, whether the object is alone, in a list or under `error`."""
    if isinstance(said, list) and said:
        said = said[0]
    if isinstance(said, Mapping) and said.get("error"):
        said = said["error"]
    if isinstance(said, str):
        return _Refusal(text=told(said))
    if not isinstance(said, Mapping):
        return _Refusal()
    name, code, text = said.get("status"), said.get("code"), said.get("message")
    status = _NAMES.get(name, 0) if isinstance(name, str) else 0
    if not status and type(code) is int and 400 <= code <= 599:
        status = code
    details = list(_objects(said.get("details")))
    return _Refusal(
        status=status,
        text=told(text),
        reasons=tuple(str(detail["reason"]) for detail in details if "reason" in detail),
        used_up=any(map(_is_used_up, details)),
        wait_s=next((w for w in map(_wait_s, details) if w is not None), None),
    )


def _is_used_up(detail: Mapping[object, object]) -> bool:
    """Tell whether a QuotaFailure speaks of a day's quota, or of one that is nothing at all."""
    for violation in _objects(detail.get("violations")):
        quota = f"{violation.get('quotaId', '')} {violation.get('quotaMetric', '')}".lower()
        if _LONG_QUOTA.search(quota) or violation.get("quotaValue") == "0":
            return True
    return False


def _wait_s(detail: Mapping[object, object]) -> float | None:
    """Return the wait that a RetryInfo asks for."""
    delay = detail.get("retryDelay")
    found = _DELAY.fullmatch(delay) if isinstance(delay, str) else None
    if found is None:
        return None
    return min(float(found["seconds"]), WAIT_MAX_S)


def _objects(said: object) -> Iterator[Mapping[object, object]]:
    for item in said if isinstance(said, list) else ():
        if isinstance(item, Mapping):
            yield item
