"""Do the books balance? What every test of money asks at its end, whatever the test did."""

from collections import Counter

from sqlalchemy import select

from weir_server.store.database import Database
from weir_server.store.schema import ATTEMPTS, BUDGET_WINDOWS, BUDGETS, CALLS, RESERVATIONS


def assert_books_balance(url: str, *, nothing_open: bool = False) -> None:
    """Check that rows and balances say the same.

    In each window of each budget `spent` is the sum of its calls and `reserved` that of its
    reservations; no call is both booked and reserved; attempts add up to what the tenant and the
    platform pay. nothing_open: whether no call may be reserved any more.
    """
    database = Database(url)
    try:
        with database.reading() as connection:
            windows = connection.execute(select(BUDGET_WINDOWS)).all()
            budgets = {row.name: row for row in connection.execute(select(BUDGETS))}
            calls = connection.execute(select(CALLS)).all()
            reservations = connection.execute(select(RESERVATIONS)).all()
            attempts = connection.execute(select(ATTEMPTS)).all()
    finally:
        database.close()
    spent: Counter[tuple[str, int, int]] = Counter()
    reserved: Counter[tuple[str, int, int]] = Counter()
    for call in calls:
        charged = call.cost_nanos or 0 if call.currency == "USD" else 0
        for name, begun_ns, start_ns in call.budgets:
            spent[name, begun_ns, start_ns] += charged
    for reservation in reservations:
        for name, begun_ns, start_ns in reservation.budgets:
            reserved[name, begun_ns, start_ns] += reservation.amount_nanos
    keys = {(row.budget, row.begun_ns, row.window_start_ns): row for row in windows}
    assert {key: row.spent_nanos for key, row in keys.items()} == {key: spent[key] for key in keys}
    assert {k: row.reserved_nanos for k, row in keys.items()} == {k: reserved[k] for k in keys}
    assert set(spent) | set(reserved) <= set(keys)
    for key, row in keys.items():
        budget = budgets.get(key[0])
        assert budget is None or row.reserved_nanos >= 0
    booked = {call.response_id for call in calls}
    assert not booked & {row.response_id for row in reservations}
    paid: Counter[str] = Counter()
    told = {row.response_id for row in attempts}
    for attempt in attempts:
        paid[attempt.response_id] += attempt.cost_nanos or 0
    for call in calls:
        if call.response_id in told and call.cost_nanos is not None and not call.replayed:
            assert paid[call.response_id] == call.cost_nanos + call.platform_nanos
    if nothing_open:
        assert reservations == []
