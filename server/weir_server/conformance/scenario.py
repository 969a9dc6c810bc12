"""What is a scenario? A call, what the server does at each attempt of it, and what must come of it.

A golden file is JSON that any language can read:

    {"group": "streams", "scenarios": [{
      "name": "text",
      "method": "weir.v1.LLMProviderService/StreamChat",
      "request": {"request": {…}},
      "attempts": [[{"send": {"events": […]}}, {"wait_ms": 100}, {"fail": {"error": "…"}}], …]
    }]}

Requests and messages are proto JSON. A text of the form "@repeat:TEXT:COUNT" stands for TEXT,
COUNT times, so that five megabytes need no five megabytes. What else stands in a scenario is for
who reads clients' answers, not for the server.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from weir_server.conformance.methods import HEALTH, ScriptedMethod, scripted_methods
from weir_server.conformance.steps import Step, StepInvalid, read_step
from weir_server.transport.services.table import SERVICES

_REPEAT = re.compile(r"@repeat:(.+):(\d+)", re.DOTALL)
_REPEAT_MAX_CHARS = 64 * 1024 * 1024


class ScenariosInvalid(Exception):
    """Golden files that cannot be played; the text names the file, the scenario and the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One call, and what the server does."""

    name: str
    """`group/name`: what a call says in `weir-conformance-scenario`."""
    method: ScriptedMethod
    request: Message
    attempts: Sequence[Sequence[Step]]
    """What is done at the first attempt, the second, and so on; the last one again after that."""
    key: str
    """The Weir key that a call must carry; empty: none is looked at."""

    def attempt(self, number: int) -> Sequence[Step]:
        """Return what is done at an attempt, counted from 1."""
        return self.attempts[min(number, len(self.attempts)) - 1]


def load(folder: Path) -> Mapping[str, Scenario]:
    """Read every golden file of a folder. Raises ScenariosInvalid, and OSError."""
    methods = scripted_methods(HEALTH, *SERVICES)
    scenarios: dict[str, Scenario] = {}
    for file in sorted(folder.glob("*.json")):
        for name, fields in rows(file):
            if name in scenarios:
                raise ScenariosInvalid(f"{file}: there are two scenarios {name}; rename one")
            try:
                scenarios[name] = _scenario(name, fields, methods)
            except (KeyError, TypeError, ValueError, StepInvalid, json_format.Error) as fault:
                raise ScenariosInvalid(f"{file}: {name}: {fault}") from fault
    if not scenarios:
        raise ScenariosInvalid(f"{folder} holds no scenario; name a folder of golden files")
    return scenarios


def rows(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give name and fields of each scenario of a file, its repeated texts written out.

    Raises ScenariosInvalid, and OSError.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        for fields in content["scenarios"]:
            yield f"{content['group']}/{fields['name']}", written_out(fields)
    except (ValueError, KeyError, TypeError) as fault:
        raise ScenariosInvalid(f"{file} is no golden file: {fault!r}") from fault


def written_out(value: Any) -> Any:  # noqa: ANN401 - a value of JSON
    """Return a value of JSON with its repeated texts written out."""
    if isinstance(value, dict):
        return {key: written_out(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [written_out(inner) for inner in value]
    match = _REPEAT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    text, count = match[1], int(match[2])
    if len(text) * count > _REPEAT_MAX_CHARS:
        raise ValueError(f"{value[:40]} is longer than {_REPEAT_MAX_CHARS} characters")
    return text * count


def _scenario(
    name: str, fields: Mapping[str, Any], methods: Mapping[str, ScriptedMethod]
) -> Scenario:
    method = methods.get(fields["method"])
    if method is None:
        raise ValueError(f"no method {fields['method']}")
    request = json_format.ParseDict(fields.get("request", {}), method.request())
    attempts = [
        [read_step(step, method.response) for step in attempt]
        for attempt in fields.get("attempts", [[]])
    ]
    return Scenario(
        name=name, method=method, request=request, attempts=attempts, key=fields.get("key", "")
    )
