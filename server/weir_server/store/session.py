"""How do the books reach a database? By one bare connection and sentences prepared beforehand.

Both databases are told the same; where their words differ, `Words` has the difference.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import Table

from weir_server.core.ledger import Budget, Period, Scope
from weir_server.store.operations import Row
from weir_server.store.schema import (
    ATTEMPTS,
    CALL_LABELS,
    CALLS,
    RESERVATIONS,
)

WindowKey = tuple[str, int, int]
"""Name of the budget, when it begun, when the window began."""


class StoreAway(Exception):
    """The database does not answer, or not now."""


class StoreBroken(StoreAway):
    """The database could not sync what it wrote: what it says from now on proves nothing."""


class Unbookable(Exception):
    """The database can hold no such value."""


class Conflict(Exception):
    """Another process was faster, or something was written before: look again and repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBudget:
    """A budget, and when it began to count."""

    budget: Budget
    begun_ns: int


@dataclass(slots=True)
class Window:
    """What is spent and reserved of a budget in one of its periods."""

    spent_nanos: int
    reserved_nanos: int


class Session(Protocol):
    """One connection, used by one thread. Raises StoreAway, Conflict."""

    def begin(self) -> int:
        """Begin a transaction and return what time it is for the books."""
        ...

    def commit(self) -> None:
        """End it so that it is on disk."""
        ...

    def rollback(self) -> None:
        """End it without a trace."""
        ...

    def close(self) -> None:
        """Close the connection, whatever its state."""
        ...

    def all(self, words: str, values: Sequence[object] = ()) -> list[Row]:
        """Return what is asked for."""
        ...

    def write(self, words: str, rows: Sequence[Row]) -> int:
        """Do something for each row, and return how many rows of the database it has touched."""
        ...

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows with all columns of a table."""
        ...

    def together(self) -> AbstractContextManager[object]:
        """Send what is written within the block at once, and wait for all of it at its end."""
        ...

    @property
    def words(self) -> "Words":
        """What is said to this database."""
        ...


class Words:
    """All that is said to a database.

    `?` stands for a value, `IN (?)` tests for being one of several, `LOCKED` stands after a
    question whose rows are going to be changed.
    """

    def __init__(self, *, mark: str, among: str, lock: str) -> None:
        """What stands for a value, a test for several, and a lock, in this database's words."""

        def said(words: str) -> str:
            words = words.replace("IN (?)", among.replace("{}", "?")).replace(" LOCKED", lock)
            return words.replace("?", mark)

        self.as_json: Final = "json" in among
        """Whether several values are given as one text of JSON."""
        self.budgets: Final = said(
            "SELECT name, scope, subject, period, limit_nanos, hard, warn_at, begun_ns "
            "FROM budgets WHERE name IN (?) ORDER BY name"
        )
        self.latest: Final = said(
            "SELECT coalesce(max(window_start_ns), 0) FROM budget_windows "
            "WHERE budget = ? AND begun_ns = ?"
        )
        self.window: Final = said(
            "SELECT spent_nanos, reserved_nanos FROM budget_windows "
            "WHERE budget = ? AND begun_ns = ? AND window_start_ns = ? LOCKED"
        )
        self.make_window: Final = said(
            "INSERT INTO budget_windows (budget, begun_ns, window_start_ns) "
            "VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        )
        self.save_window: Final = said(
            "UPDATE budget_windows SET spent_nanos = ?, reserved_nanos = ? "
            "WHERE budget = ? AND begun_ns = ? AND window_start_ns = ?"
        )
        self.take: Final = said(
            "DELETE FROM reservations WHERE response_id IN (?) "
            "RETURNING response_id, amount_nanos, budgets"
        )
        self.reservations: Final = said(
            " ".join(
                (
                    "SELECT",
                    ", ".join(columns(RESERVATIONS)),
                    "FROM reservations WHERE response_id IN (?) ORDER BY response_id LOCKED",
                )
            )
        )
        self.save_amount: Final = said(
            "UPDATE reservations SET amount_nanos = ? WHERE response_id = ?"
        )
        self.booked: Final = said("SELECT response_id FROM calls WHERE response_id IN (?)")
        self.event: Final = said(
            "INSERT INTO budget_events (time_ns, budget, begun_ns, window_start_ns, share, "
            "spent_nanos, reserved_nanos, limit_nanos) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING"
        )


def columns(table: Table) -> Sequence[str]:
    """Return the names of a table's columns, in order."""
    return [column.name for column in table.columns]


INSERTED: Final = (RESERVATIONS, CALLS, ATTEMPTS, CALL_LABELS)
"""Tables that rows are added to by `Session.insert`."""


def budget_of(row: Sequence[object], warn_at: Iterable[float]) -> KnownBudget:
    """Return the budget of a row of `Words.budgets`."""
    name, scope, subject, period, limit_nanos, hard, _, begun_ns = row
    return KnownBudget(
        budget=Budget(
            name=str(name),
            scope=Scope(scope),
            subject=str(subject),
            period=Period(period),
            limit_nanos=int(str(limit_nanos)),
            hard=bool(hard),
            warn_at=tuple(warn_at),
        ),
        begun_ns=int(str(begun_ns)),
    )
