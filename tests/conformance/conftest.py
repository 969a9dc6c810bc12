"""What do the tests of the clients share? One server, and one run of each client."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.conformance import matrix
from tests.conformance.kit import Outcome, run
from tests.conformance.languages import Client, unready
from tests.conformance.serving import Served, conformance_server

OUTCOMES: pytest.StashKey[dict[str, Outcome]] = pytest.StashKey()
NOT_BUILT: pytest.StashKey[dict[str, str]] = pytest.StashKey()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server of this run."""
    with conformance_server(tmp_path_factory.mktemp("conformance")) as served:
        yield served


@pytest.fixture(scope="session")
def outcome_of(served: Served, pytestconfig: pytest.Config) -> Callable[[Client], Outcome]:
    """Run a client's scenarios, once; left out where it is not built, and failing in CI."""
    outcomes = pytestconfig.stash.setdefault(OUTCOMES, {})
    not_built = pytestconfig.stash.setdefault(NOT_BUILT, {})

    def outcome(client: Client) -> Outcome:
        if client.name not in outcomes and client.name not in not_built:
            if why := unready(client):
                not_built[client.name] = why
            else:
                outcomes[client.name] = run(client, served)
        if client.name in not_built:
            why = not_built[client.name]
            if os.environ.get("CI") == "true":
                pytest.fail(why)
            pytest.skip(why)
        return outcomes[client.name]

    return outcome


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the matrix in short, and which clients were left out."""
    stash = terminalreporter.config.stash
    outcomes = list(stash.get(OUTCOMES, {}).values())
    if outcomes:
        terminalreporter.section("conformance")
    for line in matrix.summary(outcomes):
        terminalreporter.line(line)
    for why in stash.get(NOT_BUILT, {}).values():
        terminalreporter.line(f"left out: {why}", yellow=True)
