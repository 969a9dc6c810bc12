"""Does the endpoint guard hold against invented URLs, for as long as CI has time?"""

import os

import pytest

from tests.fuzz.bodies import DEFAULT_SECONDS
from tests.fuzz.fuzz_endpoint_guard import fuzz


@pytest.mark.fuzz
def test_no_invented_url_gets_past_the_guard() -> None:
    """Whatever is accepted means the same public host to every other parser."""
    seconds = float(os.environ.get("WEIR_FUZZ_SECONDS", DEFAULT_SECONDS))

    assert fuzz(seconds=seconds, seed=20251122) > 1000 * seconds
