"""A provider with several keys sends the one that its target names, and tells no more of it."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from tests.providers.http.asking import CLOCK, a_call, ask
from weir_server.core.errors import ConfigInvalid, UpstreamCredentialsRejected
from weir_server.fake_upstream import openai_errors as errors
from weir_server.fake_upstream.faults import STREAM
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.making import Maker, Provider
from weir_server.providers.plan import of_settings
from weir_server.settings.tree import CredentialSettings, ProviderSettings, Settings

KEYS = {"first": "sk-canary-one", "second": "sk-canary-two"}


def settings(upstream_url: str, **keys: str) -> ProviderSettings:
    return ProviderSettings(
        id="fake",
        kind="openai",
        endpoint=upstream_url,
        allow_private=True,
        allow_insecure_http=True,
        credentials=tuple(
            CredentialSettings(name=name, api_key=SecretStr(key), organization_id=f"org-{name}")
            for name, key in keys.items()
        ),
    )


async def made(maker: Maker, provider: ProviderSettings) -> Provider:
    return await maker.make(provider.id, of_settings(provider))


@pytest.mark.parametrize(
    ("named", "used"), [("second", "second"), ("first", "first"), ("", "first")]
)
async def test_the_target_says_which_key_is_sent(named: str, used: str) -> None:
    """Key and organization of the credential that is named; of the first where none is."""
    async with FakeUpstream(STREAM) as upstream, Maker.of(Settings(), clock=CLOCK) as maker:
        provider = await made(maker, settings(upstream.url, **KEYS))
        call = a_call()
        await ask(provider.handler, call.aimed_at((replace(call.target, credential=named),)))

    assert upstream.journal[0].bearer == KEYS[used]
    assert upstream.journal[0].headers.get("openai-organization") == f"org-{used}"


async def test_facts_have_the_names_alone() -> None:
    """Routing and resilience choose by name; no secret leaves the provider."""
    async with FakeUpstream(STREAM) as upstream, Maker.of(Settings(), clock=CLOCK) as maker:
        plan = of_settings(settings(upstream.url, **KEYS))
        provider = await maker.make("fake", plan)

    assert provider.facts.credentials == ("first", "second")
    for shown in (plan, provider, provider.handler, provider.facts):
        assert "canary" not in repr(shown)


async def test_one_key_has_no_name() -> None:
    """A provider with `api_key` has nothing to choose among."""
    async with FakeUpstream(STREAM) as upstream, Maker.of(Settings(), clock=CLOCK) as maker:
        plain = settings(upstream.url).model_copy(update={"api_key": SecretStr("sk-canary")})
        provider = await made(maker, plain)
        await ask(provider.handler, a_call())

    assert provider.facts.credentials == ()
    assert upstream.journal[0].bearer == "sk-canary"


async def test_a_refused_key_is_not_told() -> None:
    """Neither the error nor the attempt shows anything of it."""
    async with (
        FakeUpstream(errors.BAD_KEY.reply()) as upstream,
        Maker.of(Settings(), clock=CLOCK) as maker,
    ):
        provider = await made(maker, settings(upstream.url, **KEYS))
        call = a_call()
        with pytest.raises(UpstreamCredentialsRejected) as refused:
            await ask(provider.handler, call)

    assert "canary" not in f"{refused.value!r} {refused.value.metadata} {call.progress.attempts}"


async def test_a_key_that_no_header_can_hold_is_named_by_its_place() -> None:
    """Before anything is sent, and without the key."""
    async with FakeUpstream(STREAM) as upstream, Maker.of(Settings(), clock=CLOCK) as maker:
        plan = of_settings(settings(upstream.url, good="sk-1", bad="sk-canary\n"))
        with pytest.raises(ConfigInvalid) as checked:
            maker.check("fake", plan)
        with pytest.raises(ConfigInvalid) as refused:
            await maker.make("fake", plan)

    for error in (checked.value, refused.value):
        assert [each.field for each in error.violations] == ["credentials[1].api_key"]
        assert "canary" not in str(error.violations)


async def test_what_the_operator_allows_is_told_to_routing() -> None:
    """`unlisted_models` and `max_concurrency` are facts of the provider."""
    async with Maker.of(Settings(), clock=CLOCK) as maker:
        echo = ProviderSettings(id="e", kind="echo", unlisted_models=False, max_concurrency=7)
        facts = (await made(maker, echo)).facts

    assert (facts.unlisted_models, facts.max_concurrency) == (False, 7)
