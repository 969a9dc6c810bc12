"""What does a refusal mean? By status first, by its text last.

Statuses and messages are those of the vendor's reference, "Errors". Its bodies are objects with a
`message`, of old with `data`. No text of the vendor ends up in an error.
"""

import re
from collections.abc import Mapping

from weir_server.core.errors import (
    UpstreamContextLengthExceeded,
    UpstreamCredentialsRejected,
    UpstreamError,
    UpstreamModelNotFound,
    UpstreamOverloaded,
    UpstreamQuotaExhausted,
    UpstreamRejectedRequest,
    UpstreamTimeout,
)
from weir_server.providers.wire.refusals import Rules, Words, no_refusal, read_refusal, told
from weir_server.providers.wire.retry_after import retry_after_s

_TEXTS: tuple[Words, ...] = (
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

_RULES = Rules(
    texts=_TEXTS,
    statuses={
        498: UpstreamRejectedRequest,  # a word on a deny list, asked or answered
        499: UpstreamError,  # cancelled, though not by us: the reference says to try again
        501: UpstreamRejectedRequest,
        503: UpstreamOverloaded,
        504: UpstreamTimeout,
    },
    context_numbers=(_CONTEXT_NUMBERS,),
)


def explain(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """Say what an answer with this status means; `headers` has lower-case names."""
    if (odd := no_refusal(status)) is not None:
        return odd
    text = _text(read_refusal(body))
    kind = _RULES.kind(status, text=text)
    return _RULES.error(kind, text=text, status=status, wait_s=retry_after_s(headers))


def explain_said(said: object) -> UpstreamError:
    """Say what an error means that came in an answer with status 200."""
    text = _text(said)
    return _RULES.error(_RULES.kind(500, text=text), text=text)


def is_error(said: object) -> bool:
    """Tell whether what came in an answer with status 200 is an error rather than an event."""
    return isinstance(said, dict) and (
        bool(said.get("error"))
        or (isinstance(said.get("message"), str) and "type" not in said)
        or said.get("type") == "error"
    )


def _text(said: object) -> str:
    """Return an error's text in lower case."""
    if isinstance(said, dict) and isinstance(said.get("error"), dict):
        said = said["error"]
    if isinstance(said, dict):
        named = (said.get(name) for name in ("message", "error", "data"))
        said = next((text for text in named if isinstance(text, str)), "")
    return told(said)
