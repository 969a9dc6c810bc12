"""Who is it that shows this key? Known lately, or looked up; wrong ones are refused, and counted.

A key is looked up again after `cache_s`, so that a change made by any server is seen here within
that time, and at once if this one made it. While the keys cannot be asked, those that are known go
on for `offline_s`: nobody can revoke one then either. Everything else is refused.
"""

import asyncio
import hmac
from math import inf

from typing_extensions import override

from weir_server.core.caller import ANYONE, Caller, Identity
from weir_server.core.clock import Clock
from weir_server.core.errors import (
    ApiKeyDisabled,
    ApiKeyInvalid,
    LedgerUnavailable,
    RateLimited,
    WeirError,
)
from weir_server.core.keys import Keys, StoredKey
from weir_server.identity.failures import Failures, peer_of
from weir_server.identity.known import Known, KnownCaller, fingerprint
from weir_server.identity.secrets import Hasher, presented
from weir_server.settings.identity import IdentitySettings

LOOKUPS_AT_ONCE = 4
"""Calls that come with the same key find it known when their turn comes."""
LOOKUP_LIMIT_S = 5.0
KNOWN_LOOKUP_LIMIT_S = 0.25
"""How long a known key is looked up before it is taken for what it was."""
ASK_AGAIN_S = 1.0
"""How soon that is tried again."""


class KeyIdentity(Identity):
    """Knows callers by their keys; one without is anyone where `is_open`, and refused elsewhere."""

    def __init__(
        self,
        keys: Keys,
        hasher: Hasher,
        settings: IdentitySettings,
        *,
        clock: Clock,
        is_open: bool,
    ) -> None:
        self._keys = keys
        self._hasher = hasher
        self._settings = settings
        self._clock = clock
        self._is_open = is_open
        self._known = Known()
        self._failures = Failures(clock=clock, per_minute=settings.failures_per_minute)
        self._lookups = asyncio.Semaphore(LOOKUPS_AT_ONCE)
        self._suspects = asyncio.Semaphore(1)

    @override
    def caller(self, authorization: str) -> Caller | None:
        """Return who presents it, if that was looked up lately. Raises ApiKeyInvalid for none."""
        if not authorization:
            if self._is_open:
                return ANYONE
            raise ApiKeyInvalid
        known = self._known.get(fingerprint(authorization))
        if known is None or known.until_s <= self._clock.monotonic_s():
            return None
        return known.caller

    @override
    async def resolve(self, authorization: str, peer: str) -> Caller:
        """Find out who presents it.

        A peer that has shown too many wrong keys gets RateLimited for further ones, and they are
        looked up one after the other; a good key is taken even then, for a peer may be a whole
        network. Raises ApiKeyInvalid, ApiKeyDisabled, RateLimited, LedgerUnavailable.
        """
        peer = peer_of(peer)
        wait_s = self._failures.wait_s(peer)
        async with self._suspects if wait_s else self._lookups:
            known = self.caller(authorization)
            if known is not None:
                return known
            try:
                return await self._look_up(authorization)
            except (ApiKeyInvalid, ApiKeyDisabled):
                wait_s = self._failures.wait_s(peer)
                if wait_s:
                    limited = RateLimited(metadata={"limit": "failures"}, retry_after_s=wait_s)
                    raise limited from None
                self._failures.note(peer)
                raise

    def forget(self, key: str) -> None:
        """Look a key up again before it is taken again; it was changed."""
        self._known.forget(key)

    async def _look_up(self, authorization: str) -> Caller:
        print_ = fingerprint(authorization)
        digest = self._hasher.digest(presented(authorization))
        while True:
            changes = self._known.changes
            earlier = self._known.get(print_)
            now_s = self._clock.monotonic_s()
            try:
                async with asyncio.timeout(KNOWN_LOOKUP_LIMIT_S if earlier else LOOKUP_LIMIT_S):
                    key = await self._keys.find(digest)
            except (LedgerUnavailable, TimeoutError) as failure:
                return self._while_away(print_, earlier, failure)
            if changes == self._known.changes:
                break
        try:
            ends_s = now_s + self._left_s(key, digest)
        except WeirError:
            self._known.drop(print_)
            raise
        assert key is not None
        caller = key.caller()
        self._known.put(
            print_,
            KnownCaller(
                caller=caller,
                looked_up_s=now_s,
                ends_s=ends_s,
                until_s=min(now_s + self._settings.cache_s, ends_s),
            ),
        )
        return caller

    def _left_s(self, key: StoredKey | None, digest: bytes) -> float:
        """Return how long a key with this hash is still good. Raises what is wrong with it."""
        now_ns = self._clock.wall_ns()
        if key is None:
            raise ApiKeyInvalid
        ends = [key.expires_ns] if key.expires_ns is not None else []
        if not hmac.compare_digest(key.digest, digest):
            # Found by the secret it had before.
            ends.append(key.old_until_ns or 0)
        if key.revoked_ns is not None or any(end_ns <= now_ns for end_ns in ends):
            raise ApiKeyDisabled
        return (min(ends) - now_ns) / 1e9 if ends else inf

    def _while_away(
        self, print_: bytes, known: KnownCaller | None, failure: LedgerUnavailable | TimeoutError
    ) -> Caller:
        """Return who it was when keys could last be asked. Raises LedgerUnavailable for others."""
        now_s = self._clock.monotonic_s()
        if known is None or now_s >= known.looked_up_s + self._settings.offline_s:
            raise LedgerUnavailable(retry_after_s=ASK_AGAIN_S) from failure
        if now_s >= known.ends_s:
            raise ApiKeyDisabled from failure
        if self._known.get(print_) is known:
            known.until_s = min(now_s + ASK_AGAIN_S, known.ends_s)
        return known.caller


class KeylessIdentity(Identity):
    """Asks for no key and knows none, where there is no place to keep them: everybody is anyone.

    A key that is shown is not looked at: there is none that it could be mistaken for.
    """

    @override
    def caller(self, authorization: str) -> Caller | None:
        """Return anyone."""
        return ANYONE

    @override
    async def resolve(self, authorization: str, peer: str) -> Caller:
        """Return anyone, as `caller` does."""
        return ANYONE
