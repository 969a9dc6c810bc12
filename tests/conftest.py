"""What does every test share? A quiet gRPC, and a place where measured figures are shown."""

import os
import tempfile

import pytest

from tests.services.fixtures import (  # noqa: F401  fixtures for all tests
    LEFT_OUT,
    _postgres,
    _redis,
    postgres,
    postgres_url,
    redis,
    redis_url,
)

# At its default level the library prints each connection that a stopped server closed. This has
# to be said before its first import.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
# Some tests give a program a terminal, which forks; the client warns where gRPC cannot bear that.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "1")
# What a Weir keeps of its own stays out of the home of whoever runs the tests.
_STATE = tempfile.TemporaryDirectory(prefix="weir-tests-")
os.environ["XDG_STATE_HOME"] = _STATE.name


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests measured and gave to `record_property`, and which were left out."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call" and report.user_properties
    ]
    if reports:
        terminalreporter.section("measured")
    for report in reports:
        figures = ", ".join(f"{name} {_brief(value)}" for name, value in report.user_properties)
        terminalreporter.line(f"{report.nodeid.rpartition('/')[2]}: {figures}")
    for program in sorted(terminalreporter.config.stash.get(LEFT_OUT, None) or ()):
        terminalreporter.line(
            f"left out: tests that need {program}; `make test-services` installs it", yellow=True
        )


def _brief(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
