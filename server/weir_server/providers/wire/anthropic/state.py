"""What of a block has no place in a part? Its other members, kept as the part's state.

The state is a JSON object: signatures, encrypted data, who called a tool, citations as the vendor
counts them. In the next turn they stand in the block again, around what the part itself says.
"""

from collections.abc import Mapping

import msgspec

from weir_server.core.errors import InvalidRequest
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.state import own_state, sealed

KIND = "anthropic"
"""Marks the vendor's states and items, and names the extensions that it sees."""

Members = Mapping[str, msgspec.Raw]


def keep(members: Mapping[str, object]) -> bytes:
    """Return the state that holds these members of a block; none: empty."""
    if not members:
        return b""
    # In one order, so that a stream and a whole answer keep the same bytes.
    return sealed(KIND, msgspec.json.encode(dict(members), order="sorted"))


def kept(draft: Draft, path: str, state: bytes) -> Members:
    """Return the members that `keep` was given, for a part at `path`.

    Another vendor's state is named in `draft` as dropped; one that was changed is refused.
    """
    own = own_state(draft, KIND, path, state)
    if not own:
        return {}
    try:
        return msgspec.json.decode(own, type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        draft.refuse(
            f"{path}.provider_state",
            "Send back what the answer had here, unchanged, or leave it out.",
            InvalidRequest,
            "BAD_FORMAT",
        )
        return {}
