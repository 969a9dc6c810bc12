"""Is it told what ended an attempt? The list that callers see names the outcome, and the time."""

import asyncio

import pytest

from tests.fakes.clock import FakeClock
from tests.providers.http.asking import CLOCK, PROVIDER, a_call, provider_at
from weir.v1.error_pb2 import ErrorReason
from weir_server.core.call import Call
from weir_server.core.errors import UpstreamCredentialsRejected, UpstreamTimeout
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.http.guard import Endpoint
from weir_server.providers.http.signing import Signer
from weir_server.providers.noting import NotedAttempt
from weir_server.providers.wire.base import HttpRequest

LATE = ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED
CANCELLED = ErrorReason.ERROR_REASON_CLIENT_CANCELLED


@pytest.mark.parametrize(
    ("left_s", "reason"),
    [(-1.0, LATE), (0.003, LATE), (0.1, CANCELLED)],
    ids=["over", "as good as over", "not over"],
)
def test_a_cancellation_at_the_deadline_is_the_deadlines(
    left_s: float, reason: ErrorReason.ValueType
) -> None:
    """A loop's timer may be milliseconds early: that is no hang-up of the caller's."""
    clock = FakeClock()
    call = a_call(clock=clock)
    noted = NotedAttempt(call, PROVIDER, clock)
    clock.advance(call.deadline.remaining_s(clock.monotonic_s()) - left_s)
    noted.ended(asyncio.CancelledError())
    assert [attempt.reason for attempt in call.progress.attempts] == [reason]


def test_an_outcome_stands_with_its_time() -> None:
    """What is known is not open any more, and has taken as long as it took."""
    clock = FakeClock()
    call = a_call(clock=clock)
    noted = NotedAttempt(call, PROVIDER, clock)
    open_at = [noted.is_open]
    clock.advance(1.5)
    noted.ended(UpstreamTimeout())
    open_at.append(noted.is_open)
    assert open_at == [True, False]
    assert noted.attempt.reason == ErrorReason.ERROR_REASON_UPSTREAM_TIMEOUT
    assert noted.attempt.duration.ToMilliseconds() == 1500


class Refused(Signer):
    """Cannot say who asks."""

    async def sign(self, request: HttpRequest, endpoint: Endpoint, call: Call) -> dict[str, str]:
        raise UpstreamCredentialsRejected


async def test_whose_token_was_refused_is_told_without_an_attempt_too() -> None:
    """A probe and a count name the provider whose signer failed, and send nothing."""
    async with FakeUpstream() as upstream, provider_at(upstream) as provider:
        provider.signer = Refused()
        with pytest.raises(UpstreamCredentialsRejected) as refusal:
            await provider.probe(a_call(clock=CLOCK))
        assert len(upstream.journal) == 0
    assert refusal.value.metadata["provider"] == PROVIDER
