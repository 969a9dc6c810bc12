"""How does a provider come in at run time? Installed where providers live, then made known."""

import asyncio
import hashlib
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from weir.v1.error_pb2 import FieldViolation
from weir.v1.provider_service_pb2 import ProviderConfig
from weir_server.core.clock import Clock
from weir_server.core.errors import InvalidRequest, ResourceExists, TooManyProviders
from weir_server.core.providers import ProviderFacts, ProviderHost, ProviderRegistrar
from weir_server.routing.catalogue import PROVIDER_PREFIX, ModelCatalogue
from weir_server.routing.entries import ProviderEntry

REMEMBERED_MAX = 1000
"""So many identities of requests are remembered; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What a request with an identity of its own was told (google.aip.dev/155)."""

    asked: bytes
    """A hash of what was asked: the configuration itself may hold a key."""
    facts: ProviderFacts
    expires_ns: int


class Registrar(ProviderRegistrar):
    """Registers providers that callers initialize; each lives for `ttl_s` unless renewed."""

    def __init__(
        self,
        *,
        catalogue: ModelCatalogue,
        host: ProviderHost,
        clock: Clock,
        ttl_s: float,
        max_providers: int,
    ) -> None:
        """`max_providers`: how many may live at the same time."""
        self._catalogue = catalogue
        self._host = host
        self._clock = clock
        self._ttl_s = ttl_s
        self._max_providers = max_providers
        self._answers: dict[str, _Answer] = {}
        self._one_at_a_time = asyncio.Lock()

    async def initialize(
        self,
        provider_id: str,
        config: ProviderConfig,
        *,
        validate_only: bool,
        request_id: str = "",
        tenant: str = "",
    ) -> tuple[ProviderFacts, int]:
        """Register or renew a provider; the same id and configuration make no difference.

        Raises ConfigInvalid; ResourceExists when the id belongs to the server's configuration or
        to another tenant; TooManyProviders; InvalidRequest for a `request_id` that was used for
        something else.
        """
        asked = hashlib.sha256(
            b"%s\n%s\n%s"
            % (
                tenant.encode(),
                provider_id.encode(),
                config.SerializeToString(deterministic=True),
            )
        ).digest()
        async with self._one_at_a_time:
            told = self._told(request_id, asked)
            if told is not None and not validate_only:
                return told.facts, told.expires_ns
            await self._make_room(PROVIDER_PREFIX + provider_id, tenant)
            expires_ns = self._clock.wall_ns() + int(self._ttl_s * 1e9)
            if validate_only:
                return self._host.check(provider_id, config), expires_ns
            facts = await self._host.install(provider_id, config)
            self._catalogue.put_provider(
                ProviderEntry(facts=facts, expires_ns=expires_ns, configured=False, tenant=tenant)
            )
            if request_id:
                answer = _Answer(asked=asked, facts=facts, expires_ns=expires_ns)
                self._remember(request_id, answer)
        return facts, expires_ns

    def held_back(self) -> AbstractAsyncContextManager[object]:
        """Return what lets nobody register or renew a provider until its block ends."""
        return self._one_at_a_time

    async def _make_room(self, name: str, tenant: str) -> None:
        """End what has expired. Raises ResourceExists, and TooManyProviders if one is too many."""
        for expired in self._catalogue.remove_expired():
            await self._host.remove(expired.removeprefix(PROVIDER_PREFIX))
        existing = self._catalogue.find_provider(name)
        if existing is None and self._catalogue.count_initialized() >= self._max_providers:
            raise TooManyProviders(metadata={"limit": "server.max_initialized_providers"})
        if existing is not None and (existing.configured or existing.tenant != tenant):
            raise ResourceExists(metadata={"provider": name})

    def _told(self, request_id: str, asked: bytes) -> _Answer | None:
        """Return what a request was told before, while that holds."""
        answer = self._answers.get(request_id)
        if answer is None or answer.expires_ns <= self._clock.wall_ns():
            return None
        if answer.asked != asked:
            violation = FieldViolation(
                field="request_id",
                rule="REUSED",
                description="Make a new one: another request had it.",
            )
            raise InvalidRequest(violations=[violation])
        return answer

    def _remember(self, request_id: str, answer: _Answer) -> None:
        self._answers.pop(request_id, None)
        self._answers[request_id] = answer
        if len(self._answers) > REMEMBERED_MAX:
            del self._answers[next(iter(self._answers))]
