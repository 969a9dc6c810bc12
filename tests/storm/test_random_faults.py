"""Thousands of calls before two providers that fail by chance: each has one honest end."""

import pytest

from tests.storm.random_faults import figures, storm
from tests.storm.trees import Record
from weir_server.fake_upstream.faults import FAULTS

CALLS = 2_000
"""`make storm` makes 10,000."""


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_every_call_of_a_storm_has_one_honest_end(record_property: Record) -> None:
    """One status each, none OK that is not whole, no attempt too many, nothing left behind."""
    tally = await storm(CALLS, seed=20_261)
    for name, value in figures(tally).items():
        record_property(name, value)
    # It has to have been a storm: nearly all faults, every kind of attempt, and answers all the
    # same.
    assert sum(tally.codes.values()) == CALLS
    assert tally.codes["OK"] >= 0.4 * CALLS
    assert tally.broken >= 20
    assert min(tally.kinds[kind] for kind in ("RETRY", "FALLBACK", "HEDGE", "CONTINUATION")) >= 10
    assert len(FAULTS.keys() & tally.drawn.keys()) >= 0.9 * len(FAULTS)
