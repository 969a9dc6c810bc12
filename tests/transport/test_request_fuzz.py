"""Does the edge hold against broken requests?"""

import pytest

from tests.fuzz.bodies import CI_EXECUTIONS, CI_SECONDS
from tests.fuzz.fuzz_request_decoder import fuzz


@pytest.mark.fuzz
def test_no_bytes_get_past_the_edge() -> None:
    """Every request is an answer or a typed refusal; none is a fault of Weir's own."""
    done = fuzz(seconds=CI_SECONDS, executions=CI_EXECUTIONS, seed=20261122)

    assert done == CI_EXECUTIONS
