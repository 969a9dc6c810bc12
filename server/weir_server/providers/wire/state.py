"""Whose is the opaque state of a part? Each protocol marks its own, and takes back no other's.

A conversation may move between vendors: a signature of one is nonsense to another, and what one
cannot take back is left out and said in a warning. The mark is the kind of protocol and a colon
before the vendor's bytes, so that a caller's log shows whose state it is.
"""

from weir_server.providers.wire.draft import Draft


def sealed(kind: str, state: bytes) -> bytes:
    """Return `provider_state` for what a protocol of this kind said; empty for nothing."""
    return f"{kind}:".encode() + state if state else b""


def opened(kind: str, state: bytes) -> bytes:
    """Return what `sealed` was given, or nothing where another kind of protocol sealed it."""
    mark = f"{kind}:".encode()
    return state[len(mark) :] if state.startswith(mark) else b""


def own_state(draft: Draft, kind: str, path: str, state: bytes) -> bytes:
    """Return the state of a part at `path` if it is ours; name it as dropped if it is another's."""
    own = opened(kind, state)
    if state and not own:
        draft.dropped(f"{path}.provider_state")
    return own
