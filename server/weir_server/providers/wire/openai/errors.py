"""What does a refusal mean? By status first, by the vendor's code next, by its text last.

The codes and texts are in `refusal_words`; codes of one vendor alone are a quirk of it. No text of
the vendor ends up in an error.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from weir_server.core.errors import UpstreamError, UpstreamModelNotFound, UpstreamOverloaded
from weir_server.providers.wire.openai.refusal_words import (
    CONTEXT_NUMBERS,
    GENERAL,
    SPECIFIC,
    TEXTS,
)
from weir_server.providers.wire.refusals import Kind, Rules, no_refusal, read_refusal, told
from weir_server.providers.wire.retry_after import retry_after_s

_NO_CODES: Mapping[str, Kind] = MappingProxyType({})

_RULES = Rules(
    codes=SPECIFIC,
    texts=TEXTS,
    statuses={
        410: UpstreamModelNotFound,
        498: UpstreamOverloaded,  # Groq: capacity exceeded
        529: UpstreamOverloaded,
    },
    context_numbers=CONTEXT_NUMBERS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """What a body says of an error, in lower case."""

    words: tuple[str, ...] = ()
    """Code, type and status, as far as they are words."""
    status: int = 0
    """A status that the body itself names; 0: none."""
    text: str = ""


def explain(
    status: int, headers: Mapping[str, str], body: bytes, *, own: Mapping[str, Kind] = _NO_CODES
) -> UpstreamError:
    """Say what an answer with this status means.

    headers: with lower-case names. own: the vendor's own codes; see Quirks.refusal_codes.
    """
    if (odd := no_refusal(status)) is not None:
        return odd
    refusal = _refusal(read_refusal(body))
    kind = _kind(refusal, status, own)
    return _RULES.error(kind, text=refusal.text, status=status, wait_s=retry_after_s(headers))


def explain_said(said: object, *, own: Mapping[str, Kind] = _NO_CODES) -> UpstreamError:
    """Say what an error object means that came in an answer with status 200."""
    refusal = _refusal(said)
    status = refusal.status
    if not status:
        known = (GENERAL[word] for word in refusal.words if word in GENERAL)
        status = next(known, 500)
    return _RULES.error(_kind(refusal, status, own), text=refusal.text)


def is_error(said: object) -> bool:
    """Tell whether what came in an answer with status 200 is an error.

    It has an `error` in it, whatever that holds but `null`; or is bare, as vLLM and proxies send
    it; or is either in a list, as Gemini's compatible endpoint sends it.
    """
    if isinstance(said, list) and said:
        said = said[0]
    return isinstance(said, dict) and (
        said.get("error") is not None
        or said.get("object") == "error"
        or (isinstance(said.get("message"), str) and ("code" in said or "type" in said))
    )


def _kind(refusal: _Refusal, status: int, own: Mapping[str, Kind]) -> Kind:
    for word in refusal.words:
        if word in own:
            return own[word]
    return _RULES.kind(status, codes=refusal.words, text=refusal.text)


def _refusal(said: object) -> _Refusal:
    """Find code, type, status and text in any of the shapes that vendors use."""
    # Gemini's compatible endpoint wraps the object in a list; others put it under `error`.
    if isinstance(said, list) and said:
        said = said[0]
    text: object = None
    if isinstance(said, Mapping) and (error := said.get("error")):
        if isinstance(error, str):
            text = error  # xAI and TGI say code and type beside it
        else:
            said = error
    if isinstance(said, str):
        return _Refusal(text=told(said))
    if not isinstance(said, Mapping):
        return _Refusal()
    named = [said.get(name) for name in ("code", "type", "status", "error_type")]
    statuses = [int(n) for n in map(str, named) if _IS_STATUS.fullmatch(n)]
    text = text or said.get("message") or said.get("detail")
    return _Refusal(
        words=tuple(word.lower() for word in named if isinstance(word, str)),
        status=statuses[0] if statuses else 0,
        text=told(text),
    )


_IS_STATUS = re.compile(r"[45][0-9][0-9]")
