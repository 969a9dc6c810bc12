"""When is the configuration read again? On SIGHUP, and when one of its files has changed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

from weir_server.cli.configuring import Overrides, configured, told
from weir_server.settings.changes import Changes
from weir_server.settings.load import SettingsInvalid
from weir_server.settings.marks import Marks, marks_now
from weir_server.settings.tree import Settings
from weir_server.telemetry.log import Log

LOOK_EVERY_S = 1.0
"""How often the files are looked at. Two looks must agree: a file is not read half written."""


TakeOn = Callable[[Settings], Awaitable[Changes]]
"""Has a server take on other settings, or raises SettingsInvalid and leaves it as it was."""


class Watch:
    """Looks whether the files that a configuration was read from have become other ones."""

    def __init__(self, marks: Marks) -> None:
        """`marks`: of the files as they were when they were read."""
        self._read = marks
        self._seen = marks

    def look(self) -> bool:
        """Say whether they are not what was read, and the same as at the look before."""
        earlier, self._seen = self._seen, marks_now(self._read)
        return self._seen != self._read and self._seen == earlier

    def note(self, marks: Marks) -> None:
        """Note that they were read again."""
        self._read = self._seen = marks


class Reloading:
    """Reads the configuration again for one server; what cannot be used changes nothing."""

    def __init__(
        self,
        config: Path,
        overrides: Overrides,
        marks: Marks,
        log: Log,
        *,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        """`marks`: of the files as they were when the server's settings were read."""
        self._config = config
        self._overrides = overrides
        self._watch = Watch(marks)
        self._log = log
        self._look_every_s = look_every_s
        self._is_asked_for = asyncio.Event()

    def ask(self) -> None:
        """Read the configuration now, whether a file has changed or not."""
        self._is_asked_for.set()

    async def run(self, take_on: TakeOn) -> None:
        """Watch until it is cancelled."""
        while True:
            if await self._is_asked_within(self._look_every_s):
                await self._reload(take_on, "signal")
            elif self._watch.look():
                await self._reload(take_on, "file")

    async def _is_asked_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._is_asked_for.wait()
        except TimeoutError:
            return False
        self._is_asked_for.clear()
        return True

    async def _reload(self, take_on: TakeOn, why: str) -> None:
        try:
            # Off the loop: certificates and weights are looked at too.
            found = await asyncio.to_thread(configured, self._config, self._overrides)
            self._watch.note(found.marks)
            changed = await take_on(found.settings)
        except SettingsInvalid as invalid:
            if invalid.marks:
                self._watch.note(invalid.marks)
            problems = [told(problem) for problem in invalid.problems]
            self._log.event("reload_refused", why=why, problems=problems)
            return
        except Exception as error:  # noqa: BLE001  a server that serves goes on
            self._log.fault("reload_failed", error, why=why)
            return
        self._log.event("reloaded", why=why, **asdict(changed))
