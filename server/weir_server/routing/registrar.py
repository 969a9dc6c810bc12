"""How does a provider come in at run time? Installed where providers live, then made known."""

import asyncio

from weir.v1.provider_service_pb2 import ProviderConfig
from weir_server.core.clock import Clock
from weir_server.core.errors import ResourceExists
from weir_server.core.providers import ProviderFacts, ProviderHost, ProviderRegistrar
from weir_server.routing.catalogue import PROVIDER_PREFIX, ModelCatalogue, ProviderEntry


class Registrar(ProviderRegistrar):
    """Registers providers that callers initialize; each lives for `ttl_s` unless renewed."""

    def __init__(
        self, *, catalogue: ModelCatalogue, host: ProviderHost, clock: Clock, ttl_s: float
    ) -> None:
        self._catalogue = catalogue
        self._host = host
        self._clock = clock
        self._ttl_s = ttl_s
        self._one_at_a_time = asyncio.Lock()

    async def initialize(
        self, provider_id: str, config: ProviderConfig, *, validate_only: bool
    ) -> tuple[ProviderFacts, int]:
        """Register or renew a provider; the same id and configuration make no difference.

        Raises ConfigInvalid; ResourceExists when the id belongs to the server's configuration.
        """
        name = PROVIDER_PREFIX + provider_id
        existing = self._catalogue.find_provider(name)
        if existing is not None and existing.configured:
            raise ResourceExists(metadata={"provider": name})
        expires_ns = self._clock.wall_ns() + int(self._ttl_s * 1e9)
        if validate_only:
            return self._host.check(provider_id, config), expires_ns
        async with self._one_at_a_time:
            facts = await self._host.install(provider_id, config)
            self._catalogue.put_provider(
                ProviderEntry(facts=facts, expires_ns=expires_ns, configured=False)
            )
        return facts, expires_ns
