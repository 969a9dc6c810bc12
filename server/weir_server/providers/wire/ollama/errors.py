"""What does a refusal mean? By status first, by its text last.

Bodies are objects with an `error` that is text; statuses are those of the vendor's page "Errors"
and of its server's source. No text of the vendor ends up in an error.
"""

import re
from collections.abc import Mapping

from weir_server.core.errors import (
    UpstreamContextLengthExceeded,
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

_RULES = Rules(
    texts=_TEXTS,
    statuses={
        410: UpstreamModelNotFound,
        499: UpstreamError,  # its own request was cancelled, though not by us
        503: UpstreamOverloaded,  # more requests wait for a model than OLLAMA_MAX_QUEUE
        504: UpstreamTimeout,
    },
)


def explain(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """Say what an answer with this status means; `headers` has lower-case names."""
    if (odd := no_refusal(status)) is not None:
        return odd
    kind = _RULES.kind(status, text=_text(read_refusal(body)))
    return _RULES.error(kind, status=status, wait_s=retry_after_s(headers))


def explain_said(said: object) -> UpstreamError:
    """Say what an error means that came in an answer with status 200."""
    return _RULES.error(_RULES.kind(500, text=_text(said)))


def _text(said: object) -> str:
    """Return an error's text in lower case; some proxies put it a level deeper."""
    for _ in range(2):
        if isinstance(said, dict):
            said = said.get("error") or said.get("message")
    return told(said)
