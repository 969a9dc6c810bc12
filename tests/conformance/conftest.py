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
def require_built(pytestconfig: pytest.Config) -> Callable[[Client], None]:
    """Leave a test out where its client is not built; in CI that is a failure."""
    told: dict[str, str] = {}
    not_built = pytestconfig.stash.setdefault(NOT_BUILT, {})

    def require(client: Client) -> None:
        if client.name not in told:
            told[client.name] = unready(client)
        if why := told[client.name]:
            not_built[client.name] = why
            if os.environ.get("CI") == "true":
                pytest.fail(why)
            pytest.skip(why)

    return require


@pytest.fixture(scope="session")
def outcome_of(
    served: Served, require_built: Callable[[Client], None], pytestconfig: pytest.Config
) -> Callable[[Client], Outcome]:
    """Run a client's scenarios, once."""
    outcomes = pytestconfig.stash.setdefault(OUTCOMES, {})

    def outcome(client: Client) -> Outcome:
        require_built(client)
        if client.name not in outcomes:
            outcomes[client.name] = run(client, served)
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
