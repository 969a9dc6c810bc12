"""What is told about a call beside its answer? The same in `end`, in replies and in trailers."""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final
from urllib.parse import quote

from google.protobuf.duration_pb2 import Duration

from weir.v1.generation_pb2 import ResponseMetadata
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.counters import Measure, Standing

CONTRACT_VERSION = "0.1.0"


def complete(
    metadata: ResponseMetadata, call: Call, clock: Clock, first_part_s: float | None = None
) -> None:
    """Add to a provider's metadata what only transport knows; what the provider said stays.

    first_part_s: when the first part was sent, monotonic; None: none was, or the answer is unary.
    """
    progress = call.progress
    metadata.response_id = call.response_id
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


def trailers(call: Call) -> list[tuple[str, str | bytes]]:
    """Return the trailers that every call ends with, failed ones too."""
    progress = call.progress
    pairs: list[tuple[str, str | bytes]] = [
        ("weir-request-id", call.request_id),
        ("weir-response-id", call.response_id),
    ]
    if progress.route is not None:
        route = f"{progress.route.provider}/{progress.route.model}"
        # A caller may name a provider's model in any script; gRPC loses all trailers over one
        # letter that is not ASCII.
        pairs.append(("weir-route", route if route.isascii() else quote(route)))
        pairs.append(("weir-attempts", str(len(progress.attempts))))
    if progress.usage is not None:
        pairs.append(("weir-usage-bin", progress.usage.SerializeToString()))
    if progress.rates:
        pairs += _rates(progress.rates)
    return pairs


def _rates(standings: Sequence[Standing]) -> Iterator[tuple[str, str]]:
    """Give what is left of the tightest limit of requests and of tokens, as callers know it."""
    for measure, what in _RATES:
        of_it = [each for each in standings if each.limit.measure is measure]
        if of_it:
            tightest = min(of_it, key=_remaining)
            yield f"weir-ratelimit-limit-{what}", str(tightest.limit.most)
            yield f"weir-ratelimit-remaining-{what}", str(tightest.remaining)
            yield f"weir-ratelimit-reset-{what}", f"{tightest.reset_s:.3f}"


_RATES: Final = ((Measure.REQUESTS, "requests"), (Measure.TOKENS, "tokens"))
_remaining = attrgetter("remaining")
RATE_NAMES: Final = frozenset(
    f"weir-ratelimit-{which}-{what}"
    for which in ("limit", "remaining", "reset")
    for _, what in _RATES
)
"""All names of trailers about limits."""


def headers(call: Call) -> list[tuple[str, str | bytes]]:
    """Return the response headers of a call."""
    return [("weir-request-id", call.request_id), ("weir-contract-version", CONTRACT_VERSION)]


def _set(duration: Duration, seconds: float) -> None:
    duration.seconds, duration.nanos = divmod(int(seconds * 1e9), 1_000_000_000)
