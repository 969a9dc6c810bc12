"""What must come back with a part? The vendor's item, less what the part itself says.

The vendor takes back the items it put out. Reasoning and what the vendor's own tools did are kept
whole; of messages and tool calls, that is all but the text, the name and the arguments.
"""

import msgspec
from msgspec import Raw, Struct

from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.state import own_state, sealed

KIND = "openai-responses"
"""Whose state, unknown parts and extensions are ours."""

Members = dict[str, Raw]


class State(Struct, omit_defaults=True, gc=False):
    """The provider_state of one part; one of the first four is set."""

    item: Members | None = None
    """The whole item, to be sent instead of the part."""
    within: str = ""
    """Identity of an item of which the next part brings the whole."""
    message: Members | None = None
    """What a message has beside its content."""
    call: Members | None = None
    """What a function's call has beside its id, name and arguments."""
    content: Members | None = None
    """What a piece of a message has beside its text."""
    after: str = ""
    """Identity of the reasoning that came before: without it, the vendor knows no such item."""


_STATE = msgspec.json.Decoder(State)


def state_of(state: State) -> bytes:
    """Return the bytes of a part's provider_state."""
    return sealed(KIND, msgspec.json.encode(state))


def read_state(draft: Draft, path: str, state: bytes) -> State | None:
    """Return our state of the part at `path`; None where it has none.

    That of another kind of provider, or one that was tampered with, is named as dropped.
    """
    own = own_state(draft, KIND, path, state)
    if not own:
        return None
    try:
        return _STATE.decode(own)
    except (ValueError, RecursionError):
        draft.dropped(f"{path}.provider_state")
        return None


def without(members: Members, *names: str) -> Members:
    """Return members of an object without some."""
    return {name: value for name, value in members.items() if name not in names}
