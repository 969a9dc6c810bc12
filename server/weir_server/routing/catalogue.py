"""Which models and providers are there? What `resolve` chooses from and ListModels shows."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from typing_extensions import override

from weir.v1.error_pb2 import FieldViolation
from weir.v1.model_pb2 import Model
from weir_server.core.caller import NOBODY, Caller
from weir_server.core.catalogue import Catalogue
from weir_server.core.clock import Clock
from weir_server.core.errors import (
    InvalidRequest,
    ModelNotAllowed,
    ModelNotFound,
    ProviderNotFound,
    ProviderNotInitialized,
)
from weir_server.core.prices import Prices
from weir_server.core.route import DEFAULT_POLICY, Leg, ModelRoute, RoutePolicy
from weir_server.core.target import Operation, Target
from weir_server.routing.entries import MODEL_PREFIX, ModelEntry, ProviderEntry, route_of

PROVIDER_PREFIX = "providers/"
GONE_MAX = 1000
"""So many expired handles are remembered, to be told apart from those that never were."""


class ModelCatalogue(Catalogue):
    """Models by name and alias, providers by handle."""

    def __init__(
        self,
        *,
        clock: Clock,
        providers: Iterable[ProviderEntry],
        models: Iterable[ModelEntry],
        default_model: str,
        prices: Prices | None = None,
    ) -> None:
        """`prices` are shown with each model; None: none are."""
        self._clock = clock
        self._prices = prices
        self._providers = {entry.facts.name: entry for entry in providers}
        self._models = {entry.model.name: entry for entry in models}
        self._names = {
            name.removeprefix(MODEL_PREFIX): entry
            for entry in self._models.values()
            for name in (entry.model.name, *entry.model.aliases)
        }
        self._listed = {
            (target.provider, target.vendor_model): replace(
                target, model=MODEL_PREFIX + target.vendor_model
            )
            for entry in reversed(self._models.values())
            for target in reversed(entry.leg.targets)
        }
        """Targets by provider and vendor model, called after that; the first one listed counts."""
        self._routes: dict[tuple[str, Operation, bool], ModelRoute] = {}
        self._default_model = default_model
        self._gone: dict[str, None] = {}

    @override
    def resolve(
        self,
        *,
        model: str,
        provider: str,
        operation: Operation,
        streaming: bool = False,
        fallback_models: Sequence[str] = (),
        caller: Caller = NOBODY,
    ) -> ModelRoute:
        """Return who may serve a request; see the protocol.

        Who names a provider gets no other, unless they name models to fall back on.
        """
        model = model.removeprefix(MODEL_PREFIX)
        if provider:
            name, own, policy = self._at_provider(self.provider(provider, caller.tenant), model)
            _allow(caller, name)
            chain = self._named(fallback_models, caller, but=name)
            return route_of(name, [own, *chain], policy, operation, streaming=streaming)
        model = model or self._default_model
        if not model:
            raise _invalid("model", "Name a model: this server has no default one.")
        entry = self._names.get(model)
        if entry is None:
            raise ModelNotFound(metadata={"model": model})
        name = entry.model.name
        _allow(caller, name)
        if fallback_models:
            chain = self._named(fallback_models, caller, but=name)
            return route_of(name, [entry.leg, *chain], entry.policy, operation, streaming=streaming)
        # They change with the configuration only, so that their routes are made once.
        key = (name, operation, streaming)
        route = self._routes.get(key)
        if route is None:
            legs = [entry.leg, *self._chain(entry)]
            route = route_of(name, legs, entry.policy, operation, streaming=streaming)
            self._routes[key] = route
        return route

    def _chain(self, entry: ModelEntry) -> list[Leg]:
        """Return the legs of the models that one falls back on, then those they fall back on."""
        chain = [entry]
        for link in chain:
            for name in link.fallback_models:
                following = self._names[name]
                if following not in chain:
                    chain.append(following)
        return [link.leg for link in chain[1:]]

    def _named(self, fallback_models: Sequence[str], caller: Caller, *, but: str) -> list[Leg]:
        """Return the legs of the models that a caller falls back on, each once, without `but`."""
        found: dict[str, Leg] = {}
        unknown = []
        for index, name in enumerate(fallback_models):
            entry = self._names.get(name.removeprefix(MODEL_PREFIX))
            if entry is None:
                unknown.append(f"options.routing.fallback_models[{index}]")
            elif entry.model.name != but:
                _allow(caller, entry.model.name)
                found.setdefault(entry.model.name, entry.leg)
        if unknown:
            what = "Name a model of this server; ListModels tells which there are."
            raise InvalidRequest(
                violations=[
                    FieldViolation(field=field, rule="NO_SUCH_REFERENCE", description=what)
                    for field in unknown
                ]
            )
        return list(found.values())

    def _at_provider(self, entry: ProviderEntry, model: str) -> tuple[str, Leg, RoutePolicy]:
        facts = entry.facts
        known = self._names.get(model) if model else None
        if known is not None:
            here = tuple(t for t in known.leg.targets if t.provider == facts.name)
            if here:
                leg = Leg(targets=here, weighted=known.leg.weighted)
                return known.model.name, leg, known.policy
        vendor_model = model or facts.default_model
        if not vendor_model:
            raise _invalid("model", f"Name a model: {facts.name} has no default one.")
        name = MODEL_PREFIX + vendor_model
        listed = self._listed.get((facts.name, vendor_model))
        if listed is not None:
            # What the operator said of it holds by whichever name it is asked for.
            return name, Leg(targets=(listed,)), DEFAULT_POLICY
        if model and not facts.unlisted_models:
            raise ModelNotFound(metadata={"model": model})
        target = Target(
            provider=facts.name,
            model=name,
            vendor_model=vendor_model,
            capabilities=facts.capabilities,
            attempt_timeout_s=facts.attempt_timeout_s,
            max_retries=facts.max_retries,
            tokenizer=facts.tokenizer,
            credentials=facts.credentials or ("",),
            max_concurrency=facts.max_concurrency,
            kind=facts.kind,
            price_list=facts.price_list,
        )
        return name, Leg(targets=(target,)), DEFAULT_POLICY

    def targets(self) -> tuple[Target, ...]:
        """Return every target that the configuration names."""
        return tuple(t for entry in self._models.values() for t in entry.leg.targets)

    def provider(self, handle: str, tenant: str = NOBODY.tenant) -> ProviderEntry:
        """Return a provider by its handle, with or without `providers/` before it.

        Raises ProviderNotFound, also for one that another tenant brought in, and
        ProviderNotInitialized when its handle has expired.
        """
        name = handle if handle.startswith(PROVIDER_PREFIX) else PROVIDER_PREFIX + handle
        entry = self._providers.get(name)
        if (entry is None and name not in self._gone) or (
            entry is not None and entry.tenant not in ("", tenant)
        ):
            raise ProviderNotFound(metadata={"provider": name})
        if entry is None or self._has_expired(entry):
            raise ProviderNotInitialized(metadata={"provider": name})
        return entry

    def remove_expired(self) -> tuple[str, ...]:
        """Forget the providers whose handles have expired, and return their names.

        Their callers are still told so, of the last GONE_MAX names.
        """
        expired = tuple(name for name, e in self._providers.items() if self._has_expired(e))
        for name in expired:
            del self._providers[name]
            self._gone[name] = None
        while len(self._gone) > GONE_MAX:
            del self._gone[next(iter(self._gone))]
        return expired

    def count_initialized(self) -> int:
        """Return how many providers callers have brought in, the expired ones among them."""
        return sum(not entry.configured for entry in self._providers.values())

    def _has_expired(self, entry: ProviderEntry) -> bool:
        return 0 < entry.expires_ns <= self._clock.wall_ns()

    def find_provider(self, name: str) -> ProviderEntry | None:
        """Return a provider by its resource name, expired or not; None: there is none."""
        return self._providers.get(name)

    def put_provider(self, entry: ProviderEntry) -> None:
        """Add a provider, or replace the one of the same name."""
        self._providers[entry.facts.name] = entry
        self._gone.pop(entry.facts.name, None)

    def replace(self, fresh: "ModelCatalogue") -> None:
        """Take on the models and providers of another configuration, in one step.

        Providers that callers brought in stay, unless the configuration has their names.
        """
        stay = {name: entry for name, entry in self._providers.items() if not entry.configured}
        self._providers = stay | fresh._providers  # noqa: SLF001  one of its own kind
        self._models = fresh._models  # noqa: SLF001
        self._names = fresh._names  # noqa: SLF001
        self._listed = fresh._listed  # noqa: SLF001
        self._routes = {}
        self._default_model = fresh._default_model  # noqa: SLF001

    def models(self) -> tuple[Model, ...]:
        """Return every model, by name."""
        return tuple(self._priced(self._models[name]) for name in sorted(self._models))

    def model(self, name: str) -> Model:
        """Return one model by resource name or alias. Raises ModelNotFound."""
        entry = self._names.get(name.removeprefix(MODEL_PREFIX))
        if entry is None:
            raise ModelNotFound(metadata={"model": name})
        return self._priced(entry)

    def _priced(self, entry: ModelEntry) -> Model:
        """Return a model with the prices of its first target, which may change with the day."""
        if self._prices is None:
            return entry.model
        model = Model()
        model.CopyFrom(entry.model)
        model.prices.extend(self._prices.listed(entry.leg.targets[0]))
        return model


def _allow(caller: Caller, model: str) -> None:
    """Raise ModelNotAllowed for a model that is not open to a caller."""
    if caller.models and not caller.may_use(model):
        raise ModelNotAllowed(metadata={"model": model})


def _invalid(field: str, description: str) -> InvalidRequest:
    violation = FieldViolation(field=field, rule="REQUIRED", description=description)
    return InvalidRequest(violations=[violation])
