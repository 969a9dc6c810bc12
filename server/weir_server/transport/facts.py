"""What is told about a call beside its answer? The same in `end`, in replies and in trailers."""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final
from urllib.parse import quote

from weir.v1.generation_pb2 import ResponseMetadata
from weir_server.core import answer
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.counters import Measure, Standing

CONTRACT_VERSION = "0.1.0"


def complete(
    metadata: ResponseMetadata, call: Call, clock: Clock, first_part_s: float | None = None
) -> None:
    """Complete an answer's metadata, unless a stage has done so because it keeps the answer."""
    keyed = call.progress.keyed
    if keyed is None or metadata.response_id != keyed.answer_id:
        answer.complete(metadata, call, clock, first_part_s)


def trailers(call: Call) -> list[tuple[str, str | bytes]]:
    """Return the trailers that every call ends with, failed ones too."""
    progress = call.progress
    pairs: list[tuple[str, str | bytes]] = [
        ("weir-request-id", call.request_id),
        ("weir-response-id", call.answer_id),
    ]
    if progress.keyed is not None and progress.keyed.replayed:
        pairs.append(("weir-replayed", "true"))
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
