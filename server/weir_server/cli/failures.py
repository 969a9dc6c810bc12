"""What does a person see when something goes wrong, and which exit code does a script get?

Never a traceback: a status, a reason and the next step, in words.
"""

import os
import sys
import traceback
from collections.abc import Callable

from weir import errors
from weir_server.cli.advice import next_step
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.options import Server
from weir_server.cli.terminal import Terminal

# The first row that fits; subclasses come before the classes they belong to.
_EXIT_CODES: tuple[tuple[type[errors.WeirError], ExitCode], ...] = (
    (errors.UnavailableError, ExitCode.UNAVAILABLE),
    (errors.DeadlineExceededError, ExitCode.DEADLINE),
    (errors.InvalidRequestError, ExitCode.INVALID_REQUEST),
    (errors.UnsupportedError, ExitCode.INVALID_REQUEST),
    (errors.NotFoundError, ExitCode.NOT_FOUND),
    (errors.UnauthenticatedError, ExitCode.NOT_ALLOWED),
    (errors.PermissionDeniedError, ExitCode.NOT_ALLOWED),
    (errors.RateLimitedError, ExitCode.EXHAUSTED),
    (errors.CallCancelledError, ExitCode.INTERRUPTED),
    (errors.WeirError, ExitCode.FAILED),
)


class CommandError(Exception):
    """The command cannot go on. The text is for people, with the next step."""

    def __init__(self, text: str, code: ExitCode) -> None:
        super().__init__(text)
        self.code = code


def exit_code_of(work: Callable[[], ExitCode], server: Server | None = None) -> ExitCode:
    """Do the work and return the exit code; what goes wrong is told on standard error.

    server: the one that is called, for messages; None: none is.
    """
    # A terminal that cannot show a character shows a mark in its place.
    for stream in (sys.stdout, sys.stderr):
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    terminal = Terminal()
    try:
        return work()
    except errors.WeirError as error:
        tell(terminal, error, server)
        return code_for(error)
    except CommandError as error:
        terminal.say(f"error: {error}", "red")
        return error.code
    except KeyboardInterrupt:
        terminal.say("stopped", "dim")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 the last resort: a person gets words, not a traceback
        _tell_unexpected(terminal, error)
        return ExitCode.UNEXPECTED


def code_for(error: errors.WeirError) -> ExitCode:
    """Return what a failed call exits with."""
    return next(code for kind, code in _EXIT_CODES if isinstance(error, kind))


def tell(terminal: Terminal, error: errors.WeirError, server: Server | None) -> None:
    """Say what went wrong with a call, and what to do next."""
    if error.reason:
        terminal.say(f"error: {error.message} ({error.reason}, {error.code.name})", "red")
    elif isinstance(error, errors.UnavailableError) and server is not None:
        terminal.say(f"error: No Weir answers at {server.address}. ({error.code.name})", "red")
        terminal.say(f"  gRPC says: {error.message}", "dim")
    elif isinstance(error, errors.StreamBrokenError):
        terminal.say(f"error: The answer broke off. ({error.code.name})", "red")
        terminal.say(f"  gRPC says: {error.message}", "dim")
    else:
        terminal.say(f"error: {error.message} ({error.code.name})", "red")
    for violation in error.field_violations:
        terminal.say(f"  {violation.field}: {violation.description}")
    for key, value in sorted(error.metadata.items()):
        terminal.say(f"  {key}: {value}")
    terminal.say(f"next: {next_step(error)}", "bold")
    if error.retry_after_s is not None:
        terminal.say(f"  wait {error.retry_after_s:g} s before")
    if error.request_id:
        terminal.say(f"  request id {error.request_id}", "dim")


def _tell_unexpected(terminal: Terminal, error: Exception) -> None:
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    where = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
    terminal.say(f"error: {type(error).__name__}: {error}", "red")
    terminal.say(f"  in {where}", "dim")
    terminal.say("next: This is a fault of the command itself; please report these lines.", "bold")
