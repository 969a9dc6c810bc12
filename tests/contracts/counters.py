"""What every home of counters keeps: no window over its limit, nothing refused without need."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from weir_server.core.counters import Counters, Grant, Limit, Measure, Refusal, amount_of
from weir_server.store.sliding_window import SLICES

MINUTE_US = 60_000_000
SLICE_US = MINUTE_US // SLICES


def limit(
    measure: Measure, most: int, subject: str = "tenants/search", tenant: str = "search"
) -> Limit:
    return Limit(tenant=tenant, subject=subject, measure=measure, most=most)


@dataclass
class Admitted:
    """One call as a model remembers it."""

    at_us: int
    grant: Grant
    amounts: dict[str, int]
    debt_at_us: int = 0
    debt: int = 0
    ended: bool = False


@dataclass
class Model:
    """Remembers everything, and looks at every window."""

    calls: list[Admitted] = field(default_factory=list)

    def counted(self, name: str, since_us: int, *, debts: bool) -> int:
        """What was admitted after a moment, as corrected since."""
        total = 0
        for call in self.calls:
            if call.at_us > since_us:
                total += call.amounts.get(name, 0)
            if debts and call.debt and call.debt_at_us > since_us and "tokens" in name:
                total += call.debt
        return total

    def held(self, now_us: int, lease_us: int) -> int:
        return sum(not call.ended and call.at_us + lease_us > now_us for call in self.calls)


WAITS_MS = st.one_of(
    st.integers(1, 30_000),
    # Where a minute is just over, or just not.
    st.sampled_from([10, 240, 249, 250, 251, 29_750, 59_500, 59_740, 59_999, 60_000, 60_001]),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), WAITS_MS, st.just(0)),
        st.tuples(st.just("take"), st.integers(0, 60), st.just(0)),
        st.tuples(st.just("end"), st.integers(0, 30), st.integers(0, 90)),
        st.tuples(st.just("refund"), st.integers(0, 30), st.just(0)),
    ),
    min_size=10,
    max_size=80,
)


class CountersSuite(ABC):
    """Inherited by the tests of each home."""

    @abstractmethod
    def counters(self, clock: FakeClock) -> AbstractAsyncContextManager[Counters]:
        """Return a home that counts by this clock and holds nothing yet."""

    @settings(
        max_examples=60,
        deadline=None,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
    )
    @given(steps=STEPS)
    def test_no_window_holds_more_than_its_limit(self, steps: list[tuple[str, int, int]]) -> None:
        """Wherever a minute begins; a refusal has its reason, and its wait is long enough."""
        asyncio.run(self._play(steps))

    async def _play(self, steps: list[tuple[str, int, int]]) -> None:
        clock, model = FakeClock(), Model()
        lease_s = 30.0
        limits = [
            limit(Measure.REQUESTS, 5),
            limit(Measure.TOKENS, 100),
            limit(Measure.CALLS, 3),
            limit(Measure.REQUESTS, 4, "keys/one"),
        ]
        async with self.counters(clock) as counters:
            for what, one, two in steps:
                if what == "wait":
                    clock.advance(one / 1_000)
                elif what == "take":
                    await self._take(counters, model, clock, limits, one, lease_s)
                elif open_calls := [call for call in model.calls if not call.ended]:
                    call = open_calls[-1 - one % len(open_calls)]
                    call.ended = True
                    used = 0 if what == "refund" else two
                    counters.give_back(call.grant, tokens_used=used, refund=what == "refund")
                    self._correct(call, used, now_us(clock), refund=what == "refund")

    async def _take(
        self,
        counters: Counters,
        model: Model,
        clock: FakeClock,
        limits: list[Limit],
        tokens: int,
        lease_s: float,
    ) -> None:
        async def take() -> Grant | Refusal:
            holder = f"call{len(model.calls)}"
            return await counters.take(limits, tokens=tokens, holder=holder, lease_s=lease_s)

        got = await take()
        if isinstance(got, Refusal):
            self._has_reason(model, got, now_us(clock), tokens, lease_s)
            assert got.wait_s is not None
            assert got.wait_s > 0
            if got.limit.measure is Measure.CALLS:
                return
            clock.advance(got.wait_s)
            again = await take()
            if isinstance(again, Refusal):
                assert again.limit.measure is Measure.CALLS
                return
            got = again
        amounts = {
            each.name: amount_of(each, tokens)
            for each in limits
            if each.measure is not Measure.CALLS
        }
        model.calls.append(Admitted(at_us=now_us(clock), grant=got, amounts=amounts))
        for each, standing in zip(limits, got.standings, strict=True):
            assert standing.limit is each
            if each.measure is Measure.CALLS:
                assert model.held(now_us(clock), int(lease_s * 1e6)) <= each.most
            else:
                in_window = model.counted(each.name, now_us(clock) - MINUTE_US, debts=False)
                assert in_window <= each.most
                assert in_window <= standing.used
                assert (standing.reset_s > 0) == (standing.used > 0)

    def _has_reason(
        self, model: Model, refusal: Refusal, now: int, tokens: int, lease_s: float
    ) -> None:
        name, most = refusal.limit.name, refusal.limit.most
        if refusal.limit.measure is Measure.CALLS:
            # Some lease may be a microsecond from its end.
            assert model.held(now - 2_000, int(lease_s * 1e6)) >= most
            return
        longer = model.counted(name, now - MINUTE_US - SLICE_US - 1, debts=True)
        assert longer + amount_of(refusal.limit, tokens) > most

    def _correct(self, call: Admitted, used: int, now: int, *, refund: bool) -> None:
        for name in call.amounts:
            if "tokens" in name:
                more = used - call.amounts[name]
                call.amounts[name] += min(0, more)
                call.debt, call.debt_at_us = max(0, more), now
            elif refund:
                call.amounts[name] = 0

    async def test_all_limits_are_taken_or_none(self) -> None:
        """A limit that has room is not touched when another refuses."""
        clock = FakeClock()
        roomy, narrow = limit(Measure.REQUESTS, 10), limit(Measure.REQUESTS, 1, "keys/one")
        async with self.counters(clock) as counters:
            await counters.take([roomy, narrow], tokens=0, holder="a", lease_s=60.0)
            await counters.take([roomy, narrow], tokens=0, holder="b", lease_s=60.0)
            got = await counters.take([roomy, narrow], tokens=0, holder="c", lease_s=60.0)
        assert isinstance(got, Refusal)
        assert got.limit is narrow
        assert [standing.used for standing in got.standings] == [1, 1]
        assert got.wait_s is not None
        assert 60.0 < got.wait_s <= 60.0 + 0.251

    async def test_lease_of_the_lost_ends_by_itself(self) -> None:
        """Whoever never gives back keeps others out for as long as the lease, and no longer."""
        clock = FakeClock()
        calls = [limit(Measure.CALLS, 1)]
        async with self.counters(clock) as counters:
            await counters.take(calls, tokens=0, holder="lost", lease_s=90.0)
            clock.advance(89.9)
            refused = await counters.take(calls, tokens=0, holder="next", lease_s=90.0)
            clock.advance(0.2)
            granted = await counters.take(calls, tokens=0, holder="next", lease_s=90.0)
        assert isinstance(refused, Refusal)
        assert isinstance(granted, Grant)

    async def test_debt_is_waited_for(self) -> None:
        """An answer longer than was reserved keeps the next call out until it leaves the window."""
        clock = FakeClock()
        tokens = [limit(Measure.TOKENS, 100)]
        async with self.counters(clock) as counters:
            grant = await counters.take(tokens, tokens=50, holder="a", lease_s=60.0)
            assert isinstance(grant, Grant)
            clock.advance(10.0)
            counters.give_back(grant, tokens_used=300, refund=False)
            refused = await counters.take(tokens, tokens=10, holder="b", lease_s=60.0)
            assert isinstance(refused, Refusal)
            assert refused.standings[0].used == 300
            assert refused.standings[0].remaining == 0
            assert refused.wait_s is not None
            assert 60.0 < refused.wait_s < 60.3
            clock.advance(refused.wait_s)
            granted = await counters.take(tokens, tokens=100, holder="c", lease_s=60.0)
        assert isinstance(granted, Grant)

    async def test_steady_demand_gets_the_whole_limit(self) -> None:
        """Over ten minutes of asking all the time, at least 99 % of the limit is admitted."""
        clock = FakeClock()
        requests = [limit(Measure.REQUESTS, 50)]
        admitted = 0
        async with self.counters(clock) as counters:
            begun_s = clock.monotonic_s()
            while clock.monotonic_s() - begun_s < 600.0:
                got = await counters.take(requests, tokens=0, holder="h", lease_s=60.0)
                if isinstance(got, Refusal):
                    assert got.wait_s is not None
                    clock.advance(got.wait_s)
                else:
                    admitted += 1
                    clock.advance(0.01)
        assert 0.99 * 500 <= admitted <= 550


def now_us(clock: FakeClock) -> int:
    return int(clock.monotonic_s() * 1_000_000)
