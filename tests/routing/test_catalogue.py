"""A request's model and provider lead to targets, or to an error that says what there is."""

import pytest

from tests.fakes.clock import FakeClock
from weir.v1.model_pb2 import ModelCapabilities
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
from weir_server.routing.catalogue import ModelCatalogue
from weir_server.routing.entries import ProviderEntry, describe

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
    assert found.targets[0].vendor_model == expected


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


def linked(**fallbacks: tuple[str, ...]) -> ModelCatalogue:
    """A catalogue of models that fall back on each other, each with one target of its name."""
    facts = ProviderFacts(name="providers/a", kind="openai", capabilities=CHAT)
    return ModelCatalogue(
        clock=FakeClock(),
        providers=[ProviderEntry(facts=facts)],
        models=[
            describe(
                name=name, aliases=(f"{name}-too",), targets=(target(name),), fallback_models=names
            )
            for name, names in fallbacks.items()
        ],
        default_model="",
    )


CHAINS: list[tuple[dict[str, tuple[str, ...]], list[str]]] = [
    ({"a": ()}, ["a"]),
    ({"a": ("b", "c"), "b": (), "c": ()}, ["a", "b", "c"]),
    ({"a": ("b",), "b": ("c",), "c": ()}, ["a", "b", "c"]),
    ({"a": ("b", "c"), "b": ("d",), "c": (), "d": ()}, ["a", "b", "c", "d"]),
    ({"a": ("b",), "b": ("a",)}, ["a", "b"]),
    ({"a": ("a-too", "b", "b-too"), "b": ("c", "b"), "c": ("a",)}, ["a", "b", "c"]),
]


@pytest.mark.parametrize(("fallbacks", "expected"), CHAINS)
def test_fallbacks_follow_each_model_once(
    fallbacks: dict[str, tuple[str, ...]], expected: list[str]
) -> None:
    """A model's own list comes first, then the lists of those on it; circles end."""
    models = linked(**fallbacks)
    route = models.resolve(model="a", provider="", operation=Operation.CHAT)
    assert [target.vendor_model for target in route.targets] == [f"vendor-{n}" for n in expected]
    assert models.resolve(model="a", provider="", operation=Operation.CHAT) is route


CALLERS_CHAINS = [
    ("", ["c"], ["a", "c"]),
    ("", ["models/c", "c", "a", "c-too"], ["a", "c"]),
    ("", [], ["a", "b"]),
    ("providers/a", [], ["a"]),
    ("providers/a", ["b"], ["a", "b"]),
]


@pytest.mark.parametrize(("provider", "named", "expected"), CALLERS_CHAINS)
def test_a_callers_fallbacks_stand_in_place_of_the_models(
    provider: str, named: list[str], expected: list[str]
) -> None:
    """They are all that follows; who insists on a provider gets no others."""
    models = linked(a=("b",), b=("c",), c=("b",))
    if not named and not provider:
        expected = [*expected, "c"]
    route = models.resolve(
        model="a", provider=provider, operation=Operation.CHAT, fallback_models=named
    )
    assert [target.vendor_model for target in route.targets] == [f"vendor-{n}" for n in expected]


def test_unknown_fallbacks_are_named_by_field() -> None:
    """All of them at once, each by its place in the caller's list."""
    with pytest.raises(InvalidRequest) as refused:
        linked(a=(), b=()).resolve(
            model="a", provider="", operation=Operation.CHAT, fallback_models=["x", "b", "y"]
        )
    assert [(v.field, v.rule) for v in refused.value.violations] == [
        ("options.routing.fallback_models[0]", "NO_SUCH_REFERENCE"),
        ("options.routing.fallback_models[2]", "NO_SUCH_REFERENCE"),
    ]


def closed(*listed: Target) -> ModelCatalogue:
    """A catalogue whose provider serves listed models alone."""
    facts = ProviderFacts(
        name="providers/a",
        kind="openai",
        default_model="own",
        capabilities=CHAT,
        unlisted_models=False,
    )
    return ModelCatalogue(
        clock=FakeClock(),
        providers=[ProviderEntry(facts=facts)],
        models=[describe(name="m", aliases=(), targets=listed)],
        default_model="m",
    )


@pytest.mark.parametrize("model", ["m", "vendor-m", "models/vendor-m", ""])
def test_a_closed_provider_serves_what_is_listed(model: str) -> None:
    """By the model's name or the vendor's, and the provider's default one."""
    models = closed(target("m", context_window_tokens=9))
    found = models.resolve(model=model, provider="providers/a", operation=Operation.CHAT)
    assert found.targets[0].vendor_model == ("vendor-m" if model else "own")
    if model:
        assert found.targets[0].context_window_tokens == 9


def test_a_closed_provider_has_no_other_models() -> None:
    """A vendor's model that is not listed is not found, whatever the vendor has."""
    with pytest.raises(ModelNotFound):
        closed(target("m")).resolve(model="gpt-9", provider="providers/a", operation=Operation.CHAT)


def test_targets_that_do_another_kind_of_call_are_set_aside() -> None:
    """Embedding models and those that cannot stream are told apart, and lead to others."""
    mute = target("mute", capabilities=ModelCapabilities(chat=True))
    models = closed(target("vec", capabilities=EMBED), mute, target("m"))

    stream = models.resolve(model="m", provider="", operation=Operation.CHAT, streaming=True)
    unary = models.resolve(model="m", provider="", operation=Operation.CHAT)

    assert [t.vendor_model for t in stream.targets] == ["vendor-m"]
    assert [t.vendor_model for t in stream.others] == ["vendor-vec", "vendor-mute"]
    assert [t.vendor_model for t in unary.targets] == ["vendor-mute", "vendor-m"]


def test_a_model_without_streaming_is_not_streamed() -> None:
    """The refusal says so; a unary call is still served."""
    models = closed(target("m", capabilities=ModelCapabilities(chat=True)))
    models.resolve(model="m", provider="", operation=Operation.CHAT)
    with pytest.raises(UnsupportedOption) as refused:
        models.resolve(model="m", provider="", operation=Operation.CHAT, streaming=True)
    assert "as a stream" in refused.value.violations[0].description
