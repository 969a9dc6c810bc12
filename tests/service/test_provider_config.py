"""Every field of ProviderConfig has its effect, seen by the provider it is meant for."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.service.asking import logged, refused
from tests.service.weir import ECHO, Weir, chat_request, hear, serving, stream_request
from weir.v1.error_pb2 import ErrorReason
from weir.v1.provider_service_pb2 import (
    InitializeRequest,
    InitializeResponse,
    ProviderConfig,
    ValidateConfigRequest,
)
from weir_server.fake_upstream.behaviour import Hang, Reply
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.upstream import FakeUpstream

KEY = "sk-canary-4f1d2e9a7b"
SECRET = "sk-canary-from-the-operator"
ADMITTED: dict[str, Any] = {
    **ECHO,
    "upstream": {
        "private_hosts": ["127.0.0.1"],
        "allow_insecure_http": True,
        "retry_base_s": 0.02,
        "retry_cap_s": 0.05,
    },
    "secrets": {"prod": SECRET},
}
"""Callers may bring in providers on this machine."""


@pytest.fixture
async def open_weir() -> AsyncIterator[Weir]:
    """A Weir that lets callers bring in providers on loopback."""
    async with serving(ADMITTED) as weir:
        yield weir


async def bring_in(weir: Weir, upstream: FakeUpstream, **fields: Any) -> InitializeResponse:
    fields.setdefault("model", "gpt-4o-mini")
    fields.setdefault("endpoint", upstream.url)
    return await weir.llm.Initialize(
        InitializeRequest(provider_id="mine", config=ProviderConfig(**fields))
    )


async def ask(weir: Weir, **options: Any) -> Any:
    return await weir.llm.Chat(chat_request("hello", provider="providers/mine"), **options)


async def test_api_key_is_the_bearer_and_nothing_else(
    open_weir: Weir, upstream: FakeUpstream
) -> None:
    """The provider gets it in its header alone; no reply, trailer or log line has it."""
    reply = await bring_in(open_weir, upstream, api_key=KEY)
    call = open_weir.llm.Chat(chat_request("hello", provider="providers/mine"))
    answer = await call
    seen = upstream.journal[0]
    upstream.script(FAULTS["bad_key"].behaviour, Reply(status=401, body=KEY.encode()))
    refusals = [await refused(ask(open_weir)) for _ in range(2)]
    await logged(open_weir, 4)
    assert seen.bearer == KEY
    assert KEY not in seen.target
    assert KEY.encode() not in seen.body
    assert [refusal.reason for refusal in refusals] == ["UPSTREAM_CREDENTIALS_REJECTED"] * 2
    told = [
        reply.SerializeToString(),
        answer.SerializeToString(),
        repr(await call.initial_metadata()).encode(),
        repr(await call.trailing_metadata()).encode(),
        repr(refusals).encode(),
        open_weir.log_bytes.getvalue(),
    ]
    assert not any(b"canary" in each for each in told)


async def test_without_a_key_there_is_no_credential(
    open_weir: Weir, upstream: FakeUpstream
) -> None:
    """A provider that needs none gets none."""
    await bring_in(open_weir, upstream)
    await ask(open_weir)
    assert "authorization" not in upstream.journal[0].headers


async def test_model_is_what_a_request_without_one_asks_for(
    open_weir: Weir, upstream: FakeUpstream
) -> None:
    """The default is the configuration's; a request may name another."""
    reply = await bring_in(open_weir, upstream, model="gpt-of-my-team")
    await ask(open_weir)
    await open_weir.llm.Chat(chat_request("hello", provider="mine", model="gpt-other"))
    assert reply.model == "gpt-of-my-team"
    assert [attempt.json["model"] for attempt in upstream.journal] == [
        "gpt-of-my-team",
        "gpt-other",
    ]


async def test_without_a_model_every_request_names_one(
    open_weir: Weir, upstream: FakeUpstream
) -> None:
    """INVALID_ARGUMENT that names the field."""
    await bring_in(open_weir, upstream, model="")
    refusal = await refused(ask(open_weir))
    assert refusal.verdict == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert refusal.fields == ["model"]


async def test_organization_id_is_a_header(open_weir: Weir, upstream: FakeUpstream) -> None:
    """The provider bills whom the caller names; unset, nothing is said."""
    await bring_in(open_weir, upstream, organization_id="org-abc")
    await ask(open_weir)
    await bring_in(open_weir, upstream)
    await ask(open_weir)
    named, unnamed = upstream.journal
    assert named.headers.get("openai-organization") == "org-abc"
    assert "openai-organization" not in unnamed.headers


async def test_endpoint_is_where_it_goes(open_weir: Weir, upstream: FakeUpstream) -> None:
    """Another address, another provider, below the path that the address has."""
    async with FakeUpstream() as other:
        await bring_in(open_weir, upstream)
        await ask(open_weir)
        await bring_in(open_weir, upstream, endpoint=f"{other.url}/")
        await ask(open_weir)
        assert [attempt.path for attempt in other.journal] == ["/v1/chat/completions"]
    assert [attempt.path for attempt in upstream.journal] == ["/v1/chat/completions"]


@pytest.mark.parametrize(
    "permitted",
    [{}, {"private_hosts": ["127.0.0.1"]}, {"allow_insecure_http": True}],
    ids=["neither private nor http", "private but no http", "http but not private"],
)
async def test_endpoint_stays_outside_without_permission(
    upstream: FakeUpstream, permitted: dict[str, Any]
) -> None:
    """A private address, or plain http, needs the operator's word; nothing is dialled."""
    async with serving({**ECHO, "upstream": permitted}) as weir:
        config = ProviderConfig(model="m", endpoint=upstream.url)
        request = InitializeRequest(provider_id="mine", config=config)
        refusal = await refused(weir.llm.Initialize(request))
        checked = await weir.llm.ValidateConfig(ValidateConfigRequest(config=config, probe=True))
    assert refusal.verdict == ("INVALID_ARGUMENT", "CONFIG_INVALID")
    assert refusal.fields == ["config.endpoint"]
    assert not checked.valid
    assert [violation.field for violation in checked.violations] == ["config.endpoint"]
    assert not upstream.journal.connections


@pytest.mark.parametrize("streaming", [True, False])
async def test_timeout_ends_an_attempt_while_the_caller_has_time(
    open_weir: Weir, upstream: FakeUpstream, streaming: bool
) -> None:
    """UPSTREAM_TIMEOUT after the one second, not DEADLINE_EXCEEDED after the ten."""
    upstream.script(Hang())
    await bring_in(open_weir, upstream, timeout=Duration(seconds=1), max_retries=0)
    begun_s = time.monotonic()
    if streaming:
        request = stream_request("hello", provider="providers/mine")
        heard = await hear(open_weir.llm.StreamChat(request, timeout=10))
        code, reason = heard.code.name, heard.failure.reason
    else:
        code, reason = (await refused(ask(open_weir, timeout=10))).verdict
    took_s = time.monotonic() - begun_s
    assert (code, reason) == ("UNAVAILABLE", "UPSTREAM_TIMEOUT")
    assert 0.9 <= took_s < 5.0
    await upstream.wait_closed(upstream.journal[0])


@pytest.mark.parametrize("streaming", [True, False])
async def test_timeout_in_the_middle_of_an_answer(
    open_weir: Weir, upstream: FakeUpstream, streaming: bool
) -> None:
    """A stream that said something is broken; an answer of which nothing came out is late."""
    upstream.script(FAULTS["stall" if streaming else "hang_in_body"].behaviour)
    await bring_in(open_weir, upstream, timeout=Duration(seconds=1))
    if streaming:
        request = stream_request("hello", provider="providers/mine")
        heard = await hear(open_weir.llm.StreamChat(request, timeout=10))
        assert heard.text
        assert heard.failure.info is not None
        assert heard.failure.info.metadata["cause"] == "timeout"
        verdict = (heard.code.name, heard.failure.reason)
        assert verdict == ("ABORTED", "UPSTREAM_STREAM_BROKEN")
    else:
        refusal = await refused(ask(open_weir, timeout=10))
        assert refusal.verdict == ("UNAVAILABLE", "UPSTREAM_TIMEOUT")


@pytest.mark.parametrize(("max_retries", "attempts"), [(0, 1), (1, 2), (None, 3), (9, 5)])
async def test_max_retries_is_how_often_a_refused_connection_is_tried_again(
    open_weir: Weir, upstream: FakeUpstream, max_retries: int | None, attempts: int
) -> None:
    """Once, and as often again as the configuration says; unset it says 2.

    After five failures in a row the provider is left alone, whatever it says.
    """
    fields = {} if max_retries is None else {"max_retries": max_retries}
    await bring_in(open_weir, upstream, **fields)
    async with upstream.refusing_connections():
        refusal = await refused(ask(open_weir))
    (line,) = [line for line in await logged(open_weir, 2) if line["method"] == "Chat"]
    assert refusal.verdict == ("UNAVAILABLE", "UPSTREAM_CONNECT_FAILED")
    assert refusal.details["ErrorInfo"].metadata["cause"] == "refused"
    assert len(refusal.details["FailureInfo"].attempts) == attempts
    assert refusal.trailers["weir-attempts"] == str(attempts)
    assert line["attempts"] == attempts


async def test_a_retry_reaches_a_provider_that_comes_back(
    open_weir: Weir, upstream: FakeUpstream
) -> None:
    """The repeated attempt is a real one: it is answered as soon as the port opens."""
    await bring_in(open_weir, upstream, max_retries=10)
    async with upstream.refusing_connections():
        asking = asyncio.ensure_future(ask(open_weir, timeout=10))
        await asyncio.sleep(0.05)
    answer = await asking
    reasons = [attempt.reason for attempt in answer.metadata.attempts]
    refused_reason = ErrorReason.ERROR_REASON_UPSTREAM_CONNECT_FAILED
    assert reasons[-1] == ErrorReason.ERROR_REASON_UNSPECIFIED
    assert set(reasons[:-1]) == {refused_reason}
    assert len(upstream.journal) == 1


async def test_headers_go_with_every_request(open_weir: Weir, upstream: FakeUpstream) -> None:
    """To the provider, as they are; those that carry a credential are refused by name."""
    await bring_in(open_weir, upstream, headers={"x-team": "search", "X-Cost-Centre": "7"})
    await ask(open_weir)
    with pytest.raises(grpc.aio.AioRpcError):
        await bring_in(open_weir, upstream, headers={"x-api-key": "canary"})
    config = ProviderConfig(
        endpoint=upstream.url, headers={"Authorization": "Bearer canary", "x-ok": "yes"}
    )
    refusal = await refused(
        open_weir.llm.Initialize(InitializeRequest(provider_id="mine", config=config))
    )
    headers = upstream.journal[0].headers
    assert (headers.get("x-team"), headers.get("x-cost-centre")) == ("search", "7")
    assert refusal.fields == ['config.headers["Authorization"]']
    assert "canary" not in repr(refusal)


async def test_api_key_secret_ref_names_a_secret_of_the_operator(
    open_weir: Weir, upstream: FakeUpstream
) -> None:
    """The key never passes the caller's hands; a name that there is not is refused."""
    await bring_in(open_weir, upstream, api_key_secret_ref="prod")
    await ask(open_weir)
    config = ProviderConfig(endpoint=upstream.url, api_key_secret_ref="nobody")
    refusal = await refused(
        open_weir.llm.Initialize(InitializeRequest(provider_id="mine", config=config))
    )
    await logged(open_weir, 3)
    assert upstream.journal[0].bearer == SECRET
    assert refusal.verdict == ("INVALID_ARGUMENT", "CONFIG_INVALID")
    assert refusal.fields == ["config.api_key_secret_ref"]
    assert SECRET.encode() not in open_weir.log_bytes.getvalue()
    assert SECRET not in repr(refusal)
