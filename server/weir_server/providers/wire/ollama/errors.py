"""What does a refusal mean? By status first, by its text last.

Bodies are objects with an `error` that is text; statuses are those of the vendor's page "Errors"
and of its server's source. No text of the vendor ends up in an error.
"""

import re
from collections.abc import Mapping

from weir_server.core.errors import (
    UpstreamConflict,
    UpstreamContextLengthExceeded,
    UpstreamCredentialsRejected,
    UpstreamError,
    UpstreamModelNotFound,
    UpstreamOverloaded,
    UpstreamProtocolError,
    UpstreamQuotaExhausted,
    UpstreamRateLimited,
    UpstreamRejectedRequest,
    UpstreamRequestTooLarge,
    UpstreamTimeout,
)
from weir_server.providers.wire.openai.errors import TEXT_MAX_BYTES
from weir_server.providers.wire.openai.shapes import ANYTHING, decode
from weir_server.providers.wire.retry_after import retry_after_s

_STATUSES: Mapping[int, type[UpstreamError]] = {
    401: UpstreamCredentialsRejected,
    402: UpstreamQuotaExhausted,
    403: UpstreamCredentialsRejected,
    404: UpstreamModelNotFound,
    408: UpstreamTimeout,
    409: UpstreamConflict,
    410: UpstreamModelNotFound,
    413: UpstreamRequestTooLarge,
    429: UpstreamRateLimited,
    499: UpstreamError,  # its own request was cancelled, though not by us
    503: UpstreamOverloaded,  # more requests wait for a model than OLLAMA_MAX_QUEUE
    504: UpstreamTimeout,
}

_TEXTS: tuple[tuple[re.Pattern[str], type[UpstreamError], frozenset[int]], ...] = (
    (
        re.compile(r"exceeds? (?:the )?(?:available |maximum )?context|context (?:length|window)"),
        UpstreamContextLengthExceeded,
        frozenset({400, 413, 500}),
    ),
    # The vendor's cloud: per session, week or month, until that has passed or is paid for.
    (
        re.compile(r"usage limit|insufficient|requires a subscription"),
        UpstreamQuotaExhausted,
        frozenset({400, 403, 429}),
    ),
    (re.compile(r"\bmodel\b.{0,300}\bnot found\b"), UpstreamModelNotFound, frozenset({400, 500})),
    (re.compile(r"does not support|not supported"), UpstreamRejectedRequest, frozenset({500, 501})),
    (
        re.compile(r"server busy|maximum pending requests|overloaded"),
        UpstreamOverloaded,
        frozenset({500, 502}),
    ),
    (re.compile(r"timed out"), UpstreamTimeout, frozenset({500})),
)
"""Words that tell, in lower case, where a status says too little; each with its statuses."""

_MAY_WAIT = (UpstreamRateLimited, UpstreamOverloaded, UpstreamTimeout, UpstreamConflict)
_TEXT_MAX_CHARS = 4096


def explain(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """Say what an answer with this status means; `headers` has lower-case names."""
    metadata = {"httpStatus": str(status)}
    if not 400 <= status <= 599:
        cause = "redirect" if 300 <= status <= 399 else "malformed"
        return UpstreamProtocolError(metadata={**metadata, "cause": cause})
    said = None if len(body) > TEXT_MAX_BYTES else decode(ANYTHING, body)
    kind = _kind(status, _text(said))
    # A wait is told only where waiting helps.
    may_wait = kind in _MAY_WAIT or kind is UpstreamError
    return kind(metadata=metadata, retry_after_s=retry_after_s(headers) if may_wait else None)


def explain_said(said: object) -> UpstreamError:
    """Say what an error means that came in an answer with status 200."""
    return _kind(500, _text(said))()


def _kind(status: int, text: str) -> type[UpstreamError]:
    for pattern, kind, statuses in _TEXTS:
        if status in statuses and pattern.search(text):
            return kind
    if status in _STATUSES:
        return _STATUSES[status]
    return UpstreamError if status >= 500 else UpstreamRejectedRequest


def _text(said: object) -> str:
    """Return an error's text in lower case; some proxies put it a level deeper."""
    for _ in range(2):
        if isinstance(said, dict):
            said = said.get("error") or said.get("message")
    return said[:_TEXT_MAX_CHARS].lower() if isinstance(said, str) else ""
