"""What do tests of accounting share? The vocabularies, which take half a second to load."""

from collections.abc import Mapping

import pytest
import tiktoken

from weir_server.accounting.tokens import Tokens
from weir_server.accounting.vocabulary import load_vocabularies


@pytest.fixture(scope="session")
def encodings() -> Mapping[str, tiktoken.Encoding]:
    """Every encoding that is installed."""
    return load_vocabularies()


@pytest.fixture
def tokens(encodings: Mapping[str, tiktoken.Encoding]) -> Tokens:
    """A counter with an empty cache, and no provider to ask."""
    return Tokens(encodings)
