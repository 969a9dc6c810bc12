"""Identities sort by time, and no two are alike."""

from tests.fakes.clock import FakeClock
from weir_server.transport.ids import TimedIds

MANY = 10_000


def test_order_of_time() -> None:
    """One that was made a millisecond later sorts after."""
    clock = FakeClock()
    new_id = TimedIds(clock)
    made = []
    for _ in range(100):
        made.append(new_id("resp_"))
        clock.advance(0.001)

    assert made == sorted(made)
    assert all(each.startswith("resp_") and len(each) == len("resp_") + 32 for each in made)


def test_none_twice() -> None:
    """Those of one millisecond differ too."""
    new_id = TimedIds(FakeClock())

    assert len({new_id("resp_") for _ in range(MANY)}) == MANY
