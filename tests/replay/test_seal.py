"""Can what is kept be read, changed or put in another's place? And are slots apart?"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weir_server.replay.seal import Seal, SealBroken, slot_of

SEAL = Seal(b"s" * 32)
SLOT = slot_of(tenant="t", method="Chat", key="k")
PRINT = SEAL.fingerprint(SLOT, b"request")


def test_opens_for_its_own_call_alone() -> None:
    """The same bytes under another slot or for another request are refused."""
    sealed = SEAL.close(b"answer", slot=SLOT, fingerprint=PRINT)
    assert SEAL.open(sealed, slot=SLOT, fingerprint=PRINT) == b"answer"
    elsewhere = slot_of(tenant="u", method="Chat", key="k")
    for slot, fingerprint in ((elsewhere, PRINT), (SLOT, SEAL.fingerprint(SLOT, b"other"))):
        with pytest.raises(SealBroken):
            SEAL.open(sealed, slot=slot, fingerprint=fingerprint)


@given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
@settings(max_examples=200)
def test_every_changed_bit_breaks_the_seal(at: int, bit: int) -> None:
    """Version, nonce, text and tag."""
    sealed = bytearray(SEAL.close(b"answer" * 10, slot=SLOT, fingerprint=PRINT))
    sealed[at % len(sealed)] ^= 1 << bit
    with pytest.raises(SealBroken):
        SEAL.open(bytes(sealed), slot=SLOT, fingerprint=PRINT)


@pytest.mark.parametrize("length", range(0, 30, 3))
def test_a_cut_seal_is_broken(length: int) -> None:
    """However short."""
    sealed = SEAL.close(b"", slot=SLOT, fingerprint=PRINT)
    with pytest.raises(SealBroken):
        SEAL.open(sealed[:length] if length < len(sealed) else b"", slot=SLOT, fingerprint=PRINT)


def test_another_secret_opens_nothing_and_is_told_apart() -> None:
    """A fingerprint says whose it is: a changed secret is not taken for a changed request."""
    other = Seal(b"t" * 32)
    sealed = SEAL.close(b"answer", slot=SLOT, fingerprint=PRINT)
    with pytest.raises(SealBroken):
        other.open(sealed, slot=SLOT, fingerprint=PRINT)
    assert SEAL.made(PRINT)
    assert not other.made(PRINT)
    assert Seal(b"s" * 32).fingerprint(SLOT, b"request") == PRINT


def test_nothing_can_be_read() -> None:
    """Neither the answer in what is sealed, nor request, key or tenant in names."""
    slot = slot_of(tenant="acme", method="Chat", key="secret-project")
    fingerprint = SEAL.fingerprint(slot, b"the prompt")
    sealed = SEAL.close(b"the answer", slot=slot, fingerprint=fingerprint)
    assert b"answer" not in sealed
    for name in (slot, fingerprint):
        assert not any(word in name for word in ("acme", "Chat", "secret", "prompt"))


def test_the_same_sealed_twice_differs() -> None:
    """A nonce never comes twice."""
    assert len({SEAL.close(b"x", slot=SLOT, fingerprint=PRINT) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "other",
    [
        {"tenant": "tC", "method": "hat", "key": "k"},
        {"tenant": "t", "method": "Chatk", "key": ""},
        {"tenant": "", "method": "tChat", "key": "k"},
        {"tenant": "t", "method": "Chat", "key": "K"},
        {"tenant": "t", "method": "StreamChat", "key": "k"},
        {"tenant": "u", "method": "Chat", "key": "k"},
    ],
    ids=str,
)
def test_slots_of_different_calls_differ(other: dict[str, str]) -> None:
    """Where one part ends and the next begins is part of the name."""
    assert slot_of(**other) != SLOT
