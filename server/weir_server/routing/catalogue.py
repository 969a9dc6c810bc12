"""Which models and providers are there? What `resolve` chooses from and ListModels shows."""

from collections.abc import Iterable
from dataclasses import dataclass

from weir.v1.error_pb2 import FieldViolation
from weir.v1.model_pb2 import Model, ModelState
from weir_server.core.catalogue import Catalogue
from weir_server.core.clock import Clock
from weir_server.core.errors import (
    InvalidRequest,
    ModelNotFound,
    ProviderNotFound,
    ProviderNotInitialized,
    UnsupportedOption,
)
from weir_server.core.providers import ProviderFacts
from weir_server.core.target import Operation, Target

MODEL_PREFIX = "models/"
PROVIDER_PREFIX = "providers/"
GONE_MAX = 1000
"""So many expired handles are remembered, to be told apart from those that never were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """A model that callers may name, and who serves it."""

    model: Model
    """As ListModels shows it. Never written to."""
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEntry:
    """A provider that callers may name."""

    facts: ProviderFacts
    expires_ns: int = 0
    """When its handle expires, nanoseconds since the epoch; 0: never."""
    configured: bool = True
    """Whether it comes from the server's configuration and may not be replaced by a caller."""


class ModelCatalogue(Catalogue):
    """Models by name and alias, providers by handle."""

    def __init__(
        self,
        *,
        clock: Clock,
        providers: Iterable[ProviderEntry],
        models: Iterable[ModelEntry],
        default_model: str,
    ) -> None:
        self._clock = clock
        self._providers = {entry.facts.name: entry for entry in providers}
        self._models = {entry.model.name: entry for entry in models}
        self._names = {
            name.removeprefix(MODEL_PREFIX): entry
            for entry in self._models.values()
            for name in (entry.model.name, *entry.model.aliases)
        }
        self._default_model = default_model
        self._gone: dict[str, None] = {}

    def resolve(self, *, model: str, provider: str, operation: Operation) -> tuple[Target, ...]:
        """Return the targets to try, in order; at least one."""
        model = model.removeprefix(MODEL_PREFIX)
        if provider:
            targets = self._resolve_at(self.provider(provider), model)
        else:
            model = model or self._default_model
            if not model:
                raise _invalid("model", "Name a model: this server has no default one.")
            entry = self._names.get(model)
            if entry is None:
                raise ModelNotFound(metadata={"model": model})
            targets = entry.targets
        able = tuple([target for target in targets if _serves(target, operation)])
        if not able:
            field, name = "model", operation.name.lower()
            raise UnsupportedOption(
                metadata={"model": targets[0].model},
                violations=[
                    FieldViolation(
                        field=field,
                        rule="OPERATION",
                        description=f"This model does not serve {name}; ListModels tells which do.",
                    )
                ],
            )
        return able

    def _resolve_at(self, entry: ProviderEntry, model: str) -> tuple[Target, ...]:
        facts = entry.facts
        known = self._names.get(model) if model else None
        if known is not None:
            at_provider = tuple(t for t in known.targets if t.provider == facts.name)
            if at_provider:
                return at_provider
        vendor_model = model or facts.default_model
        if not vendor_model:
            raise _invalid("model", f"Name a model: {facts.name} has no default one.")
        return (
            Target(
                provider=facts.name,
                model=MODEL_PREFIX + vendor_model,
                vendor_model=vendor_model,
                capabilities=facts.capabilities,
                attempt_timeout_s=facts.attempt_timeout_s,
                max_retries=facts.max_retries,
                tokenizer=facts.tokenizer,
            ),
        )

    def provider(self, handle: str) -> ProviderEntry:
        """Return a provider by its handle, with or without `providers/` before it.

        Raises ProviderNotFound, and ProviderNotInitialized when its handle has expired.
        """
        name = handle if handle.startswith(PROVIDER_PREFIX) else PROVIDER_PREFIX + handle
        entry = self._providers.get(name)
        if entry is None and name not in self._gone:
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

    def models(self) -> tuple[Model, ...]:
        """Return every model, by name."""
        return tuple(self._models[name].model for name in sorted(self._models))

    def model(self, name: str) -> Model:
        """Return one model by resource name or alias. Raises ModelNotFound."""
        entry = self._names.get(name.removeprefix(MODEL_PREFIX))
        if entry is None:
            raise ModelNotFound(metadata={"model": name})
        return entry.model


def describe(*, name: str, aliases: Iterable[str], targets: tuple[Target, ...]) -> ModelEntry:
    """Make the entry of a model from its targets: it can do what its first target can."""
    first = targets[0]
    model = Model(
        name=MODEL_PREFIX + name,
        aliases=aliases,
        provider=first.provider,
        context_window_tokens=first.context_window_tokens,
        max_output_tokens=first.max_output_tokens,
        capabilities=first.capabilities,
        state=ModelState.MODEL_STATE_AVAILABLE,
    )
    return ModelEntry(model=model, targets=targets)


def _serves(target: Target, operation: Operation) -> bool:
    can = target.capabilities
    if operation is Operation.CHAT:
        return can.chat
    if operation is Operation.COMPLETE:
        return can.complete or can.chat
    if operation is Operation.EMBED:
        return can.embed
    return True


def _invalid(field: str, description: str) -> InvalidRequest:
    violation = FieldViolation(field=field, rule="REQUIRED", description=description)
    return InvalidRequest(violations=[violation])
