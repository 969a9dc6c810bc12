"""What does Bedrock want back with a part? Its own fields as JSON, sealed as this protocol's."""

import msgspec

from weir_server.providers.wire.bedrock import KIND
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.state import own_state, sealed

Json = dict[str, object]


class PartState(msgspec.Struct, omit_defaults=True):
    """What a part of ours was beside what its kind can say."""

    text: str | None = None
    """Reasoning that the caller did not want to see."""
    signature: str | None = None
    redactedContent: str | None = None  # noqa: N815  the vendor's name
    """Encrypted reasoning, in base64."""
    citations: list[Json] | None = None
    """The vendor's citations of a text."""
    type: str | None = None
    """Of a tool's result that the vendor ran itself."""
    status: str | None = None


_STATE = msgspec.json.Decoder(PartState)


def seal(state: PartState) -> bytes:
    """Return the `provider_state` of a part; even without fields it says whose part it is."""
    return sealed(KIND, msgspec.json.encode(state))


def open_state(draft: Draft, path: str, state: bytes) -> PartState | None:
    """Return the state of a part at `path`; None: it has none, or another protocol's.

    What is another's, or was changed on the way, is named as dropped.
    """
    own = own_state(draft, KIND, path, state)
    if not own:
        return None
    try:
        return _STATE.decode(own)
    except (ValueError, RecursionError):
        draft.dropped(f"{path}.provider_state")
        return None
