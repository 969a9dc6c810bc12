"""What differs between two configurations is named, and what cannot be had at once stays."""

from typing import Any

import pytest

from weir_server.settings.changes import RELOADABLE, Changes, applicable, changes
from weir_server.settings.load import parse
from weir_server.settings.tree import Settings

BEFORE: dict[str, Any] = {
    "providers": [{"id": "a", "kind": "echo"}, {"id": "b", "kind": "echo"}],
    "models": [{"name": "m", "provider": "a"}, {"name": "n", "provider": "b"}],
    "secrets": {"one": "1", "two": "2"},
}
ECHO_B = {"id": "b", "kind": "echo"}


def settings_of(**changed: Any) -> Settings:
    return parse({**BEFORE, **changed}, {}).settings


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, Changes()),
        (
            {"providers": [*BEFORE["providers"], {"id": "c", "kind": "echo"}]},
            Changes(providers_added=("c",)),
        ),
        (
            {"providers": [ECHO_B], "models": [{"name": "n", "provider": "b"}]},
            Changes(providers_removed=("a",), models_removed=("m",)),
        ),
        (
            {"providers": [{"id": "a", "kind": "echo", "timeout_s": 9}, ECHO_B]},
            Changes(providers_changed=("a",)),
        ),
        (
            {"models": [{"name": "m", "provider": "b"}, {"name": "o", "provider": "b"}]},
            Changes(models_added=("o",), models_removed=("n",), models_changed=("m",)),
        ),
        (
            {"secrets": {"one": "another", "three": "3"}, "default_model": "n"},
            Changes(
                others_changed=("secrets.one", "secrets.three", "secrets.two", "default_model")
            ),
        ),
        (
            {"server": {"workers": 2}, "resilience": {"breaker": {"trials": 1}, "enabled": False}},
            Changes(
                others_changed=("resilience.breaker",),
                needs_restart=("server.workers", "resilience.enabled"),
            ),
        ),
    ],
)
def test_changes_are_named(changed: dict[str, Any], expected: Changes) -> None:
    """By id, name or key; no value is among them."""
    assert changes(settings_of(), settings_of(**changed)) == expected


def test_what_needs_a_restart_stays_as_it_runs() -> None:
    """All of the rest is the new configuration's."""
    running = settings_of()
    wanted = settings_of(
        server={"workers": 2}, upstream={"idle_timeout_s": 1}, providers=[ECHO_B], models=[]
    )
    found = applicable(running, wanted)
    for branch in Settings.model_fields:
        source = wanted if branch in RELOADABLE else running
        assert getattr(found, branch) == getattr(source, branch)
    off = settings_of(resilience={"enabled": False, "max_attempts": 5})
    assert applicable(running, off).resilience.enabled
    assert applicable(running, off).resilience.max_attempts == 5
    assert changes(found, wanted).needs_restart == ("server.workers", "upstream.idle_timeout_s")
