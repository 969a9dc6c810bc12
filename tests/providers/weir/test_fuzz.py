"""Do the readers of a far Weir's answers hold against invented ones?"""

import pytest

from tests.fuzz.bodies import CI_EXECUTIONS, CI_SECONDS
from tests.fuzz.fuzz_weir_answers import fuzz


@pytest.mark.fuzz
def test_no_invented_answer_breaks_a_reader() -> None:
    """Every answer is told or refused, quickly, and what is told keeps the law of streams."""
    done = fuzz(seconds=CI_SECONDS, executions=CI_EXECUTIONS, seed=20261125)

    assert done == CI_EXECUTIONS
