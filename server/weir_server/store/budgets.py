"""How are budgets set, asked for and ended? By operators, rarely; what calls need is in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, func, or_, select

from weir_server.core.errors import BudgetNotFound
from weir_server.core.ledger import Budget, Period, Scope
from weir_server.store.database import Database
from weir_server.store.periods import window_start_ns
from weir_server.store.schema import BUDGET_EVENTS, BUDGET_WINDOWS, BUDGETS, KEYS


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """A budget as it stands."""

    budget: Budget
    spent_nanos: int
    reserved_nanos: int
    window_start_ns: int
    """When its period began; 0: it has no beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetEvent:
    """A share of a budget that was reached."""

    number: int
    time_ns: int
    budget: str
    window_start_ns: int
    share: float
    spent_nanos: int
    reserved_nanos: int
    limit_nanos: int


class Budgets:
    """The table of budgets. Each method blocks: call it in a thread. Raises SQLAlchemy's errors."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, budget: Budget) -> BudgetState:
        """Make a budget, or change the one with its name.

        What is spent stays, unless it now counts somebody else or for another period: then it
        begins anew.
        """
        with self._database.writing() as connection:
            now_ns = self._database.now_ns(connection)
            values = {
                "scope": budget.scope.value,
                "subject": budget.subject,
                "period": budget.period.value,
                "limit_nanos": budget.limit_nanos,
                "hard": budget.hard,
                "warn_at": list(budget.warn_at),
                "updated_ns": now_ns,
            }
            where = BUDGETS.c.name == budget.name
            asked = select(BUDGETS).where(where).with_for_update()
            before = connection.execute(asked).mappings().first()
            if before is None:
                values |= {"name": budget.name, "begun_ns": now_ns, "created_ns": now_ns}
                connection.execute(BUDGETS.insert().values(values))
            else:
                counted = ("scope", "subject", "period")
                if any(before[name] != values[name] for name in counted):
                    values["begun_ns"] = now_ns
                connection.execute(BUDGETS.update().where(where).values(values))
            return self._states(connection, [where])[0]

    def delete(self, name: str) -> None:
        """End a budget; what was spent of it stays on record. Raises BudgetNotFound."""
        with self._database.writing() as connection:
            ended = connection.execute(BUDGETS.delete().where(BUDGETS.c.name == name))
            if ended.rowcount == 0:
                raise BudgetNotFound(metadata={"budget": name})

    def list(
        self, *, tenant: str = "", after: str = "", limit: int | None = None
    ) -> Sequence[BudgetState]:
        """Return budgets by name, those of a tenant and of its keys if one is named.

        after: the name that the last page ended with.
        """
        where: list[ColumnElement[bool]] = [BUDGETS.c.name > after] if after else []
        if tenant:
            keys = select("keys/" + KEYS.c.id).where(KEYS.c.tenant == tenant)
            of_tenant = and_(BUDGETS.c.scope == Scope.TENANT.value, BUDGETS.c.subject == tenant)
            of_keys = and_(BUDGETS.c.scope == Scope.KEY.value, BUDGETS.c.subject.in_(keys))
            where.append(or_(of_tenant, of_keys))
        with self._database.reading() as connection:
            return self._states(connection, where, limit)

    def all(self) -> Sequence[Budget]:
        """Return all budgets."""
        with self._database.reading() as connection:
            return [_budget(row) for row in connection.execute(select(BUDGETS))]

    def events(
        self, *, after: int = 0, since_ns: int = 0, budget: str = "", limit: int = 1000
    ) -> Sequence[BudgetEvent]:
        """Return events in their order, from after a number or since a time."""
        events = BUDGET_EVENTS.c
        where = [events.number > after, events.time_ns >= since_ns]
        if budget:
            where.append(events.budget == budget)
        asked = select(BUDGET_EVENTS).where(*where).order_by(events.number).limit(limit)
        with self._database.reading() as connection:
            return [_event(row) for row in connection.execute(asked)]

    def last_event(self) -> int:
        """Return the number of the newest event, or 0."""
        with self._database.reading() as connection:
            newest = connection.execute(select(func.max(BUDGET_EVENTS.c.number))).scalar()
        return newest or 0

    def _states(
        self,
        connection: Connection,
        where: Sequence[ColumnElement[bool]],
        limit: int | None = None,
    ) -> Sequence[BudgetState]:
        now_ns = self._database.now_ns(connection)
        asked = select(BUDGETS).where(*where).order_by(BUDGETS.c.name).limit(limit)
        return [_state(connection, row, now_ns) for row in connection.execute(asked).all()]


_NEWEST: Final = (
    select(BUDGET_WINDOWS)
    .where(
        BUDGET_WINDOWS.c.budget == bindparam("budget"),
        BUDGET_WINDOWS.c.begun_ns == bindparam("begun_ns"),
        BUDGET_WINDOWS.c.window_start_ns >= bindparam("start_ns"),
    )
    .order_by(BUDGET_WINDOWS.c.window_start_ns.desc())
    .limit(1)
)


def _state(connection: Connection, row: Row[Any], now_ns: int) -> BudgetState:
    """Return a budget with its present window; one that nobody has spent from has none yet."""
    budget = _budget(row)
    start_ns = window_start_ns(budget.period, now_ns)
    values = {"budget": budget.name, "begun_ns": row.begun_ns, "start_ns": start_ns}
    window = connection.execute(_NEWEST, values).first()
    return BudgetState(
        budget=budget,
        spent_nanos=window.spent_nanos if window else 0,
        reserved_nanos=window.reserved_nanos if window else 0,
        window_start_ns=window.window_start_ns if window else start_ns,
    )


def _budget(row: Row[Any]) -> Budget:
    return Budget(
        name=row.name,
        scope=Scope(row.scope),
        subject=row.subject,
        period=Period(row.period),
        limit_nanos=row.limit_nanos,
        hard=row.hard,
        warn_at=tuple(row.warn_at),
    )


def _event(row: Row[Any]) -> BudgetEvent:
    return BudgetEvent(
        number=row.number,
        time_ns=row.time_ns,
        budget=row.budget,
        window_start_ns=row.window_start_ns,
        share=row.share,
        spent_nanos=row.spent_nanos,
        reserved_nanos=row.reserved_nanos,
        limit_nanos=row.limit_nanos,
    )
