"""What do the tests of the command share? One server with the echo for each module."""

from collections.abc import Iterator

import pytest

from tests.cli.command import Serving, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that answers with an echo."""
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running
