"""How are many small questions put to Redis at once? In batches, on one connection, in order.

What is asked while a batch is under way goes with the next one: an idle line costs nothing in
waiting, and a busy one a fraction of a round trip for each question.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError, ResponseError

from weir_server.core.clock import Clock
from weir_server.store.patience import Patience

BATCH_MAX: Final = 128
BATCH_TIMEOUT_S: Final = 0.5
"""How long a batch may take before its connection is given up. Who asks has a shorter time of its
own: this bounds only how long a connection that hangs is kept."""
QUEUE_MAX: Final = 100_000

Reply = list[int]


class StoreAway(Exception):
    """Redis cannot be reached, or does not answer in time."""


class Question:
    """One script with what it is about."""

    __slots__ = ("answer", "keys", "late", "said", "script")

    def __init__(
        self,
        script: str,
        keys: Sequence[bytes],
        said: str,
        answer: "asyncio.Future[Reply]",
        late: Callable[[Reply | None], None] | None,
    ) -> None:
        self.script: Final = script
        self.keys: Final = keys
        self.said: Final = said
        self.answer: Final = answer
        self.late = late

    def packed(self, digest: bytes) -> bytes:
        """Return it as it goes over the wire."""
        keys = self.keys
        return b"*%d\r\n$7\r\nEVALSHA\r\n%b%b%b%b" % (
            len(keys) + 4,
            digest,
            packed(str(len(keys))),
            b"".join(keys),
            packed(self.said),
        )


def packed(word: str | bytes) -> bytes:
    """Return a word as Redis's protocol has it."""
    raw = word.encode() if isinstance(word, str) else word
    return b"$%d\r\n%b\r\n" % (len(raw), raw)


class RedisLine:
    """Asks one Redis; `run` has to run beside whoever asks."""

    def __init__(
        self, client: Redis, *, scripts: Sequence[str], timeout_s: float, clock: Clock
    ) -> None:
        self._client = client
        self._scripts: dict[str, bytes] = dict.fromkeys(scripts, b"")
        """Their digests as they go over the wire, once Redis knows them."""
        self._timeout_s = timeout_s
        self._clock = clock
        self._queue: deque[Question] = deque()
        self._wanted = asyncio.Event()
        self._connection: Any = None  # of redis-py, whose connections have no type of their own
        self._heard_s = clock.monotonic_s()
        """When Redis was last asked or heard: it is silent since then at most."""

    def ask(
        self,
        script: str,
        keys: Sequence[bytes],
        said: str,
        *,
        late: Callable[[Reply | None], None] | None = None,
    ) -> "asyncio.Future[Reply]":
        """Put a question into the next batch; its answer fails with StoreAway.

        keys: as `packed`. said: what the script is told, in words.
        late: is told the answer when whoever waited has given up, or None when none will come:
        nobody knows then whether what was asked for was done.
        """
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if len(self._queue) >= QUEUE_MAX:
            answer.set_exception(StoreAway("the queue is full"))
            return answer
        self._queue.append(Question(script, keys, said, answer, late))
        self._wanted.set()
        return answer

    def tell(
        self,
        script: str,
        keys: Sequence[bytes],
        said: str,
        *,
        lost: Callable[[], None],
    ) -> None:
        """Ask without waiting; `lost` is told when nobody knows whether it was done."""

        def done(answer: "asyncio.Future[Reply]") -> None:
            if not answer.cancelled() and answer.exception() is not None:
                lost()

        self.ask(script, keys, said).add_done_callback(done)

    async def hear(self, answer: "asyncio.Future[Reply]", timeout_s: float | None = None) -> Reply:
        """Wait for an answer, but not long. Raises StoreAway.

        timeout_s: None: as long as a call waits. The time is Redis's: it counts from when Redis
        was asked or last heard, and a process too busy to look looks again first.
        """

        def over() -> None:
            if not answer.done():
                answer.set_exception(StoreAway("no answer in time"))

        patience = self._patience(over, timeout_s or self._timeout_s)
        try:
            return await answer
        finally:
            patience.stop()

    def _patience(self, over: Callable[[], object], timeout_s: float) -> Patience:
        return Patience(
            over,
            timeout_s=timeout_s,
            heard_s=lambda: self._heard_s,
            loop=asyncio.get_running_loop(),
            clock=self._clock,
        )

    def _heard(self) -> None:
        self._heard_s = self._clock.monotonic_s()

    async def run(self) -> None:
        """Send what is asked, for ever."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                while self._queue:
                    await self._send(self._next_batch())
        finally:
            await self._hang_up()
            _lose(self._queue, StoreAway("the server stops"))

    def _next_batch(self) -> list[Question]:
        queue = self._queue
        return [queue.popleft() for _ in range(min(len(queue), BATCH_MAX))]

    async def _send(self, batch: list[Question]) -> None:
        # Those who have given up were never asked about: nothing is to be undone for them.
        batch = [question for question in batch if not question.answer.done()]
        if not batch:
            return
        try:
            async with self._not_for_ever():
                connection = self._connection or await self._connect()
                words = b"".join(each.packed(self._scripts[each.script]) for each in batch)
                self._heard()
                await connection.send_packed_command(words, check_health=False)
                for question in batch:
                    _tell(question, await _reply(connection))
                    self._heard()
        except NoScriptError:
            # They were flushed, or another server has taken over: a new connection loads them.
            await self._hang_up()
            _lose(batch, StoreAway("the scripts were gone"))
        except (RedisError, OSError, TimeoutError) as failure:
            await self._hang_up()
            away = StoreAway(type(failure).__name__)
            away.__cause__ = failure
            _lose(batch, away)
        except BaseException:
            _lose(batch, StoreAway("the server stops"))
            raise

    @asynccontextmanager
    async def _not_for_ever(self) -> AsyncIterator[None]:
        """Raises TimeoutError in the block when Redis is silent too long."""
        now_s = asyncio.get_running_loop().time
        async with asyncio.timeout(None) as limit:
            patience = self._patience(lambda: limit.reschedule(now_s()), BATCH_TIMEOUT_S)
            try:
                yield
            finally:
                patience.stop()

    async def _connect(self) -> Any:  # noqa: ANN401  as above
        connection = self._client.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # a gap
        # Times are kept here, for the whole batch.
        connection.socket_timeout = None
        try:
            await connection.connect()
            self._heard()
            for script in self._scripts:
                await connection.send_command("SCRIPT", "LOAD", script)
                self._scripts[script] = packed(await connection.read_response())
                self._heard()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        self._connection = connection
        return connection

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


async def _reply(connection: Any) -> Reply | ResponseError:  # noqa: ANN401  as above
    try:
        reply: bytes = await connection.read_response()
    except NoScriptError:
        raise
    except ResponseError as refused:
        return refused
    return [int(word) for word in reply.split()]


def _tell(question: Question, reply: Reply | ResponseError) -> None:
    answer = question.answer
    if isinstance(reply, ResponseError):
        if not answer.done():
            away = StoreAway("Redis refuses the script")
            away.__cause__ = reply
            answer.set_exception(away)
    elif not answer.done():
        answer.set_result(reply)
    elif question.late is not None:
        question.late(reply)
    question.late = None


def _lose(questions: Iterable[Question], away: StoreAway) -> None:
    """Tell those who wait that nobody knows whether what they asked for was done."""
    for question in questions:
        if not question.answer.done():
            question.answer.set_exception(away)
        if question.late is not None:
            question.late(None)
            question.late = None
