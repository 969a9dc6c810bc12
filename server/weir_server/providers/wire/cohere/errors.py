"""What does a refusal mean? By status first, by its text last.

Statuses and messages are those of the vendor's reference, "Errors". Its bodies are objects with a
`message`, of old with `data`. No text of the vendor ends up in an error.
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
    413: UpstreamRequestTooLarge,
    429: UpstreamRateLimited,
    498: UpstreamRejectedRequest,  # a word on the vendor's deny list, in the request or the answer
    499: UpstreamError,  # cancelled, though not by us: the reference says to try again
    501: UpstreamRejectedRequest,
    503: UpstreamOverloaded,
    504: UpstreamTimeout,
}

_TEXTS: tuple[tuple[re.Pattern[str], type[UpstreamError], frozenset[int]], ...] = (
    # "max tokens must be less than" begins so too, and speaks of the answer.
    (
        re.compile(r"too many tokens(?!: max tokens)|maximum context length|context window"),
        UpstreamContextLengthExceeded,
        frozenset({400, 413, 422}),
    ),
    # "limited to 1000 API calls / month", unlike "40 API calls / minute", passes with the month.
    (
        re.compile(r"(?:/|per) ?month|monthly|billing|(?:insufficient|exceeded).{0,20}quota"),
        UpstreamQuotaExhausted,
        frozenset({400, 403, 429}),
    ),
    (
        re.compile(r"invalid api (?:token|key)"),
        UpstreamCredentialsRejected,
        frozenset({400, 500}),
    ),
    (
        re.compile(r"model .{0,200}(?:not found|was removed|does not exist)"),
        UpstreamModelNotFound,
        frozenset({400, 422, 500}),
    ),
    (re.compile(r"overloaded|too many users"), UpstreamOverloaded, frozenset({500, 502, 504})),
    (re.compile(r"timed? ?out"), UpstreamTimeout, frozenset({500})),
)
"""Words that tell, in lower case, where a status says too little; each with its statuses."""

_CONTEXT_NUMBERS = re.compile(r"cannot exceed (?P<max>\d{1,9}) - received (?P<prompt>\d{1,9})")
"""How the vendor tells by how much a prompt is too long."""

_MAY_WAIT = (UpstreamRateLimited, UpstreamOverloaded, UpstreamTimeout, UpstreamConflict)
_TEXT_MAX_CHARS = 4096


def explain(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """Say what an answer with this status means; `headers` has lower-case names."""
    metadata = {"httpStatus": str(status)}
    if not 400 <= status <= 599:
        cause = "redirect" if 300 <= status <= 399 else "malformed"
        return UpstreamProtocolError(metadata={**metadata, "cause": cause})
    said = None if len(body) > TEXT_MAX_BYTES else decode(ANYTHING, body)
    return _error(status, _text(said), metadata, retry_after_s(headers))


def explain_said(said: object) -> UpstreamError:
    """Say what an error means that came in an answer with status 200."""
    return _error(500, _text(said), {}, None)


def is_error(said: object) -> bool:
    """Tell whether what came in an answer with status 200 is an error rather than an event."""
    return isinstance(said, dict) and (
        bool(said.get("error"))
        or (isinstance(said.get("message"), str) and "type" not in said)
        or said.get("type") == "error"
    )


def _error(status: int, text: str, metadata: dict[str, str], wait_s: float | None) -> UpstreamError:
    kind = _kind(status, text)
    if kind is UpstreamContextLengthExceeded and (found := _CONTEXT_NUMBERS.search(text)):
        metadata = {**metadata, "maxTokens": found["max"], "promptTokens": found["prompt"]}
    # A wait is told only where waiting helps.
    may_wait = kind in _MAY_WAIT or kind is UpstreamError
    return kind(metadata=metadata, retry_after_s=wait_s if may_wait else None)


def _kind(status: int, text: str) -> type[UpstreamError]:
    for pattern, kind, statuses in _TEXTS:
        if status in statuses and pattern.search(text):
            return kind
    if status in _STATUSES:
        return _STATUSES[status]
    return UpstreamError if status >= 500 else UpstreamRejectedRequest


def _text(said: object) -> str:
    """Return an error's text in lower case."""
    if isinstance(said, dict) and isinstance(said.get("error"), dict):
        said = said["error"]
    if isinstance(said, dict):
        named = (said.get(name) for name in ("message", "error", "data"))
        said = next((text for text in named if isinstance(text, str)), "")
    return said[:_TEXT_MAX_CHARS].lower() if isinstance(said, str) else ""
