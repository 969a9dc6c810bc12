"""Where do providers live? One host makes them, finds them for a call, and ends them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from weir.v1.provider_service_pb2 import ChatRequest, ProviderConfig
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.errors import ProviderNotInitialized
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.providers import ProviderFacts, ProviderHost
from weir_server.core.target import Target
from weir_server.core.tasks import sibling
from weir_server.core.tokens import ProviderTokenCounter, TokenCount
from weir_server.providers.making import PROVIDER_PREFIX, Maker, Provider
from weir_server.providers.plan import Plan, of_config, of_settings
from weir_server.providers.renewal import Renewal
from weir_server.providers.retirement import Retirement
from weir_server.settings.tree import Settings
from weir_server.telemetry.log import Log


class Host(Handler, ProviderHost, ProviderTokenCounter):
    """Every provider by its resource name; the last stage of the path."""

    def __init__(self, maker: Maker, log: Log, retirement: Retirement) -> None:
        self._maker = maker
        self._log = log
        self._retirement = retirement
        self._providers: dict[str, Provider] = {}
        self._plans: dict[str, Plan] = {}
        self._configured: frozenset[str] = frozenset()
        """Names of those that the configuration has; callers brought in the others."""

    @classmethod
    @asynccontextmanager
    async def of(cls, settings: Settings, *, clock: Clock, log: Log) -> AsyncIterator["Host"]:
        """Make the providers of a configuration; leaving the block ends all there are.

        Raises ConfigInvalid for one that cannot be made, LocalEngineError for the embedded model.
        """
        async with AsyncExitStack() as stack:
            maker = await stack.enter_async_context(Maker.of(settings, clock=clock))
            retirement = Retirement(grace_s=settings.server.drain_grace_s, clock=clock)
            host = cls(maker, log, retirement)
            stack.push_async_callback(host.close)
            for provider in settings.providers:
                await host.put(provider.id, of_settings(provider))
            host._configured = frozenset(host._providers)
            await stack.enter_async_context(sibling(retirement.run(), name="retired providers"))
            yield host

    def installed(self) -> Mapping[str, ProviderFacts]:
        """Return the facts of every provider by its id."""
        return {
            name.removeprefix(PROVIDER_PREFIX): provider.facts
            for name, provider in self._providers.items()
        }

    # --- the path ---------------------------------------------------------------------------------

    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Hand the call to its target's provider. Raises ProviderNotInitialized if it is gone."""
        return self._of(call.target).handler.open(call, request)

    async def count_text(self, call: Call, target: Target, text: str) -> TokenCount:
        """Ask the target's provider how many tokens a text is."""
        return await self._counter(target).count_text(call, target, text)

    async def count_chat(self, call: Call, target: Target, request: ChatRequest) -> TokenCount:
        """Ask the target's provider how many tokens a chat is."""
        return await self._counter(target).count_chat(call, target, request)

    def _of(self, target: Target) -> Provider:
        provider = self._providers.get(target.provider) or self._retirement.find(target.provider)
        if provider is None:
            raise ProviderNotInitialized(metadata={"provider": target.provider})
        return provider

    def _counter(self, target: Target) -> ProviderTokenCounter:
        counter = self._of(target).counter
        assert counter is not None, f"{target.provider} has a target that it cannot count for"
        return counter

    # --- coming and going -------------------------------------------------------------------------

    async def install(self, provider_id: str, config: ProviderConfig) -> ProviderFacts:
        """Make a provider, in place of an earlier one of the same id. Raises ConfigInvalid."""
        return await self.put(provider_id, of_config(config))

    def check(self, provider_id: str, config: ProviderConfig) -> ProviderFacts:
        """Say what `install` would make, and make nothing. Raises ConfigInvalid."""
        return self._maker.check(provider_id, of_config(config))

    async def probe(self, call: Call, config: ProviderConfig) -> None:
        """Send one cheap request with the configuration. Raises WeirError."""
        provider = await self._maker.make("probe", of_config(config))
        try:
            await provider.probe(call)
        finally:
            await provider.close()

    async def remove(self, provider_id: str) -> None:
        """End a provider; its running calls end as they like."""
        provider = self._providers.pop(PROVIDER_PREFIX + provider_id, None)
        self._plans.pop(PROVIDER_PREFIX + provider_id, None)
        if provider is not None:
            await provider.close()

    async def put(self, provider_id: str, plan: Plan) -> ProviderFacts:
        """Make a provider of a plan, in place of an earlier one. Raises ConfigInvalid."""
        provider = await self._maker.make(provider_id, plan)
        earlier = self._providers.get(provider.facts.name)
        self._providers[provider.facts.name] = provider
        self._plans[provider.facts.name] = plan
        if earlier is not None:
            await earlier.close()
        return provider.facts

    # --- another configuration --------------------------------------------------------------------

    @asynccontextmanager
    async def renewing(self, settings: Settings) -> AsyncIterator[Renewal]:
        """Make the providers that another configuration has and this one has not, or not so.

        Hand the renewal to `commit` to put them in place; leaving the block without ends them.
        Raises SettingsInvalid, naming all that cannot be made.
        """
        renewal = Renewal(settings=settings)
        try:
            await renewal.make_configured(self._maker, self._plans_of_configured(), self._providers)
            brought_in = {
                name: plan
                for name, plan in self._plans.items()
                if name not in self._configured and name not in renewal.names
            }
            await renewal.make_with_new_secrets(self._maker, brought_in)
            yield renewal
        finally:
            await renewal.close()

    def commit(self, renewal: Renewal) -> frozenset[str]:
        """Put another configuration's providers in place, in one step.

        Those that it has not, or not so, go on with the calls they have, for the drain's grace.
        Returns the names of which another provider is there than before, or none.
        """
        gone, taken = self._configured - renewal.names, renewal.take()
        for name in gone:
            del self._plans[name]
            self._retirement.add(self._providers.pop(name))
        for name, made in taken.items():
            earlier = self._providers.get(name)
            if earlier is not None:
                self._retirement.add(earlier)
            self._providers[name] = made.provider
            self._plans[name] = made.plan
        self._configured = renewal.names
        self._maker.use_secrets_of(renewal.settings)
        return gone.union(taken)

    def _plans_of_configured(self) -> Mapping[str, Plan]:
        return {name: self._plans[name] for name in self._configured}

    async def close(self) -> None:
        """End every provider."""
        for name in list(self._providers):
            await self.remove(name.removeprefix(PROVIDER_PREFIX))
        await self._retirement.close()
