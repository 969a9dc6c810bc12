"""Which models does the configuration name? Its entries, with what their providers can do."""

from collections.abc import Mapping

from weir.v1.model_pb2 import ModelCapabilities
from weir_server.core.clock import Clock
from weir_server.core.prices import Prices
from weir_server.core.providers import ProviderFacts
from weir_server.core.route import Refusal, RoutePolicy
from weir_server.core.target import Target
from weir_server.routing.catalogue import ModelCatalogue
from weir_server.routing.entries import MODEL_PREFIX, ModelEntry, ProviderEntry, describe
from weir_server.settings.models import ModelSettings, TargetSettings
from weir_server.settings.tree import Settings


def catalogue_of(
    settings: Settings,
    installed: Mapping[str, ProviderFacts],
    clock: Clock,
    prices: Prices | None = None,
) -> ModelCatalogue:
    """Make the catalogue of a configuration; `installed` has the facts of each provider id.

    prices: shown with each model; None: none are.
    """
    models = [_entry(model, installed) for model in settings.models]
    default = settings.default_model or (settings.models[0].name if settings.models else "")
    return ModelCatalogue(
        clock=clock,
        providers=[ProviderEntry(facts=facts) for facts in installed.values()],
        models=models,
        default_model=default,
        prices=prices,
    )


def _entry(model: ModelSettings, installed: Mapping[str, ProviderFacts]) -> ModelEntry:
    targets = tuple(
        _target(model, target, installed[target.provider]) for target in model.each_target()
    )
    return describe(
        name=model.name,
        aliases=model.aliases,
        targets=targets,
        weighted=model.order == "weighted",
        fallback_models=model.fallback_models,
        policy=RoutePolicy(
            hedge=model.hedge, fallback_on=frozenset(Refusal(name) for name in model.fallback_on)
        ),
    )


def _target(model: ModelSettings, target: TargetSettings, facts: ProviderFacts) -> Target:
    return Target(
        provider=facts.name,
        model=MODEL_PREFIX + model.name,
        vendor_model=target.vendor_model or model.name,
        capabilities=_capabilities(target, facts),
        attempt_timeout_s=facts.attempt_timeout_s,
        max_retries=facts.max_retries,
        context_window_tokens=target.context_window_tokens,
        max_output_tokens=target.max_output_tokens,
        tokenizer=target.tokenizer or facts.tokenizer,
        credentials=(target.credential,) if target.credential else facts.credentials or ("",),
        max_concurrency=facts.max_concurrency,
        weight=target.weight,
        kind=facts.kind,
        price_list=facts.price_list,
    )


def _capabilities(target: TargetSettings, facts: ProviderFacts) -> ModelCapabilities:
    if target.can is None:
        return facts.capabilities
    capabilities = ModelCapabilities(
        input_modalities=facts.capabilities.input_modalities,
        output_modalities=facts.capabilities.output_modalities,
    )
    for name in target.can:
        setattr(capabilities, name, True)
    return capabilities
