"""What forks servers is warmed up once for all tests that need it."""

from collections.abc import Iterator

import pytest

from tests.storm.forked import Forker, forker


@pytest.fixture(scope="session")
def forks() -> Iterator[Forker]:
    with forker() as forks:
        yield forks
