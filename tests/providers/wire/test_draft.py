"""May extensions add to what Weir itself says? To some objects, and no further."""

import json

import pytest

from weir.v1.generation_pb2 import ProviderExtension
from weir_server.core.errors import InvalidRequest
from weir_server.providers.wire.draft import Draft

NESTED = {"config": frozenset({"count"})}


def extended(text: str) -> object:
    draft = Draft({"config": {"heat": 1}})
    extension = ProviderExtension(provider_kind="x", json=text)
    draft.extend([extension], provider_kind="x", reserved=frozenset({"model"}), nested=NESTED)
    return json.loads(draft.encode())


def test_members_are_added_within() -> None:
    """Beside those that options set."""
    assert extended('{"config": {"cold": 2}, "y": 3}') == {"config": {"heat": 1, "cold": 2}, "y": 3}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('{"config": {"heat": 2}}', "CONFLICT"),
        ('{"config": {"count": 2}}', "CONFLICT"),
        ('{"config": 7}', "BAD_JSON"),
        ('{"model": "m"}', "CONFLICT"),
    ],
)
def test_nothing_is_overwritten_within(text: str, rule: str) -> None:
    """Nor can what is reserved be added there."""
    with pytest.raises(InvalidRequest) as refusal:
        extended(text)
    assert [violation.rule for violation in refusal.value.violations] == [rule]
