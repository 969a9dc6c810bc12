"""How does a request choose its own answer? By the model it names.

`fault/stall` plays that fault, `recording/openai_text` that recording, any other model an echo.
"""

from functools import cache

from weir_server.fake_upstream import recordings
from weir_server.fake_upstream.exchange import Behaviour
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.journal import Attempt
from weir_server.fake_upstream.openai_errors import MODEL_NOT_FOUND
from weir_server.fake_upstream.openai_service import OpenAiService

_SERVICE = OpenAiService()
_RECORDINGS = frozenset(recordings.names())


def by_model(attempt: Attempt) -> Behaviour:
    """Return what the request's model names; an unknown fault or recording is no model at all."""
    kind, _, name = (attempt.model or "").partition("/")
    if kind == "fault" and name:
        return FAULTS[name].behaviour if name in FAULTS else MODEL_NOT_FOUND.reply()
    if kind == "recording" and name:
        return _recording(name) if name in _RECORDINGS else MODEL_NOT_FOUND.reply()
    return _SERVICE


@cache
def _recording(name: str) -> Behaviour:
    return recordings.load(name).sse()


def special_models() -> list[str]:
    """Return every model that chooses an answer."""
    return [
        *(f"fault/{name}" for name in FAULTS),
        *(f"recording/{name}" for name in recordings.names()),
    ]
