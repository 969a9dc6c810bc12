"""What does the command's exit code tell a script? What to do next."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Every code that `weir` exits with. Those of a failed call begin at 10."""

    OK = 0
    """All went well; of `serve`: it was asked to stop, and every running answer ended first."""
    UNEXPECTED = 1
    """A fault of the command itself: report it."""
    USAGE = 2
    """The command line is wrong: read the message, then `--help`."""
    CONFIGURATION = 3
    """The configuration is invalid, or what it names is not installed: `weir check` says what."""
    CANNOT_LISTEN = 4
    """The port could not be opened: choose another, or stop who holds it."""
    NO = 5
    """The question was answered with no: the text does not fit the maximum, or no target would be
    tried."""
    UNAVAILABLE = 10
    """The server or its provider cannot answer now: try again later."""
    DEADLINE = 11
    """Time ran out: allow more."""
    INVALID_REQUEST = 12
    """The request breaks a rule or asks for what is not supported: change it."""
    NOT_FOUND = 13
    """No such model, provider or service: name another."""
    NOT_ALLOWED = 14
    """The key is missing, unknown, or may not do this: send another."""
    EXHAUSTED = 15
    """A rate, a budget or a quota is used up: wait, or ask for more."""
    FAILED = 16
    """The answer failed or broke off, and part of it may have been used: decide, then try again."""
    INTERRUPTED = 130
    """Ctrl-C (SIGINT), and for `serve` the second one: it stopped at once."""
    BROKEN_PIPE = 141
    """Whoever read the output stopped reading, as `head` does."""
    TERMINATED = 143
    """A second SIGTERM: `serve` stopped at once."""
