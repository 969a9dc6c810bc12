"""Do the pages about providers say what the code does, and does each configuration on them work?"""

from pathlib import Path

import pytest

from tests.contracts.asks import ASKS
from tests.contracts.vendor_wire import Dropped, Refused
from tests.docs import provider_tables as pages
from weir_server.cli.configuring import configured
from weir_server.providers.formats.table import FORMATS
from weir_server.providers.vendors.table import VENDORS


@pytest.mark.parametrize("path", pages.PAGES, ids=lambda path: path.name)
def test_a_page_is_what_the_code_says(path: Path) -> None:
    """If not, `make provider-pages` writes it anew."""
    assert path.read_text(encoding="utf-8") == pages.PAGES[path](), "run: make provider-pages"


def test_every_kind_is_shown() -> None:
    """A kind that cannot be shown without settings needs a contract suite to show it by."""
    assert [kind.kind for kind in pages.shown()] == list(FORMATS)


def test_what_a_suite_refuses_is_what_the_page_lacks() -> None:
    """The reasons are those of exactly the asks that the wire format itself has no words for."""
    for kind in pages.shown():
        if kind.suite is not None:
            noted = {
                name
                for name, said in kind.suite.asks().items()
                if isinstance(said, Refused | Dropped)
            }
            lacked = set(pages.asks_lacked(kind.suite.wire(), None, kind.target))
            assert noted == lacked & set(ASKS), kind.kind


def test_the_table_tells_what_is_sent_of_an_ask() -> None:
    """What is but a name less is no refusal, and a hint of which nothing is sent is no promise."""
    lines = pages.overview().splitlines()
    kinds = [kind.kind for kind in pages.shown()]
    asked = lines[lines.index("## What can be asked") : lines.index("## What comes back")]
    cells = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[1:] for line in asked}

    documents = dict(zip(kinds, cells["a document"], strict=True))
    hints = dict(zip(kinds, (cell.rstrip(" |") for cell in cells["a hint to cache"]), strict=True))

    assert documents["gemini"] == documents["vertex"] == "yes, without its filename"
    assert documents["anthropic"] == "yes"
    assert documents["cohere"] == "no"
    assert {kind for kind, cell in hints.items() if cell == "yes"} == {"anthropic", "bedrock"}
    assert {cell for cell in hints.values() if cell != "yes"} == {"ignored"}


@pytest.mark.parametrize("name", VENDORS)
def test_a_configuration_works(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `weir check` says of the five lines: nothing, not even a warning."""
    monkeypatch.setenv(pages.variable(name), "sk-x")
    text = pages.configuration(name, VENDORS[name])
    path = tmp_path / "weir.yaml"
    path.write_text(text, encoding="utf-8")

    found = configured(path)

    assert len(text.splitlines()) == 5
    assert found.warnings == ()
    assert found.settings.providers[0].vendor == name
    assert text in pages.OPENAI_PAGE.read_text(encoding="utf-8")
