"""How does the server run in this process? One event loop, until somebody tells it to stop."""

import asyncio
import os
import signal
from collections.abc import Callable

from weir_server.cli.configuring import told
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.reloading import Reloading, TakeOn
from weir_server.core.errors import ConfigInvalid
from weir_server.core.tasks import sibling
from weir_server.providers.local.errors import LocalEngineError
from weir_server.settings.load import Problem
from weir_server.settings.tree import Settings
from weir_server.telemetry.log import Log

AT_ONCE_S = 0.5
"""How long the process may take to end in good order when it is to stop at once."""
SIGNAL_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
"""What a server that such a signal stops at once exits with."""


class Serving:
    """One server from start to stop. Whoever steers it calls `drain`, then perhaps `stop`."""

    def __init__(
        self,
        settings: Settings,
        log: Log,
        announce: Callable[[str], None],
        reloading: Reloading | None = None,
    ) -> None:
        """`announce` is told the address as soon as calls are taken."""
        self._settings = settings
        self._reloading = reloading
        self._log = log
        self._announce = announce
        self._draining = asyncio.Event()
        self._task: asyncio.Task[ExitCode] | None = None
        self._exit_code = ExitCode.OK
        self._is_serving = False

    async def run(self, steer: Callable[["Serving"], None]) -> ExitCode:
        """Serve, drain and stop; the exit code is 0 unless `stop` cut it short.

        steer: called once the loop runs, to install what steers this server.
        """
        self._task = asyncio.current_task()
        steer(self)
        try:
            await self._serve()
        except asyncio.CancelledError:
            if self._task is None or not self._draining.is_set():
                raise
            self._task.uncancel()
        return self._exit_code

    @property
    def is_reloadable(self) -> bool:
        """Whether there is a configuration to read again."""
        return self._reloading is not None

    def reload(self) -> None:
        """Read the configuration again, if there is any."""
        if self._reloading is not None:
            self._reloading.ask()

    def drain(self) -> None:
        """Take no new calls, let running ones end, then end; more than once is once."""
        if self._draining.is_set():
            return
        self._draining.set()
        if not self._is_serving:
            # Nothing runs yet that could be drained.
            self._cancel()

    def stop(self, code: ExitCode) -> None:
        """End now, with this exit code."""
        self._draining.set()
        self._exit_code = code
        self._cancel()
        # What is stuck does not keep the process: its sockets end with it.
        asyncio.get_running_loop().call_later(AT_ONCE_S, os._exit, int(code))

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _serve(self) -> None:
        # gRPC starts threads when it is imported, and takes a quarter of a second.
        from weir_server.app import running
        from weir_server.opening import CannotOpen
        from weir_server.transport.serving import CannotListen

        try:
            async with running(self._settings, self._log) as app:
                self._is_serving = True
                self._log.event("serving", address=app.address)
                self._announce(app.address)
                await self._reload_until_draining(app.reload)
                await app.drain()
                self._log.event("drained")
        except CannotListen as failure:
            raise CommandError(f"{failure}.", ExitCode.CANNOT_LISTEN) from failure
        except ConfigInvalid as invalid:
            raise not_configured(
                [Problem(where=each.field, what=each.description) for each in invalid.violations]
            ) from invalid
        except CannotOpen as refused:
            raise CommandError(f"{refused}.", ExitCode.CONFIGURATION) from refused
        except LocalEngineError as failure:
            raise CommandError(str(failure), ExitCode.CONFIGURATION) from failure

    async def _reload_until_draining(self, take_on: TakeOn) -> None:
        if self._reloading is None:
            await self._draining.wait()
            return
        async with sibling(self._reloading.run(take_on), name="reloading"):
            await self._draining.wait()


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the event loop: uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def not_configured(problems: list[Problem]) -> CommandError:
    """Return what a person is told of a configuration that cannot be used."""
    lines = "\n".join(f"  {told(problem)}" for problem in problems)
    return CommandError(f"The configuration is invalid:\n{lines}", ExitCode.CONFIGURATION)
