"""What the configuration of a far Weir may say, and how a mistake in it is told."""

from typing import Any

import pytest

from tests.service.chain import near_tree
from weir_server.core.clock import SystemClock
from weir_server.core.errors import ConfigInvalid
from weir_server.providers.http.guard import EndpointPolicy
from weir_server.providers.making import Maker
from weir_server.providers.plan import of_settings
from weir_server.providers.weir.kind import STREAMS, endpoint_of
from weir_server.settings.load import parse
from weir_server.settings.tree import Settings


def settings(**provider: Any) -> Settings:
    tree = near_tree("far.example:50051")
    tree["providers"] = [{"id": "far", "kind": "weir", **provider}]
    return parse(tree, {}).settings


def test_host_and_port_mean_tls() -> None:
    """Plain text has to be asked for, and to be allowed."""
    plan = of_settings(settings(endpoint="far.example:50051").providers[0])
    assert str(endpoint_of(plan, EndpointPolicy())) == "https://far.example:50051"


def test_it_can_what_the_contract_can_and_counts_for_itself() -> None:
    """The far Weir refuses what its models cannot; one connection takes a hundred calls."""
    chosen = settings(endpoint="far.example:50051")
    facts = Maker(chosen, SystemClock()).check("far", of_settings(chosen.providers[0]))
    flags = [
        value for field, value in facts.capabilities.ListFields() if field.type == field.TYPE_BOOL
    ]
    assert all(flags)
    assert len(flags) == sum(
        field.type == field.TYPE_BOOL for field in facts.capabilities.DESCRIPTOR.fields
    )
    assert facts.tokenizer == "provider"
    assert facts.max_concurrency == STREAMS


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "no endpoint": ({}, "endpoint", "REQUIRED"),
    "plain text": ({"endpoint": "http://far.example"}, "endpoint", "SCHEME"),
    "inside": ({"endpoint": "10.0.0.1:50051"}, "endpoint", "ADDRESS"),
    "a path": ({"endpoint": "https://far.example/v1"}, "endpoint", "PATH"),
    "an organization": (
        {"endpoint": "far.example", "organization_id": "o"},
        "organization_id",
        "NOT_FOR_KIND",
    ),
    "a header of gRPC's": (
        {"endpoint": "far.example", "headers": {"x-bin": "a"}},
        'headers["x-bin"]',
        "RESERVED",
    ),
    "a header of Weir's": (
        {"endpoint": "far.example", "headers": {"weir-tenant": "a"}},
        'headers["weir-tenant"]',
        "RESERVED",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_told_by_its_field(case: str) -> None:
    """Before the port opens, and without asking anybody."""
    given, field, rule = WRONG[case]
    chosen = settings(**given)
    with pytest.raises(ConfigInvalid) as failed:
        Maker(chosen, SystemClock()).check("far", of_settings(chosen.providers[0]))
    assert [(each.field, each.rule) for each in failed.value.violations] == [(field, rule)]
