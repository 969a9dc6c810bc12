"""When a configuration is read again, and that nothing which goes wrong then ends the server."""

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest

from weir_server.cli.configuring import NO_OVERRIDES
from weir_server.cli.reloading import Reloading, Watch
from weir_server.core.tasks import sibling
from weir_server.settings.changes import Changes
from weir_server.settings.load import Problem, SettingsInvalid
from weir_server.settings.marks import marks_now
from weir_server.settings.tree import Settings
from weir_server.telemetry.log import Log

NEVER_S = 3600.0


def test_a_file_is_read_when_two_looks_agree(tmp_path: Path) -> None:
    """One that is being written changes from look to look, and is left alone until it does not."""
    file = tmp_path / "weir.yaml"
    file.write_text("a")
    watch = Watch(marks_now({file: None}))
    before = watch.look()
    file.write_text("a half")
    half = watch.look()
    file.write_text("a half and the rest")
    whole, again = watch.look(), watch.look()

    assert (before, half, whole, again) == (False, False, False, True)


def test_what_was_read_is_not_read_twice(tmp_path: Path) -> None:
    """Once noted, a file is as it was read; one that comes back as another is seen anew."""
    file = tmp_path / "weir.yaml"
    file.write_text("one")
    watch = Watch({file: None})
    found = [watch.look(), watch.look()]
    watch.note(marks_now({file: None}))
    noted = [watch.look(), watch.look()]
    file.unlink()
    gone = [watch.look(), watch.look()]

    assert (found, noted, gone) == ([False, True], [False, False], [False, True])


def test_a_link_to_another_file_is_a_change(tmp_path: Path) -> None:
    """As secrets are mounted: the name stays, the file behind it is another one of equal length."""
    for name in ("old", "new"):
        (tmp_path / name).write_text(f"sk-{name}")
    link = tmp_path / "key"
    link.symlink_to("old")
    watch = Watch(marks_now({link: None}))
    link.unlink()
    link.symlink_to("new")

    assert [watch.look(), watch.look()] == [False, True]


@pytest.mark.parametrize(
    ("failure", "event", "said"),
    [
        (
            SettingsInvalid([Problem(where="providers[2].endpoint", what="name another")]),
            "reload_refused",
            {"problems": ["providers[2].endpoint: name another"]},
        ),
        (RuntimeError("with a secret"), "reload_failed", {"error": "RuntimeError"}),
    ],
)
async def test_a_failure_is_told_and_the_next_attempt_made(
    tmp_path: Path, failure: Exception, event: str, said: dict[str, Any]
) -> None:
    """The server keeps what it has, and takes on the next configuration."""
    config = tmp_path / "weir.yaml"
    config.write_text("{}")
    attempts: list[Settings] = []
    attempted = asyncio.Event()

    async def take_on(settings: Settings) -> Changes:
        attempts.append(settings)
        attempted.set()
        if len(attempts) == 1:
            raise failure
        return Changes(models_added=("m",))

    log_bytes = io.BytesIO()
    with Log(log_bytes) as log:
        reloading = Reloading(config, NO_OVERRIDES, {}, log, look_every_s=NEVER_S)
        async with asyncio.timeout(20), sibling(reloading.run(take_on), name="reloading"):
            for _ in range(2):
                reloading.ask()
                await attempted.wait()
                attempted.clear()
            await asyncio.sleep(0)
    told, taken = (json.loads(line) for line in log_bytes.getvalue().splitlines())
    assert told.items() >= {"event": event, "why": "signal", **said}.items()
    assert "secret" not in json.dumps(told)
    assert (taken["event"], taken["models_added"], taken["needs_restart"]) == (
        "reloaded",
        ["m"],
        [],
    )
