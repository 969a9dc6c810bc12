"""Does the edge hold against broken requests, for as long as CI has time?"""

import os

import pytest

from tests.fuzz.bodies import DEFAULT_SECONDS
from tests.fuzz.fuzz_request_decoder import fuzz


@pytest.mark.fuzz
def test_no_bytes_get_past_the_edge() -> None:
    """Every request is an answer or a typed refusal; none is a fault of Weir's own."""
    seconds = float(os.environ.get("WEIR_FUZZ_SECONDS", DEFAULT_SECONDS))

    assert fuzz(seconds=seconds, seed=20261122) > 200 * seconds
