"""Where may a task be born outside a TaskGroup? Here, and only with a parent that ends it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def sibling(
    work: Coroutine[None, None, None], *, name: str
) -> AsyncIterator[asyncio.Task[None]]:
    """Run `work` beside the block and end it with the block, whichever way the block ends.

    A TaskGroup would wrap the block's own error in a group and wait for the sibling; here the
    block's error passes unchanged and the sibling is cancelled. An error of the sibling itself is
    raised when the block ends without one.
    """
    task = asyncio.create_task(work, name=name)
    try:
        yield task
    except BaseException:
        await end(task)
        raise
    await end(task)
    if not task.cancelled() and (failure := task.exception()) is not None:
        raise failure


async def end(task: asyncio.Task[None]) -> None:
    """Cancel `task` and wait until it is gone; its own outcome stays in the task."""
    task.cancel()
    await asyncio.wait([task])
