"""docs/providers/weir.md says what the code does: its configuration is taken, its table is true."""

from pathlib import Path

import yaml

from tests.docs.test_documents import blocks
from weir_server.cli.configuring import problems_of
from weir_server.providers.weir.failures import BEYOND, NEAR
from weir_server.settings.load import parse

PAGE = "docs/providers/weir.md"
ROOT = Path(__file__).parents[2]


def test_the_configuration_is_taken() -> None:
    """As `weir check` would, without a warning about the key."""
    (config,) = blocks(PAGE, "yaml")
    read = parse(yaml.safe_load(config), {"WEIR_BERLIN_KEY": "weir-key"})
    assert list(problems_of(read.settings)) == []
    assert read.warnings == ()
    assert len(config.splitlines()) == 5


def test_every_reason_has_its_row() -> None:
    """What a far Weir says, and what the caller gets: the table has the code's own rows."""
    rows: dict[str, str] = {}
    for line in (ROOT / PAGE).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3:
            rows |= dict.fromkeys(cells[0].replace(",", " ").split(), cells[1])
    for name, meaning in NEAR.items():
        told = meaning.error.name()
        assert rows[name].startswith("the same" if told == name else told), name
    for name in BEYOND:
        assert name.startswith("UPSTREAM_") or rows[name] == "the same", name
