"""What does a home of keyed calls remember? A plain model of the rules, to compare it with."""

import asyncio
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.contracts.replay_store import claim, of
from tests.fakes.clock import FakeClock
from weir_server.core.replays import FREE, NOT_KEPT, Claim, ReplayStore, Standing, State

RETENTION_S = 30.0
LEASE_S = 7.0
SLOTS = st.sampled_from("abc")
OUTCOMES = st.sampled_from([FREE, NOT_KEPT, b"one", b"two"])


@dataclass
class Known:
    """What the model knows of a key."""

    owner: Claim
    lease_until_s: float
    outcome: bytes | None = None
    ended_s: float | None = None

    def forgotten(self, now_s: float) -> bool:
        since_s = self.lease_until_s if self.ended_s is None else self.ended_s
        return now_s - since_s >= RETENTION_S

    def standing(self, now_s: float) -> Standing:
        if self.ended_s is not None:
            assert self.outcome is not None
            return of(State.DONE, self.owner, self.outcome)
        return of(State.LOST if now_s >= self.lease_until_s else State.RUNNING, self.owner)


class ReplaysModel(RuleBasedStateMachine):
    """Claims, and settlements by owners of any age. A home gives `store` and `loop`."""

    store: ReplayStore
    loop: asyncio.AbstractEventLoop
    prefix = ""
    """Of the slots of this example."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.known: dict[str, Known] = {}
        self.claims: list[Claim] = []

    @property
    def now_s(self) -> float:
        return self.clock.monotonic_s()

    def at(self, slot: str) -> Known | None:
        known = self.known.get(slot)
        return None if known is None or known.forgotten(self.now_s) else known

    @rule(slot=SLOTS)
    def claims_anew(self, slot: str) -> None:
        mine = claim(self.prefix + slot, lease_s=LEASE_S)
        self.claims.append(mine)
        self.look(mine)

    @rule(data=st.data())
    def asks_again(self, data: st.DataObject) -> None:
        if self.claims:
            self.look(data.draw(st.sampled_from(self.claims)))

    def look(self, mine: Claim) -> None:
        said = self.loop.run_until_complete(self.store.claim(mine))
        known = self.at(mine.slot)
        if known is None:
            self.known[mine.slot] = Known(mine, self.now_s + LEASE_S)
            assert said.state is State.CLAIMED
        elif known.owner is mine and known.ended_s is None:
            assert said.state is State.CLAIMED
        else:
            assert said == known.standing(self.now_s)

    @rule(data=st.data(), outcome=OUTCOMES)
    def settles(self, data: st.DataObject, outcome: bytes | None) -> None:
        if not self.claims:
            return
        mine = data.draw(st.sampled_from(self.claims))

        async def settle() -> None:
            await self.store.settle(mine, outcome)

        self.loop.run_until_complete(settle())
        known = self.known.get(mine.slot)
        if known is None or known.owner is not mine or known.ended_s is not None:
            return
        if outcome is FREE:
            del self.known[mine.slot]
        else:
            known.outcome, known.ended_s = outcome, self.now_s
