"""Does each vendor's row say what it says it does, and nothing else? A new one as well."""

import random
import re

import pytest

from tests.contracts import vendor_row as suite
from tests.contracts.answers import ANSWERS, ERRORS
from tests.contracts.asks import ASKS
from tests.contracts.wire_format import cut
from tests.providers.vendors.acme import ACME, RECORDING
from weir_server.fake_upstream import recordings
from weir_server.providers.vendors.base import Vendor
from weir_server.providers.vendors.table import VENDORS

ROWS: dict[str, Vendor] = {**VENDORS, "acme": ACME}
RECORDED = {**recordings.of_vendors(), "acme": RECORDING}
OWN_SUITE = frozenset({"mistral"})
"""Rows that are compared with the vendor's own SDK, ask by ask."""
CUT_EVERYWHERE = ("acme", "gemini-compatible", "mistral", "moonshot")
SEED = 20261125


def test_there_are_enough_vendors() -> None:
    """At least 25, each with an address or the form of one, and with what it was read from."""
    assert len(VENDORS) >= 25
    for name, row in VENDORS.items():
        assert re.fullmatch(r"[a-z0-9-]+", name)
        assert row.endpoint or row.example_endpoint, name
        assert row.endpoint.startswith("https://") or not row.endpoint, name
        assert not row.endpoint.endswith("/"), name
        assert row.sources or name == "openai-compatible", name


@pytest.mark.parametrize("row", ROWS)
def test_a_row_changes_only_what_it_names(row: str) -> None:
    """Every ask is OpenAI's own, but for the row's words and what its warnings name."""
    if row not in OWN_SUITE:
        for name in ASKS:
            suite.assert_says_only_what_the_row_changes(ROWS[row], name)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_can_what_it_says_it_can(row: str) -> None:
    """Its abilities and its words agree, so that nobody is sent where the request is refused."""
    vendor = ROWS[row]
    for name, ability in suite.ABILITIES.items():
        can = getattr(vendor.capabilities, ability)
        assert can != suite.refuses(vendor, name), (name, ability)
    reasons = not all(
        suite.refuses(vendor, name) for name in ("much reasoning", "reasoning of so many tokens")
    )
    # A model may reason though nobody can say how much.
    assert vendor.capabilities.reasoning or not reasons
    quirks = vendor.quirks
    if quirks.prefill_field or quirks.prefill_options:
        assert vendor.capabilities.assistant_prefill


@pytest.mark.parametrize("row", ROWS)
def test_an_answer_means_the_same_everywhere(row: str) -> None:
    """What OpenAI would say is understood from any vendor: whole, as a stream, as an error."""
    for name in ANSWERS:
        suite.assert_means_the_same(ROWS[row], name)
    for name in ERRORS:
        suite.assert_explains_the_same(ROWS[row], name)


@pytest.mark.parametrize("row", RECORDED)
def test_a_recording_is_the_answer_beside_it(row: str) -> None:
    """Each shape of a vendor's own is understood, with what it wants back."""
    suite.assert_recording_means(ROWS[row], RECORDED[row])


@pytest.mark.parametrize("row", RECORDED)
def test_a_cut_changes_nothing(row: str) -> None:
    """A few recordings at every offset, the others at random ones."""
    body = RECORDED[row].body
    whole = suite.decoded(ROWS[row], [body]).normal()
    dice = random.Random(SEED)
    places = [[offset] for offset in range(1, len(body))] if row in CUT_EVERYWHERE else []
    places += [sorted(dice.sample(range(1, len(body)), 9)) for _ in range(30)]
    for offsets in places:
        assert suite.decoded(ROWS[row], cut(body, offsets)).normal() == whole, offsets


def test_states_have_their_own_owners() -> None:
    """No row takes back another's state, and each is marked with the name of its row."""
    for name, row in ROWS.items():
        assert row.quirks.state_kind in ("", name)
