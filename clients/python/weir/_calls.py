"""What does every call carry besides its request? A deadline and metadata."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypedDict

from weir._version import VERSION

UNARY_TIMEOUT_S: Final = 60.0
STREAM_TIMEOUT_S: Final = 300.0

Metadata = tuple[tuple[str, str | bytes], ...]

# Checked here, for gRPC would call it an internal error of the server that never saw the call.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}", re.ASCII)
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)
_NAME = re.compile(r"[0-9a-z_.-]+", re.ASCII)
_VALUE = re.compile(r"[\x20-\x7e]*", re.ASCII)


class CallOptions(TypedDict, total=False):
    """Keyword arguments that every call takes.

    timeout_s: seconds for the whole call, retries included. None or absent: the client's default,
        60 s, and 300 s for streams. There is always a deadline.
    request_id: your identity for the call, found again in the server's logs and in errors: 1 to 64
        letters, digits or any of . _ : / + = -
    idempotency_key: up to 64 visible ASCII characters; a call repeated with the same key and
        request is not run twice, but given the first run's answer.
    priority: who waits for whom when the server is busy. Absent: the server's default.
    metadata: further pairs to send, such as [("traceparent", "00-…")]; bytes where the name ends
        in -bin.

    A value that breaks its rule raises ValueError before anything is sent.
    """

    timeout_s: float | None
    request_id: str
    idempotency_key: str
    priority: Literal["interactive", "standard", "background"]
    metadata: Sequence[tuple[str, str | bytes]]


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
        """The call's metadata, the client's own first; raises ValueError for what cannot go."""
        return (*self.metadata, *_named(call), *_checked(call.get("metadata") or ()))


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


def _named(call: CallOptions) -> Iterator[tuple[str, str]]:
    """Give the pairs that have arguments of their own; an empty one is none."""
    if request_id := call.get("request_id"):
        if not _fits(_REQUEST_ID, request_id):
            raise ValueError(
                "request_id must be 1 to 64 letters, digits or any of . _ : / + = -, "
                f"not {request_id!r}."
            )
        yield "weir-request-id", request_id
    if idempotency_key := call.get("idempotency_key"):
        if not _fits(_IDEMPOTENCY_KEY, idempotency_key):
            raise ValueError(
                "idempotency_key must be 1 to 64 visible ASCII characters, "
                f"not {idempotency_key!r}."
            )
        yield "weir-idempotency-key", idempotency_key
    if priority := call.get("priority"):
        if priority not in ("interactive", "standard", "background"):
            raise ValueError(
                f"priority must be interactive, standard or background, not {priority!r}."
            )
        yield "weir-priority", priority


def _checked(pairs: Iterable[object]) -> Iterator[tuple[str, str | bytes]]:
    """Give the pairs that gRPC can carry. Values stay out of errors: one may be a secret."""
    if isinstance(pairs, (str, bytes, Mapping)) or not isinstance(pairs, Iterable):
        raise ValueError(
            'metadata must be a sequence of pairs, such as [("traceparent", "00-…")], '
            f"not a {type(pairs).__name__}."
        )
    for index, pair in enumerate(pairs):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"metadata[{index}] must be a pair of a name and a value.")
        name, value = pair
        if not _fits(_NAME, name):
            raise ValueError(
                f"metadata[{index}] has the name {name!r}; "
                "use lower-case letters, digits or any of _ . -"
            )
        if name.endswith("-bin"):
            if not isinstance(value, bytes):
                raise ValueError(f"metadata[{index}] ({name}) must have bytes as its value.")
        elif not _fits(_VALUE, value):
            raise ValueError(
                f"metadata[{index}] ({name}) must have printable ASCII as its value; "
                "bytes need a name that ends in -bin."
            )
        yield name, value


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _positive(seconds: float, name: str) -> float:
    if not seconds > 0:
        raise ValueError(f"{name} must be above 0 seconds, not {seconds!r}.")
    return seconds
