"""Where is a place free first? A call stands in the line of every provider that could serve it."""

import asyncio
from collections.abc import Sequence

from weir_server.core.priority import Priority
from weir_server.core.slots import NoSlot, Slots


async def first_place(lines: Sequence[Slots], priority: Priority, *, until_s: float) -> Slots:
    """Take one place at any of `lines`, in which the call waits at once; return where it is.

    until_s: how long at most, on the clock's monotonic scale. Raises NoSlot, for the reason that
    was given last, when there is no place in any of them.
    """
    if len(lines) == 1:
        await lines[0].acquire(priority, until_s=until_s)
        return lines[0]
    standing: dict[asyncio.Task[NoSlot | None], Slots] = {}
    refusal: NoSlot | None = None
    taken: Slots | None = None
    try:
        async with asyncio.TaskGroup() as group:
            for line in lines:
                standing[group.create_task(_stand(line, priority, until_s))] = line
            pending = set(standing)
            while pending and taken is None:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    refused = task.result()
                    if refused is not None:
                        refusal = refused
                    elif taken is None:
                        taken = standing[task]
            for task in pending:
                task.cancel()
    finally:
        # A place that came in the same turn as the one taken, or as a hang-up, is given back.
        for task, line in standing.items():
            got = task.done() and not task.cancelled() and task.exception() is None
            if got and task.result() is None and line is not taken:
                line.release()
    if taken is None:
        assert refusal is not None, "every line has answered"
        raise refusal
    return taken


async def _stand(line: Slots, priority: Priority, until_s: float) -> NoSlot | None:
    """Wait in one line; return its refusal, for an error would cancel the others."""
    try:
        await line.acquire(priority, until_s=until_s)
    except NoSlot as refused:
        return refused
    return None
