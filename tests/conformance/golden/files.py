"""Where do golden files lie, and what is in each? One for each module."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.conformance.golden import (
    calls,
    connections,
    failures,
    folds,
    limits,
    retries,
    rpcs,
    unknowns,
)

FOLDER = Path(__file__).parents[1] / "scenarios"
GROUPS = {
    "rpcs": rpcs,
    "folds": folds,
    "unknowns": unknowns,
    "failures": failures,
    "calls": calls,
    "retries": retries,
    "limits": limits,
    "connections": connections,
}
"""In the order of the matrix."""


@cache
def texts() -> Mapping[str, str]:
    """Return the content of every golden file by its name."""
    return {
        f"{group}.json": _text(
            {"group": group, "scenarios": [row.as_json() for row in module.rows()]}
        )
        for group, module in GROUPS.items()
    }


def _text(content: object) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
