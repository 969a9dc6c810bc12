"""What becomes of three times as many calls as there is room for? Minutes of it, simulated."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import pytest

from tests.fakes.virtual_time import VirtualTime, in_virtual_time
from weir_server.core.priority import Priority
from weir_server.core.slots import NoSlot, Slots

BACKGROUND, STANDARD, INTERACTIVE = Priority
MIX = {BACKGROUND: 0.4, STANDARD: 0.4, INTERACTIVE: 0.2}
CALLS = 30_000
PROMPT_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One call: its class, when it heard that there is a place or none, and which."""

    priority: Priority
    after_s: float
    is_served: bool


class Provider:
    """So many calls at a time, each of which takes about so long."""

    def __init__(self, loop: VirtualTime, *, places: int, answer_s: float, seed: int) -> None:
        self.loop = loop
        self.slots = Slots(limit=lambda: places, clock=loop)
        self.answer_s = answer_s
        self.per_s = places / answer_s
        self.rng = Random(seed)

    async def call(self, priority: Priority, timeout_s: float) -> Told:
        begun_s = self.loop.time()
        try:
            await self.slots.acquire(priority, until_s=begun_s + timeout_s - self.answer_s)
        except NoSlot:
            return Told(priority=priority, after_s=self.loop.time() - begun_s, is_served=False)
        after_s = self.loop.time() - begun_s
        await asyncio.sleep(self.answer_s * self.rng.uniform(0.5, 1.5))
        self.slots.release()
        return Told(priority=priority, after_s=after_s, is_served=True)

    async def offered(self, *, times: float, calls: int, timeout_s: float) -> list[Told]:
        """Make calls as independent callers do, `times` as many as can be answered."""
        asked: list[asyncio.Task[Told]] = []
        async with asyncio.TaskGroup() as group:
            for _ in range(calls):
                await asyncio.sleep(self.rng.expovariate(times * self.per_s))
                [priority] = self.rng.choices(list(MIX), list(MIX.values()))
                asked.append(group.create_task(self.call(priority, timeout_s)))
        return [task.result() for task in asked]


@pytest.mark.parametrize(
    ("places", "answer_s", "timeout_s", "late_at_most"),
    [
        (20, 0.2, 2.0, 0.01),
        (100, 0.2, 2.0, 0.01),
        (100, 5.0, 30.0, 0.01),
        # Who can wait for a fifth of an answer's time only takes a chance on the calls before.
        (100, 5.0, 6.0, 0.05),
    ],
    ids=["few places", "many", "long answers", "short deadlines"],
)
def test_shed_calls_hear_of_it_at_once(
    places: int,
    answer_s: float,
    timeout_s: float,
    late_at_most: float,
    record_property: Callable[[str, object], None],
) -> None:
    """At three times the capacity: 99 of 100 shed calls at once, goodput stays, classes hold."""
    loop = VirtualTime()
    provider = Provider(loop, places=places, answer_s=answer_s, seed=7)

    async def peak_then_overload() -> tuple[float, list[Told], float]:
        begun_s = loop.time()
        told = await provider.offered(times=1.0, calls=CALLS // 3, timeout_s=timeout_s)
        peak = sum(each.is_served for each in told) / (loop.time() - begun_s)
        begun_s = loop.time()
        told = await provider.offered(times=3.0, calls=CALLS, timeout_s=timeout_s)
        return peak, told, sum(each.is_served for each in told) / (loop.time() - begun_s)

    peak_per_s, told, served_per_s = in_virtual_time(peak_then_overload(), loop)
    shed = [each for each in told if not each.is_served]
    late = sum(each.after_s > PROMPT_S for each in shed) / len(shed)
    offered, served = (
        Counter(each.priority for each in told),
        Counter(each.priority for each in told if each.is_served),
    )
    share = {priority: served[priority] / offered[priority] for priority in Priority}
    goodput = served_per_s / peak_per_s
    record_property("shed_late", round(late, 5))
    record_property("goodput", round(goodput, 3))
    record_property("served", {each.name: round(share[each], 4) for each in Priority})
    assert late <= late_at_most
    assert goodput >= 0.9
    assert share[INTERACTIVE] >= 0.99
    assert share[INTERACTIVE] > share[STANDARD] > share[BACKGROUND]
    assert provider.slots.in_flight == provider.slots.queued == 0


def test_interactive_calls_alone_are_shed_at_once() -> None:
    """Where all calls are of the highest class the queue is longer, and none waits in vain."""
    provider = Provider(VirtualTime(), places=20, answer_s=0.2, seed=7)

    async def all_interactive() -> list[Told]:
        async with asyncio.TaskGroup() as group:
            asked = []
            for _ in range(5_000):
                await asyncio.sleep(provider.rng.expovariate(3.0 * provider.per_s))
                asked.append(group.create_task(provider.call(INTERACTIVE, 2.0)))
        return [task.result() for task in asked]

    told = in_virtual_time(all_interactive(), provider.loop)
    assert {each.is_served for each in told} == {True, False}
    assert max(each.after_s for each in told if not each.is_served) == 0.0
