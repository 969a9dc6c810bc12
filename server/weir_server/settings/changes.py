"""What is different in another configuration, and what of it can be had without a restart?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weir_server.settings.tree import Settings

RELOADABLE = frozenset(
    {"providers", "models", "default_model", "secrets", "resilience", "prices", "rates"}
)
"""The branches that a running server takes on; all others stay as they were when it started."""
FIXED = "enabled"
"""The key of `resilience` that is not reloadable: whether the stage is there at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one configuration has and another has not, by name."""

    providers_added: tuple[str, ...] = ()
    providers_removed: tuple[str, ...] = ()
    providers_changed: tuple[str, ...] = ()
    models_added: tuple[str, ...] = ()
    models_removed: tuple[str, ...] = ()
    models_changed: tuple[str, ...] = ()
    others_changed: tuple[str, ...] = ()
    """Other keys that take effect, such as `default_model` or `secrets.spare`."""
    needs_restart: tuple[str, ...] = ()
    """Keys that were changed and take effect with the next start, such as `server.listen`."""


def changes(running: Settings, wanted: Settings) -> Changes:
    """Return what a server with the settings `running` would have to change for `wanted`."""
    providers = _compared(
        {each.id: each for each in running.providers}, {each.id: each for each in wanted.providers}
    )
    models = _compared(
        {each.name: each for each in running.models}, {each.name: each for each in wanted.models}
    )
    secrets = sorted(set().union(*_compared(running.secrets, wanted.secrets)))
    others = [f"secrets.{name}" for name in secrets]
    if running.default_model != wanted.default_model:
        others.append("default_model")
    resilience = _different_keys(running.resilience, wanted.resilience)
    others += [f"resilience.{key}" for key in resilience if key != FIXED]
    others += [f"prices.{key}" for key in _different_keys(running.prices, wanted.prices)]
    others += [f"rates.{key}" for key in _different_keys(running.rates, wanted.rates)]
    return Changes(
        providers_added=providers[0],
        providers_removed=providers[1],
        providers_changed=providers[2],
        models_added=models[0],
        models_removed=models[1],
        models_changed=models[2],
        others_changed=tuple(others),
        needs_restart=tuple(
            f"{branch}.{key}"
            for branch in Settings.model_fields
            if branch not in RELOADABLE
            for key in _different_keys(getattr(running, branch), getattr(wanted, branch))
        )
        + ((f"resilience.{FIXED}",) if FIXED in resilience else ()),
    )


def applicable(running: Settings, wanted: Settings) -> Settings:
    """Return what a server with the settings `running` has once it has taken on `wanted`."""
    kept = {
        branch: getattr(running, branch)
        for branch in Settings.model_fields
        if branch not in RELOADABLE
    }
    enabled = running.resilience.enabled
    kept["resilience"] = wanted.resilience.model_copy(update={FIXED: enabled})
    return wanted.model_copy(update=kept)


_Names = tuple[str, ...]


def _compared(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[_Names, ...]:
    """Return the names that were added, removed and changed."""
    return (
        tuple(name for name in after if name not in before),
        tuple(name for name in before if name not in after),
        tuple(name for name in after if name in before and before[name] != after[name]),
    )


def _different_keys(before: Any, after: Any) -> list[str]:  # noqa: ANN401  a branch of any kind
    return [key for key in type(before).model_fields if getattr(before, key) != getattr(after, key)]
