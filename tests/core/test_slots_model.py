"""Do places keep their promises over every order of events? Compared with a plain model."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.fakes.clock import FakeClock
from weir_server.core.priority import Priority
from weir_server.core.slots import NoSlot, Slots

PLENTY_S = 3600.0
SHARES = {Priority.BACKGROUND: 0.6, Priority.STANDARD: 0.8, Priority.INTERACTIVE: 1.0}
QUEUE_SHARES = {Priority.BACKGROUND: 0.5, Priority.STANDARD: 0.5, Priority.INTERACTIVE: 1.0}


@dataclass(eq=False)
class Waiting:
    """A call that waits, as the model knows it."""

    priority: Priority
    until_s: float
    task: asyncio.Task[str]


@dataclass
class Model:
    """What the places should do, in the fewest words: lists, searched from end to end."""

    limit: int
    in_flight: int = 0
    queue: list[Waiting] = field(default_factory=list)
    pace_s: dict[Priority, float] = field(default_factory=lambda: dict.fromkeys(Priority, 0.0))
    handed_s: dict[Priority, float] = field(default_factory=dict)

    def bound(self, priority: Priority) -> int:
        return max(1, int(self.limit * SHARES[priority]))

    def room(self) -> int:
        return max(1, self.limit // 2)

    def refuses(self, priority: Priority, patience_s: float, now_s: float) -> str | None:
        """Say why a call may not wait; None: it may, in the place of a lower one if need be."""
        own = sum(each.priority is priority for each in self.queue)
        likely_s = 0.0
        if own:
            since_s = now_s - self.handed_s[priority]
            likely_s = max(2 * (own + 1) * self.pace_s[priority], own * since_s)
        if patience_s <= 0 or likely_s > patience_s:
            return "deadline"
        if own >= max(1, int(self.room() * QUEUE_SHARES[priority])):
            return "full"
        if len(self.queue) >= self.room() and all(e.priority >= priority for e in self.queue):
            return "full"
        return None

    def serve(self, now_s: float) -> dict[Waiting, str]:
        told: dict[Waiting, str] = {}
        while self.queue:
            best = max(each.priority for each in self.queue)
            if self.in_flight >= self.bound(best):
                break
            chosen = next(each for each in self.queue if each.priority is best)
            self.queue.remove(chosen)
            if chosen.until_s <= now_s:
                told[chosen] = "deadline"
            else:
                told[chosen] = "in"
                self.in_flight += 1
                since_s = now_s - self.handed_s[best]
                self.pace_s[best] += 0.2 * (since_s - self.pace_s[best])
                self.handed_s[best] = now_s
        return told


class PlacesMachine(RuleBasedStateMachine):
    """Calls come, wait, hang up and leave, while time passes and the limit moves."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.model = Model(limit=4)
        self.slots = Slots(limit=lambda: self.model.limit, clock=self.clock)

    def teardown(self) -> None:
        for waiting in self.model.queue:
            waiting.task.cancel()
        self.settle()
        self.loop.close()

    def settle(self) -> None:
        """Let every task run that can: a place may pass through several hands."""

        async def turns() -> None:
            for _ in range(10):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    async def call(self, priority: Priority, until_s: float) -> str:
        try:
            await self.slots.acquire(priority, until_s=until_s)
        except NoSlot as refusal:
            return refusal.why
        return "in"

    def expect(self, told: dict[Waiting, str]) -> None:
        self.settle()
        for waiting, answer in told.items():
            assert waiting.task.done()
            assert waiting.task.result() == answer

    @rule(
        burst=st.lists(
            st.tuples(st.sampled_from(Priority), st.sampled_from([PLENTY_S, PLENTY_S, 5.0, 0.0])),
            min_size=1,
            max_size=8,
        )
    )
    def arrive(self, burst: list[tuple[Priority, float]]) -> None:
        for priority, patience_s in burst:
            self.arrive_one(priority, patience_s)

    def arrive_one(self, priority: Priority, patience_s: float) -> None:
        now_s = self.clock.monotonic_s()
        told = self.model.serve(now_s)
        newcomer = Waiting(
            priority,
            now_s + patience_s,
            self.loop.create_task(self.call(priority, now_s + patience_s)),
        )
        if self.model.in_flight < self.model.bound(priority):
            self.model.in_flight += 1
            told[newcomer] = "in"
        elif refusal := self.model.refuses(priority, patience_s, now_s):
            told[newcomer] = refusal
        else:
            if len(self.model.queue) >= self.model.room():
                lowest = min(each.priority for each in self.model.queue)
                displaced = [each for each in self.model.queue if each.priority is lowest][-1]
                self.model.queue.remove(displaced)
                told[displaced] = "full"
            if not any(each.priority is priority for each in self.model.queue):
                self.model.handed_s[priority] = now_s
            self.model.queue.append(newcomer)
        self.expect(told)

    @precondition(lambda self: self.model.in_flight > 0)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, min(3, self.model.in_flight)))
        told: dict[Waiting, str] = {}
        for _ in range(count):
            self.slots.release()
            self.model.in_flight -= 1
            told |= self.model.serve(self.clock.monotonic_s())
        self.expect(told)

    @precondition(lambda self: self.model.queue)
    @rule(data=st.data())
    def hang_up(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(self.model.queue))
        gone.task.cancel()
        self.model.queue.remove(gone)
        self.settle()
        assert gone.task.cancelled()

    @precondition(lambda self: self.model.in_flight > 0 and self.model.queue)
    @rule(data=st.data())
    def hang_up_as_the_place_comes(self, data: st.DataObject) -> None:
        """The place and the hang-up meet in one turn of the loop, in either order."""
        gone = data.draw(st.sampled_from(self.model.queue))
        now_s = self.clock.monotonic_s()
        self.model.in_flight -= 1
        if data.draw(st.booleans()):
            self.slots.release()
            told = self.model.serve(now_s)
            gone.task.cancel()
            if gone in self.model.queue:
                self.model.queue.remove(gone)
            elif told.pop(gone) == "in":
                self.model.in_flight -= 1
                told |= self.model.serve(now_s)
        else:
            gone.task.cancel()
            self.slots.release()
            told = self.model.serve(now_s)
            if gone in self.model.queue:
                self.model.queue.remove(gone)
            elif told.pop(gone) == "in":
                # Passed over at once, as if it had taken the place and given it back.
                self.model.in_flight -= 1
                told |= self.model.serve(now_s)
        self.expect(told)
        assert gone.task.cancelled()

    @rule(limit=st.integers(1, 12), told_of=st.booleans())
    def change_limit(self, limit: int, *, told_of: bool) -> None:
        self.model.limit = limit
        told: dict[Waiting, str] = {}
        if told_of:
            self.slots.limit_changed()
            told = self.model.serve(self.clock.monotonic_s())
        self.expect(told)

    @rule()
    def let_time_pass(self) -> None:
        """Time that a busy loop has not noticed: the timers of those who wait have not run."""
        self.clock.advance(10.0)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.slots.in_flight == self.model.in_flight
        assert self.slots.queued == len(self.model.queue)
        assert not any(waiting.task.done() for waiting in self.model.queue)


TestPlaces = PlacesMachine.TestCase
TestPlaces.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
