"""Does each page about a kind of provider begin with a configuration that works?"""

import re
from pathlib import Path

import pytest
import yaml

from weir_server.providers.formats.table import FORMATS
from weir_server.settings.load import parse

PAGES = sorted((Path(__file__).parents[2] / "docs/providers").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_configuration_on_a_page_is_taken(page: Path) -> None:
    """As it stands there, with the keys in the environment."""
    found = re.search(r"^```yaml\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    environment = dict.fromkeys(re.findall(r"\$\{(\w+)\}", found[1]), "canary")
    settings = parse(yaml.safe_load(found[1]), environment).settings
    assert settings.providers[0].kind in FORMATS
