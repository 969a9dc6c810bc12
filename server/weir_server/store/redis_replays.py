"""Who remembers keyed calls for many processes? Redis, by its own clock, one script for each step.

A key of Redis is a hash: `state` (running, done), `print`, `answer`, `owner`, `lease` (until when,
in milliseconds) and `sealed`. All of them are hashes, identities or sealed; none is content.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from redis.exceptions import RedisError
from typing_extensions import override

from weir_server.core.errors import IdempotencyUnavailable
from weir_server.core.replays import FREE, Claim, ReplayStore, Standing, State
from weir_server.telemetry.log import Log

PREFIX: Final = "weir:call:"
LOOK_AGAIN_MIN_S = 0.005
LOOK_AGAIN_MAX_S = 0.05
"""How long is waited between two looks at a key that runs elsewhere."""
TRIES = 4
TRY_AGAIN_S = 0.03
"""How often Redis is asked, and how long is waited in between: each question can be repeated."""
RETRY_AFTER_S = 1.0

_CLAIM = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('HMGET', KEYS[1], 'state', 'print', 'answer', 'owner', 'lease', 'sealed')
if not found[1] then
  redis.call('HSET', KEYS[1], 'state', 'running', 'print', ARGV[2], 'answer', ARGV[3],
    'owner', ARGV[1], 'lease', now + ARGV[4])
  redis.call('PEXPIRE', KEYS[1], ARGV[4] + ARGV[5])
  return {'claimed'}
end
if found[1] == 'done' then
  return {'done', found[2], found[3], found[6]}
end
if found[4] == ARGV[1] then
  return {'claimed'}
end
if tonumber(found[5]) <= now then
  return {'lost', found[2], found[3], ''}
end
return {'running', found[2], found[3], ''}
"""
_SETTLE = """
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then
  return 0
end
if ARGV[2] == 'free' then
  redis.call('DEL', KEYS[1])
else
  redis.call('HSET', KEYS[1], 'state', 'done', 'sealed', ARGV[3])
  redis.call('HDEL', KEYS[1], 'owner', 'lease')
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return 1
"""
_STATES = {
    b"claimed": State.CLAIMED,
    b"running": State.RUNNING,
    b"done": State.DONE,
    b"lost": State.LOST,
}


class Script(Protocol):
    """A script that Redis knows."""

    async def __call__(self, keys: Sequence[str], args: Sequence[str | bytes | int]) -> Any:  # noqa: ANN401  what Redis answers
        """Run it. Raises RedisError."""
        ...


class Scripts(Protocol):
    """The client of Redis, as far as it is used here. Replies are bytes."""

    def register_script(self, script: str) -> Script:
        """Return a script that can be run."""
        ...


@asynccontextmanager
async def redis_replays(
    client: Scripts, log: Log, *, retention_s: float
) -> AsyncIterator["RedisReplays"]:
    """Remember calls in Redis; leaving the block waits for what is still being said to it."""
    async with asyncio.TaskGroup() as group:
        yield RedisReplays(client, log, group, retention_s=retention_s)


class RedisReplays(ReplayStore):
    """Keys of all processes that share a Redis.

    group: where what must reach Redis goes on when its call is over.
    """

    def __init__(
        self, client: Scripts, log: Log, group: asyncio.TaskGroup, *, retention_s: float
    ) -> None:
        self._claim_script = client.register_script(_CLAIM)
        self._settle_script = client.register_script(_SETTLE)
        self._log = log
        self._group = group
        self._retention_ms = int(retention_s * 1000)
        self._looking: dict[str, _Look] = {}

    @override
    async def claim(self, claim: Claim) -> Standing:
        """Claim a key if it is free, and say how it stands."""
        asking = self._group.create_task(self._ask(claim), name="claim a key")
        try:
            said = await asyncio.shield(asking)
        except asyncio.CancelledError:
            # Nobody will hear the answer; the question may have been heard all the same.
            self._group.create_task(self._take_back(asking, claim), name="free a key")
            raise
        if said is None:
            self._group.create_task(self._settle(claim, FREE), name="free a key")
            raise IdempotencyUnavailable(
                metadata={"cause": "idempotency"}, retry_after_s=RETRY_AFTER_S
            )
        return _standing(said)

    @override
    async def settled(self, claim: Claim) -> Standing:
        """The same once nobody runs it any more.

        Of those who wait in one process one looks, and the others look once after it.
        """
        look = self._looking.setdefault(claim.slot, _Look())
        look.waiting += 1
        try:
            async with look.turn:
                pause_s = LOOK_AGAIN_MIN_S
                while True:
                    standing = await self.claim(claim)
                    if standing.state is not State.RUNNING:
                        return standing
                    await asyncio.sleep(pause_s)
                    pause_s = min(2.0 * pause_s, LOOK_AGAIN_MAX_S)
        finally:
            look.waiting -= 1
            if not look.waiting:
                del self._looking[claim.slot]

    @override
    def settle(self, claim: Claim, outcome: bytes | None) -> Awaitable[None]:
        """Say what became of a claim."""
        return asyncio.shield(
            self._group.create_task(self._settle(claim, outcome), name="settle a key")
        )

    async def _ask(self, claim: Claim) -> Sequence[bytes | None] | None:
        """Return what the script says of a key; None: Redis does not answer."""
        lease_ms = max(1, int(claim.lease_s * 1000))
        args: list[str | bytes | int] = [
            claim.owner,
            claim.print,
            claim.answer_id,
            lease_ms,
            self._retention_ms,
        ]
        said: Sequence[bytes | None] | None = await self._run(self._claim_script, claim, args)
        return said

    async def _take_back(self, asking: asyncio.Task[Any], claim: Claim) -> None:
        await asyncio.wait([asking])
        await self._settle(claim, FREE)

    async def _settle(self, claim: Claim, outcome: bytes | None) -> None:
        what, sealed = ("free", b"") if outcome is FREE else ("done", outcome)
        said = await self._run(
            self._settle_script, claim, [claim.owner, what, sealed, self._retention_ms]
        )
        if said is None:
            self._log.event("idempotency_not_settled", response_id=claim.answer_id)

    async def _run(self, script: Script, claim: Claim, args: Sequence[str | bytes | int]) -> Any:  # noqa: ANN401  what Redis answers
        """Run a script that may be run again; None: Redis is away."""
        for left in reversed(range(TRIES)):
            try:
                return await script(keys=[PREFIX + claim.slot], args=args)
            except (RedisError, OSError):
                if left:
                    await asyncio.sleep(TRY_AGAIN_S)
        return None


def _standing(said: Sequence[bytes | None]) -> Standing:
    """Read what the script says; whoever can write into Redis may have written anything."""
    state, fingerprint, answer_id, sealed = (*(each or b"" for each in said), b"", b"", b"")[:4]
    return Standing(
        state=_STATES[state],
        print=fingerprint.decode(errors="replace"),
        answer_id=answer_id.decode(errors="replace"),
        sealed=sealed,
    )


class _Look:
    """Those in this process who wait for one key."""

    __slots__ = ("turn", "waiting")

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.waiting = 0
