"""Do the readers of a far Weir's answers hold against invented ones, while CI has time?"""

import os

import pytest

from tests.fuzz.fuzz_weir_answers import fuzz


@pytest.mark.fuzz
def test_no_invented_answer_breaks_a_reader() -> None:
    """Every answer is told or refused, quickly, and what is told keeps the law of streams."""
    seconds = float(os.environ.get("WEIR_FUZZ_SECONDS", "2"))

    assert fuzz(seconds=seconds, seed=20261125) > 100 * seconds
