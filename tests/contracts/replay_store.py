"""What must whoever remembers keyed calls do? One suite, for every home."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Protocol

from weir_server.core.replays import FREE, NOT_KEPT, Claim, ReplayStore, Standing, State

RETENTION_S = 60.0
LEASE_S = 10.0
CLAIMED, RUNNING, DONE, LOST = State

_owners = iter(range(10**9))


class Home(Protocol):
    """A store, and how time passes for it."""

    store: ReplayStore

    async def pass_time(self, seconds: float) -> None:
        """Let time pass for the store."""
        ...


def claim(slot: str = "slot", print: str = "p", **fields: float) -> Claim:  # noqa: A002
    number = next(_owners)
    lease_s = fields.get("lease_s", LEASE_S)
    return Claim(
        slot=slot, print=print, owner=f"run_{number}", answer_id=f"resp_{number}", lease_s=lease_s
    )


def of(state: State, claimed: Claim, sealed: bytes = NOT_KEPT) -> Standing:
    """The standing that a claim has brought about."""
    return Standing(state=state, print=claimed.print, answer_id=claimed.answer_id, sealed=sealed)


async def soon(work: Awaitable[Standing]) -> Standing:
    async with asyncio.timeout(5.0):
        return await work


class ReplayStoreSuite:
    """A home's tests inherit this, and give the fixture `home`."""

    async def test_the_first_claims_and_others_see_it_run(self, home: Home) -> None:
        """Of many claims of a key at once, one is the owner's."""
        claims = [claim() for _ in range(20)]
        standings = await asyncio.gather(*(home.store.claim(each) for each in claims))
        owner = claims[[each.state for each in standings].index(CLAIMED)]
        assert [each.state for each in standings].count(CLAIMED) == 1
        assert [each for each in standings if each.state is not CLAIMED] == [
            of(RUNNING, owner)
        ] * 19

    async def test_asking_again_is_the_same_claim(self, home: Home) -> None:
        """A question whose answer was lost can be asked again by the same owner."""
        mine = claim()
        await home.store.claim(mine)
        assert (await home.store.claim(mine)).state is CLAIMED

    async def test_an_outcome_is_for_all(self, home: Home) -> None:
        """What was settled is what equal claims get, the fingerprint with it."""
        mine = claim(print="mine")
        await home.store.claim(mine)
        await home.store.settle(mine, b"sealed \x00\xff")
        assert await home.store.claim(claim(print="other")) == of(DONE, mine, b"sealed \x00\xff")

    async def test_what_is_not_kept_is_remembered(self, home: Home) -> None:
        """That a call has run is known though its answer is not."""
        mine = claim()
        await home.store.claim(mine)
        await home.store.settle(mine, NOT_KEPT)
        assert await home.store.claim(claim()) == of(DONE, mine)

    async def test_a_free_key_is_the_next_one_s(self, home: Home) -> None:
        """Freed, a key is as if nobody had had it."""
        mine, next_one = claim(), claim()
        await home.store.claim(mine)
        await home.store.settle(mine, FREE)
        assert (await home.store.claim(next_one)).state is CLAIMED

    async def test_only_the_owner_settles_and_once(self, home: Home) -> None:
        """Neither a stranger nor a second word of the owner changes anything."""
        mine, stranger = claim(), claim()
        await home.store.claim(mine)
        await home.store.settle(stranger, FREE)
        await home.store.settle(stranger, b"forged")
        assert (await home.store.claim(claim())).state is RUNNING
        await home.store.settle(mine, b"true")
        await home.store.settle(mine, b"later")
        await home.store.settle(mine, FREE)
        assert await home.store.claim(claim()) == of(DONE, mine, b"true")

    async def test_a_former_owner_has_no_say(self, home: Home) -> None:
        """Who gave the key back does not settle for the one that has it now."""
        former, mine = claim(), claim()
        await home.store.claim(former)
        await home.store.settle(former, FREE)
        await home.store.claim(mine)
        await home.store.settle(former, b"late")
        assert (await home.store.claim(claim())).state is RUNNING

    async def test_slots_are_apart(self, home: Home) -> None:
        """One key's call says nothing of another's."""
        await home.store.claim(claim("a"))
        assert (await home.store.claim(claim("b"))).state is CLAIMED

    async def test_who_waits_hears_of_the_end(self, home: Home) -> None:
        """All who wait get the outcome, soon."""
        mine = claim()
        await home.store.claim(mine)
        waiting = [asyncio.ensure_future(home.store.settled(claim())) for _ in range(20)]
        await asyncio.sleep(0.02)
        assert not any(each.done() for each in waiting)
        await home.store.settle(mine, b"sealed")
        assert await all_soon(waiting) == [of(DONE, mine, b"sealed")] * 20

    async def test_one_of_those_who_wait_takes_a_free_key(self, home: Home) -> None:
        """The others go on waiting, for that one now."""
        mine = claim()
        await home.store.claim(mine)
        claims = [claim() for _ in range(5)]
        waiting = {asyncio.ensure_future(home.store.settled(each)): each for each in claims}
        await asyncio.sleep(0.02)
        await home.store.settle(mine, FREE)
        done, rest = await asyncio.wait(waiting, timeout=5.0, return_when=asyncio.FIRST_COMPLETED)
        (first,) = done
        assert first.result().state is CLAIMED
        await home.store.settle(waiting[first], b"sealed")
        assert await all_soon(rest) == [of(DONE, waiting[first], b"sealed")] * 4

    async def test_who_stops_waiting_leaves_nothing(self, home: Home) -> None:
        """A wait that was cancelled claims nothing, then or later."""
        mine = claim()
        await home.store.claim(mine)
        waiting = asyncio.ensure_future(home.store.settled(claim()))
        await asyncio.sleep(0.02)
        waiting.cancel()
        await asyncio.wait([waiting])
        await home.store.settle(mine, FREE)
        assert (await soon(home.store.settled(claim()))).state is CLAIMED

    async def test_a_claim_that_is_cancelled_leaves_the_key(self, home: Home) -> None:
        """Whether or not the store had heard of it."""
        cancelled = 0
        for steps in range(6):
            slot = f"slot-{steps}"
            asking = asyncio.ensure_future(home.store.claim(mine := claim(slot)))
            for _ in range(steps):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
            if asking.cancelled():
                cancelled += 1
            else:
                await home.store.settle(mine, FREE)
            assert (await soon(home.store.settled(claim(slot)))).state is CLAIMED
        assert cancelled > 0

    async def test_a_lease_that_ends_is_lost(self, home: Home) -> None:
        """Nobody gets a key whose call may have run; its owner may still say what came of it."""
        mine = claim(lease_s=0.2)
        await home.store.claim(mine)
        await home.pass_time(0.25)
        assert await home.store.claim(claim()) == of(LOST, mine)
        assert await soon(home.store.settled(claim())) == of(LOST, mine)
        await home.store.settle(mine, b"late")
        assert await home.store.claim(claim()) == of(DONE, mine, b"late")


async def all_soon(waiting: Iterable[asyncio.Future[Standing]]) -> list[Standing]:
    async with asyncio.timeout(5.0):
        return list(await asyncio.gather(*waiting))
