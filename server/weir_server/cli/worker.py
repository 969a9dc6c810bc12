"""What is one of several workers? A server that its supervisor starts, steers and outlives.

The supervisor writes its order, one line, to standard input, and a word when there is more to say.
When it dies the pipe ends, and the worker drains: no worker is left behind. Standard output tells
the supervisor the address as soon as calls are taken.
"""

import asyncio
import importlib
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from weir_server.accounting.vocabulary import load_vocabularies
from weir_server.cli.configuring import NO_OVERRIDES, Overrides
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.reloading import Reloading
from weir_server.cli.serving import Serving, loop_factory
from weir_server.settings.handing import of_text, to_text
from weir_server.settings.marks import Marks
from weir_server.settings.tree import Settings
from weir_server.telemetry.libraries import libraries_tell
from weir_server.telemetry.log import Log

STOP = "stop"
"""The word that ends a worker at once."""
RELOAD = "reload"
"""The word that has it read the configuration again."""
_INPUT, _OUTPUT, _ERRORS = 0, 1, 2
_READ_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a worker is told when it starts."""

    number: int
    """Which one it is, from 1."""
    settings: Settings
    """With the port that all share."""
    config: Path | None = None
    """Where they come from; None: there is no file."""
    overrides: Overrides = NO_OVERRIDES
    marks: Marks = field(default_factory=dict)
    """Of the files that they were read from."""

    def encode(self) -> bytes:
        """Return the order as one line."""
        order = {
            "number": self.number,
            "settings": to_text(self.settings),
            "config": str(self.config) if self.config is not None else None,
            "overrides": asdict(self.overrides),
            "marks": {str(path): mark for path, mark in self.marks.items()},
        }
        return json.dumps(order).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Self:
        """Read an order. Raises ValueError and KeyError for what is none."""
        order = json.loads(line)
        return cls(
            number=order["number"],
            settings=of_text(order["settings"]),
            config=Path(order["config"]) if order["config"] is not None else None,
            overrides=Overrides(**order["overrides"]),
            marks={
                Path(path): (mark[0], mark[1], mark[2]) if mark is not None else None
                for path, mark in order["marks"].items()
            },
        )


def run() -> ExitCode:
    """Serve until the supervisor says otherwise, or is gone."""
    pid = os.getpid()
    _get_ready()
    with Log(sys.stderr.buffer, who={"pid": pid}) as log:
        log.event("worker_prepared")
    line = sys.stdin.buffer.readline()
    if not line:
        return ExitCode.OK  # it stood by for a supervisor that is gone
    try:
        order = Order.decode(line)
    except (ValueError, KeyError, TypeError) as failure:
        raise CommandError(
            "--worker is for the processes that `weir serve --workers N` starts: use that.",
            ExitCode.USAGE,
        ) from failure
    who = {"worker": order.number, "pid": pid}
    with (
        Log(sys.stderr.buffer, who=who) as log,
        libraries_tell(log),
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        serving = Serving(order.settings, log, _tell_address, _reloading(order, log))
        return runner.run(serving.run(lambda steered: _Steering(steered, log).begin()))


def _reloading(order: Order, log: Log) -> Reloading | None:
    if order.config is None:
        return None
    return Reloading(order.config, order.overrides, order.marks, log)


def _get_ready() -> None:
    """Do what takes a second and is the same for every order, so that a worker may stand by."""
    importlib.import_module("weir_server.app")
    load_vocabularies()


def _tell_address(address: str) -> None:
    try:
        os.write(_OUTPUT, json.dumps({"address": address}).encode() + b"\n")
    except BrokenPipeError:
        pass  # the supervisor is gone, which the other pipe tells too
    # Nobody reads on.
    os.dup2(_ERRORS, _OUTPUT)


class _Steering:
    """How the supervisor steers a worker.

    SIGTERM and SIGINT drain, however often they come: a process manager may send them to every
    process of the group, beside the supervisor's own. To stop at once is a word of its own.
    """

    def __init__(self, serving: Serving, log: Log) -> None:
        self._serving = serving
        self._log = log
        self._heard = b""

    def begin(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._serving.drain)
        loop.add_reader(_INPUT, self._listen)

    def _listen(self) -> None:
        heard = os.read(_INPUT, _READ_BYTES)
        if not heard:
            asyncio.get_running_loop().remove_reader(_INPUT)
            self._log.event("supervisor_gone")
            self._serving.drain()
            return
        *words, self._heard = (self._heard + heard).split(b"\n")
        for word in words:
            if word.decode() == STOP:
                self._serving.stop(ExitCode.TERMINATED)
            elif word.decode() == RELOAD:
                self._serving.reload()
