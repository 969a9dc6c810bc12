"""What do circuits, limits and lines hear of a turn? The upstreams' state, call by call."""

from random import Random

from tests.fakes.clock import FakeClock
from weir.v1.model_pb2 import ModelCapabilities
from weir_server.core.call import Call
from weir_server.core.deadline import Deadline
from weir_server.core.errors import UpstreamOverloaded, WeirError
from weir_server.core.target import Operation, Target
from weir_server.resilience.breaker import Circuit
from weir_server.resilience.turns import Turn, Turns
from weir_server.resilience.upstreams import Upstreams
from weir_server.settings.resilience import BreakerSettings, ResilienceSettings

SETTINGS = ResilienceSettings(
    breaker=BreakerSettings(consecutive_failures=5, trials=3, slow_after_s=2.0, open_s=5.0)
)
TARGET = Target(
    provider="providers/a",
    model="models/m",
    vendor_model="m",
    capabilities=ModelCapabilities(),
    kind="openai",
)


class Machine:
    """Turns at one target, on a clock that is moved by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        rng = Random(1)
        self.upstreams = Upstreams(SETTINGS, clock=self.clock, rng=rng)
        self.turns = Turns(self.upstreams, clock=self.clock, rng=rng, first_token_timeout_s=30.0)

    def take(self) -> Turn | None:
        now_s = self.clock.monotonic_s()
        call = Call(
            request_id="q",
            response_id="r",
            method="StreamChat",
            operation=Operation.CHAT,
            streaming=True,
            arrived_s=now_s,
            deadline=Deadline.after(now_s, 60.0),
            targets=(TARGET,),
        )
        return self.turns.take(call, TARGET)

    def call(self, *, first_after_s: float = 0.1, error: WeirError | None = None) -> None:
        """Make one call to its end; `error` comes in place of an answer."""
        turn = self.take()
        assert turn is not None
        self.clock.advance(first_after_s)
        if error is None:
            self.turns.answered(turn, streaming=True)
        self.turns.give_back(turn, error, streaming=True)

    def circuit(self) -> Circuit:
        return self.upstreams.state(TARGET).breaker.circuit

    @property
    def limit(self) -> int:
        return self.upstreams.state(TARGET).provider.aimd.limit


def test_a_slow_trial_is_one_answer() -> None:
    """Two of the three that close a circuit again are slow: that is below the share, it closes."""
    machine = Machine()
    for _ in range(5):
        machine.call(error=UpstreamOverloaded())
    assert machine.circuit() is Circuit.OPEN
    machine.clock.advance(7.0)
    for first_after_s in (3.0, 3.0):
        machine.call(first_after_s=first_after_s)
        assert machine.circuit() is Circuit.HALF_OPEN
    machine.call()
    assert machine.circuit() is Circuit.CLOSED


def test_a_target_that_answers_others_is_not_left_alone_for_load() -> None:
    """It refuses most of what comes and answers the rest: it gets less, and its circuit stays."""
    machine = Machine()
    for _ in range(20):
        machine.call()
        for _ in range(9):
            machine.call(error=UpstreamOverloaded())
    assert machine.circuit() is Circuit.CLOSED
    assert machine.limit < 20


def test_a_target_that_answers_nobody_for_load_is_left_alone() -> None:
    """The last answer is older than a circuit's first period: five refusals in a row open it."""
    machine = Machine()
    machine.call()
    machine.clock.advance(5.0)
    for _ in range(4):
        machine.call(error=UpstreamOverloaded())
        assert machine.circuit() is Circuit.CLOSED
    machine.call(error=UpstreamOverloaded())
    assert machine.circuit() is Circuit.OPEN
