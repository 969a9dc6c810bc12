"""Do the decoders of Gemini's answers hold against invented bodies, for as long as CI has time?"""

import os

import pytest

from tests.fuzz.bodies import DEFAULT_SECONDS
from tests.fuzz.fuzz_gemini_decoder import fuzz


@pytest.mark.fuzz
def test_no_invented_body_breaks_a_decoder() -> None:
    """Every body is answered or refused, quickly, and the events keep the law of streams."""
    seconds = float(os.environ.get("WEIR_FUZZ_SECONDS", DEFAULT_SECONDS))

    assert fuzz(seconds=seconds, seed=20261125) > 100 * seconds
