"""What does every call carry besides its request? A deadline and metadata."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypedDict

from weir._version import VERSION

UNARY_TIMEOUT_S: Final = 60.0
STREAM_TIMEOUT_S: Final = 300.0

Metadata = tuple[tuple[str, str], ...]


class CallOptions(TypedDict, total=False):
    """Keyword arguments that every call takes.

    timeout_s: seconds for the whole call, retries included. None or absent: the client's default,
        60 s, and 300 s for streams. There is always a deadline.
    request_id: your identity for the call, found again in the server's logs and in errors.
    idempotency_key: up to 64 characters; a call repeated with the same key and request is not run
        twice.
    priority: who waits for whom when the server is busy. Absent: the server's default.
    metadata: further pairs to send, such as ("traceparent", "00-…").
    """

    timeout_s: float | None
    request_id: str
    idempotency_key: str
    priority: Literal["interactive", "standard", "background"]
    metadata: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What a client adds to each of its calls."""

    timeout_s: float
    stream_timeout_s: float
    metadata: Metadata = field(repr=False)

    def timeout(self, call: CallOptions, *, stream: bool = False) -> float:
        """The call's seconds; raises ValueError where they are not above zero."""
        timeout_s = call.get("timeout_s")
        if timeout_s is None:
            return self.stream_timeout_s if stream else self.timeout_s
        return _positive(timeout_s, "timeout_s")

    def metadata_of(self, call: CallOptions) -> Metadata:
        """The call's metadata, the client's own first."""
        named = (
            ("weir-request-id", call.get("request_id")),
            ("weir-idempotency-key", call.get("idempotency_key")),
            ("weir-priority", call.get("priority")),
        )
        return (
            *self.metadata,
            *((key, value) for key, value in named if value),
            *call.get("metadata", ()),
        )


def defaults(*, api_key: str | None, timeout_s: float, stream_timeout_s: float) -> Defaults:
    """What a client adds to each call; raises ValueError for a key or a time that cannot be."""
    metadata: Metadata = (("weir-client", f"weir-client/{VERSION}"),)
    if api_key is not None:
        if not api_key.isascii() or not api_key.isprintable() or not api_key.strip():
            raise ValueError("The API key must be printable ASCII; is there a line end in it?")
        metadata += (("authorization", f"Bearer {api_key}"),)
    return Defaults(
        timeout_s=_positive(timeout_s, "timeout_s"),
        stream_timeout_s=_positive(stream_timeout_s, "stream_timeout_s"),
        metadata=metadata,
    )


def _positive(seconds: float, name: str) -> float:
    if not seconds > 0:
        raise ValueError(f"{name} must be above 0 seconds, not {seconds!r}.")
    return seconds
