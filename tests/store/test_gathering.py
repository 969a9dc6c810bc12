"""Operations wait for each other where the loop is busy, and for nothing where it is not."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.fakes.clock import FakeClock
from weir_server.store.gathering import GATHER_S, GATHERED_MAX, LOOK_S, TURNS, Gathering
from weir_server.store.operations import Kind, Operation


class Posted:
    """A gathering, and what it has handed over."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.batches: list[list[str]] = []
        self.has_posted = asyncio.Event()
        self.gathering = Gathering(
            self._post,
            loop=asyncio.get_running_loop(),
            clock=self.clock,
        )
        self._names = self._numbers()

    def add(self, count: int = 1) -> None:
        """Add operations, named by their number."""
        for _ in range(count):
            self.gathering.add(Operation(Kind.RELEASE, next(self._names)))

    def _post(self, operations: list[Operation]) -> None:
        self.batches.append([each.response_id for each in operations])
        self.has_posted.set()

    @staticmethod
    def _numbers() -> Iterator[str]:
        number = 0
        while True:
            yield str(number)
            number += 1


@pytest.fixture
async def posted() -> Posted:
    return Posted()


async def turns(count: int) -> None:
    """Let the loop turn so often, without waiting for anything."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_alone(posted: Posted) -> None:
    """One operation that no other joins is handed over after a few turns, and no time."""
    posted.add()

    await turns(TURNS - 1)
    assert posted.batches == []
    await turns(1)
    assert posted.batches == [["0"]]


async def test_joined(posted: Posted) -> None:
    """Those that come while the first is kept share its batch, in their order."""
    posted.add()
    await turns(1)
    posted.add(2)
    await turns(TURNS)
    assert posted.batches == []

    await posted.has_posted.wait()

    assert posted.batches == [["0", "1", "2"]]


async def test_kept_no_longer(posted: Posted) -> None:
    """However many keep coming, the first is handed over once its time is up."""
    posted.add(2)
    await turns(2)
    posted.add()
    posted.clock.advance(GATHER_S)

    await posted.has_posted.wait()

    assert posted.batches == [["0", "1", "2"]]


async def test_enough(posted: Posted) -> None:
    """With enough of them nothing more is waited for."""
    posted.add(2)
    await turns(2)
    posted.add(GATHERED_MAX)

    await posted.has_posted.wait()

    assert [len(batch) for batch in posted.batches] == [GATHERED_MAX + 2]


async def test_next_batch(posted: Posted) -> None:
    """What comes after a batch was handed over is kept anew."""
    posted.add()
    await turns(TURNS)
    posted.add()
    await turns(TURNS)

    assert posted.batches == [["0"], ["1"]]


async def test_flushed_at_once(posted: Posted) -> None:
    """A ledger that closes hands over all there is, once."""
    posted.add(3)

    posted.gathering.flush()
    await asyncio.sleep(2 * LOOK_S)

    assert posted.batches == [["0", "1", "2"]]
