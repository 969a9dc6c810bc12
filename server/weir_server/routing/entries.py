"""What is known of a model and of a provider, and which of a model's targets do a kind of call?"""

from collections.abc import Iterable
from dataclasses import dataclass

from weir.v1.error_pb2 import FieldViolation
from weir.v1.model_pb2 import Model, ModelState
from weir_server.core.errors import UnsupportedOption
from weir_server.core.providers import ProviderFacts
from weir_server.core.route import DEFAULT_POLICY, Leg, ModelRoute, RoutePolicy
from weir_server.core.target import Operation, Target

MODEL_PREFIX = "models/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """A model that callers may name, and who serves it."""

    model: Model
    """As ListModels shows it. Never written to."""
    leg: Leg
    """Its own targets."""
    fallback_models: tuple[str, ...] = ()
    """Names of the models that follow when its own targets cannot answer."""
    policy: RoutePolicy = DEFAULT_POLICY


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEntry:
    """A provider that callers may name."""

    facts: ProviderFacts
    expires_ns: int = 0
    """When its handle expires, nanoseconds since the epoch; 0: never."""
    configured: bool = True
    """Whether it comes from the server's configuration and may not be replaced by a caller."""
    tenant: str = ""
    """Whose it is that a caller brought in; empty: everybody's."""


def describe(
    *,
    name: str,
    aliases: Iterable[str],
    targets: tuple[Target, ...],
    weighted: bool = False,
    fallback_models: tuple[str, ...] = (),
    policy: RoutePolicy = DEFAULT_POLICY,
) -> ModelEntry:
    """Make the entry of a model from its targets: it is shown as its first target."""
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
    return ModelEntry(
        model=model,
        leg=Leg(targets=targets, weighted=weighted),
        fallback_models=fallback_models,
        policy=policy,
    )


def route_of(
    model: str,
    legs: Iterable[Leg],
    policy: RoutePolicy,
    operation: Operation,
    *,
    streaming: bool,
) -> ModelRoute:
    """Make a route of those targets that do this kind of call.

    Raises UnsupportedOption where none does.
    """
    able: list[Leg] = []
    others: list[Target] = []
    for leg in legs:
        wanted = [t for t in leg.targets if _serves(t, operation, streaming=streaming)]
        others += [t for t in leg.targets if not _serves(t, operation, streaming=streaming)]
        able.append(Leg(targets=tuple(wanted), weighted=leg.weighted))
    targets = tuple(target for leg in able for target in leg.targets)
    if not targets:
        what = operation.name.lower()
        if any(_serves(target, operation, streaming=False) for target in others):
            what += " as a stream"
        description = f"This model does not serve {what}; ListModels tells which do."
        violation = FieldViolation(field="model", rule="OPERATION", description=description)
        raise UnsupportedOption(metadata={"model": model}, violations=[violation])
    return ModelRoute(
        model=model, legs=tuple(able), targets=targets, others=tuple(others), policy=policy
    )


def _serves(target: Target, operation: Operation, *, streaming: bool) -> bool:
    can = target.capabilities
    if streaming and not can.streaming:
        return False
    if operation is Operation.CHAT:
        return can.chat
    if operation is Operation.COMPLETE:
        return can.complete or can.chat
    if operation is Operation.EMBED:
        return can.embed
    return True
