"""A provider comes in at run time where that is allowed, is renewed, and expires."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.service.asking import logged, refused
from tests.service.weir import ECHO, Weir, chat_request, serving
from tests.service.with_keys import serving_keyed
from weir.v1.model_service_pb2 import GetServerInfoRequest
from weir.v1.provider_service_pb2 import (
    InitializeRequest,
    ProviderConfig,
    ValidateConfigRequest,
)


def echo_config(model: str = "said") -> ProviderConfig:
    return ProviderConfig(provider_kind="echo", model=model)


def initialize(provider_id: str = "mine", **fields: object) -> InitializeRequest:
    fields.setdefault("config", echo_config())
    return InitializeRequest(provider_id=provider_id, **fields)  # type: ignore[arg-type]


async def test_on_loopback_a_provider_can_be_brought_in(weir: Weir) -> None:
    """The handle that comes back serves calls from then on, with its own default model."""
    reply = await weir.llm.Initialize(initialize())
    assert (reply.provider, reply.model) == ("providers/mine", "said")
    assert reply.capabilities.chat
    assert reply.capabilities.streaming
    answer = await weir.llm.Chat(chat_request("hello", provider=reply.provider))
    assert answer.message.parts[0].text == "hello"
    assert answer.metadata.provider == "providers/mine"
    assert answer.metadata.model == "said"
    info = await weir.models.GetServerInfo(GetServerInfoRequest())
    assert info.capabilities.initialize


async def test_the_same_again_renews(weir: Weir) -> None:
    """Idempotent: the same handle, and a later expiry."""
    first = await weir.llm.Initialize(initialize())
    second = await weir.llm.Initialize(initialize())
    assert second.provider == first.provider
    assert second.capabilities == first.capabilities
    assert second.expire_time.ToNanoseconds() >= first.expire_time.ToNanoseconds() > 0
    assert (await weir.llm.Chat(chat_request("still", provider="mine"))).message.parts


async def test_another_configuration_takes_the_place_of_the_first(weir: Weir) -> None:
    """Whoever initializes last is believed."""
    await weir.llm.Initialize(initialize())
    await weir.llm.Initialize(initialize(config=echo_config("other")))
    answer = await weir.llm.Chat(chat_request("hello", provider="providers/mine"))
    assert answer.metadata.model == "other"


async def test_validate_only_registers_nothing(weir: Weir) -> None:
    """The answer is as it would be, and the handle leads nowhere."""
    reply = await weir.llm.Initialize(initialize(validate_only=True))
    assert (reply.provider, reply.model) == ("providers/mine", "said")
    refusal = await refused(weir.llm.Chat(chat_request("hello", provider="providers/mine")))
    assert refusal.verdict == ("NOT_FOUND", "PROVIDER_NOT_FOUND")
    assert refusal.details["ResourceInfo"].resource_name == "providers/mine"


async def test_validate_only_finds_what_is_wrong(weir: Weir) -> None:
    """The same refusal as without it."""
    config = ProviderConfig(endpoint="https://10.0.0.1/v1", model="m")
    refusal = await refused(weir.llm.Initialize(initialize(config=config, validate_only=True)))
    assert refusal.verdict == ("INVALID_ARGUMENT", "CONFIG_INVALID")
    assert refusal.fields == ["config.endpoint"]


async def test_a_handle_expires_and_can_be_renewed() -> None:
    """FAILED_PRECONDITION, not NOT_FOUND: the caller knows what to do."""
    async with serving(server={"initialized_ttl_s": 1}) as weir:
        first = await weir.llm.Initialize(initialize())
        await weir.llm.Chat(chat_request("hello", provider="mine"))
        await asyncio.sleep(1.05)
        refusal = await refused(weir.llm.Chat(chat_request("hello", provider="mine")))
        renewed = await weir.llm.Initialize(initialize())
        await weir.llm.Chat(chat_request("hello", provider="mine"))
    assert refusal.verdict == ("FAILED_PRECONDITION", "PROVIDER_NOT_INITIALIZED")
    assert refusal.details["ErrorInfo"].metadata["provider"] == "providers/mine"
    lifetime_ns = renewed.expire_time.ToNanoseconds() - first.expire_time.ToNanoseconds()
    assert lifetime_ns > 1e9


async def test_an_id_of_the_configuration_is_taken(weir: Weir) -> None:
    """What the operator configured no caller replaces, not even to check."""
    for validate_only in (False, True):
        request = initialize("echo", validate_only=validate_only)
        refusal = await refused(weir.llm.Initialize(request))
        assert refusal.verdict == ("ALREADY_EXISTS", "RESOURCE_EXISTS")
        assert refusal.details["ErrorInfo"].metadata["provider"] == "providers/echo"


BAD = {
    "no configuration": (InitializeRequest(provider_id="mine"), "CONFIG_INVALID", "config"),
    "no id": (InitializeRequest(config=echo_config()), "INVALID_REQUEST", "provider_id"),
    "an id with capitals": (initialize("Mine"), "INVALID_REQUEST", "provider_id"),
    "an unknown kind": (
        initialize(config=ProviderConfig(provider_kind="nobody")),
        "CONFIG_INVALID",
        "config.provider_kind",
    ),
    "an endpoint that is none": (
        initialize(config=ProviderConfig(endpoint="not a URL")),
        "CONFIG_INVALID",
        "config.endpoint",
    ),
    "a key for what takes none": (
        initialize(config=ProviderConfig(provider_kind="echo", api_key="canary")),
        "CONFIG_INVALID",
        "config.api_key",
    ),
    "an address for what has none": (
        initialize(config=ProviderConfig(provider_kind="echo", endpoint="https://example.com")),
        "CONFIG_INVALID",
        "config.endpoint",
    ),
    "too many retries": (
        initialize(config=ProviderConfig(provider_kind="echo", max_retries=11)),
        "CONFIG_INVALID",
        "config.max_retries",
    ),
}


IGNORED: dict[str, Any] = {
    "api_key_secret_ref": "prod",
    "organization_id": "org-abc",
    "headers": {"x-team": "search"},
    "max_retries": 2,
}


@pytest.mark.parametrize("name", IGNORED)
async def test_what_an_echo_would_ignore_is_refused(weir: Weir, name: str) -> None:
    """A field without effect is named, whatever its value."""
    config = ProviderConfig(provider_kind="echo", **{name: IGNORED[name]})
    refusal = await refused(weir.llm.Initialize(initialize(config=config)))
    assert refusal.verdict == ("INVALID_ARGUMENT", "CONFIG_INVALID")
    assert refusal.fields == [f"config.{name}"]


async def test_callers_cannot_load_the_embedded_model(weir: Weir) -> None:
    """Each would be a process with its own weights; only the operator decides on those."""
    config = ProviderConfig(provider_kind="local", model="m")
    for validate_only in (False, True):
        request = initialize(config=config, validate_only=validate_only)
        refusal = await refused(weir.llm.Initialize(request))
        assert refusal.verdict == ("INVALID_ARGUMENT", "CONFIG_INVALID")
        assert refusal.fields == ["config.provider_kind"]
    checked = await weir.llm.ValidateConfig(ValidateConfigRequest(config=config, probe=True))
    assert [violation.field for violation in checked.violations] == ["config.provider_kind"]


async def test_there_are_so_many_providers_and_no_more() -> None:
    """RESOURCE_EXHAUSTED that names the setting; those that live can be renewed all the same."""
    async with serving(server={"max_initialized_providers": 2}) as weir:
        await weir.llm.Initialize(initialize("one"))
        await weir.llm.Initialize(initialize("two"))
        refusal = await refused(weir.llm.Initialize(initialize("three")))
        renewed = await weir.llm.Initialize(initialize("one"))
        gone = await refused(weir.llm.Chat(chat_request("hello", provider="three")))
    assert refusal.verdict == ("RESOURCE_EXHAUSTED", "CONCURRENCY_LIMITED")
    limit = refusal.details["ErrorInfo"].metadata["limit"]
    assert limit == "server.max_initialized_providers"
    assert renewed.provider == "providers/one"
    assert gone.reason == "PROVIDER_NOT_FOUND"


async def test_an_expired_provider_makes_room() -> None:
    """It is gone when another comes, and its callers still learn that it has expired."""
    limits = {"max_initialized_providers": 1, "initialized_ttl_s": 1}
    async with serving(server=limits) as weir:
        await weir.llm.Initialize(initialize("one"))
        await asyncio.sleep(1.05)
        await weir.llm.Initialize(initialize("two"))
        answer = await weir.llm.Chat(chat_request("hello", provider="two"))
        refusal = await refused(weir.llm.Chat(chat_request("hello", provider="one")))
    assert answer.message.parts[0].text == "hello"
    assert refusal.verdict == ("FAILED_PRECONDITION", "PROVIDER_NOT_INITIALIZED")


async def test_the_same_request_again_gets_the_same_answer(weir: Weir) -> None:
    """A repeated request changes nothing, not even what came in between."""
    first = await weir.llm.Initialize(initialize(request_id="r-1"))
    await weir.llm.Initialize(initialize(config=echo_config("newer")))
    again = await weir.llm.Initialize(initialize(request_id="r-1"))
    answer = await weir.llm.Chat(chat_request("hello", provider="mine"))
    assert again == first
    assert answer.metadata.model == "newer"


@pytest.mark.parametrize("validate_only", [False, True])
async def test_an_identity_of_a_request_is_used_once(weir: Weir, validate_only: bool) -> None:
    """Another id or configuration under the same `request_id` is a mistake, and is named."""
    await weir.llm.Initialize(initialize(request_id="r-1"))
    others = [
        initialize("other", request_id="r-1", validate_only=validate_only),
        initialize(config=echo_config("other"), request_id="r-1", validate_only=validate_only),
    ]
    for request in others:
        refusal = await refused(weir.llm.Initialize(request))
        assert refusal.verdict == ("INVALID_ARGUMENT", "INVALID_REQUEST")
        assert refusal.fields == ["request_id"]


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_one_is_refused_by_field(weir: Weir, case: str) -> None:
    """Nothing is registered, and the caller reads which field to mend."""
    request, reason, field = BAD[case]
    refusal = await refused(weir.llm.Initialize(request))
    assert refusal.verdict == ("INVALID_ARGUMENT", reason)
    assert refusal.fields == [field]
    gone = await refused(weir.llm.Chat(chat_request("hello", provider="providers/mine")))
    assert gone.reason == "PROVIDER_NOT_FOUND"


async def test_switched_off_there_is_no_such_method() -> None:
    """UNIMPLEMENTED with a reason, for both ways to bring an address in."""
    async with serving(server={"initialize": "off"}) as weir:
        first = await refused(weir.llm.Initialize(initialize()))
        second = await refused(
            weir.llm.ValidateConfig(ValidateConfigRequest(config=echo_config(), probe=True))
        )
        info = await weir.models.GetServerInfo(GetServerInfoRequest())
        answer = await weir.llm.Chat(chat_request("hello"))
        lines = await logged(weir, 4)
    assert first.verdict == second.verdict == ("UNIMPLEMENTED", "FEATURE_DISABLED")
    assert first.details["ErrorInfo"].metadata["feature"] == "initialize"
    assert not info.capabilities.initialize
    assert answer.message.parts
    assert [line["code"] for line in lines[:2]] == ["UNIMPLEMENTED", "UNIMPLEMENTED"]


async def test_off_loopback_it_is_off_unless_switched_on(tmp_path: Path) -> None:
    """An operator on another machine brings no address in by default."""
    off_loopback = {"server": {"listen": "0.0.0.0:0", "tls": "mesh"}}
    async with serving_keyed(tmp_path, {**ECHO, **off_loopback}) as keyed:
        call = keyed.weir.llm.Initialize(initialize(), metadata=keyed.operator)
        refusal = await refused(call)
    off_loopback["server"]["initialize"] = "on"
    async with serving_keyed(tmp_path, {**ECHO, **off_loopback}) as keyed:
        reply = await keyed.weir.llm.Initialize(initialize(), metadata=keyed.operator)
    assert refusal.reason == "FEATURE_DISABLED"
    assert reply.provider == "providers/mine"


async def test_many_at_once_leave_one(weir: Weir) -> None:
    """Concurrent registrations of one id end with one provider that serves."""
    replies = await asyncio.gather(
        *(weir.llm.Initialize(initialize(config=echo_config(f"m{n}"))) for n in range(20))
    )
    answer = await weir.llm.Chat(chat_request("hello", provider="mine"))
    assert {reply.provider for reply in replies} == {"providers/mine"}
    assert answer.metadata.model in {f"m{n}" for n in range(20)}
