"""What does another configuration need that is not there? It is made before anything changes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from weir_server.core.errors import ConfigInvalid
from weir_server.core.providers import ProviderFacts
from weir_server.providers.local.errors import LocalEngineError
from weir_server.providers.making import PROVIDER_PREFIX, Maker, Provider
from weir_server.providers.plan import Plan, of_settings
from weir_server.settings.load import Problem, SettingsInvalid
from weir_server.settings.tree import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A provider that waits to take over, and what it was made of."""

    plan: Plan
    provider: Provider


class Renewal:
    """The providers of another configuration: those that stay, and those made for it."""

    def __init__(self, *, settings: Settings) -> None:
        self.settings = settings
        self.names = frozenset(PROVIDER_PREFIX + each.id for each in settings.providers)
        """Of all that the configuration has."""
        self._made: dict[str, Made] = {}
        self._facts: dict[str, ProviderFacts] = {}

    @property
    def facts(self) -> Mapping[str, ProviderFacts]:
        """The facts of each provider of the configuration, by its id."""
        return self._facts

    async def make_configured(
        self, maker: Maker, plans: Mapping[str, Plan], running: Mapping[str, Provider]
    ) -> None:
        """Make what differs from `plans`, those of the providers that the configuration has now.

        Raises SettingsInvalid with the problems of all that cannot be made.
        """
        problems: list[Problem] = []
        for number, each in enumerate(self.settings.providers):
            name, plan = PROVIDER_PREFIX + each.id, of_settings(each)
            where = f"providers[{number}]"
            if plans.get(name) == plan:
                self._facts[each.id] = running[name].facts
                continue
            try:
                provider = await maker.make(each.id, plan)
            except ConfigInvalid as invalid:
                problems += [
                    Problem(where=f"{where}.{violation.field}", what=violation.description)
                    for violation in invalid.violations
                ]
            except LocalEngineError as failure:
                problems.append(Problem(where=where, what=str(failure)))
            else:
                self._made[name] = Made(plan=plan, provider=provider)
                self._facts[each.id] = provider.facts
        if problems:
            raise SettingsInvalid(problems)

    async def make_with_new_secrets(self, maker: Maker, brought_in: Mapping[str, Plan]) -> None:
        """Make those again that callers brought in with the name of a secret that has changed.

        One that is no longer to be had, or cannot be made again, goes on with what it has.
        """
        for name, plan in brought_in.items():
            secret = self.settings.secrets.get(plan.api_key_secret_ref)
            if secret is None or secret == maker.secret(plan.api_key_secret_ref):
                continue
            told = replace(plan, api_key=secret.get_secret_value(), api_key_secret_ref="")
            try:
                provider = await maker.make(name.removeprefix(PROVIDER_PREFIX), told)
            except ConfigInvalid:
                continue
            self._made[name] = Made(plan=plan, provider=provider)

    def take(self) -> Mapping[str, Made]:
        """Return what was made, to keep it beyond this renewal."""
        made, self._made = self._made, {}
        return made

    async def close(self) -> None:
        """End what was made and not taken."""
        for made in self.take().values():
            await made.provider.close()
