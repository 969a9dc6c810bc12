"""Both databases keep what a ledger promises."""

from tests.contracts.ledger_suite import LedgerSuite


class TestSqlLedger(LedgerSuite):
    """On SQLite and on PostgreSQL: `books` comes with either."""
