"""Who starts the workers, brings back one that died, and tells all of them to stop?

Linux spreads connections over the processes that listen on one port. This one only holds the port
and watches: it takes no call, loads no model and never imports gRPC.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from weir_server.cli.configuring import Configured, Overrides, configured, told
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.pauses import Pauses
from weir_server.cli.reservation import reserved
from weir_server.cli.serving import AT_ONCE_S, SIGNAL_CODES
from weir_server.cli.worker import RELOAD, STOP, Order
from weir_server.cli.worker_process import Standby, WorkerProcess
from weir_server.core.clock import Clock, SystemClock
from weir_server.settings.changes import applicable
from weir_server.settings.load import SettingsInvalid
from weir_server.telemetry.libraries import libraries_tell
from weir_server.telemetry.log import Log

KILL_AFTER_S = AT_ONCE_S + 0.2
"""A worker that was told to stop at once and runs on after this is killed."""
STUCK_AFTER_S = 5.0
"""A worker that drains for so long after its grace is killed."""


def supervise(
    found: Configured,
    config: Path | None,
    overrides: Overrides,
    announce: Callable[[str], None],
) -> ExitCode:
    """Have `server.workers` processes serve until a signal. Raises CommandError.

    announce: told the address when all of them take calls.
    """
    server = found.settings.server
    with (
        reserved(server.listen) as address,
        Log(sys.stderr.buffer, who={"supervisor": os.getpid()}) as log,
        libraries_tell(log),
        asyncio.Runner() as runner,
    ):
        orders = _Orders(found, address, config, overrides, log)
        supervisor = Supervisor(
            count=server.workers,
            order_of=orders.order_of,
            announce=lambda: announce(address),
            grace_s=server.drain_grace_s,
            log=log,
            clock=SystemClock(),
            is_reloadable=config is not None,
        )
        return runner.run(supervisor.run())


class _Orders:
    """What workers are told to serve: the configuration as it was when it was last valid."""

    def __init__(
        self,
        found: Configured,
        address: str,
        config: Path | None,
        overrides: Overrides,
        log: Log,
    ) -> None:
        here = found.settings.server.model_copy(update={"listen": address})
        self._settings = found.settings.model_copy(update={"server": here})
        self._marks = found.marks
        self._config = config
        # Read anew, server.listen may be any free port; theirs has been found.
        self._overrides = (
            replace(overrides, listen=address)
            if found.settings.server.listen != address
            else overrides
        )
        self._log = log

    async def order_of(self, number: int, *, again: bool) -> bytes:
        if again:
            await asyncio.to_thread(self._read_again)
        order = Order(
            number=number,
            settings=self._settings,
            config=self._config,
            overrides=self._overrides,
            marks=self._marks,
        )
        return order.encode()

    def _read_again(self) -> None:
        """Take on what the others have, which read it again when it changed."""
        try:
            found = configured(self._config, self._overrides)
        except SettingsInvalid as invalid:
            problems = [told(problem) for problem in invalid.problems]
            self._log.event("reload_refused", why="restart", problems=problems)
            return
        self._settings = applicable(self._settings, found.settings)
        self._marks = found.marks


@dataclass(slots=True, kw_only=True)
class _Place:
    """Where one worker stands, and the next one when that has died."""

    number: int
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a worker has served here, or none will."""
    worker: WorkerProcess | None = None
    has_served: bool = False
    pauses: Pauses = field(default_factory=Pauses)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How a worker ended."""

    pid: int
    code: int
    """Its exit code, a signal as a negative number."""
    lived_s: float
    has_served: bool


class _CannotStart(Exception):
    """A worker died before any had served in its place."""

    def __init__(self, number: int, code: int) -> None:
        super().__init__(f"worker {number} ended with {code}")
        self.number = number
        self.code = code


class Supervisor:
    """Keeps `count` workers running until it is told to stop."""

    def __init__(
        self,
        *,
        count: int,
        order_of: Callable[..., Awaitable[bytes]],
        announce: Callable[[], None],
        grace_s: float,
        log: Log,
        clock: Clock,
        is_reloadable: bool = False,
    ) -> None:
        self._places = [_Place(number=number) for number in range(1, count + 1)]
        self._order_of = order_of
        self._announce = announce
        self._grace_s = grace_s
        self._log = log
        self._clock = clock
        self._is_reloadable = is_reloadable
        self._standby = Standby()
        self._stopping = asyncio.Event()
        self._signals = 0
        self._exit_code = ExitCode.OK

    async def run(self) -> ExitCode:
        """Start, keep and stop the workers; 0 when all that served have drained."""
        loop = asyncio.get_running_loop()
        for number in SIGNAL_CODES:
            loop.add_signal_handler(number, self._on_signal, number)
        if self._is_reloadable:
            loop.add_signal_handler(signal.SIGHUP, self._reload)
        try:
            async with asyncio.TaskGroup() as group:
                for place in self._places:
                    group.create_task(self._keep(place), name=f"worker {place.number}")
                for place in self._places:
                    await place.settled.wait()
                # Settled is also where nobody will serve; then all ends with the reason.
                if all(place.has_served for place in self._places) and not self._stopping.is_set():
                    self._announce()
                    await self._standby.prepare()
        except BaseExceptionGroup as group_failure:
            failure = group_failure.exceptions[0]
            if isinstance(failure, _CannotStart):
                raise _told(failure) from failure
            if not all(place.has_served for place in self._places):
                self._log.event("workers_not_started", error=type(failure).__name__)
            raise failure from None
        finally:
            await self._standby.dismiss()
        self._log.event("workers_ended", exit_code=int(self._exit_code))
        return self._exit_code

    async def _keep(self, place: _Place) -> None:
        """Have a worker in this place until all are to stop."""
        died_s: float | None = None
        try:
            while not self._stopping.is_set():
                ended = await self._live(place, died_s)
                if self._stopping.is_set():
                    self._note_end("worker_ended", place, ended)
                    return
                pause_s = place.pauses.after(ended.lived_s)
                self._note_end("worker_died", place, ended, restart_in_s=pause_s)
                if not place.has_served:
                    raise _CannotStart(place.number, ended.code)
                died_s = self._clock.monotonic_s()
                await self._pause(pause_s)
        finally:
            place.settled.set()

    async def _live(self, place: _Place, died_s: float | None) -> _Ended:
        """Have one worker in this place until it ends, and return how."""
        order = await self._order_of(place.number, again=died_s is not None)
        begun_s = self._clock.monotonic_s()
        worker = place.worker = await self._standby.take()
        try:
            if self._stopping.is_set():
                worker.drain()
            if place is not self._places[0]:
                # What keeps all of them from serving is then told once.
                await self._places[0].settled.wait()
            if await worker.serves(order):
                self._note_serving(place, worker, begun_s if died_s is None else died_s)
                if died_s is not None:
                    await self._standby.prepare()
            code = await worker.ended()
        finally:
            if worker.exit_code is None:
                worker.kill()
                await worker.ended()
        return _Ended(
            pid=worker.pid,
            code=code,
            lived_s=self._clock.monotonic_s() - begun_s,
            has_served=worker.address is not None,
        )

    def _note_serving(self, place: _Place, worker: WorkerProcess, since_s: float) -> None:
        event = "worker_restarted" if place.has_served else "worker_started"
        took_s = round(self._clock.monotonic_s() - since_s, 3)
        self._log.event(event, worker=place.number, pid=worker.pid, took_s=took_s)
        place.has_served = True
        place.settled.set()

    def _note_end(self, event: str, place: _Place, ended: _Ended, **more: float) -> None:
        self._log.event(
            event,
            worker=place.number,
            pid=ended.pid,
            code=ended.code if ended.code >= 0 else None,
            signal=_signal_name(-ended.code) if ended.code < 0 else None,
            lived_s=round(ended.lived_s, 3),
            **more,
        )
        is_cut_short = self._stopping.is_set() and ended.has_served and ended.code != 0
        if is_cut_short and self._exit_code is ExitCode.OK:
            self._exit_code = ExitCode.UNEXPECTED

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass  # time to start it again

    def _on_signal(self, number: signal.Signals) -> None:
        self._signals += 1
        self._log.event("signal", name=number.name, count=self._signals)
        loop = asyncio.get_running_loop()
        if self._signals == 1:
            self._stopping.set()
            for worker in self._running():
                worker.drain()
            loop.call_later(self._grace_s + STUCK_AFTER_S, self._kill_all)
            return
        self._exit_code = SIGNAL_CODES[number]
        for worker in self._running():
            worker.tell(STOP)
        loop.call_later(KILL_AFTER_S, self._kill_all)

    def _reload(self) -> None:
        # One that starts is about to be told the configuration as it is now.
        for worker in self._running():
            if worker.address is not None:
                worker.tell(RELOAD)

    def _kill_all(self) -> None:
        for worker in self._running():
            self._log.event("worker_killed", pid=worker.pid)
            worker.kill()

    def _running(self) -> list[WorkerProcess]:
        workers = (place.worker for place in self._places)
        return [worker for worker in workers if worker is not None and worker.exit_code is None]


def _told(failure: _CannotStart) -> CommandError:
    """Say that nothing runs, with the worker's own exit code where it has a meaning here."""
    known = {int(code) for code in ExitCode}
    code = ExitCode(failure.code) if failure.code in known else ExitCode.UNEXPECTED
    if code is ExitCode.OK:
        code = ExitCode.UNEXPECTED
    return CommandError(
        f"Worker {failure.number} could not start (it ended with {failure.code}) and said why "
        "above; nothing is served. Without workers (--workers 1) it may tell more.",
        code,
    )


def _signal_name(number: int) -> str:
    """Return what a signal is called; the real-time ones have numbers only."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
