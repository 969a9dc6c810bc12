"""What does a client show? Its driver is given lines of JSON and gives one for each."""

import json
import queue
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

LINE_TIMEOUT_S = 60.0
"""How long a driver may take for one line; then it is killed, and the rest goes to another."""
EXIT_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What came of one line."""

    line: Mapping[str, Any] | None
    """What the driver printed; None: nothing, or no JSON."""
    trouble: str = ""
    """Why there is nothing, and the last words on standard error."""
    exit_code: int | None = None
    exited_after_ms: float | None = None
    """After the last line of its process; for a line that is the last of its process."""


def drive(command: Sequence[str], lines: Sequence[Mapping[str, Any]]) -> list[Shown]:
    """Give a driver all lines and return what it shows; one that hangs or dies is started again."""
    shown: list[Shown] = []
    while len(shown) < len(lines):
        shown += _one_process(command, lines[len(shown) :])
    return shown


def _one_process(command: Sequence[str], lines: Sequence[Mapping[str, Any]]) -> list[Shown]:
    shown: list[Shown] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        printed: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        errors: list[str] = []
        threads = [
            threading.Thread(target=_feed, args=(process.stdin, lines), daemon=True),
            threading.Thread(target=_read, args=(process.stdout, printed), daemon=True),
            threading.Thread(target=_gather, args=(process.stderr, errors), daemon=True),
        ]
        for thread in threads:
            thread.start()
        for _ in lines:
            try:
                line = printed.get(timeout=LINE_TIMEOUT_S)
            except queue.Empty:
                process.kill()
                return [*shown, _nothing(f"no line within {LINE_TIMEOUT_S:g} s", errors)]
            if line is None:
                process.wait(EXIT_TIMEOUT_S)
                return [*shown, _nothing(f"it ended with {process.returncode}", errors)]
            shown.append(_shown(line, errors))
        ended_at_s = time.monotonic()
        try:
            exit_code = process.wait(EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            exit_code = None
        lasted_ms = (time.monotonic() - ended_at_s) * 1000
        last = shown[-1]
        shown[-1] = Shown(
            line=last.line,
            trouble=last.trouble,
            exit_code=exit_code,
            exited_after_ms=lasted_ms,
        )
    return shown


def _feed(pipe: TextIO, lines: Iterable[Mapping[str, Any]]) -> None:
    try:
        with pipe:
            for line in lines:
                pipe.write(json.dumps(line) + "\n")
                pipe.flush()
    except BrokenPipeError:
        return  # it ended early; what it left unread is given to another


def _read(pipe: TextIO, printed: "queue.SimpleQueue[str | None]") -> None:
    for line in pipe:
        printed.put(line)
    printed.put(None)


def _gather(pipe: TextIO, errors: list[str]) -> None:
    for line in pipe:
        errors.append(line)
        del errors[:-20]


def _shown(line: str, errors: list[str]) -> Shown:
    try:
        parsed = json.loads(line)
    except ValueError:
        return _nothing(f"it printed no JSON: {line[:200]!r}", errors)
    return Shown(line=parsed)


def _nothing(why: str, errors: list[str]) -> Shown:
    time.sleep(0.1)  # for the thread that gathers the last words
    return Shown(line=None, trouble=f"{why}; {''.join(errors[-8:])}".strip())
