"""What does a refusal mean? By the name of the exception first, by status next, by its text last.

Names are those of the API reference "Converse", "Common errors" and of AWS's own front door. No
text of the vendor ends up in an error.
"""

import re
from collections.abc import Mapping

from weir_server.core.errors import (
    UpstreamConflict,
    UpstreamContextLengthExceeded,
    UpstreamCredentialsRejected,
    UpstreamError,
    UpstreamMediaFetchFailed,
    UpstreamModelNotFound,
    UpstreamOverloaded,
    UpstreamProtocolError,
    UpstreamQuotaExhausted,
    UpstreamRateLimited,
    UpstreamRejectedRequest,
    UpstreamRequestTooLarge,
    UpstreamTimeout,
)
from weir_server.providers.wire.openai.shapes import ANYTHING, decode
from weir_server.providers.wire.retry_after import retry_after_s

TEXT_MAX_BYTES = 1 << 16
"""Of a refusal's body; a longer one is not looked into."""
_TEXT_MAX_CHARS = 4096

_NAMES: Mapping[str, type[UpstreamError]] = {
    "throttling": UpstreamRateLimited,
    "toomanyrequests": UpstreamRateLimited,
    "requestlimitexceeded": UpstreamRateLimited,
    "servicequotaexceeded": UpstreamQuotaExhausted,
    "limitexceeded": UpstreamQuotaExhausted,
    "accessdenied": UpstreamCredentialsRejected,
    "expiredtoken": UpstreamCredentialsRejected,
    "unrecognizedclient": UpstreamCredentialsRejected,
    "invalidclienttokenid": UpstreamCredentialsRejected,
    "invalidsignature": UpstreamCredentialsRejected,
    "incompletesignature": UpstreamCredentialsRejected,
    "signaturedoesnotmatch": UpstreamCredentialsRejected,
    "missingauthenticationtoken": UpstreamCredentialsRejected,
    "notauthorized": UpstreamCredentialsRejected,
    "optinrequired": UpstreamCredentialsRejected,
    "requestexpired": UpstreamCredentialsRejected,
    "resourcenotfound": UpstreamModelNotFound,
    "validation": UpstreamRejectedRequest,
    "validationerror": UpstreamRejectedRequest,
    "serialization": UpstreamRejectedRequest,
    "malformedquerystring": UpstreamRejectedRequest,
    "requestentitytoolarge": UpstreamRequestTooLarge,
    "conflict": UpstreamConflict,
    "modeltimeout": UpstreamTimeout,
    "modelnotready": UpstreamOverloaded,
    "modelerror": UpstreamError,
    "modelstreamerror": UpstreamError,
    "serviceunavailable": UpstreamOverloaded,
    "internalserver": UpstreamError,
    "internalfailure": UpstreamError,
    "internaldependency": UpstreamError,
}
"""Exceptions in lower case, without the `Exception` at their end."""

_STATUSES: Mapping[int, type[UpstreamError]] = {
    401: UpstreamCredentialsRejected,
    402: UpstreamQuotaExhausted,
    403: UpstreamCredentialsRejected,
    404: UpstreamModelNotFound,
    408: UpstreamTimeout,
    409: UpstreamConflict,
    413: UpstreamRequestTooLarge,
    424: UpstreamError,  # a model that failed
    429: UpstreamRateLimited,
    503: UpstreamOverloaded,
}

_TEXTS: tuple[tuple[type[UpstreamError], re.Pattern[str], type[UpstreamError]], ...] = (
    (
        UpstreamRejectedRequest,
        re.compile(
            r"(?:input|prompt) is too long|(?:input|prompt) tokens? exceeded"
            r"|too many (?:input )?tokens|context (?:length|limit|window)"
            r"|exceeds? the (?:maximum|model's maximum) (?:number of |input )?tokens"
        ),
        UpstreamContextLengthExceeded,
    ),
    (
        UpstreamRejectedRequest,
        re.compile(
            r"model identifier is invalid|model version is not supported"
            r"|on-demand throughput isn.t supported"
        ),
        UpstreamModelNotFound,
    ),
    # The key is good, so it must not be left alone for these.
    (
        UpstreamCredentialsRejected,
        re.compile(r"have access to the model"),
        UpstreamModelNotFound,
    ),
    (
        UpstreamCredentialsRejected,
        re.compile(r"did not allow prompt caching"),
        UpstreamRejectedRequest,
    ),
    (
        UpstreamRejectedRequest,
        re.compile(r"at 'body' failed .{0,60}length less than|request (?:body )?(?:is )?too large"),
        UpstreamRequestTooLarge,
    ),
    (
        UpstreamRejectedRequest,
        re.compile(r"(?:unable to|could not|cannot|failed to) \w+ .{0,60}\bs3\b"),
        UpstreamMediaFetchFailed,
    ),
    (UpstreamRateLimited, re.compile(r"per day|daily"), UpstreamQuotaExhausted),
    (
        UpstreamCredentialsRejected,
        re.compile(r"invalid_payment_instrument|payment method"),
        UpstreamQuotaExhausted,
    ),
)
"""Words that tell more than an exception's name, in lower case, each with what they make of it."""

_CONTEXT_NUMBERS = re.compile(r"(?P<prompt>\d{1,9}) tokens > (?P<max>\d{1,9}) maximum")
"""How Anthropic's models tell by how much a prompt is too long."""

_MAY_WAIT = (UpstreamRateLimited, UpstreamOverloaded, UpstreamTimeout, UpstreamConflict)


def explain(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """Say what an answer with this status means; `headers` has lower-case names."""
    metadata = {"httpStatus": str(status)}
    if not 400 <= status <= 599:
        cause = "redirect" if 300 <= status <= 399 else "malformed"
        return UpstreamProtocolError(metadata={**metadata, "cause": cause})
    said = decode(ANYTHING, body) if len(body) <= TEXT_MAX_BYTES else None
    name = _plain(headers.get("x-amzn-errortype", "")) or name_in(said)
    return _error(name, status, _text_in(said), metadata, _wait_s(headers))


def explain_said(name: str, said: object) -> UpstreamError:
    """Say what an exception means that came in an answer with status 200."""
    return _error(_plain(name) or name_in(said), 500, _text_in(said), {}, None)


def name_in(said: object) -> str:
    """Return the exception's name that a body holds, as in `_NAMES`; empty: it holds none."""
    if not isinstance(said, Mapping):
        return ""
    found = said.get("__type") or said.get("code")
    return _plain(found) if isinstance(found, str) else ""


def _plain(name: str) -> str:
    """Return a name without the namespace before it, the address after it and its ending."""
    return name.partition(":")[0].rpartition("#")[2].strip().lower().removesuffix("exception")


def _text_in(said: object) -> str:
    if not isinstance(said, Mapping):
        return ""
    text = said.get("message") or said.get("Message")
    return text[:_TEXT_MAX_CHARS].lower() if isinstance(text, str) else ""


def _error(
    name: str, status: int, text: str, metadata: dict[str, str], wait_s: float | None
) -> UpstreamError:
    kind = _kind(name, status, text)
    if kind is UpstreamContextLengthExceeded and (found := _CONTEXT_NUMBERS.search(text)):
        metadata |= {"maxTokens": found["max"], "promptTokens": found["prompt"]}
    # A wait is told only where waiting helps.
    may_wait = kind in _MAY_WAIT or kind is UpstreamError
    return kind(metadata=metadata, retry_after_s=wait_s if may_wait else None)


def _kind(name: str, status: int, text: str) -> type[UpstreamError]:
    kind = _NAMES.get(name) or _STATUSES.get(status)
    if kind is None:
        kind = UpstreamError if status >= 500 else UpstreamRejectedRequest
    for only, pattern, other in _TEXTS:
        if kind is only and pattern.search(text):
            return other
    return kind


def _wait_s(headers: Mapping[str, str]) -> float | None:
    """Return the wait that headers ask for; AWS's own is in milliseconds and goes first."""
    own = headers.get("x-amz-retry-after")
    asked = {**headers, "retry-after-ms": own} if own else headers
    return retry_after_s(asked)
