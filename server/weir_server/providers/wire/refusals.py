"""What does a vendor's refusal mean? By its code, by its text, by its status: one judge for all.

A wire format brings its vendor's tables, and reads code and text off a body in its own way. No text
of the vendor ends up in an error.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
from weir_server.providers.wire.reading import ANYTHING, decode

TEXT_MAX_BYTES = 1 << 16
"""Of a refusal's body; a longer one is not looked into."""
_TEXT_MAX_CHARS = 4096

Kind = type[UpstreamError]
Words = tuple[re.Pattern[str], Kind, frozenset[int]]
"""Words that tell, in lower case, what they mean, and the statuses that say too little."""

_STATUSES: Mapping[int, Kind] = {
    401: UpstreamCredentialsRejected,
    402: UpstreamQuotaExhausted,
    403: UpstreamCredentialsRejected,
    404: UpstreamModelNotFound,
    408: UpstreamTimeout,
    409: UpstreamConflict,
    413: UpstreamRequestTooLarge,
    429: UpstreamRateLimited,
}
"""What vendors agree on."""
_MAY_WAIT = (UpstreamRateLimited, UpstreamOverloaded, UpstreamTimeout, UpstreamConflict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One vendor's words."""

    codes: Mapping[str, Kind] = field(default_factory=dict)
    """Codes that say more than the status they come with."""
    texts: Sequence[Words] = ()
    """Words of a message, where there is no such code."""
    statuses: Mapping[int, Kind] = field(default_factory=dict)
    """Statuses beside those that vendors agree on, or in their place."""
    context_numbers: Sequence[re.Pattern[str]] = ()
    """How it is told by how much a prompt is too long: groups `prompt` and `max`."""

    def kind(self, status: int, *, codes: Sequence[str] = (), text: str = "") -> Kind:
        """Return what a refusal means. text: in lower case."""
        for code in codes:
            if code in self.codes:
                return self.codes[code]
        for pattern, kind, statuses in self.texts:
            if status in statuses and pattern.search(text):
                return kind
        return self.kind_of_status(status)

    def kind_of_status(self, status: int) -> Kind:
        """Return what a status means by itself."""
        kind = self.statuses.get(status) or _STATUSES.get(status)
        if kind is not None:
            return kind
        return UpstreamError if status >= 500 else UpstreamRejectedRequest

    def error(
        self, kind: Kind, *, text: str = "", status: int = 0, wait_s: float | None = None
    ) -> UpstreamError:
        """Return the error. status: of the HTTP answer; 0: it came within a good one."""
        metadata = {"httpStatus": str(status)} if status else {}
        if kind is UpstreamContextLengthExceeded:
            metadata |= self._numbers(text)
        # A wait is told only where waiting helps.
        may_wait = kind in _MAY_WAIT or kind is UpstreamError
        return kind(metadata=metadata, retry_after_s=wait_s if may_wait else None)

    def _numbers(self, text: str) -> dict[str, str]:
        for pattern in self.context_numbers:
            if found := pattern.search(text):
                return {"maxTokens": found["max"], "promptTokens": found["prompt"]}
        return {}


def no_refusal(status: int) -> UpstreamProtocolError | None:
    """Return what an answer means that is neither good nor a refusal; None: it is one."""
    if 400 <= status <= 599:
        return None
    cause = "redirect" if 300 <= status <= 399 else "malformed"
    return UpstreamProtocolError(metadata={"httpStatus": str(status), "cause": cause})


def read_refusal(body: bytes) -> object:
    """Return the JSON of a refusal, or None for what is none or too long to look into."""
    return decode(ANYTHING, body) if len(body) <= TEXT_MAX_BYTES else None


def told(text: object) -> str:
    """Return the beginning of a message in lower case; nothing of what is no text."""
    return text[:_TEXT_MAX_CHARS].lower() if isinstance(text, str) else ""
