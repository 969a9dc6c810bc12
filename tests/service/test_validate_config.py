"""A configuration is tried out: a bad one is an answer that says what is wrong, not an error."""

from typing import Any

import pytest

from tests.service.asking import logged, refused
from tests.service.test_provider_config import ADMITTED, KEY
from tests.service.weir import chat_request, serving
from weir.v1.error_pb2 import ErrorReason
from weir.v1.provider_service_pb2 import (
    ProviderConfig,
    ValidateConfigRequest,
    ValidateConfigResponse,
)
from weir_server.fake_upstream.behaviour import Hang
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.misbehaviour import html_page
from weir_server.fake_upstream.upstream import FakeUpstream


@pytest.fixture
async def checked(upstream: FakeUpstream) -> Any:
    """Checks a configuration that leads to `upstream`."""
    async with serving(ADMITTED) as weir:

        async def check(*, probe: bool = False, **fields: Any) -> ValidateConfigResponse:
            given = {"endpoint": upstream.url, "api_key": KEY, **fields}
            config = ProviderConfig(**{name: value for name, value in given.items() if value})
            request = ValidateConfigRequest(config=config, probe=probe)
            return await weir.llm.ValidateConfig(request, timeout=5)

        yield check
        refusal = await refused(weir.llm.Chat(chat_request("hello", provider="providers/probe")))
        assert refusal.reason == "PROVIDER_NOT_FOUND", "what was tried out is not kept"
        await logged(weir, 2)
        assert b"canary" not in weir.log_bytes.getvalue()


async def test_a_good_one_is_valid_and_costs_nothing(checked: Any, upstream: FakeUpstream) -> None:
    """Without a probe the provider is not asked."""
    reply = await checked(model="gpt-4o-mini")
    assert reply.valid
    assert not reply.violations
    assert not reply.HasField("probe_error")
    assert not upstream.journal.connections


async def test_bad_fields_are_named(checked: Any, upstream: FakeUpstream) -> None:
    """All at once, with a rule and a sentence each, and no probe is made."""
    reply = await checked(
        probe=True, max_retries=99, headers={"cookie": "a=b"}, organization_id="two words"
    )
    assert not reply.valid
    assert sorted(violation.field for violation in reply.violations) == [
        'config.headers["cookie"]',
        "config.max_retries",
        "config.organization_id",
    ]
    assert all(violation.rule and violation.description for violation in reply.violations)
    assert not upstream.journal.connections


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"endpoint": "https://169.254.169.254/latest"}, "config.endpoint"),
        ({"endpoint": "http://[::1]:8000/v1"}, "config.endpoint"),
        ({"provider_kind": "nobody"}, "config.provider_kind"),
        ({"api_key": None, "api_key_secret_ref": "nobody"}, "config.api_key_secret_ref"),
        ({"api_key_secret_ref": "prod"}, "config.api_key_secret_ref"),
    ],
)
async def test_what_only_making_it_shows_is_named_too(
    checked: Any, fields: dict[str, Any], field: str
) -> None:
    """Addresses that lead inside, kinds and secrets that there are not, two keys."""
    reply = await checked(**fields)
    assert not reply.valid
    assert [violation.field for violation in reply.violations] == [field]


async def test_a_probe_lists_models_with_the_credential(
    checked: Any, upstream: FakeUpstream
) -> None:
    """One cheap request that costs no token."""
    reply = await checked(probe=True)
    assert reply.valid
    assert not reply.HasField("probe_error")
    (attempt,) = upstream.journal
    assert (attempt.method, attempt.path, attempt.bearer) == ("GET", "/v1/models", KEY)


async def test_a_probe_that_is_refused_says_why(checked: Any, upstream: FakeUpstream) -> None:
    """The provider's no becomes a reason of the contract; its text and the key stay away."""
    upstream.script(FAULTS["bad_key"].behaviour)
    reply = await checked(probe=True)
    assert not reply.valid
    assert not reply.violations
    refused_key = ErrorReason.ERROR_REASON_UPSTREAM_CREDENTIALS_REJECTED
    assert reply.probe_error.reason == refused_key
    assert reply.probe_error.message.endswith(".")
    assert b"canary" not in reply.SerializeToString()


async def test_a_probe_meets_a_page_for_people(checked: Any, upstream: FakeUpstream) -> None:
    """What answers is no API."""
    upstream.script(html_page())
    reply = await checked(probe=True)
    assert reply.probe_error.reason == ErrorReason.ERROR_REASON_UPSTREAM_PROTOCOL_ERROR
    assert b"canary" not in reply.SerializeToString()


async def test_a_probe_meets_nobody(checked: Any, upstream: FakeUpstream) -> None:
    """A port that refuses."""
    async with upstream.refusing_connections():
        reply = await checked(probe=True)
    assert not reply.valid
    assert reply.probe_error.reason == ErrorReason.ERROR_REASON_UPSTREAM_CONNECT_FAILED


async def test_a_probe_is_bounded_by_the_configuration_s_own_timeout(
    checked: Any, upstream: FakeUpstream
) -> None:
    """A provider that hangs is an answer too, while the caller has time left."""
    upstream.script(Hang())
    config: dict[str, Any] = {"timeout": {"seconds": 1}}
    reply = await checked(probe=True, **config)
    assert not reply.valid
    assert reply.probe_error.reason == ErrorReason.ERROR_REASON_UPSTREAM_TIMEOUT


async def test_the_echo_is_always_there(checked: Any, upstream: FakeUpstream) -> None:
    """A provider within Weir has nothing to reach."""
    reply = await checked(probe=True, provider_kind="echo", endpoint=None, api_key=None)
    assert reply.valid
    assert not upstream.journal.connections


@pytest.mark.parametrize("probe", [False, True])
async def test_nothing_to_check_is_not_valid(probe: bool) -> None:
    """A request that forgot its configuration is told so; nothing is asked of anyone."""
    async with serving(ADMITTED) as weir:
        reply = await weir.llm.ValidateConfig(ValidateConfigRequest(probe=probe))
    (violation,) = reply.violations
    assert not reply.valid
    assert (violation.field, violation.rule) == ("config", "REQUIRED")
    assert not reply.HasField("probe_error")
