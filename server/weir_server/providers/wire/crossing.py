"""What becomes of what a model said, where the next turn has no place for it? The nearest thing.

A conversation must not be stuck on what a model itself wrote: what cannot be said again as it was
is said in the nearest lawful form, or left out, with a warning either way.
"""

import msgspec

from weir.v1.content_pb2 import MediaPart
from weir_server.providers.wire.draft import Draft

_WRAP = "INVALID_JSON"
"""Anthropic's page "Fine-grained tool streaming" names the member so: the model sees what it wrote,
and that it was no good."""


def arguments_object(draft: Draft, path: str, text: str) -> msgspec.Raw:
    """Return the arguments of an earlier call, for a protocol that has objects in their place.

    An object goes byte for byte, and an empty text is an empty one. Anything else, such as JSON
    that was cut off, is the one member of an object.
    """
    given = text.strip(" \t\r\n")
    if not given:
        return msgspec.Raw(b"{}")
    try:
        if given.startswith("{"):
            return msgspec.json.decode(text, type=msgspec.Raw)
    except (ValueError, RecursionError):
        pass  # told below, as all that is no object
    draft.wrapped(path)
    return msgspec.Raw(msgspec.json.encode({_WRAP: text}))


def words_of(draft: Draft, path: str, media: MediaPart) -> str:
    """Name a medium that a model made and that cannot go back; return what was said in it."""
    draft.dropped(path)
    return media.transcript
