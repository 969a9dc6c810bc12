"""What libraries log stands among Weir's events, and none of their words does."""

import io
import json
import logging
from typing import Any

import pytest

from weir_server.telemetry.libraries import libraries_tell
from weir_server.telemetry.log import Log

LIBRARY = logging.getLogger("some.library")


def told(what: Any) -> list[dict[str, Any]]:
    stream = io.BytesIO()
    with Log(stream) as log, libraries_tell(log):
        what()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail() -> None:
    try:
        raise ValueError("secret words")
    except ValueError:
        LIBRARY.exception("it failed with secret words")


@pytest.mark.parametrize(
    ("what", "event", "told_of"),
    [
        (fail, "library_fault", ("error", "ValueError")),
        (lambda: LIBRARY.warning("secret words"), "library_warning", ("level", "WARNING")),
    ],
)
def test_a_library_s_words_stay_out(what: Any, event: str, told_of: tuple[str, str]) -> None:
    """The line names the library, what happened and where."""
    (line,) = told(what)

    assert line["event"] == event
    assert line["library"] == "some.library"
    assert line[told_of[0]] == told_of[1]
    assert "test_libraries.py:" in line["where"]
    assert "secret" not in json.dumps(line)


def test_nothing_is_taken_after_the_end() -> None:
    """Where no server runs, libraries log as ever, and what is no warning is nobody's."""
    handlers = list(logging.getLogger().handlers)
    assert told(lambda: LIBRARY.info("hello")) == []
    assert logging.getLogger().handlers == handlers
