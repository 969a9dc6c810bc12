"""Is what the page about Bedrock says true?"""

import re
from pathlib import Path

import pytest
import yaml

from tests.fakes.clock import FakeClock
from weir_server.providers.making import Maker
from weir_server.providers.plan import of_settings
from weir_server.settings.load import parse

TEXT = (Path(__file__).parents[2] / "docs/providers/bedrock.md").read_text(encoding="utf-8")
CONFIGURATIONS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_BEARER_TOKEN_BEDROCK": "key",
}


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
async def test_a_configuration_makes_a_provider(configuration: str) -> None:
    """Each of the page's is at most five lines, without a literal secret, and can be used."""
    loaded = parse(yaml.safe_load(configuration), ENVIRONMENT)

    assert len(configuration.splitlines()) <= 5
    assert loaded.warnings == ()
    provider = loaded.settings.providers[0]
    async with Maker.of(loaded.settings, clock=FakeClock()) as maker:
        facts = maker.check(provider.id, of_settings(provider))
    assert facts.kind == "bedrock"


def test_there_are_both_ways_in() -> None:
    """Signed requests, and an API key."""
    assert len(CONFIGURATIONS) == 2
