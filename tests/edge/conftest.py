"""What do the tests of the edge share? An Envoy, or a word that there is none."""

import pytest

from tests.edge.envoy import binary
from tests.services.fixtures import leave_out


@pytest.fixture
def needs_envoy(pytestconfig: pytest.Config) -> None:
    """Leave the test out where Envoy cannot be run."""
    if binary() is None:
        leave_out(pytestconfig, "Envoy")
