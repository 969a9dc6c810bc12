"""What failed beyond a gateway is told apart from what failed at it."""

import pytest

from weir_server.core import errors
from weir_server.core.errors import UpstreamError
from weir_server.resilience.breaker import Outcome
from weir_server.resilience.verdicts import Rest, verdict_of

RESTS = {
    errors.UpstreamCredentialsRejected: Rest.PARK,
    errors.UpstreamQuotaExhausted: Rest.PARK,
    errors.UpstreamRateLimited: Rest.COOL,
}


@pytest.mark.parametrize("kind", [*RESTS, errors.UpstreamOverloaded, errors.UpstreamTimeout])
def test_what_failed_beyond_rests_nothing_and_is_not_repeated(kind: type[UpstreamError]) -> None:
    """The gateway has asked again itself; whether another target is asked stays as it is."""
    near, far = kind(), kind()
    far.beyond = True
    own, beyond = verdict_of(near), verdict_of(far)
    assert own.rest is RESTS.get(kind, Rest.NONE)
    assert own.repeats > 0 or kind is errors.UpstreamQuotaExhausted
    assert (beyond.repeats, beyond.rest, beyond.overload) == (0, Rest.NONE, False)
    assert (beyond.elsewhere, beyond.outcome) == (own.elsewhere, own.outcome)


def test_a_gateway_that_drains_is_not_blamed() -> None:
    """A replica takes the call; the one that shuts down is not unwell."""
    draining = verdict_of(errors.UpstreamOverloaded(metadata={"cause": "draining"}))
    assert (draining.outcome, draining.overload) == (Outcome.NEUTRAL, False)
    assert draining.elsewhere
    assert draining.repeats > 0


def test_an_answer_that_fits_no_schema_is_not_asked_for_once_more() -> None:
    """That was done, and did not help."""
    verdict = verdict_of(errors.OutputSchemaMismatch())
    assert (verdict.repeats, verdict.elsewhere, verdict.outcome) == (0, False, Outcome.NEUTRAL)
