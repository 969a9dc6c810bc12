"""Does every client show what the golden files say? Run by `make test-clients`.

A client's scenarios are run at once, by the first test that asks; each test looks at one of them.
"""

from collections.abc import Callable

import pytest

from tests.conformance import matrix
from tests.conformance.kit import Outcome, golden
from tests.conformance.languages import Client, clients
from weir_server.transport.facts import CONTRACT_VERSION

GOLDEN = golden()
CLIENTS = clients()

pytestmark = pytest.mark.timeout(900)

OutcomeOf = Callable[[Client], Outcome]


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("client", CLIENTS, ids=[client.name for client in CLIENTS])
def test_scenario(client: Client, name: str, outcome_of: OutcomeOf) -> None:
    """The client shows what the golden file says, and the server saw what it should."""
    assert list(outcome_of(client).complaints[name]) == []


@pytest.mark.parametrize("client", CLIENTS, ids=[client.name for client in CLIENTS])
def test_it_describes_itself(client: Client, outcome_of: OutcomeOf) -> None:
    """The client says which language and version it is; all versions are one."""
    told = outcome_of(client).described

    assert told["language"] == client.script.name
    assert told["client_version"] == told["contract_version"] == CONTRACT_VERSION
    assert told["runtime"]


def test_the_page(outcome_of: OutcomeOf) -> None:
    """docs/conformance.md says what this run says of the clients that are built."""
    outcomes = [outcome_of(client) for client in CLIENTS]
    promises = {name: fields["promise"] for name, fields in GOLDEN.items()}
    names = [outcome.client.name for outcome in outcomes]

    written = matrix.only(matrix.page(outcomes, promises), names)

    assert matrix.only(matrix.PAGE.read_text(), names) == written, (
        "run: python -m tests.conformance --write"
    )
