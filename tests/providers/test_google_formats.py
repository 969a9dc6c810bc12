"""Which configurations of Google's two doors are taken, and what is said of the others?"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fakes.clock import FakeClock
from tests.providers.http.asking import a_call
from weir.v1.provider_service_pb2 import ProviderConfig
from weir_server.core.clock import SystemClock
from weir_server.core.errors import ConfigInvalid
from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.formats.table import can_count
from weir_server.providers.making import Maker
from weir_server.providers.plan import Plan, of_config
from weir_server.settings.load import SettingsInvalid, parse
from weir_server.settings.tree import Settings
from weir_server.settings.vertex import VertexSettings

PAGES = Path(__file__).parents[2] / "docs" / "providers"
ACCOUNT = VertexSettings(project="p", service_account_file="/run/key.json")


def problems(**provider: Any) -> list[str]:
    with pytest.raises(SettingsInvalid) as invalid:
        parse({"providers": [{"id": "google", **provider}]}, {})
    return [f"{problem.where}: {problem.what}" for problem in invalid.value.problems]


@pytest.mark.parametrize("page", ["gemini.md", "vertex.md"])
def test_the_configuration_of_a_page_is_taken(page: str) -> None:
    """As it stands there, without a warning."""
    found = re.search(r"^```yaml\n(.*?)^```$", (PAGES / page).read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    loaded = parse(yaml.safe_load(found[1]), {"GEMINI_API_KEY": "AIza-x"})
    assert loaded.settings.providers[0].kind == page.removesuffix(".md")
    assert not loaded.warnings


def test_vertex_needs_its_project() -> None:
    """And says how to name it."""
    (problem,) = problems(kind="vertex")
    assert "vertex: {project: my-project}" in problem


def test_a_project_is_no_setting_of_others() -> None:
    """What another kind would ignore is refused there."""
    (problem,) = problems(kind="gemini", vertex={"project": "p"})
    assert "vertex belongs to kind vertex, not gemini" in problem


@pytest.mark.parametrize(
    "vertex",
    [
        {"project": "p/../q"},
        {"project": "p", "location": "eu/x"},
        {"project": "P"},
        {"project": ""},
    ],
)
def test_names_that_lead_elsewhere_are_refused(vertex: dict[str, str]) -> None:
    """They stand in an address."""
    assert problems(kind="vertex", vertex=vertex)


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        (Plan(kind="gemini", field_prefix="", organization_id="o"), "organization_id"),
        (
            Plan(kind="vertex", field_prefix="", vertex=ACCOUNT, api_key="AIza-x"),
            "api_key",
        ),
        (of_config(ProviderConfig(provider_kind="vertex")), "config.provider_kind"),
    ],
)
def test_what_cannot_be_made_is_named(plan: Plan, field: str) -> None:
    """An organization, two ways to say who asks, and a project that a caller cannot name."""
    with pytest.raises(ConfigInvalid) as refusal:
        Maker(Settings(), FakeClock()).check("google", plan)
    assert [violation.field for violation in refusal.value.violations] == [field]


async def test_a_key_file_is_read_when_the_provider_is_made(tmp_path: Path) -> None:
    """A file that is not there is found before the first call."""
    settings = VertexSettings(project="p", service_account_file=str(tmp_path / "none.json"))
    plan = Plan(
        kind="vertex",
        field_prefix="",
        vertex=settings,
        endpoint="https://127.0.0.1:4711/v1",
        allow_private=True,
    )
    async with Maker.of(Settings(), clock=FakeClock()) as maker:
        with pytest.raises(ConfigInvalid) as refusal:
            await maker.make("google", plan)
    (violation,) = refusal.value.violations
    assert violation.field == "vertex.service_account_file"
    assert "none.json" in violation.description


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("gemini", "/v1/models?pageSize=1"),
        ("vertex", "/v1/projects/p/locations/eu"),
    ],
)
async def test_a_probe_needs_the_key_and_costs_nothing(kind: str, target: str) -> None:
    """A list of one model, or the location itself."""
    async with FakeUpstream(Reply(body={})) as upstream:
        plan = Plan(
            kind=kind,
            field_prefix="",
            vertex=VertexSettings(project="p", location="eu") if kind == "vertex" else None,
            api_key="AIza-x",
            endpoint=f"{upstream.origin}/v1",
            allow_private=True,
            allow_insecure_http=True,
        )
        clock = SystemClock()
        async with Maker.of(Settings(), clock=clock) as maker:
            provider = await maker.make("google", plan)
            await provider.probe(a_call())
        asked = upstream.journal[-1]
    assert (asked.method, asked.target) == ("GET", target)
    assert asked.headers["x-goog-api-key"] == "AIza-x"


@pytest.mark.parametrize("kind", ["gemini", "vertex"])
def test_both_count(kind: str) -> None:
    """So a model's tokenizer may be `provider`."""
    assert can_count(kind)
