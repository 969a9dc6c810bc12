"""What of a running Weir does another configuration replace, and in which order?"""

from collections.abc import Mapping

from weir_server.accounting.price.book import PriceBook
from weir_server.admission.limits import LimitBook
from weir_server.core.clock import Clock
from weir_server.core.providers import ProviderFacts
from weir_server.providers.host import Host
from weir_server.resilience.upstreams import Upstreams
from weir_server.routing.catalogue import ModelCatalogue
from weir_server.routing.configured import catalogue_of
from weir_server.routing.registrar import Registrar
from weir_server.settings.changes import Changes, applicable, changes
from weir_server.settings.tree import Settings


class Reloading:
    """Takes on other settings while calls go on."""

    def __init__(
        self,
        settings: Settings,
        *,
        host: Host,
        catalogue: ModelCatalogue,
        registrar: Registrar,
        upstreams: Upstreams,
        prices: PriceBook,
        limits: LimitBook,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._host = host
        self._catalogue = catalogue
        self._registrar = registrar
        self._upstreams = upstreams
        self._prices = prices
        self._limits = limits
        self._clock = clock

    async def reload(self, settings: Settings) -> Changes:
        """Take on other settings as far as a running server can, and return what is different.

        All of it or nothing: raises SettingsInvalid, and then everything is as it was. Running
        calls end as they began, new ones find the new providers and models.
        """
        async with self._registrar.held_back():
            changed = changes(self._settings, settings)
            settings = applicable(self._settings, settings)
            async with self._host.renewing(settings) as renewal:
                fresh = catalogue_of(settings, renewal.facts, self._clock, self._prices)
                lists = price_lists(renewal.facts)
                self._prices.check(settings.prices, fresh.targets(), lists)
                # One step: no call comes in between.
                renewed = self._host.commit(renewal)
                self._catalogue.replace(fresh)
                self._prices.use(settings.prices)
                self._limits.use(settings.rates)
                self._upstreams.reload(settings.resilience, fresh.targets(), renewed=renewed)
                self._settings = settings
        return changed


def price_lists(facts: Mapping[str, ProviderFacts]) -> dict[str, str]:
    """Return which list of published prices holds for each provider that has one."""
    return {provider: each.price_list for provider, each in facts.items()}
