"""How do the tests run `weir`? In a process of its own, as a person does."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WEIR = (sys.executable, "-m", "weir_server.cli")
ECHO_CONFIG: Mapping[str, Any] = {
    "providers": [{"id": "echo", "kind": "echo", "model": "echo"}],
    "models": [{"name": "echo", "provider": "echo", "aliases": ["parrot"]}],
}
START_TIMEOUT_S = 30.0
COMMAND_TIMEOUT_S = 50.0


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str
    cpu_s: float
    """Processor time, which a busy machine does not lengthen as it does the clock's."""


def run_weir(
    *arguments: str, stdin: str | None = None, environment: Mapping[str, str] | None = None
) -> Done:
    """Run a command to its end. stdin: what is piped in; None: nothing."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        (*WEIR, *arguments),
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_TIMEOUT_S,
        env=environment_of(environment),
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Done(code=done.returncode, out=done.stdout, err=done.stderr, cpu_s=cpu_s)


def environment_of(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The test's own environment without what would steer `weir`, and with `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
    return kept | {"COLUMNS": "100"} | dict(extra or {})


@dataclass(kw_only=True)
class Serving:
    """A server that runs in a process of its own."""

    process: subprocess.Popen[str]
    address: str
    log_file: Path

    def ask(self, *arguments: str, stdin: str | None = None) -> Done:
        """Run a command against this server."""
        return run_weir(*arguments, "--address", self.address, stdin=stdin)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command against this server and leave it running."""
        return subprocess.Popen(
            (*WEIR, *arguments, "--address", self.address),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment_of(),
        )

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of the log with this event."""
        lines = [json.loads(line) for line in self.log_file.read_text().splitlines()]
        return [line for line in lines if line["event"] == name]


@contextmanager
def serving(
    folder: Path, config: Mapping[str, Any] = ECHO_CONFIG, arguments: Sequence[str] = ()
) -> Iterator[Serving]:
    """Run `weir serve` on a free port until the block ends; it is killed if it still runs then."""
    folder.mkdir(parents=True, exist_ok=True)
    config_file, ready_file, log_file = folder / "weir.yaml", folder / "ready", folder / "log"
    config_file.write_text(json.dumps(config))
    with log_file.open("w") as log:
        process = subprocess.Popen(
            [
                *WEIR,
                "serve",
                f"--config={config_file}",
                "--listen=127.0.0.1:0",
                f"--ready-file={ready_file}",
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment_of(),
        )
    try:
        wait_until(lambda: ready_file.exists() or process.poll() is not None)
        assert process.poll() is None, log_file.read_text()
        yield Serving(process=process, address=ready_file.read_text().strip(), log_file=log_file)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until(condition: Callable[[], bool], timeout_s: float = START_TIMEOUT_S) -> None:
    """Look every 20 ms until the condition holds; fail when it never does."""
    until_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until_s, "it never happened"
        time.sleep(0.02)


def script(*steps: Mapping[str, object]) -> str:
    """A prompt that the echo follows step by step."""
    return "/script " + json.dumps(list(steps))
