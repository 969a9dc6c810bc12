"""How are operations booked? A batch of them in one transaction, in their order, all or none.

What the batch touches is read and locked first, in one order for all processes; then it is worked
out here, operation by operation; then each thing that changed is written once. Ten calls under one
budget so cost one change of its balance.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from weir_server.core.errors import BudgetExceeded, WeirError
from weir_server.core.ledger import Period
from weir_server.store.operations import (
    Kind,
    Operation,
    Row,
    json_of,
    lost_call,
)
from weir_server.store.periods import window_start_ns
from weir_server.store.schema import ATTEMPTS, CALL_LABELS, CALLS, RESERVATIONS
from weir_server.store.session import KnownBudget, Session, Window, WindowKey, budget_of

_LIMIT_MET: Final = 1.0


@dataclass(slots=True)
class Reservation:
    """What is reserved for a call, and where."""

    nanos: int
    windows: list[WindowKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A share of a budget that was reached for the first time in its window."""

    budget: KnownBudget
    window_start_ns: int
    share: float
    spent_nanos: int
    reserved_nanos: int
    time_ns: int


@dataclass(slots=True)
class Booked:
    """What came of a batch."""

    outcomes: list[WeirError | None]
    """One for each operation: why it was refused, or None."""
    reached: list[Reached] = field(default_factory=list)
    wrote: bool = False


def book(
    session: Session,
    operations: Sequence[Operation],
    *,
    newest: dict[tuple[str, int], int],
    doubtful: bool = False,
) -> Booked:
    """Book operations in the transaction that `session` has not yet begun, and commit it.

    newest: the newest window of each budget that this process knows of; filled in here.
    doubtful: whether some of it may be booked already, so that it has to be looked up.
    Raises StoreAway, Conflict; then nothing was booked, or StoreAway and nobody knows.
    """
    now_ns = session.begin()
    batch = _Batch(session, now_ns, newest)
    batch.look_up(operations, doubtful=doubtful)
    outcomes = [batch.do(operation) for operation in operations]
    batch.tell_reached()
    with session.together():
        wrote = batch.write()
        session.commit()
    return Booked(outcomes=outcomes, reached=batch.reached, wrote=wrote)


class _Batch:
    def __init__(self, session: Session, now_ns: int, newest: dict[tuple[str, int], int]) -> None:
        self._session = session
        self._now_ns = now_ns
        self._newest = newest
        self._budgets: dict[str, KnownBudget] = {}
        self._windows: dict[WindowKey, Window] = {}
        self._before: dict[WindowKey, Window] = {}
        self._taken: dict[str, Reservation] = {}
        """Reservations that are gone from the table: of calls that end here."""
        self._found: dict[str, Row] = {}
        """Reservations that are in the table, all columns."""
        self._made: dict[str, tuple[Row, Reservation]] = {}
        """Reservations to be written."""
        self._extended: dict[str, Reservation] = {}
        self._booked: set[str] = set()
        self._calls: list[Row] = []
        self._attempts: list[Row] = []
        self._labels: list[Row] = []
        self._told: set[tuple[WindowKey, float]] = set()
        self._freed = False
        self.reached: list[Reached] = []

    def look_up(self, operations: Sequence[Operation], *, doubtful: bool) -> None:
        """Read and lock what the operations touch: reservations first, then windows by name."""
        session, words = self._session, self._session.words
        by_kind: dict[Kind, list[str]] = {kind: [] for kind in Kind}
        for each in operations:
            by_kind[each.kind].append(each.response_id)
        sought = by_kind[Kind.EXTEND] + by_kind[Kind.ORPHAN]
        if doubtful:
            sought = sorted({each.response_id for each in operations})
        if sought:
            rows = session.all(words.reservations, (_ids(session, sought),))
            self._found = {row[0]: row for row in rows}
        ending = by_kind[Kind.SETTLE] + by_kind[Kind.ORPHAN] + by_kind[Kind.RELEASE]
        if ending:
            for response_id, nanos, windows in session.all(words.take, (_ids(session, ending),)):
                self._taken[response_id] = Reservation(nanos, _windows(windows))
            self._freed = bool(self._taken)
        doubted = ending + by_kind[Kind.EXTEND] + (by_kind[Kind.HOLD] if doubtful else [])
        doubted = [each for each in doubted if doubtful or each not in self._taken]
        if doubted:
            rows = session.all(words.booked, (_ids(session, doubted),))
            self._booked = {row[0] for row in rows}
        self._look_up_windows(operations)

    def _look_up_windows(self, operations: Sequence[Operation]) -> None:
        session, words = self._session, self._session.words
        keys: set[WindowKey] = set()
        for reservation in self._taken.values():
            keys.update(reservation.windows)
        for row in self._found.values():
            keys.update(_windows(row[-1]))
        names = {name for each in operations for name in each.budgets}
        names.update(name for name, _, _ in keys)
        if not names:
            return
        for row in session.all(words.budgets, (_ids(session, sorted(names)),)):
            known = budget_of(row, parsed(row[6]))
            self._budgets[known.budget.name] = known
        for each in operations:
            keys.update(self._window_of(name, each) for name in each.budgets if self._has(name))
        for key in sorted(keys):
            self._windows[key] = window = self._locked(key)
            self._before[key] = Window(window.spent_nanos, window.reserved_nanos)

    def _locked(self, key: WindowKey) -> Window:
        session, words = self._session, self._session.words
        rows = session.all(words.window, key)
        if not rows:
            session.write(words.make_window, [key])
            rows = session.all(words.window, key)
        return Window(*rows[0])

    def _has(self, name: str) -> bool:
        return name in self._budgets

    def _window_of(self, name: str, operation: Operation) -> WindowKey:
        """Return the window of a budget that an operation counts in if nothing was reserved.

        Windows only move forward: a clock that is set back opens none a second time. A call that
        is booked without its reservation counts when it arrived.
        """
        known = self._budgets[name]
        period, begun_ns = known.budget.period, known.begun_ns
        if period is Period.TOTAL:
            return name, begun_ns, 0
        if operation.kind is Kind.SETTLE:
            arrived_ns = operation.row[0][8]
            return name, begun_ns, window_start_ns(period, min(arrived_ns, self._now_ns))
        newest = self._newest.get((name, begun_ns))
        if newest is None:
            newest = self._session.all(self._session.words.latest, (name, begun_ns))[0][0]
        start_ns = max(newest, window_start_ns(period, self._now_ns))
        self._newest[name, begun_ns] = start_ns
        return name, begun_ns, start_ns

    def do(self, operation: Operation) -> WeirError | None:
        """Work out one operation, and say why it is refused."""
        match operation.kind:
            case Kind.HOLD:
                return self._hold(operation)
            case Kind.EXTEND:
                return self._extend(operation)
            case Kind.SETTLE:
                self._settle(operation)
            case Kind.RELEASE:
                self._free(operation.response_id)
            case Kind.ORPHAN:
                self._give_up(operation.response_id)
        return None

    def _hold(self, operation: Operation) -> WeirError | None:
        response_id = operation.response_id
        known = response_id in self._found or response_id in self._made
        if known or response_id in self._booked or response_id in self._taken:
            return None
        keys = [self._window_of(name, operation) for name in operation.budgets if self._has(name)]
        if (refused := self._reserve(keys, operation.nanos)) is not None:
            return refused
        self._made[response_id] = (operation.row, Reservation(operation.nanos, keys))
        return None

    def _extend(self, operation: Operation) -> WeirError | None:
        response_id = operation.response_id
        if response_id in self._booked or response_id in self._taken:
            return None
        reservation = self._reservation(response_id)
        if reservation is None:
            return self._hold(operation)
        more = operation.nanos - reservation.nanos
        if more <= 0:
            return None
        if (refused := self._reserve(reservation.windows, more)) is not None:
            return refused
        reservation.nanos = operation.nanos
        if response_id not in self._made:
            self._extended[response_id] = reservation
        return None

    def _reservation(self, response_id: str) -> Reservation | None:
        if (made := self._made.get(response_id)) is not None:
            return made[1]
        if (extended := self._extended.get(response_id)) is not None:
            return extended
        if (row := self._found.get(response_id)) is not None:
            return Reservation(row[10], _windows(row[-1]))
        return None

    def _reserve(self, keys: Iterable[WindowKey], nanos: int) -> WeirError | None:
        """Reserve in all windows, or in none and say which budget is in the way."""
        keys = list(keys)
        for key in keys:
            window, known = self._windows[key], self._known(key)
            if known is None or not known.budget.hard:
                continue
            limit = known.budget.limit_nanos
            if window.spent_nanos + window.reserved_nanos + nanos > limit:
                self._tell(key, known, _LIMIT_MET)
                return BudgetExceeded(
                    metadata={
                        "budget": known.budget.name,
                        "limitNanos": str(limit),
                        "spentNanos": str(window.spent_nanos),
                    }
                )
        for key in keys:
            self._windows[key].reserved_nanos += nanos
        return None

    def _known(self, key: WindowKey) -> KnownBudget | None:
        """Return the budget of a window, unless it is another one by now."""
        known = self._budgets.get(key[0])
        return known if known is not None and known.begun_ns == key[1] else None

    def _settle(self, operation: Operation) -> None:
        if operation.response_id in self._booked:
            self._free(operation.response_id)
            return
        keys = self._free(operation.response_id)
        if keys is None:
            names = operation.budgets
            keys = [self._window_of(name, operation) for name in names if self._has(name)]
        call, attempts, labels = operation.row
        self._charge(keys, operation.nanos)
        self._add_call(tuple(call), keys)
        self._attempts += map(tuple, attempts)
        self._labels += map(tuple, labels)

    def _give_up(self, response_id: str) -> None:
        """Book a lost call at its reservation, if it still has one."""
        row = self._found.get(response_id)
        keys = self._free(response_id)
        if row is None or keys is None or response_id in self._booked:
            return
        nanos = row[10] if keys else 0
        self._charge(keys, nanos)
        call = lost_call(
            (*row[:6], parsed(row[6]), *row[7:]), nanos if keys else None, self._now_ns
        )
        self._add_call(call, keys)
        self._labels += [(response_id, *each) for each in dict(parsed(row[6])).items()]

    def _add_call(self, call: Row, keys: Sequence[WindowKey]) -> None:
        self._booked.add(call[0])
        self._calls.append((*call, json_of(keys) if keys else "[]", self._now_ns))

    def _charge(self, keys: Iterable[WindowKey], nanos: int) -> None:
        for key in keys:
            self._windows[key].spent_nanos += nanos

    def _free(self, response_id: str) -> list[WindowKey] | None:
        """Free what is reserved for a call and return where it was; None: nothing was."""
        if (made := self._made.pop(response_id, None)) is not None:
            reservation = made[1]
        elif (taken := self._taken.pop(response_id, None)) is not None:
            reservation = self._extended.pop(response_id, taken)
            self._found.pop(response_id, None)
        else:
            return None
        for key in reservation.windows:
            self._windows[key].reserved_nanos -= reservation.nanos
        return reservation.windows

    def _tell(self, key: WindowKey, known: KnownBudget, share: float) -> None:
        if share not in known.budget.warn_at or (key, share) in self._told:
            return
        self._told.add((key, share))
        window = self._windows[key]
        row = (
            *(self._now_ns, *key, share),
            *(window.spent_nanos, window.reserved_nanos, known.budget.limit_nanos),
        )
        if self._session.write(self._session.words.event, [row]) > 0:
            self.reached.append(
                Reached(
                    budget=known,
                    window_start_ns=key[2],
                    share=share,
                    spent_nanos=window.spent_nanos,
                    reserved_nanos=window.reserved_nanos,
                    time_ns=self._now_ns,
                )
            )

    def write(self) -> bool:
        """Write what has changed and say whether anything has."""
        session, words = self._session, self._session.words
        changed = [
            (window.spent_nanos, window.reserved_nanos, *key)
            for key, window in self._windows.items()
            if window != self._before[key]
        ]
        if changed:
            session.write(words.save_window, changed)
        if self._extended:
            session.write(
                words.save_amount, [(each.nanos, key) for key, each in self._extended.items()]
            )
        if self._made:
            session.insert(
                RESERVATIONS,
                [
                    (*row[:10], reservation.nanos, *row[11:], json_of(reservation.windows))
                    for row, reservation in self._made.values()
                ],
            )
        for table, rows in (
            (CALLS, self._calls),
            (ATTEMPTS, self._attempts),
            (CALL_LABELS, self._labels),
        ):
            if rows:
                session.insert(table, rows)
        return bool(changed or self._extended or self._made or self._calls or self._freed)

    def tell_reached(self) -> None:
        """Note which shares of budgets are spent by now that were not before."""
        for key, window in self._windows.items():
            known = self._known(key)
            if known is None or window.spent_nanos <= self._before[key].spent_nanos:
                continue
            limit, before = known.budget.limit_nanos, self._before[key].spent_nanos
            for share in known.budget.warn_at:
                if before < share * limit <= window.spent_nanos:
                    self._tell(key, known, share)


def parsed(value: Any) -> Any:  # noqa: ANN401  JSON: SQLite gives its text, PostgreSQL what it says
    """Return what a column of JSON says."""
    return msgspec.json.decode(value) if isinstance(value, str) else value


def _windows(value: object) -> list[WindowKey]:
    return [(name, begun_ns, start_ns) for name, begun_ns, start_ns in parsed(value)]


def _ids(session: Session, ids: Sequence[str]) -> object:
    """Return several values as one, as `Words.among` wants it."""
    return json_of(ids) if session.words.as_json else list(ids)
