"""Do the decoders of Gemini's answers hold against invented bodies?"""

import pytest

from tests.fuzz.bodies import CI_EXECUTIONS, CI_SECONDS
from tests.fuzz.fuzz_gemini_decoder import fuzz


@pytest.mark.fuzz
def test_no_invented_body_breaks_a_decoder() -> None:
    """Every body is answered or refused, quickly, and the events keep the law of streams."""
    done = fuzz(seconds=CI_SECONDS, executions=CI_EXECUTIONS, seed=20261125)

    assert done == CI_EXECUTIONS
