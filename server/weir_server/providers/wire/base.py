"""What is a wire format? Pure functions from requests to bytes and from bytes to events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from weir.v1.generation_pb2 import GenerationEvent
from weir.v1.generation_pb2 import Warning as WarningEvent
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import WeirError
from weir_server.core.handler import Batch, Request
from weir_server.core.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request to a provider, complete but for address and credential."""

    path: str
    """Path below the provider's base address, beginning with a slash."""
    body: bytes = b""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the wire format itself asks for, such as `content-type`; never a credential."""
    warnings: Sequence[WarningEvent] = ()
    """What was left out because the caller prefers a warning to a refusal."""


JSON_HEADERS = {"content-type": "application/json", "accept": "application/json"}
STREAM_HEADERS = {"content-type": "application/json", "accept": "text/event-stream"}

MODELS = HttpRequest(path="/models", method="GET")
"""Lists models at most vendors, which costs nothing and needs the credential."""


class Decoder(Protocol):
    """Turns the bytes of one answer into events, however the bytes are cut.

    `feed` gives every event that the bytes so far complete, then sets `done` or `failure` when the
    answer has ended. Events before a failure are always delivered. Bytes after either are ignored.
    """

    done: bool
    """Whether the answer's own terminal event has come; its last event was `end`."""
    failure: WeirError | None
    """Why the answer is broken; None while it is not."""

    def feed(self, data: bytes) -> list[GenerationEvent]:
        """Take more bytes; return the events they complete, possibly none."""
        ...

    def finish(self) -> Batch | None:
        """Take the end of the body; return what only the end completes, or None.

        Afterwards either `done` is true or `failure` is set: a stream without its terminal event is
        UpstreamStreamBroken (cause=cut), never a complete answer.
        """
        ...


class Wire(Protocol):
    """One vendor protocol."""

    def encode(self, request: Request, target: Target, *, stream: bool) -> HttpRequest:
        """Say `request` in the vendor's words.

        Raises UnsupportedOption or UnsupportedModality, naming the field, for what this protocol
        cannot say; nothing is left out silently. Where the caller's unsupported_option_policy
        allows it, an option is left out and named in `warnings` instead.
        """
        ...

    def decoder(self, request: Request, target: Target, *, stream: bool) -> Decoder:
        """Make the decoder of one answer with status 200."""
        ...

    def explain(self, status: int, headers: Mapping[str, str], body: bytes) -> WeirError:
        """Say what an answer with another status means: by status first, by text last.

        `headers` has lower-case names. No text of the vendor ends up in the error.
        """
        ...


@runtime_checkable
class CountingWire(Wire, Protocol):
    """A protocol with an endpoint that counts the tokens of a chat and generates nothing."""

    def encode_count(self, request: ChatRequest, target: Target) -> HttpRequest:
        """Ask how many prompt tokens a chat is. Raises like `encode`."""
        ...

    def decode_count(self, body: bytes) -> int:
        """Return the number in an answer with status 200. Raises UpstreamProtocolError."""
        ...
