"""Where do questions to the database wait for their answers? In a few threads of their own.

Who asks may be cancelled, the thread goes on: it has to end before the database is closed.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Found = TypeVar("Found")

THREADS: Final = 3


class Readers:
    """Threads that may block. Close them at the end."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="weir-books")

    async def ask(self, question: Callable[[], Found]) -> Found:
        """Do something that blocks and return what it returns. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, question)

    async def close(self) -> None:
        """Wait for those that are still asking."""
        await asyncio.to_thread(self._threads.shutdown)
