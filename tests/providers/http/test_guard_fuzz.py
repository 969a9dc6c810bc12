"""Does the endpoint guard hold against invented URLs?"""

import pytest

from tests.fuzz.bodies import CI_EXECUTIONS, CI_SECONDS
from tests.fuzz.fuzz_endpoint_guard import fuzz


@pytest.mark.fuzz
def test_no_invented_url_gets_past_the_guard() -> None:
    """Whatever is accepted means the same public host to every other parser."""
    done = fuzz(seconds=CI_SECONDS, executions=10 * CI_EXECUTIONS, seed=20251122)

    assert done >= 10 * CI_EXECUTIONS
