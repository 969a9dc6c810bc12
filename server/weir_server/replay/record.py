"""What is kept of a call that has ended? All that its caller was told, as bytes."""

from collections.abc import Iterator, Sequence

import msgspec

from weir.v1.embedding_service_pb2 import EmbedResponse
from weir.v1.error_pb2 import Attempt, FieldViolation
from weir.v1.model_pb2 import ModelCapabilities
from weir.v1.provider_service_pb2 import StreamChatResponse
from weir.v1.usage_pb2 import TokenUsage
from weir_server.core.call import Call
from weir_server.core.errors import UnknownOutcome, WeirError
from weir_server.core.handler import Batch
from weir_server.core.target import Target

FRAME_BYTES = 8 * 1024
"""Batches are joined to this length, where answers of that length can be sent."""
_REPLAYED = "replayed"
"""Name of the mark in `metadata.attributes` and among the facts of an error."""
_NO_CAPABILITIES = ModelCapabilities()
"""Of a target that is named, not asked."""


class Failure(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An error, as far as its caller was told."""

    kind: str
    """Name of its class."""
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    violations: list[bytes] = msgspec.field(default_factory=list)
    usage: bytes | None = None


class Record(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The outcome of one call; one of `events`, `reply` and `failure` is there."""

    answer_id: str
    provider: str = ""
    """Resource names and the vendor's model of who was asked last; empty: nobody was."""
    model: str = ""
    vendor_model: str = ""
    attempts: list[bytes] = msgspec.field(default_factory=list)
    usage: bytes | None = None
    events: list[bytes] = msgspec.field(default_factory=list)
    """Batches of events, in the frame of StreamChat."""
    reply: bytes | None = None
    """Embed's reply."""
    failure: Failure | None = None


def record_of(
    call: Call,
    *,
    events: Sequence[bytes] = (),
    reply: bytes | None = None,
    error: WeirError | None = None,
    usage: TokenUsage | None = None,
) -> bytes:
    """Return what is to be kept of a call that has ended so.

    usage: what the answer says; None: what is known so far.
    """
    progress = call.progress
    usage = usage or progress.usage
    record = Record(
        answer_id=call.answer_id,
        attempts=[attempt.SerializeToString() for attempt in progress.attempts],
        usage=None if usage is None else usage.SerializeToString(),
        events=list(events),
        reply=reply,
    )
    if progress.route is not None:
        record.provider = progress.route.provider
        record.model = progress.route.model
        record.vendor_model = progress.route.vendor_model
    if error is not None:
        record.failure = _failure_of(error)
    return msgspec.msgpack.encode(record)


def read(raw: bytes) -> Record:
    """Return what was kept. Only for bytes whose seal was whole: they are our own."""
    return msgspec.msgpack.decode(raw, type=Record)


def tell(call: Call, record: Record) -> None:
    """Note in the call's progress what was told of the call that was run."""
    progress = call.progress
    progress.attempts.extend(Attempt.FromString(raw) for raw in record.attempts)
    if record.usage is not None:
        progress.usage = TokenUsage.FromString(record.usage)
    if record.provider:
        progress.route = Target(
            provider=record.provider,
            model=record.model,
            vendor_model=record.vendor_model,
            capabilities=_NO_CAPABILITIES,
        )


def batches_of(record: Record) -> Iterator[Batch]:
    """Give the answer again, byte for byte, but for the mark that it is given again."""
    if record.reply is not None:
        reply = EmbedResponse.FromString(record.reply)
        reply.metadata.attributes[_REPLAYED] = "true"
        yield reply
    for raw in record.events:
        events = list(StreamChatResponse.FromString(raw).events)
        if events[-1].HasField("end"):
            events[-1].end.metadata.attributes[_REPLAYED] = "true"
        yield events


def error_of(failure: Failure) -> WeirError:
    """Return the failure again, marked: asking once more with the same key changes nothing."""
    kind = _kinds().get(failure.kind, UnknownOutcome)
    error = kind.__new__(kind)  # some classes make their facts themselves
    WeirError.__init__(
        error,
        metadata={_REPLAYED: "true", **failure.metadata},
        violations=[FieldViolation.FromString(raw) for raw in failure.violations],
        usage=None if failure.usage is None else TokenUsage.FromString(failure.usage),
    )
    error.replayed = True
    return error


def _failure_of(error: WeirError) -> Failure:
    return Failure(
        kind=type(error).__name__,
        metadata=error.metadata,
        violations=[violation.SerializeToString() for violation in error.violations],
        usage=None if error.usage is None else error.usage.SerializeToString(),
    )


def _kinds() -> dict[str, type[WeirError]]:
    """Return every class of errors by its name, the subclasses of other modules too."""
    found: dict[str, type[WeirError]] = {}
    due = [WeirError]
    while due:
        kind = due.pop()
        found[kind.__name__] = kind
        due.extend(kind.__subclasses__())
    return found


def joined(events: Sequence[bytes], frame_bytes: int) -> list[bytes]:
    """Join neighbouring batches up to a length, for a replay need not come in small pieces.

    Messages of one kind that are joined byte by byte are one with the events of all.
    """
    frames: list[bytes] = []
    run: list[bytes] = []
    length = 0
    for raw in events:
        if run and length + len(raw) > frame_bytes:
            frames.append(b"".join(run))
            run, length = [], 0
        run.append(raw)
        length += len(raw)
    if run:
        frames.append(b"".join(run))
    return frames
