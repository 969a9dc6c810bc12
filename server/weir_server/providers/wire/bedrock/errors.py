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
    UpstreamQuotaExhausted,
    UpstreamRateLimited,
    UpstreamRejectedRequest,
    UpstreamRequestTooLarge,
    UpstreamTimeout,
)
from weir_server.providers.wire.refusals import Kind, Rules, no_refusal, read_refusal, told
from weir_server.providers.wire.retry_after import retry_after_s

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


_TEXTS: tuple[tuple[Kind, re.Pattern[str], Kind], ...] = (
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

_RULES = Rules(
    statuses={
        424: UpstreamError,  # a model that failed
        503: UpstreamOverloaded,
    },
    context_numbers=(_CONTEXT_NUMBERS,),
)


def explain(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """Say what an answer with this status means; `headers` has lower-case names."""
    if (odd := no_refusal(status)) is not None:
        return odd
    said = read_refusal(body)
    name = _plain(headers.get("x-amzn-errortype", "")) or name_in(said)
    text = _text_in(said)
    kind = _kind(name, status, text)
    return _RULES.error(kind, text=text, status=status, wait_s=_wait_s(headers))


def explain_said(name: str, said: object) -> UpstreamError:
    """Say what an exception means that came in an answer with status 200."""
    text = _text_in(said)
    return _RULES.error(_kind(_plain(name) or name_in(said), 500, text), text=text)


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
    return told(text)


def _kind(name: str, status: int, text: str) -> type[UpstreamError]:
    kind = _NAMES.get(name) or _RULES.kind_of_status(status)
    for only, pattern, other in _TEXTS:
        if kind is only and pattern.search(text):
            return other
    return kind


def _wait_s(headers: Mapping[str, str]) -> float | None:
    """Return the wait that headers ask for; AWS's own is in milliseconds and goes first."""
    own = headers.get("x-amz-retry-after")
    asked = {**headers, "retry-after-ms": own} if own else headers
    return retry_after_s(asked)
