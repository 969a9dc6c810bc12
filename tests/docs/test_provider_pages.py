"""Do the configurations on the pages about providers work as they stand?"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from weir_server.core.clock import SystemClock
from weir_server.providers.making import Maker
from weir_server.providers.plan import of_settings
from weir_server.settings.load import parse
from weir_server.settings.tree import Settings

PAGES = sorted((Path(__file__).parents[2] / "docs/providers").glob("*.md"))
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
_REFERENCE = re.compile(r"\$\{(\w+)\}")


def configuration(page: Path) -> tuple[Any, dict[str, str]]:
    """Return the first configuration of a page, and an environment with what it refers to."""
    text = page.read_text(encoding="utf-8")
    found = _BLOCK.search(text)
    assert found is not None, f"{page.name} shows no configuration"
    return yaml.safe_load(found[1]), dict.fromkeys(_REFERENCE.findall(text), "secret")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
async def test_what_a_page_shows_can_be_made(page: Path) -> None:
    """Every provider of its first configuration, without a warning."""
    tree, environment = configuration(page)
    loaded = parse(tree, environment)

    async with Maker.of(Settings(), clock=SystemClock()) as maker:
        facts = [maker.check(each.id, of_settings(each)) for each in loaded.settings.providers]

    assert facts
    assert not loaded.warnings


async def test_an_application_stands_in_place_of_azures_key() -> None:
    """As the page about Azure shows it."""
    (page,) = [page for page in PAGES if page.stem == "azure-openai"]
    tree, environment = configuration(page)
    provider = tree["providers"][0]
    del provider["api_key"]
    provider |= yaml.safe_load(_BLOCK.findall(page.read_text(encoding="utf-8"))[1])

    settings = parse(tree, environment).settings.providers[0]

    assert settings.azure is not None
    assert settings.azure.client_secret.get_secret_value() == "secret"
