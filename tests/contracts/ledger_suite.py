"""What does every ledger promise? One suite, which each store inherits by its `books` fixture."""

import asyncio

import pytest

from tests.store.entries import attempt, budget, entry, hold, usage
from weir.v1.error_pb2 import ErrorReason
from weir_server.core.errors import BudgetExceeded, BudgetNotFound
from weir_server.core.ledger import Period, Scope
from weir_server.store.books import Books

TEAM = ["budgets/team"]


async def spent(books: Books, name: str = "budgets/team") -> tuple[int, int]:
    """What is spent and reserved of a budget."""
    (state,) = [each for each in books.budgets.list() if each.budget.name == name]
    return state.spent_nanos, state.reserved_nanos


class LedgerSuite:
    """Reserve, extend, settle, refuse."""

    async def test_a_hold_reserves(self, books: Books) -> None:
        """What a call may cost is taken from what others may spend, before it is spent."""
        await books.set_budget(budget(limit=100))

        await books.ledger.hold(hold(60, TEAM))

        assert await spent(books) == (0, 60)

    async def test_a_settlement_frees_what_was_not_used(self, books: Books) -> None:
        """The tenant is charged what was used; the rest is there for others."""
        await books.set_budget(budget(limit=100))
        held = hold(60, TEAM)
        await books.ledger.hold(held)

        await books.ledger.settle(entry(held, 25))

        assert await spent(books) == (25, 0)

    async def test_a_hard_budget_refuses(self, books: Books) -> None:
        """A call that could pass the limit is refused, with the budget and where it stands."""
        await books.set_budget(budget(limit=100))
        first = hold(60, TEAM)
        await books.ledger.hold(first)
        await books.ledger.settle(entry(first, 60))

        with pytest.raises(BudgetExceeded) as refused:
            await books.ledger.hold(hold(41, TEAM))
        await books.ledger.hold(hold(40, TEAM))

        assert refused.value.metadata == {
            "budget": "budgets/team",
            "limitNanos": "100",
            "spentNanos": "60",
        }
        assert await spent(books) == (60, 40)

    async def test_a_soft_budget_lets_pass(self, books: Books) -> None:
        """What passes a soft limit is only told."""
        await books.set_budget(budget(limit=10, hard=False))
        held = hold(60, TEAM)

        await books.ledger.hold(held)
        await books.ledger.settle(entry(held, 60))

        assert await spent(books) == (60, 0)

    async def test_a_refusal_leaves_nothing(self, books: Books) -> None:
        """A call counts in all of its budgets or in none."""
        await books.set_budget(budget("budgets/a", limit=1000))
        await books.set_budget(budget("budgets/b", limit=10, scope=Scope.KEY, subject="keys/one"))
        await books.set_budget(budget("budgets/c", limit=1000))

        with pytest.raises(BudgetExceeded):
            await books.ledger.hold(hold(60, ["budgets/a", "budgets/b", "budgets/c"]))

        assert [each.reserved_nanos for each in books.budgets.list()] == [0, 0, 0]
        assert books.ledger.live == set()

    async def test_a_hold_is_extended(self, books: Books) -> None:
        """A stream that goes on reserves more, as far as the limit lets it."""
        await books.set_budget(budget(limit=100))
        held = hold(40, TEAM)
        await books.ledger.hold(held)

        await books.ledger.extend(held, 30)
        await books.ledger.extend(held, 30)
        with pytest.raises(BudgetExceeded):
            await books.ledger.extend(held, 1)

        assert await spent(books) == (0, 100)
        await books.ledger.settle(entry(held, 99))
        assert await spent(books) == (99, 0)

    async def test_a_call_is_booked_once(self, books: Books) -> None:
        """Booking it again changes nothing, neither its row nor a balance."""
        await books.set_budget(budget(limit=100))
        held = hold(40, TEAM)
        await books.ledger.hold(held)

        await books.ledger.settle(entry(held, 10))
        await books.ledger.settle(entry(held, 30))
        await asyncio.gather(*(books.ledger.settle(entry(held, 30)) for _ in range(3)))

        assert await spent(books) == (10, 0)

    async def test_a_call_without_a_hold_is_booked(self, books: Books) -> None:
        """What was used is charged, whatever is known of its hold, and past the limit too."""
        await books.set_budget(budget(limit=100))

        await books.ledger.settle(entry(hold(40, TEAM), 130))

        assert await spent(books) == (130, 0)

    async def test_order_is_kept(self, books: Books) -> None:
        """A hold and its settlement that are posted at once are booked in that order."""
        await books.set_budget(budget(limit=100))
        held = hold(40, TEAM)

        first = books.ledger.hold(held)
        await books.ledger.settle(entry(held, 10))
        await first

        assert await spent(books) == (10, 0)

    async def test_settling_needs_no_waiting(self, books: Books) -> None:
        """A settlement is booked though nobody waits for it."""
        await books.set_budget(budget(limit=100))

        books.ledger.settle(entry(hold(40, TEAM), 10))
        await books.ledger.settle(entry(hold(40, TEAM), 5))

        assert await spent(books) == (15, 0)

    async def test_an_unknown_price_is_charged_to_nobody(self, books: Books) -> None:
        """Its row says that the price is not known."""
        await books.set_budget(budget(limit=100, hard=False))
        held = hold(40, TEAM)

        await books.ledger.settle(entry(held, None))

        assert await spent(books) == (0, 0)

    async def test_the_last_dollar_is_spent_once(self, books: Books) -> None:
        """Of a hundred calls at once only those are let in that fit."""
        await books.set_budget(budget(limit=1050))
        holds = [hold(100, TEAM) for _ in range(100)]

        ended = await asyncio.gather(
            *(_held(books, each) for each in holds),
            return_exceptions=True,
        )

        assert sum(each is None for each in ended) == 10
        assert sum(isinstance(each, BudgetExceeded) for each in ended) == 90
        assert await spent(books) == (0, 1000)

    async def test_shares_are_told_once(self, books: Books) -> None:
        """When a share of the limit is first spent in a window there is an event, with figures."""
        await books.set_budget(budget(limit=100, hard=False))

        for _ in range(12):
            await books.ledger.settle(entry(hold(0, TEAM), 10))

        events = books.budgets.events()
        assert [(each.share, each.spent_nanos) for each in events] == [
            (0.5, 50),
            (0.8, 80),
            (1.0, 100),
        ]
        assert books.budgets.events(after=events[1].number) == events[2:]
        assert books.budgets.last_event() == events[2].number

    async def test_a_limit_that_refuses_is_told(self, books: Books) -> None:
        """A hard budget is met when it refuses for the first time, though less is spent."""
        await books.set_budget(budget(limit=100))

        for _ in range(3):
            with pytest.raises(BudgetExceeded):
                await books.ledger.hold(hold(101, TEAM))

        assert [each.share for each in books.budgets.events()] == [1.0]

    async def test_a_limit_can_be_changed(self, books: Books) -> None:
        """What is spent stays, and the new limit holds at once."""
        await books.set_budget(budget(limit=100))
        await books.ledger.settle(entry(hold(0, TEAM), 90))

        await books.set_budget(budget(limit=150))
        await books.ledger.hold(hold(60, TEAM))

        assert await spent(books) == (90, 60)

    async def test_whom_it_counts_can_be_changed(self, books: Books) -> None:
        """A budget that counts somebody else begins anew; earlier holds end where they began."""
        await books.set_budget(budget(limit=100))
        held = hold(60, TEAM)
        await books.ledger.hold(held)

        await books.set_budget(budget(limit=100, scope=Scope.KEY, subject="keys/two"))
        await books.ledger.hold(hold(90, TEAM))
        await books.ledger.settle(entry(held, 60))

        assert await spent(books) == (0, 90)

    async def test_a_budget_ends(self, books: Books) -> None:
        """It refuses nobody any more, and what was held in it is freed."""
        await books.set_budget(budget(limit=100))
        held = hold(60, TEAM)
        await books.ledger.hold(held)

        await books.delete_budget("budgets/team")
        await books.ledger.hold(hold(900, TEAM))
        await books.ledger.settle(entry(held, 60))

        assert books.budgets.list() == []
        with pytest.raises(BudgetNotFound):
            await books.delete_budget("budgets/team")

    async def test_budgets_of_a_call(self, books: Books) -> None:
        """A call counts for its tenant, its key and its labels; names come in order."""
        await books.set_budget(budget("budgets/z"))
        await books.set_budget(budget("budgets/k", scope=Scope.KEY, subject="keys/one"))
        await books.set_budget(budget("budgets/l", scope=Scope.LABEL, subject="app=search"))
        await books.set_budget(budget("budgets/other", subject="others"))

        def of(**labels: str) -> list[str]:
            found = books.ledger.budgets_of(tenant="team", key="keys/one", labels=labels)
            return [each.name for each in found]

        assert of() == ["budgets/k", "budgets/z"]
        assert of(app="search") == ["budgets/k", "budgets/l", "budgets/z"]
        assert of(app="other") == ["budgets/k", "budgets/z"]
        assert books.ledger.budgets_of(tenant="", key="", labels={}) == []

    async def test_attempts_are_booked_beside_the_call(self, books: Books) -> None:
        """The tenant pays for one of them, the platform for the others."""
        await books.set_budget(budget(limit=100))
        held = hold(40, TEAM)
        failed = attempt(usage(7), charged=False, reason=ErrorReason.ERROR_REASON_UPSTREAM_TIMEOUT)

        await books.ledger.settle(entry(held, 20, attempts=[failed, attempt(usage(20))]))

        assert await spent(books) == (20, 0)

    async def test_strange_names_do_nothing(self, books: Books) -> None:
        """Text that is SQL, JSON or binary is only text."""
        strange = "'; DROP TABLE calls; -- \" \\u0000 \N{SNOWMAN} %s ? :x {0}"
        await books.set_budget(budget(strange, subject=strange))
        labels = {strange: strange + "\x00"}
        held = hold(10, [strange], tenant=strange, key=strange, model=strange, labels=labels)

        await books.ledger.hold(held)
        await books.ledger.settle(entry(held, 10, provider=strange))

        assert await spent(books, strange) == (10, 0)

    @pytest.mark.parametrize("period", [Period.DAY, Period.MONTH])
    async def test_a_period_begins_on_its_day(self, books: Books, period: Period) -> None:
        """Its window began at midnight in UTC, and is the one that calls count in."""
        await books.set_budget(budget(limit=100, period=period))
        held = hold(40, TEAM)

        await books.ledger.hold(held)

        (state,) = books.budgets.list()
        assert state.window_start_ns > 0
        assert state.window_start_ns % (86_400 * 10**9) == 0
        assert state.reserved_nanos == 40


async def _held(books: Books, held: object) -> None:
    await books.ledger.hold(held)  # type: ignore[arg-type]
