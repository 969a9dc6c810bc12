"""What does Google say of a part beside the part itself? Signatures and whatever comes next.

They are kept together, as JSON, in the part's `provider_state`, and stand beside it again when it
is sent back: https://ai.google.dev/gemini-api/docs/thought-signatures asks for just that.
"""

from collections.abc import Mapping

import msgspec

from weir.v1.content_pb2 import Part
from weir_server.core.errors import InvalidRequest
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.state import own_state, sealed

KINDS = frozenset(
    {"text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode"}
    | {"codeExecutionResult", "toolCall", "toolResponse"}
)
"""Members that say what a part is; every part has one of them."""

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def seal(kind: str, members: Mapping[str, msgspec.Raw]) -> bytes:
    """Return the state of a part with these members beside it; empty for none."""
    return sealed(kind, msgspec.json.encode(members)) if members else b""


def sealed_anyway(kind: str, members: Mapping[str, msgspec.Raw]) -> bytes:
    """Return a state even for none: a tool that the vendor ran goes back to nobody else."""
    return sealed(kind, msgspec.json.encode(members))


def extras_of(draft: Draft, kind: str, path: str, part: Part) -> dict[str, msgspec.Raw]:
    """Return what has to stand beside a part that is sent back; it is said of another's state."""
    if not part.provider_state:
        return {}
    state = own_state(draft, kind, path, part.provider_state)
    if not state:
        return {}
    try:
        members = _MEMBERS.decode(state)
    except (ValueError, RecursionError):
        members = None
    if members is None or not KINDS.isdisjoint(members):
        draft.refuse(
            f"{path}.provider_state",
            "Send the state back as it came, or leave it out.",
            InvalidRequest,
            "BAD_STATE",
        )
        return {}
    return members
