"""Azure OpenAI behind a whole Weir: which path, which header, whose token."""

import time
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.service.test_provider_config import ADMITTED
from tests.service.weir import (
    chat_request,
    failure_of_error,
    hear,
    serving,
    stream_request,
    upstream_tree,
)
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.provider_service_pb2 import ProviderConfig, ValidateConfigRequest
from weir_server.core.errors import ConfigInvalid
from weir_server.fake_upstream import openai_wire as w
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.fake_upstream.exchange import Ending
from weir_server.fake_upstream.faults import STREAM
from weir_server.fake_upstream.openai_more import embedding_vector
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.settings.load import SettingsInvalid, parse

VERSION = "2025-04-01-preview"
ANSWER = Reply(body=w.chat_completion("Hi"))
TOKEN = Reply(body={"token_type": "Bearer", "expires_in": 3599, "access_token": "ey.canary"})
ALLOWED_CANCEL_S = 0.5


def tree(upstream: FakeUpstream, **provider: Any) -> dict[str, Any]:
    """Return a configuration with one resource of Azure's."""
    return upstream_tree(upstream.origin, kind="azure-openai", **provider)


def keyless(upstream: FakeUpstream, login: FakeUpstream, **provider: Any) -> dict[str, Any]:
    """Return a configuration with an application in place of a key."""
    azure = {
        "tenant_id": "contoso.example",
        "client_id": "app",
        "client_secret": "s-canary",
        "login_endpoint": login.origin,
    }
    made = tree(upstream, azure=azure, **provider)
    del made["providers"][0]["api_key"]
    return made


async def test_a_deployment_with_a_key() -> None:
    """The key has a header of its own, and no other is sent; unary, streamed, and vectors."""
    vectors = {
        "data": [{"index": 0, "embedding": embedding_vector("a", 4)}],
        "model": "m",
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }
    async with (
        FakeUpstream(ANSWER, STREAM, Reply(body=vectors)) as upstream,
        serving(tree(upstream, api_version=VERSION)) as weir,
    ):
        reply = await weir.llm.Chat(chat_request("hello", model="m"))
        heard = await hear(weir.llm.StreamChat(stream_request("hello", model="m")))
        await weir.embeddings.Embed(EmbedRequest(inputs=[EmbedInput(text="a")], model="m"))

    assert reply.message.parts[0].text == "Hi"
    assert heard.code == grpc.StatusCode.OK
    assert [attempt.target for attempt in upstream.journal] == [
        f"/openai/deployments/vendor-m/chat/completions?api-version={VERSION}",
        f"/openai/deployments/vendor-m/chat/completions?api-version={VERSION}",
        f"/openai/deployments/vendor-m/embeddings?api-version={VERSION}",
    ]
    for attempt in upstream.journal:
        assert attempt.headers.get("api-key") == "sk-test-canary-key"
        assert attempt.headers.get("authorization") is None


async def test_the_v1_api_with_a_token() -> None:
    """The token is fetched once, for all calls, and goes out as a bearer's."""
    async with (
        FakeUpstream(TOKEN) as login,
        FakeUpstream(ANSWER) as upstream,
        serving(keyless(upstream, login)) as weir,
    ):
        for _ in range(2):
            await weir.llm.Chat(chat_request("hello", model="m"))

    assert [attempt.target for attempt in login.journal] == ["/contoso.example/oauth2/v2.0/token"]
    assert [attempt.target for attempt in upstream.journal] == ["/openai/v1/chat/completions"] * 2
    for attempt in upstream.journal:
        assert attempt.bearer == "ey.canary"
        assert attempt.headers.get("api-key") is None
        assert attempt.json["model"] == "vendor-m"


async def test_a_refused_application_is_a_refused_credential() -> None:
    """Azure itself is not asked, and the status tells no secret."""
    refusal = {"error": "invalid_client", "error_description": "AADSTS7000215: s-canary"}
    async with (
        FakeUpstream(Reply(status=401, body=refusal)) as login,
        FakeUpstream(ANSWER) as upstream,
        serving(keyless(upstream, login)) as weir,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await weir.llm.Chat(chat_request("hello", model="m"))

    failure = failure_of_error(refused.value)
    assert failure.reason == "UPSTREAM_CREDENTIALS_REJECTED"
    assert failure.info is not None
    assert failure.info.metadata["provider"] == "providers/fake"
    assert "canary" not in f"{refused.value.details()} {refused.value.trailing_metadata()}"
    assert len(upstream.journal) == 0


async def test_a_missing_deployment_has_its_reason() -> None:
    """As any provider's missing model."""
    error = {"error": {"code": "DeploymentNotFound", "message": "sk-canary"}}
    async with (
        FakeUpstream(Reply(status=404, body=error)) as upstream,
        serving(tree(upstream, api_version=VERSION)) as weir,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as missing:
            await weir.llm.Chat(chat_request("hello", model="m"))

    assert failure_of_error(missing.value).reason == "UPSTREAM_MODEL_NOT_FOUND"


@pytest.mark.parametrize(
    ("kind", "path", "header"),
    [
        ("azure-openai", "/openai/v1/models", ("api-key", "key-canary")),
        ("openai-responses", "/models", ("authorization", "Bearer key-canary")),
    ],
)
async def test_a_caller_may_bring_one_in_and_try_it_out(
    kind: str, path: str, header: tuple[str, str]
) -> None:
    """The probe lists models, with the key where it belongs."""
    async with FakeUpstream(Reply(body={"data": []})) as upstream, serving(ADMITTED) as weir:
        config = ProviderConfig(provider_kind=kind, endpoint=upstream.origin, api_key="key-canary")
        reply = await weir.llm.ValidateConfig(ValidateConfigRequest(config=config, probe=True))

    assert reply.valid
    assert not reply.HasField("probe_error")
    assert (upstream.journal[0].method, upstream.journal[0].target) == ("GET", path)
    assert upstream.journal[0].headers.get(header[0]) == header[1]


async def test_a_cancelled_stream_closes_the_upstream() -> None:
    """While Azure is silent in the middle of its answer."""
    begun = Sse(
        events=w.encode_events(w.ChatChunks().text(["Hello", " there"]), done=False)[:3],
        ending=Ending.STALL,
    )
    async with FakeUpstream(begun) as upstream, serving(tree(upstream)) as weir:
        call = weir.llm.StreamChat(stream_request("hello", model="m"))
        await call.read()
        cancelled_at = time.monotonic()
        call.cancel()
        closed_at = await upstream.wait_closed(upstream.journal[0])

    assert closed_at - cancelled_at < ALLOWED_CANCEL_S


_AZURE = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}


@pytest.mark.parametrize(
    ("provider", "named"),
    [
        ({"endpoint": None}, "endpoint"),
        ({"azure": _AZURE}, "azure"),
        ({"organization_id": "org-1"}, "organization_id"),
        ({"api_version": "2024 10"}, "api_version"),
        ({"azure": {**_AZURE, "tenant_id": "a/b"}}, "azure.tenant_id"),
        ({"azure": {**_AZURE, "login_endpoint": "ftp://x"}}, "azure.login_endpoint"),
    ],
)
async def test_what_does_not_fit_is_named(provider: dict[str, Any], named: str) -> None:
    """Before the port opens."""
    async with FakeUpstream(ANSWER) as upstream:
        with pytest.raises((SettingsInvalid, ConfigInvalid)) as invalid:
            async with serving(tree(upstream, **provider)):
                pass

    assert named in f"{invalid.value} {getattr(invalid.value, 'violations', '')}"


def test_other_kinds_have_no_version_and_no_application() -> None:
    """What they would ignore is refused."""
    provider = {"id": "p", "kind": "openai", "api_version": VERSION, "azure": _AZURE}

    with pytest.raises(SettingsInvalid, match="azure belongs to kind azure-openai") as invalid:
        parse({"providers": [provider]}, {})

    assert "api_version belongs to kind azure-openai" in str(invalid.value)


def test_an_applications_secret_is_one() -> None:
    """It is taken from the environment or a file, shown nowhere, and warned of when literal."""
    provider = {"id": "p", "kind": "azure-openai", "endpoint": "https://x.example"}
    secret = {**_AZURE, "client_secret": "${SECRET}"}

    loaded = parse({"providers": [{**provider, "azure": secret}]}, {"SECRET": "s-canary"})
    literal = parse({"providers": [{**provider, "azure": _AZURE}]}, {})

    azure = loaded.settings.providers[0].azure
    assert azure is not None
    assert azure.client_secret.get_secret_value() == "s-canary"
    assert "canary" not in repr(loaded)
    assert [each.where for each in literal.warnings] == ["providers[0].azure.client_secret"]
