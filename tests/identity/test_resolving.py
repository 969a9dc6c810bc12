"""A key says who calls; wrong ones say nothing, however near they come."""

import asyncio
import hashlib
from dataclasses import dataclass, replace
from itertools import count

import pytest

from tests.fakes.clock import FakeClock
from tests.identity.memory_keys import MemoryKeys
from weir_server.core.caller import ANYONE, Role
from weir_server.core.errors import (
    ApiKeyDisabled,
    ApiKeyInvalid,
    InvalidRequest,
    KeyNotFound,
    LedgerUnavailable,
    RateLimited,
    WeirError,
)
from weir_server.core.keys import StoredKey
from weir_server.identity import known, resolving
from weir_server.identity.failures import PEERS_MAX, Failures, peer_of
from weir_server.identity.resolving import KeyIdentity, KeylessIdentity
from weir_server.identity.ring import KeyRing
from weir_server.identity.secrets import Hasher
from weir_server.settings.identity import IdentitySettings

PEER = "ipv4:10.0.0.1:4711"
DRAFT = StoredKey(name="", tenant="search", digest=b"", secret_prefix="", created_ns=0)
SECOND_NS = 10**9


@dataclass
class Server:
    """What one Weir knows of callers, over keys that another may share."""

    identity: KeyIdentity
    ring: KeyRing
    keys: MemoryKeys
    clock: FakeClock

    async def who(self, secret: str, peer: str = PEER) -> str:
        """Return the key of who shows a secret, as the edge asks."""
        authorization = f"Bearer {secret}" if secret else ""
        caller = self.identity.caller(authorization)
        return (caller or await self.identity.resolve(authorization, peer)).key

    async def refused(self, secret: str, peer: str = PEER) -> type[WeirError]:
        with pytest.raises(WeirError) as refusal:
            await self.who(secret, peer)
        return type(refusal.value)


def server(
    keys: MemoryKeys | None = None, clock: FakeClock | None = None, *, is_open: bool = False
) -> Server:
    keys, clock = keys or MemoryKeys(), clock or FakeClock()
    hasher = Hasher(b"k" * 32)
    identity = KeyIdentity(keys, hasher, IdentitySettings(), clock=clock, is_open=is_open)
    numbers = count()
    ring = KeyRing(
        keys,
        hasher,
        clock=clock,
        random_bytes=lambda size: hashlib.sha256(b"%d" % next(numbers)).digest()[:size],
        changed=identity.forget,
    )
    return Server(identity=identity, ring=ring, keys=keys, clock=clock)


async def test_a_key_says_who_calls() -> None:
    """Tenant, role, models, limits and labels come from it."""
    weir = server()
    draft = replace(DRAFT, role=Role.OPERATOR, models=("models/a",), labels={"team": "x"})
    key, secret = await weir.ring.create(draft)
    caller = await weir.identity.resolve(f"Bearer {secret}", PEER)
    assert (caller.tenant, caller.key, caller.role) == ("search", key.name, Role.OPERATOR)
    assert (caller.models, caller.labels) == (("models/a",), {"team": "x"})


async def test_a_known_key_is_not_looked_up() -> None:
    """Within the cache's time a call costs one look into a dict, and callers share one value."""
    weir = server()
    _, secret = await weir.ring.create(DRAFT)
    callers = {id(weir.identity.caller(f"Bearer {secret}")) for _ in range(3)}
    assert callers == {id(None)}
    await weir.who(secret)
    weir.clock.advance(3.9)
    assert weir.identity.caller(f"Bearer {secret}") is not None
    assert weir.keys.lookups == 1


async def test_the_scheme_is_of_any_case() -> None:
    """RFC 7235: `bearer` is as good as `Bearer`."""
    weir = server()
    key, secret = await weir.ring.create(DRAFT)
    assert (await weir.identity.resolve(f"bearer {secret}", PEER)).key == key.name


@pytest.mark.parametrize(
    "wrong",
    [
        "' OR 1=1 --",
        "Bearer ' UNION SELECT secret_hash FROM keys --",
        "Bearer {secret}x",
        "Bearer {cut}",
        "Bearer {near}",
        "Bearer weir_sk_",
        "Bearer ",
        "Basic {secret}",
        "Bearer {secret}, Bearer {secret}",
        "Bearer " + "x" * 8000,
        "\udcff",
    ],
)
async def test_every_wrong_key_is_refused_alike(wrong: str) -> None:
    """SQL, a prefix, one letter off, another scheme: the same refusal after the same lookup."""
    weir = server()
    _, secret = await weir.ring.create(DRAFT)
    await weir.who(secret)
    near = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    shown = wrong.replace("{secret}", secret).replace("{cut}", secret[:-1]).replace("{near}", near)
    with pytest.raises(ApiKeyInvalid) as refusal:
        await weir.identity.resolve(shown, PEER)
    assert (refusal.value.metadata, refusal.value.retry_after_s) == ({}, None)
    assert weir.keys.lookups == 2


async def test_no_key_is_refused_without_a_lookup() -> None:
    """A call without one asks nobody anything, and counts for nothing."""
    weir = server()
    for _ in range(20):
        assert await weir.refused("") is ApiKeyInvalid
    assert weir.keys.lookups == 0


async def test_open_takes_nobody_for_anyone() -> None:
    """Without keys everybody may do everything, but a key that is shown has to be a good one."""
    weir = server(is_open=True)
    key, secret = await weir.ring.create(DRAFT)
    assert weir.identity.caller("") is ANYONE
    assert await weir.who(secret) == key.name
    assert await weir.refused("weir_sk_wrong") is ApiKeyInvalid


async def test_where_no_keys_are_kept_none_is_looked_at() -> None:
    """There is none that it could be mistaken for, so programs may go on showing theirs."""
    identity = KeylessIdentity()
    assert identity.caller("") is identity.caller("Bearer weir_sk_x") is ANYONE
    assert await identity.resolve("Bearer weir_sk_x", "peer") is ANYONE


async def test_a_key_ends_by_itself() -> None:
    """At its time, not when it is looked up next."""
    weir = server()
    ends_ns = weir.clock.wall_ns() + 2 * SECOND_NS
    _, secret = await weir.ring.create(replace(DRAFT, expires_ns=ends_ns))
    await weir.who(secret)
    weir.clock.advance(2)
    assert await weir.refused(secret) is ApiKeyDisabled


async def test_a_revoked_key_ends_at_once_where_it_was_revoked() -> None:
    """The process that revokes forgets it with the same step; for good."""
    weir = server()
    key, secret = await weir.ring.create(DRAFT)
    await weir.who(secret)
    first = await weir.ring.revoke(key.name)
    assert await weir.refused(secret) is ApiKeyDisabled
    weir.clock.advance(60)
    assert (await weir.ring.revoke(key.name)).revoked_ns == first.revoked_ns


async def test_a_revoked_key_ends_within_five_seconds_elsewhere() -> None:
    """Another server on the same keys takes it from its memory until then."""
    here = server()
    there = server(here.keys, here.clock)
    key, secret = await here.ring.create(DRAFT)
    await there.who(secret)
    await here.ring.revoke(key.name)
    assert await there.who(secret) == key.name
    here.clock.advance(5)
    assert await there.refused(secret) is ApiKeyDisabled


async def test_a_key_that_is_revoked_while_it_is_looked_up_is_not_taken() -> None:
    """What was read before the change is not believed after it."""
    weir = server()
    key, secret = await weir.ring.create(DRAFT)
    weir.keys.looking = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        refusal = group.create_task(weir.refused(secret))
        await weir.keys.looked.wait()
        await weir.ring.revoke(key.name)
        weir.keys.looking.set()
    assert refusal.result() is ApiKeyDisabled


async def test_rotation_overlaps() -> None:
    """Both secrets work for the overlap, then only the new one, and no call fails meanwhile."""
    weir = server()
    key, old = await weir.ring.create(DRAFT)
    await weir.who(old)
    rotated, new = await weir.ring.rotate(key.name, overlap_ns=60 * SECOND_NS)
    assert rotated.secret_prefix == new[: len(rotated.secret_prefix)] != key.secret_prefix
    for _ in range(6):
        assert await weir.who(old) == await weir.who(new) == key.name
        weir.clock.advance(9)
    weir.clock.advance(6)
    assert await weir.refused(old) is ApiKeyDisabled
    assert await weir.who(new) == key.name


async def test_rotation_without_overlap_ends_the_old_secret() -> None:
    """A secret that leaked works no longer, and the one before it is unknown after another turn."""
    weir = server()
    key, old = await weir.ring.create(DRAFT)
    await weir.ring.rotate(key.name, overlap_ns=0)
    assert await weir.refused(old) is ApiKeyDisabled
    await weir.ring.rotate(key.name, overlap_ns=0)
    assert await weir.refused(old) is ApiKeyInvalid


async def test_an_ended_key_gets_no_other_secret() -> None:
    """That would look like bringing it back."""
    weir = server()
    key, _ = await weir.ring.create(DRAFT)
    await weir.ring.revoke(key.name)
    with pytest.raises(InvalidRequest) as refusal:
        await weir.ring.rotate(key.name, overlap_ns=0)
    assert refusal.value.violations[0].field == "name"
    with pytest.raises(KeyNotFound):
        await weir.ring.rotate("keys/none", overlap_ns=0)


async def test_the_eleventh_wrong_key_of_a_minute_is_limited() -> None:
    """With the time until the first of them is a minute old; other peers are not touched."""
    weir = server()
    for _ in range(10):
        assert await weir.refused("wrong") is ApiKeyInvalid
        weir.clock.advance(1)
    with pytest.raises(RateLimited) as refusal:
        await weir.who("wrong", "ipv4:10.0.0.1:999")
    assert refusal.value.retry_after_s == pytest.approx(50)
    assert await weir.refused("wrong", "ipv4:10.0.0.2:1") is ApiKeyInvalid
    weir.clock.advance(50)
    assert await weir.refused("wrong") is ApiKeyInvalid


async def test_a_good_key_is_taken_beside_many_wrong_ones() -> None:
    """A peer may be a whole network: one broken program in it shuts nobody else out."""
    weir = server()
    key, secret = await weir.ring.create(DRAFT)
    for _ in range(30):
        await weir.refused("wrong")
    assert await weir.who(secret) == key.name


async def test_known_keys_outlive_a_ledger_that_is_away() -> None:
    """For `offline_s`; others are refused as UNAVAILABLE, never as wrong."""
    weir = server()
    key, secret = await weir.ring.create(DRAFT)
    _, other = await weir.ring.create(DRAFT)
    await weir.who(secret)
    weir.keys.is_away = True
    weir.clock.advance(5)
    assert await weir.who(secret) == key.name
    assert await weir.refused(other) is LedgerUnavailable
    weir.clock.advance(50)
    assert await weir.who(secret) == key.name
    weir.clock.advance(10)
    assert await weir.refused(secret) is LedgerUnavailable
    weir.keys.is_away = False
    assert await weir.who(other) != key.name


async def test_a_ledger_that_hangs_does_not_hold_known_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are taken for what they were after a quarter of a second."""
    monkeypatch.setattr(resolving, "KNOWN_LOOKUP_LIMIT_S", 0.01)
    weir = server()
    key, secret = await weir.ring.create(DRAFT)
    await weir.who(secret)
    weir.keys.looking = asyncio.Event()
    weir.clock.advance(5)
    assert await weir.who(secret) == key.name
    lookups = weir.keys.lookups
    assert await weir.who(secret) == key.name
    assert weir.keys.lookups == lookups


async def test_a_key_ends_though_the_ledger_is_away() -> None:
    """Its end is known already."""
    weir = server()
    ends_ns = weir.clock.wall_ns() + 20 * SECOND_NS
    _, secret = await weir.ring.create(replace(DRAFT, expires_ns=ends_ns))
    await weir.who(secret)
    weir.keys.is_away = True
    weir.clock.advance(20)
    assert await weir.refused(secret) is ApiKeyDisabled


async def test_what_is_known_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The callers that were looked up longest ago go first."""
    monkeypatch.setattr(known, "KNOWN_MAX", 3)
    weir = server()
    secrets = [(await weir.ring.create(DRAFT))[1] for _ in range(5)]
    for secret in secrets:
        await weir.who(secret)
    callers = [weir.identity.caller(f"Bearer {secret}") is not None for secret in secrets]
    assert callers == [False, False, True, True, True]


async def test_no_secret_is_kept_or_shown() -> None:
    """Neither in what is kept of a key, nor in what is remembered, nor in anything's words."""
    weir = server()
    key, secret = await weir.ring.create(DRAFT)
    caller = await weir.identity.resolve(f"Bearer {secret}", PEER)
    body = secret.removeprefix("weir_sk_")[4:]
    remembered = weir.identity._known._callers
    assert body not in repr((key, caller, remembered, weir.keys.kept))
    assert key.digest.hex() not in repr(key)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ipv4:10.0.0.1:1", "ipv4:10.0.0.1:2", True),
        ("ipv4:10.0.0.1:1", "ipv4:10.0.0.2:1", False),
        ("ipv6:%5B2001:db8::1%5D:1", "ipv6:[2001:db8::2]:2", True),
        ("ipv6:[2001:db8::1]:1", "ipv6:[2001:db8:0:1::1]:1", False),
        ("unix:", "unix:/tmp/x", True),
    ],
)
def test_a_peer_is_a_machine(one: str, other: str, same: bool) -> None:
    """Whatever the port, and of IPv6 whatever the half that its owner chooses."""
    assert (peer_of(one) == peer_of(other)) is same


def test_peers_are_bounded() -> None:
    """Who failed longest ago is forgotten."""
    failures = Failures(clock=FakeClock(), per_minute=1)
    for number in range(PEERS_MAX + 1):
        failures.note(str(number))
    assert (failures.wait_s("0"), failures.wait_s("1")) == (0, 60)
