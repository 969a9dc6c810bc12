"""Whatever is booked, in whatever order and however often, the books agree with a plain model."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from tests.store.conftest import migrated
from tests.store.entries import budget, entry, hold
from weir_server.core.errors import BudgetExceeded
from weir_server.core.ledger import Hold, Scope
from weir_server.store.booking import Booked, book
from weir_server.store.budgets import Budgets
from weir_server.store.database import Database
from weir_server.store.operations import (
    Kind,
    Operation,
    extension_of,
    hold_of,
    settlement_of,
)
from weir_server.store.session import Conflict
from weir_server.store.sqlite_session import SqliteSession

BUDGETS = {
    "budgets/a": budget("budgets/a", limit=100),
    "budgets/b": budget("budgets/b", limit=60, scope=Scope.KEY, subject="keys/one"),
    "budgets/soft": budget("budgets/soft", limit=50, hard=False),
}
IDS = st.sampled_from([f"resp_{number}" for number in range(12)])
NAMES = st.sets(st.sampled_from(sorted(BUDGETS))).map(sorted)
NANOS = st.integers(0, 70)


class Model:
    """Budgets in plain Python: what is held and what is spent."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[int, list[str]]] = {}
        self.calls: dict[str, tuple[int, list[str]]] = {}
        self.released: set[str] = set()

    def balance(self, name: str) -> tuple[int, int]:
        spent = sum(nanos for nanos, names in self.calls.values() if name in names)
        reserved = sum(nanos for nanos, names in self.held.values() if name in names)
        return spent, reserved

    def fits(self, names: list[str], nanos: int) -> bool:
        hard = [name for name in names if BUDGETS[name].hard]
        return all(sum(self.balance(name)) + nanos <= BUDGETS[name].limit_nanos for name in hard)

    def hold(self, response_id: str, nanos: int, names: list[str]) -> bool:
        if response_id in self.calls or response_id in self.held:
            return True
        if not self.fits(names, nanos):
            return False
        self.held[response_id] = nanos, names
        return True

    def extend(self, response_id: str, total: int, names: list[str]) -> bool:
        if response_id not in self.held:
            return self.hold(response_id, total, names)
        nanos, names = self.held[response_id]
        if total > nanos and not self.fits(names, total - nanos):
            return False
        self.held[response_id] = max(total, nanos), names
        return True

    def settle(self, response_id: str, cost: int, names: list[str]) -> None:
        if response_id not in self.calls:
            _, names = self.held.get(response_id, (0, names))
            self.calls[response_id] = cost, names
        self.held.pop(response_id, None)

    def give_up(self, response_id: str) -> None:
        held = self.held.pop(response_id, None)
        if held is not None and response_id not in self.calls:
            self.calls[response_id] = held if held[1] else (0, [])


class BooksMachine(RuleBasedStateMachine):
    """Operations come one by one or many in a transaction, once or again."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="weir-books-"))
        shutil.copy(_template(), self.folder / "ledger.db")
        self.database = Database(f"sqlite:///{self.folder}/ledger.db")
        self.session = SqliteSession(self.database)
        self.session.all("PRAGMA synchronous = OFF")
        self.model = Model()
        self.newest: dict[tuple[str, int], int] = {}
        self.batch: list[tuple[Operation, bool]] = []

    def teardown(self) -> None:
        self.session.close()
        self.database.close()
        shutil.rmtree(self.folder)

    def post(self, operation: Operation, is_let_in: bool = True) -> None:
        self.batch.append((operation, is_let_in))

    @rule(response_id=IDS, nanos=NANOS, names=NAMES)
    def hold(self, response_id: str, nanos: int, names: list[str]) -> None:
        operation = hold_of(_hold(response_id, nanos, names), "one")
        self.post(operation, self.model.hold(response_id, nanos, names))

    @rule(response_id=IDS, total=NANOS, names=NAMES)
    def extend(self, response_id: str, total: int, names: list[str]) -> None:
        operation = extension_of(_hold(response_id, 0, names), "one", total)
        self.post(operation, self.model.extend(response_id, total, names))

    @rule(response_id=IDS, cost=NANOS, names=NAMES)
    def settle(self, response_id: str, cost: int, names: list[str]) -> None:
        self.commit()  # what is extended and ends at once may be refused or not: nobody waits
        self.post(settlement_of(entry(_hold(response_id, 0, names), cost)))
        self.model.settle(response_id, cost, names)
        self.commit()

    @rule(response_id=IDS)
    def give_up(self, response_id: str) -> None:
        self.commit()
        self.post(Operation(Kind.ORPHAN, response_id))
        self.model.give_up(response_id)
        self.commit()

    @rule(response_id=IDS)
    def release(self, response_id: str) -> None:
        self.commit()
        self.post(Operation(Kind.RELEASE, response_id))
        self.model.held.pop(response_id, None)
        self.commit()

    @precondition(lambda self: self.batch)
    @rule()
    def commit(self) -> None:
        """Book what was posted, as the writer does it: in doubt once more, and then twice."""
        if not self.batch:
            return
        operations = [operation for operation, _ in self.batch]
        booked = self._book(operations)
        told = [not isinstance(outcome, BudgetExceeded) for outcome in booked.outcomes]
        assert told == [is_let_in for _, is_let_in in self.batch]
        self.batch = []

    def _book(self, operations: list[Operation]) -> Booked:
        # Holds of calls that are booked come from the spool alone, which is always in doubt.
        try:
            return book(self.session, operations, newest=self.newest, doubtful=True)
        except Conflict:
            self.session.rollback()
            raise

    @invariant()
    def balances(self) -> None:
        if self.batch:
            return
        rows = self.session.all("SELECT budget, spent_nanos, reserved_nanos FROM budget_windows")
        found = {name: (spent, reserved) for name, spent, reserved in rows}
        for name in BUDGETS:
            assert found.get(name, (0, 0)) == self.model.balance(name)
        calls: dict[str, int] = dict(
            self.session.all("SELECT response_id, coalesce(cost_nanos, 0) FROM calls")
        )
        assert calls == {key: cost for key, (cost, _) in self.model.calls.items()}
        held: dict[str, int] = dict(
            self.session.all("SELECT response_id, amount_nanos FROM reservations")
        )
        assert held == {key: nanos for key, (nanos, _) in self.model.held.items()}


def _hold(response_id: str, nanos: int, names: list[str]) -> Hold:
    return hold(nanos, names, response_id=response_id)


@cache
def _template() -> Path:
    """A database with the budgets and nothing else."""
    folder = Path(tempfile.mkdtemp(prefix="weir-books-"))
    atexit.register(shutil.rmtree, folder)
    path = migrated(folder / "template.db")
    database = Database(f"sqlite:///{path}")
    for each in BUDGETS.values():
        Budgets(database).set(each)
    database.close()
    return path


TestBooks = BooksMachine.TestCase
TestBooks.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
