"""What does an answer tell of how it was made? The same in the `end` of a stream and in replies."""

from google.protobuf.duration_pb2 import Duration

from weir.v1.generation_pb2 import ResponseMetadata
from weir_server.core.call import Call
from weir_server.core.clock import Clock


def complete(
    metadata: ResponseMetadata, call: Call, clock: Clock, first_part_s: float | None = None
) -> None:
    """Add to a provider's metadata what only Weir knows; what the provider said stays.

    first_part_s: when the first part was sent, monotonic; None: none was, or the answer is unary.
    """
    progress = call.progress
    metadata.response_id = call.answer_id
    route = progress.route
    if route is not None:
        metadata.provider = route.provider
        if not metadata.model:
            metadata.model = route.vendor_model
    elapsed_s = clock.monotonic_s() - call.arrived_s
    created_ns = clock.wall_ns() - int(elapsed_s * 1e9)
    created = metadata.create_time
    created.seconds, created.nanos = divmod(created_ns, 1_000_000_000)
    _set(metadata.latency, elapsed_s)
    if first_part_s is not None:
        _set(metadata.time_to_first_token, first_part_s - call.arrived_s)
    metadata.attempts.extend(progress.attempts)
    if progress.warnings:
        metadata.warnings.extend(progress.warnings)


def _set(duration: Duration, seconds: float) -> None:
    duration.seconds, duration.nanos = divmod(int(seconds * 1e9), 1_000_000_000)
