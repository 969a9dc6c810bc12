"""Where are calls counted? In Redis where there is one, else by each process for itself."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from redis.asyncio import Redis

from weir_server.core.clock import Clock
from weir_server.core.counters import Counters
from weir_server.core.tasks import sibling
from weir_server.settings.tree import Settings
from weir_server.store.memory_counters import MemoryCounters
from weir_server.store.redis_counters import SCRIPTS, RedisCounters
from weir_server.store.redis_line import RedisLine
from weir_server.store.shared_counters import SharedCounters
from weir_server.telemetry.log import Log


@asynccontextmanager
async def counting(
    settings: Settings,
    redis: Redis | None,
    replicas: Callable[[], int | None],
    *,
    clock: Clock,
    log: Log,
    who: str,
) -> AsyncIterator[Counters]:
    """Give the counters of this process.

    replicas: how many processes share the limits, if that was said. who: a name of this process
    that no other has.
    """
    workers = settings.server.workers
    if redis is None:
        if workers > 1:
            log.event("limits_per_process", limits_divided_by=workers)
        yield MemoryCounters(clock, shared_by=workers)
        return
    line = RedisLine(redis, scripts=SCRIPTS, timeout_s=settings.redis.timeout_s, clock=clock)
    counters = SharedCounters(
        RedisCounters(line, clock),
        MemoryCounters(clock, shared_by=workers),
        clock=clock,
        log=log,
        who=who,
        replicas=replicas,
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(sibling(line.run(), name="redis line"))
        await stack.enter_async_context(sibling(counters.run(), name="counters"))
        yield counters
