"""How does a call reach the books, and what if they are out of reach? The event loop's side.

An operation is posted to the writer and answered once it is on disk. One that is not answered
within `wait_s`, or that comes while the database is away, goes to the spool, which answers as
durably. What a spool cannot promise, that a hard budget holds, is refused.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from typing import Final

from weir_server.core.clock import Clock
from weir_server.core.errors import LedgerUnavailable, WeirError
from weir_server.core.ledger import Budget, CallEntry, Hold
from weir_server.store.booking import Reached
from weir_server.store.gathering import Gathering
from weir_server.store.instances import Instance
from weir_server.store.known_budgets import KnownBudgets
from weir_server.store.operations import (
    Kind,
    Operation,
    extension_of,
    hold_of,
    settlement_of,
)
from weir_server.store.session import Session
from weir_server.store.spool import Spool
from weir_server.store.spooler import Spooler
from weir_server.store.writer import Writer
from weir_server.telemetry.log import Log

OWED_MAX: Final = 10_000
"""How many operations are kept in memory that neither the database nor the spool has taken."""
LOOKS_MAX: Final = 20
"""How often at most it is looked within `wait_s` for operations that have waited for so long."""
RETRY_AFTER_S: Final = 1.0
CLOSE_WAIT_S: Final = 5.0
"""How long the database has at the end, before what it has not booked is spooled."""


class Answer:
    """What came of an operation. Nobody has to wait for it; who waits hears of a refusal."""

    __slots__ = ("_future",)

    def __init__(self, future: "asyncio.Future[WeirError | None]") -> None:
        self._future = future

    def __await__(self) -> Generator[object, None, None]:
        error = yield from self._future
        if error is not None:
            raise error


class SqlLedger:
    """Books calls in a database. See `core.ledger.Ledger`. Used by one event loop."""

    def __init__(
        self,
        open_session: Callable[[], Session],
        instance: Instance,
        spool: Spool,
        *,
        wait_s: float,
        hard_wait_s: float,
        clock: Clock,
        log: Log,
    ) -> None:
        self._instance = instance.name
        self._wait_s = wait_s
        self._hard_wait_s = max(wait_s, hard_wait_s)
        self._clock = clock
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._writer = Writer(open_session, spool, self, clock=clock, log=log)
        self._gathering = Gathering(self._writer.post, loop=self._loop, clock=clock)
        self._spooler = Spooler(spool, self._spooled_in_thread, log=log)
        self._waiting: deque[Operation] = deque()
        self._owed: deque[Operation] = deque(maxlen=OWED_MAX)
        self._extended: dict[str, int] = {}
        self._is_away = False
        self._is_slow = False
        self._watch: asyncio.TimerHandle | None = None
        self.live: set[str] = set()
        """Calls that are open here."""
        self.known = KnownBudgets()
        """Budgets as last read."""
        self.on_change: Callable[[], None] = lambda: None
        """Is told whenever something was booked."""
        self.on_reached: Callable[[Sequence[Reached]], None] = lambda reached: None
        """Is told of shares of budgets that were reached."""

    @property
    def commits(self) -> int:
        """Transactions that wrote something, each with one sync."""
        return self._writer.commits

    @property
    def operations(self) -> int:
        """Operations that were booked."""
        return self._writer.operations

    @property
    def spooled(self) -> int:
        """Operations that went to the spool."""
        return self._spooler.spooled

    @property
    def is_away(self) -> bool:
        """Whether the database does not answer."""
        return self._is_away

    @property
    def is_slow(self) -> bool:
        """Whether it has taken longer than `wait_s` lately, and has not answered since."""
        return self._is_slow

    def start(self) -> None:
        """Begin to book."""
        self._spooler.start()
        self._writer.start()

    async def close(self) -> None:
        """Book or spool all that was posted, and end."""
        self._gathering.flush()
        if not await asyncio.to_thread(self._writer.close, CLOSE_WAIT_S):
            self._log.event("ledger_left_unbooked", operations=len(self._waiting))
            self._divert_all()
        # What the threads have said until now is dealt with before the spool is closed.
        await asyncio.sleep(0)
        self._divert_all()
        self._spool_unasked()
        await asyncio.to_thread(self._spooler.close)
        await asyncio.sleep(0)
        if self._watch is not None:
            self._watch.cancel()

    def _divert_all(self) -> None:
        for operation in self._waiting:
            if not operation.answered:
                self._divert(operation)
        self._waiting.clear()

    def _spool_unasked(self) -> None:
        """Spool what nobody waits for and the writer has not booked; it books no more."""
        self._gathering.flush()
        unasked = [each for each in self._writer.left() if each.future is None]
        for operation in (*unasked, *self._owed):
            # Who sweeps next finds a lost call again: it is still reserved.
            if operation.kind is not Kind.ORPHAN:
                self._spooler.post(operation)
        self._owed.clear()

    # --- What calls ask -------------------------------------------------------------------------

    def budgets_of(self, *, tenant: str, key: str, labels: Mapping[str, str]) -> Sequence[Budget]:
        """Return the budgets that such a call counts for."""
        return self.known.of(tenant=tenant, key=key, labels=labels)

    def hold(self, hold: Hold) -> Awaitable[None]:
        """Reserve what a call may cost. Raises BudgetExceeded, LedgerUnavailable."""
        self.live.add(hold.response_id)
        return self._post(hold_of(hold, self._instance))

    def extend(self, hold: Hold, more_nanos: int) -> Awaitable[None]:
        """Reserve more. Raises BudgetExceeded, LedgerUnavailable; what was reserved then stays."""
        total = self._extended.get(hold.response_id, hold.amount_nanos) + more_nanos
        return self._extend(extension_of(hold, self._instance, total))

    async def _extend(self, operation: Operation) -> None:
        await self._post(operation)
        self._extended[operation.response_id] = operation.nanos

    def settle(self, entry: CallEntry) -> Awaitable[None]:
        """Book a call's end, once. Raises LedgerUnavailable when awaited; it is tried again then,
        for as long as this process lives.
        """
        self._extended.pop(entry.hold.response_id, None)
        return self._post(settlement_of(entry))

    def give_up(self, response_id: str) -> None:
        """Book a call that is lost, if it is still reserved."""
        self._gathering.add(Operation(Kind.ORPHAN, response_id))

    def replay(self) -> None:
        """Book what the spool holds."""
        self._writer.nudge()

    # --- What becomes of an operation -----------------------------------------------------------

    def _post(self, operation: Operation) -> Answer:
        operation.future = future = self._loop.create_future()
        if self._is_away or (self._is_slow and self._is_spoolable(operation)):
            self._divert(operation)
            return Answer(future)
        operation.posted_s = self._clock.monotonic_s()
        self._waiting.append(operation)
        self._gathering.add(operation)
        if self._watch is None:
            self._watch = self._loop.call_later(self._wait_s, self._look)
        return Answer(future)

    def _look(self) -> None:
        """Divert what has waited for too long."""
        now_s = self._clock.monotonic_s()
        waiting: deque[Operation] = deque()
        next_s = self._wait_s
        for operation in self._waiting:
            if operation.answered:
                continue
            is_spoolable = self._is_spoolable(operation)
            wait_s = self._wait_s if is_spoolable else self._hard_wait_s
            rest_s = operation.posted_s + wait_s - now_s
            if rest_s > 0:
                waiting.append(operation)
                # One that can be spooled may come while others wait for longer.
                next_s = min(next_s, rest_s if is_spoolable else self._wait_s / 4)
            else:
                self._is_slow = True
                self._divert(operation)
        self._waiting = waiting
        # The next to be late may have come just after the one that was looked for: it is not
        # looked for by itself, or this would run for every call.
        next_s = max(next_s, self._wait_s / LOOKS_MAX)
        self._watch = self._loop.call_later(next_s, self._look) if waiting else None

    def _is_spoolable(self, operation: Operation) -> bool:
        can_wait = operation.kind in (Kind.SETTLE, Kind.RELEASE)
        return can_wait or not self.known.any_hard(operation.budgets)

    def _divert(self, operation: Operation) -> None:
        """Spool an operation that the database has not taken, or refuse it."""
        operation.diverted = True
        if self._is_spoolable(operation):
            self._spooler.post(operation)
        else:
            self._refuse(operation)

    def _refuse(self, operation: Operation) -> None:
        """Say that an operation could not be made durable, and remember what is owed for it."""
        _answer(operation, LedgerUnavailable(retry_after_s=RETRY_AFTER_S))
        match operation.kind:
            case Kind.SETTLE | Kind.RELEASE:
                self._owe(operation)
            case Kind.HOLD:
                self.live.discard(operation.response_id)
                if operation.posted_s:
                    # The database may take it all the same.
                    self._forget(operation.response_id)

    def _forget(self, response_id: str) -> None:
        """Free a hold that its call was refused for."""
        operation = Operation(Kind.RELEASE, response_id)
        if self._is_away:
            self._spooler.post(operation)
        else:
            self._gathering.add(operation)

    def _owe(self, operation: Operation) -> None:
        if not self._is_away and not self._is_slow:
            self._gathering.add(_anew(operation))
            return
        if len(self._owed) == OWED_MAX:
            self._log.event("ledger_forgets", response_id=self._owed[0].response_id)
        self._owed.append(operation)

    def _pay(self) -> None:
        """Post what is owed to the database, now that it answers."""
        while self._owed:
            self._gathering.add(_anew(self._owed.popleft()))

    # --- What the threads say -------------------------------------------------------------------

    def open_calls(self) -> int:
        """How many calls are open."""
        return len(self.live)

    def booked(
        self, outcomes: Sequence[tuple[Operation, WeirError | None]], reached: Sequence[Reached]
    ) -> None:
        """Operations are on disk, or refused."""
        self._in_loop(self._booked, outcomes, reached)

    def failed(self, operations: Sequence[Operation]) -> None:
        """The database is away."""
        self._in_loop(self._failed, operations)

    def returned(self) -> None:
        """The database is there again."""
        self._in_loop(self._returned)

    def _spooled_in_thread(self, operations: Sequence[Operation], is_done: bool) -> None:
        self._in_loop(self._spooled, operations, is_done)

    def _in_loop(self, what: Callable[..., None], *values: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what, *values)

    def _booked(
        self, outcomes: Sequence[tuple[Operation, WeirError | None]], reached: Sequence[Reached]
    ) -> None:
        self._is_slow = False
        for operation, error in outcomes:
            if not operation.diverted:
                self._close_call(operation, error)
                _answer(operation, error)
        while self._waiting and self._waiting[0].answered:
            self._waiting.popleft()
        if self._owed:
            self._pay()
        if reached:
            self._tell(reached)
        self.on_change()

    def _close_call(self, operation: Operation, error: WeirError | None) -> None:
        is_refused = operation.kind is Kind.HOLD and error is not None
        if operation.kind is Kind.SETTLE or is_refused:
            self.live.discard(operation.response_id)

    def _tell(self, reached: Sequence[Reached]) -> None:
        for each in reached:
            self._log.event(
                "budget_reached",
                budget=each.budget.budget.name,
                share=each.share,
                spent_nanos=each.spent_nanos,
                limit_nanos=each.budget.budget.limit_nanos,
                hard=each.budget.budget.hard,
            )
        self.on_reached(reached)

    def _failed(self, operations: Sequence[Operation]) -> None:
        self._is_away = True
        for operation in operations:
            if operation.future is None:
                self._owe(operation)
            elif not operation.diverted:
                self._divert(operation)

    def _returned(self) -> None:
        self._is_away = self._is_slow = False
        self._pay()
        self.on_change()

    def _spooled(self, operations: Sequence[Operation], is_done: bool) -> None:
        for operation in operations:
            if is_done:
                self._close_call(operation, None)
                _answer(operation, None)
            else:
                self._refuse(operation)
        if is_done and not self._is_away:
            self._writer.nudge()


def _anew(operation: Operation) -> Operation:
    """Return an operation as it was before it was answered or diverted; nobody waits for it."""
    return Operation(
        operation.kind,
        operation.response_id,
        row=operation.row,
        budgets=operation.budgets,
        nanos=operation.nanos,
    )


def _answer(operation: Operation, error: WeirError | None) -> None:
    operation.answered = True
    future = operation.future
    # Whoever waited may have been cancelled, and the future with it.
    if future is not None and not future.done():
        future.set_result(error)
