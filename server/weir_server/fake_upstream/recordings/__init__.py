"""What do vendors' streams look like? Event streams in files, each with what it must decode to.

The streams are composed from the fields that each vendor documents; those of `local` were recorded
from the embedded engine, ids and times replaced. Beside `name.sse` lies
`name.json`, the folded answer: `text`, `reasoning`, `refusal`, `tool_calls` (id, name, arguments),
`finish_reason`, `logprobs` and `usage`; null or empty is what the stream does not tell.

In `vendors/` lie streams of a shape of their own, one for each vendor that has one, by the name of
its row; the JSON beside is the answer that the contract makes of it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weir_server.fake_upstream.behaviour import Sse
from weir_server.fake_upstream.sse import split_events

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One stream, byte for byte, and what it means."""

    name: str
    events: tuple[bytes, ...]
    expected: dict[str, Any]

    @property
    def body(self) -> bytes:
        """The whole stream."""
        return b"".join(self.events)

    @property
    def payloads(self) -> list[dict[str, Any]]:
        """The JSON objects in the stream, `[DONE]` and comments left out."""
        data = (event.removeprefix(b"data: ") for event in self.events if event[:5] == b"data:")
        return [json.loads(text) for text in data if not text.startswith(b"[DONE]")]

    def sse(self) -> Sse:
        """Return the behaviour that plays it; `dataclasses.replace` gives it pace or a cut."""
        return Sse(events=self.events)


def load(name: str) -> Recording:
    """Read one recording."""
    return load_from(_FOLDER, name)


def load_from(folder: Path, name: str) -> Recording:
    """Read a recording in another folder."""
    return Recording(
        name=name,
        events=split_events((folder / f"{name}.sse").read_bytes()),
        expected=json.loads((folder / f"{name}.json").read_text(encoding="utf-8")),
    )


def of_vendors() -> dict[str, Recording]:
    """Read the recordings of vendors with a shape of their own, by the names of their rows."""
    folder = _FOLDER / "vendors"
    names = sorted(path.stem for path in folder.glob("*.sse"))
    return {name: load_from(folder, name) for name in names}


def names() -> tuple[str, ...]:
    """Return the names of all recordings, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.sse")))


def load_all() -> Iterable[Recording]:
    """Read every recording."""
    return map(load, names())
