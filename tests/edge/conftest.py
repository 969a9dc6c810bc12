"""What do the tests of the edge share? Envoy, a browser and the page, or a word that one lacks."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.edge import browser as browser_module
from tests.edge import envoy as envoy_module
from tests.edge.browser import Page
from tests.services.fixtures import leave_out

ROOT = Path(__file__).parents[2]
WEB = ROOT / "deploy/envoy/web"


@pytest.fixture
def needs_envoy(pytestconfig: pytest.Config) -> None:
    """Leave the test out where Envoy cannot be run."""
    if envoy_module.binary() is None:
        leave_out(pytestconfig, "Envoy")


@pytest.fixture
async def browser(tmp_path: Path, pytestconfig: pytest.Config) -> AsyncIterator[Page]:
    """A browser with one empty page."""
    if browser_module.binary() is None:
        leave_out(pytestconfig, "Chromium")
    async with browser_module.browser(tmp_path) as page:
        yield page


@pytest.fixture(scope="session")
def _built_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | None]:
    """The page as its sources are now; None: there is nothing to build it with."""
    if shutil.which("npm") is None or not (WEB / "node_modules/.weir-lock").exists():
        yield None
        return
    folder = tmp_path_factory.mktemp("page")
    subprocess.run([str(ROOT / "scripts/edge-page"), str(folder)], check=True)
    yield folder


@pytest.fixture
def built_page(_built_page: Path | None, pytestconfig: pytest.Config) -> Path:
    """The folder of the page, for the ports that the recipe names."""
    if _built_page is None:
        leave_out(pytestconfig, "the page's packages")
    return _built_page
