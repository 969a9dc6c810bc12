"""Another configuration: what was learnt stays where it still holds, and only there."""

from random import Random

import pytest

from tests.fakes.clock import FakeClock
from weir.admin.v1.admin_service_pb2 import CircuitState
from weir.v1.model_pb2 import ModelCapabilities
from weir_server.core.target import Target
from weir_server.resilience.breaker import Circuit, Outcome
from weir_server.resilience.upstreams import REMEMBERED_MAX, Upstreams
from weir_server.settings.resilience import BreakerSettings, ConcurrencySettings, ResilienceSettings

SETTINGS = ResilienceSettings()
A, B = "providers/a", "providers/b"


def target(provider: str, model: str = "m", *, maximum: int | None = None) -> Target:
    return Target(
        provider=provider,
        model=f"models/{model}",
        vendor_model=model,
        capabilities=ModelCapabilities(),
        kind="openai",
        max_concurrency=maximum,
    )


@pytest.fixture
def upstreams() -> Upstreams:
    """Two providers with a target each, whose circuits are open and whose credentials rest."""
    known = Upstreams(SETTINGS, clock=FakeClock(), rng=Random(1))
    known.know([target(A), target(B)])
    for provider in (A, B):
        state = known.state(target(provider))
        for _ in range(SETTINGS.breaker.consecutive_failures):
            permit = state.breaker.acquire()
            assert permit is not None
            state.breaker.settle(permit, Outcome.FAILED)
        assert state.breaker.circuit is Circuit.OPEN
        state.credentials.park("", 30.0)
    return known


def names(upstreams: Upstreams) -> list[str]:
    return [report.name for report in upstreams.targets()]


def test_a_changed_provider_begins_anew(upstreams: Upstreams) -> None:
    """Its circuit is closed and its key is used; the other provider's are as they were."""
    upstreams.reload(SETTINGS, [target(A), target(B)], renewed=frozenset({A}))

    changed, other = upstreams.state(target(A)), upstreams.state(target(B))
    assert changed.breaker.circuit is Circuit.CLOSED
    assert changed.credentials.pick() == ""
    assert other.breaker.circuit is Circuit.OPEN
    assert other.credentials.pick() is None


def test_calls_of_before_say_nothing_of_what_is_new(upstreams: Upstreams) -> None:
    """A failure at the old endpoint does not count against the new one."""
    upstreams.reload(SETTINGS, [target(A), target(B)], renewed=frozenset({A}))
    state = upstreams.state(target(A))
    permits = [state.breaker.acquire() for _ in range(SETTINGS.breaker.consecutive_failures)]
    upstreams.reload(SETTINGS, [target(A), target(B)], renewed=frozenset({A}))
    for permit in permits:
        assert permit is not None
        state.breaker.settle(permit, Outcome.FAILED)

    assert upstreams.state(target(A)).breaker.circuit is Circuit.CLOSED


def test_what_an_operator_forced_stays(upstreams: Upstreams) -> None:
    """A target that was taken out stays out, whatever its provider has become."""
    upstreams.force(target(A).name, CircuitState.CIRCUIT_STATE_FORCED_OPEN)

    upstreams.reload(SETTINGS, [target(A), target(B)], renewed=frozenset({A}))

    assert upstreams.state(target(A)).breaker.circuit is Circuit.FORCED_OPEN


def test_what_is_named_no_longer_is_not_listed(upstreams: Upstreams) -> None:
    """Removed targets and providers are forgotten, those that callers named among them."""
    upstreams.state(target(A, "unlisted"))
    upstreams.state(target(B, "unlisted"))

    upstreams.reload(SETTINGS, [target(A), target(A, "n")], renewed=frozenset({B}))

    listed = [target(A), target(A, "n"), target(A, "unlisted")]
    assert names(upstreams) == sorted(each.name for each in listed)


def test_a_target_of_another_model_is_listed_under_that(upstreams: Upstreams) -> None:
    """The models that lead to a target are the configuration's, not those of earlier ones too."""
    other = Target(
        provider=A, model="models/other", vendor_model="m", capabilities=ModelCapabilities()
    )

    upstreams.reload(SETTINGS, [other], renewed=frozenset({B}))

    [report] = upstreams.targets()
    assert list(report.models) == ["models/other"]
    assert report.circuit == CircuitState.CIRCUIT_STATE_OPEN


def test_other_settings_hold_at_once(upstreams: Upstreams) -> None:
    """For what is known already as for what comes."""
    settings = ResilienceSettings(
        hedge_share=0.5,
        breaker=BreakerSettings(consecutive_failures=1),
        concurrency=ConcurrencySettings(initial=1, maximum=10),
    )

    upstreams.reload(settings, [target(A, maximum=4), target(B)], renewed=frozenset({A}))

    states = upstreams.state(target(A)), upstreams.state(target(B))
    assert [state.breaker.policy.consecutive_failures for state in states] == [1, 1]
    assert [state.provider.hedges.share for state in states] == [0.5, 0.5]
    assert [state.provider.aimd.limit for state in states] == [4, 10]


def test_what_callers_name_is_forgotten_some_day() -> None:
    """However many providers and models callers bring in, so many targets are remembered."""
    known = Upstreams(SETTINGS, clock=FakeClock(), rng=Random(1))
    known.know([target(A)])
    first = known.state(target("providers/0")).provider
    for number in range(REMEMBERED_MAX + 10):
        known.state(target(f"providers/{number}"))
    assert len(known.targets()) == REMEMBERED_MAX
    assert "providers/0/targets/m" not in names(known)
    assert known.state(target(A)).models == {"models/m"}
    assert known.state(target("providers/0")).provider is not first
