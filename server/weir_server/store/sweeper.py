"""What becomes of calls whose process is gone? They are booked at the most they may have cost.

A process that is gone on this machine is known by its lock, at once. One on another machine is
known by its calls: when a call's time and the grace after it have passed, nobody serves it.
"""

import asyncio
import shutil
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import SQLAlchemyError

from weir_server.core.clock import Clock
from weir_server.store.database import Database
from weir_server.store.instances import Instance
from weir_server.store.ledger import SqlLedger
from weir_server.store.readers import Readers
from weir_server.store.schema import RESERVATIONS
from weir_server.store.spool import Spool
from weir_server.telemetry.log import Log

INTERVAL_S: Final = 5.0
"""How long between two looks; an orphan is booked within twice that of being one."""
AT_ONCE: Final = 500
FORGET_AFTER_S: Final = 60.0
"""How long a process that is gone is remembered: PostgreSQL may still commit its last words."""


class Sweeper:
    """Looks for calls that were lost. Run it beside the ledger."""

    def __init__(
        self,
        database: Database,
        instance: Instance,
        spool: Spool,
        ledger: SqlLedger,
        readers: Readers,
        *,
        lease_grace_s: float,
        clock: Clock,
        log: Log,
    ) -> None:
        self._database = database
        self._instance = instance
        self._spool = spool
        self._ledger = ledger
        self._readers = readers
        self._grace_ns = round(lease_grace_s * 1e9)
        self._clock = clock
        self._log = log
        self._gone_since_s: dict[str, float] = {}
        self._alone = asyncio.Lock()

    async def run(self, interval_s: float = INTERVAL_S) -> None:
        """Sweep now, and again every `interval_s`."""
        while True:
            await self.sweep()
            await asyncio.sleep(interval_s)

    async def sweep(self) -> None:
        """Book the calls that are lost by now. Sweeps of one process come one after the other."""
        async with self._alone:
            await self._sweep()

    async def _sweep(self) -> None:
        try:
            live = frozenset(self._ledger.live)
            lost = await self._readers.ask(lambda: self._lost(live))
        except (SQLAlchemyError, OSError) as failure:
            # The database is away, which the writer tells; what is lost stays lost until then.
            self._log.fault("ledger_sweep_failed", failure)
            return
        if self._spool.held_bytes:
            self._ledger.replay()
        if lost:
            self._log.event("calls_lost", calls=len(lost))
        for response_id in lost:
            self._ledger.give_up(response_id)

    def _lost(self, live: AbstractSet[str]) -> list[str]:
        """Return the response ids of lost calls, after taking over what their spools hold."""
        with self._instance.gone() as folders:
            for folder in folders:
                self._spool.adopt(folder)
            if self._spool.held_bytes:
                # Some of the calls that look lost have ended, and the spool knows how.
                return []
            lost = self._orphans({folder.name for folder in folders}, live)
            if not lost:
                self._forget(folders)
        return lost

    def _orphans(self, gone: AbstractSet[str], live: AbstractSet[str]) -> list[str]:
        table = RESERVATIONS.c
        with self._database.reading() as connection:
            known = set(connection.execute(select(table.instance).distinct()).scalars())
            # Looked at after the table: a process has its folder before it reserves anything.
            here = self._instance.here()
            if self._database.is_sqlite:
                gone |= known - here
            is_over = table.lease_until_ns < self._database.now_ns(connection) - self._grace_ns
            if self._database.is_sqlite:
                # The others on this file live, or are gone: their locks tell, and no clock.
                is_over = and_(is_over, table.instance == self._instance.name)
            else:
                # A process of this machine has its lock for that; its spool may know of an end.
                others = (known & here) - gone - {self._instance.name}
                is_over = and_(is_over, table.instance.not_in(sorted(others)))
            found = connection.execute(
                select(table.response_id)
                .where(or_(table.instance.in_(sorted(gone)), is_over))
                .order_by(table.response_id)
                .limit(AT_ONCE + len(live))
            )
            # A clock that was set forward makes no call lost that this process serves.
            return [each for each in found.scalars() if each not in live]

    def _forget(self, folders: list[Path]) -> None:
        now_s = self._clock.monotonic_s()
        for folder in folders:
            if now_s - self._gone_since_s.setdefault(folder.name, now_s) >= FORGET_AFTER_S:
                shutil.rmtree(folder, ignore_errors=True)
                del self._gone_since_s[folder.name]
