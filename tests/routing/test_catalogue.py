"""A request's model and provider lead to targets, or to an error that says what there is."""

from datetime import timedelta

import pytest

from tests.fakes.clock import FakeClock
from weir.v1.generation_pb2 import BreakPolicy, GenerationOptions, RoutingOptions
from weir.v1.generation_pb2 import UnsupportedOptionPolicy as Policy
from weir.v1.model_pb2 import ModelCapabilities
from weir_server.core.call import Call
from weir_server.core.deadline import Deadline
from weir_server.core.errors import (
    InvalidRequest,
    ModelNotFound,
    ProviderNotFound,
    ProviderNotInitialized,
    UnsupportedOption,
    WeirError,
)
from weir_server.core.providers import ProviderFacts
from weir_server.core.target import Operation, Target
from weir_server.routing.catalogue import ModelCatalogue, ProviderEntry, describe
from weir_server.routing.options import bounded

CHAT = ModelCapabilities(chat=True, streaming=True)
EMBED = ModelCapabilities(embed=True)


def target(model: str, provider: str = "providers/a", **fields: object) -> Target:
    values = {"capabilities": CHAT, "vendor_model": f"vendor-{model}", **fields}
    return Target(provider=provider, model=f"models/{model}", **values)  # type: ignore[arg-type]


def catalogue(clock: FakeClock | None = None, default: str = "fast") -> ModelCatalogue:
    facts = ProviderFacts(
        name="providers/a", kind="openai", default_model="own", capabilities=CHAT, max_retries=4
    )
    brief = ProviderFacts(name="providers/brief", kind="openai", capabilities=CHAT)
    clock = clock or FakeClock()
    return ModelCatalogue(
        clock=clock,
        providers=[
            ProviderEntry(facts=facts),
            ProviderEntry(facts=brief, expires_ns=clock.wall_ns() + 10**9, configured=False),
        ],
        models=[
            describe(name="fast", aliases=("quick",), targets=(target("fast"),)),
            describe(name="vec", aliases=(), targets=(target("vec", capabilities=EMBED),)),
        ],
        default_model=default,
    )


FOUND = [
    ("fast", "", "vendor-fast"),
    ("models/fast", "", "vendor-fast"),
    ("quick", "", "vendor-fast"),
    ("", "", "vendor-fast"),
    ("fast", "providers/a", "vendor-fast"),
    ("fast", "a", "vendor-fast"),
    ("", "providers/a", "own"),
    ("gpt-9", "providers/a", "gpt-9"),
    ("models/gpt-9", "providers/a", "gpt-9"),
    ("fast", "providers/brief", "fast"),
]


@pytest.mark.parametrize(("model", "provider", "expected"), FOUND)
def test_names_lead_to_a_vendor_s_model(model: str, provider: str, expected: str) -> None:
    """Aliases and resource names, the default, and a vendor's own name at a named provider."""
    found = catalogue().resolve(model=model, provider=provider, operation=Operation.CHAT)
    assert found[0].vendor_model == expected


NOT_FOUND: list[tuple[str, str, str, type[WeirError]]] = [
    ("gpt-9", "", "fast", ModelNotFound),
    ("", "", "", InvalidRequest),
    ("fast", "providers/none", "fast", ProviderNotFound),
    ("", "providers/brief", "fast", InvalidRequest),
]


@pytest.mark.parametrize(("model", "provider", "default", "error"), NOT_FOUND)
def test_other_names_are_refused(
    model: str, provider: str, default: str, error: type[WeirError]
) -> None:
    """Each with the error that says which name was wrong."""
    with pytest.raises(error):
        catalogue(default=default).resolve(model=model, provider=provider, operation=Operation.CHAT)


def test_a_model_is_asked_only_what_it_does() -> None:
    """An embedding model does not chat; the error names the field."""
    with pytest.raises(UnsupportedOption) as refused:
        catalogue().resolve(model="vec", provider="", operation=Operation.CHAT)
    assert refused.value.violations[0].field == "model"


def test_a_handle_expires_by_the_clock() -> None:
    """A provider that was brought in lives until its time is over."""
    clock = FakeClock()
    models = catalogue(clock)
    models.resolve(model="x", provider="providers/brief", operation=Operation.CHAT)
    clock.advance(1.0)
    with pytest.raises(ProviderNotInitialized):
        models.resolve(model="x", provider="providers/brief", operation=Operation.CHAT)


def test_models_are_listed_by_name() -> None:
    """Pages need an order."""
    assert [model.name for model in catalogue().models()] == ["models/fast", "models/vec"]
    assert catalogue().model("quick").name == "models/fast"


def call() -> Call:
    return Call(
        request_id="r",
        response_id="r",
        method="Chat",
        operation=Operation.CHAT,
        streaming=False,
        arrived_s=0.0,
        deadline=Deadline.after(0.0, 1.0),
    )


def options(routing: RoutingOptions, *, drop: bool = False) -> GenerationOptions:
    reject = Policy.UNSUPPORTED_OPTION_POLICY_REJECT
    dropped = Policy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    return GenerationOptions(routing=routing, unsupported_option_policy=dropped if drop else reject)


def test_a_caller_may_shorten_and_never_lengthen() -> None:
    """attempt_timeout and max_attempts bound what the operator set."""
    routing = RoutingOptions(max_attempts=2)
    routing.attempt_timeout.FromTimedelta(timedelta(seconds=3))
    (found,) = bounded(call(), options(routing), (target("m", max_retries=4),))
    assert (found.attempt_timeout_s, found.max_retries) == (3.0, 1)
    (found,) = bounded(
        call(), options(routing), (target("m", max_retries=0, attempt_timeout_s=1.0),)
    )
    assert (found.attempt_timeout_s, found.max_retries) == (1.0, 0)


UNSUPPORTED = {
    "fallback_models": RoutingOptions(fallback_models=["b"]),
    "allow_hedging": RoutingOptions(allow_hedging=True),
    "on_break": RoutingOptions(on_break=BreakPolicy.BREAK_POLICY_CONTINUE),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_is_not_done_is_refused_or_dropped_aloud(name: str) -> None:
    """Never ignored in silence."""
    with pytest.raises(UnsupportedOption) as refused:
        bounded(call(), options(UNSUPPORTED[name]), (target("m"),))
    assert refused.value.violations[0].field == f"options.routing.{name}"
    asking = call()
    bounded(asking, options(UNSUPPORTED[name], drop=True), (target("m"),))
    assert asking.progress.warnings[0].field == f"options.routing.{name}"
