"""Who may call which RPC? Every cell of the table, asked of a server that asks for keys."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import grpc
import grpc.aio
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2

from tests.service.asking import ask_raw, refused, stream_raw
from tests.service.test_health import health
from tests.service.weir import Weir, chat_request
from tests.service.with_keys import OPERATOR, Shown, serving_keyed, showing
from weir.admin.v1.key_admin_service_pb2 import RevokeKeyRequest
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.caller import Role
from weir_server.core.target import Operation
from weir_server.transport.methods import Method
from weir_server.transport.services.table import SERVICES

FOR_CALLERS = frozenset(
    {
        *("Complete", "StreamComplete", "Chat", "StreamChat", "Embed"),
        *("CountTokens", "ValidateTokenCount"),
        *("ListModels", "GetModel", "GetServerInfo", "GetResponseUsage"),
    }
)
FOR_OPERATORS = frozenset(
    {
        *("Initialize", "ValidateConfig"),
        *("ListTargets", "WatchTargets", "SetCircuitState", "ExplainRoute"),
        *("QueryUsage", "WatchUsage", "ListCalls"),
        *("SetBudget", "ListBudgets", "DeleteBudget", "WatchBudgets"),
        *("CreateKey", "GetKey", "ListKeys", "UpdateKey", "RotateKey", "RevokeKey"),
    }
)
NO_MESSAGE = b"\xff\xff"
INVALID, DISABLED = "API_KEY_INVALID", "API_KEY_DISABLED"


def methods() -> Iterator[MethodDescriptor]:
    """Every RPC of every service that is served, as its contract says."""
    for service in SERVICES:
        yield from descriptor_pool.Default().FindServiceByName(service).methods


def test_every_rpc_has_its_place() -> None:
    """A new one is added to one of the two lists above, by somebody who thought about it."""
    names = [method.name for method in methods()]
    assert sorted(names) == sorted(FOR_CALLERS | FOR_OPERATORS)


async def verdict(weir: Weir, method: MethodDescriptor, shown: Shown) -> str:
    """How a call is refused at the door, with the method that is named; `in`: it is not.

    Its bytes are no message, so that who is let in does nothing, and whoever is not learns no more
    from them than from any others.
    """
    path = f"/{method.containing_service.full_name}/{method.name}"
    if method.server_streaming:
        answer = stream_raw(weir, path, NO_MESSAGE, metadata=shown, timeout=10).read()
    else:
        answer = ask_raw(weir, path, NO_MESSAGE, metadata=shown, timeout=10)
    refusal = await refused(answer)
    if refusal.reason == "MALFORMED_REQUEST":
        return "in"
    if refusal.code == "PERMISSION_DENIED":
        assert refusal.reason == "PERMISSION_DENIED"
        return f"denied {refusal.details['ErrorInfo'].metadata['method']}"
    assert refusal.code == "UNAUTHENTICATED"
    return refusal.reason


def expected(who: str, method: str) -> str:
    """What the table says of one cell."""
    if who == "operator":
        return "in"
    if who == "caller":
        return "in" if method in FOR_CALLERS else f"denied {method}"
    return DISABLED if who == "revoked" else INVALID


async def test_every_role_meets_every_rpc(tmp_path: Path) -> None:
    """Callers ask models, operators do everything, and nobody else does anything.

    All of that is found out before a request is read.
    """
    async with serving_keyed(tmp_path, failures_per_minute=1000) as keyed:
        _, caller = await keyed.create()
        _, operator = await keyed.create(role=OPERATOR)
        gone, revoked = await keyed.create(role=OPERATOR)
        await keyed.keys.RevokeKey(RevokeKeyRequest(name=gone.name), metadata=keyed.operator)
        roles: Mapping[str, Shown] = {
            "operator": showing(operator),
            "caller": showing(caller),
            "revoked": showing(revoked),
            "wrong": showing(caller[:-1]),
            "scheme": (("authorization", f"Basic {caller}"),),
            "twice": (*showing(caller), *showing(operator)),
            "nobody": (),
        }
        cells = {
            (who, method.name): await verdict(keyed.weir, method, shown)
            for who, shown in roles.items()
            for method in methods()
        }
    assert cells == {(who, name): expected(who, name) for who, name in cells}
    assert len(cells) == len(roles) * len(FOR_CALLERS | FOR_OPERATORS)


@pytest.mark.parametrize("authority", ["localhost", "admin.internal", "x" * 200])
async def test_another_authority_is_the_same_door(tmp_path: Path, authority: str) -> None:
    """The policy is that of the handler, whatever host the caller says it calls."""
    async with (
        serving_keyed(tmp_path) as keyed,
        grpc.aio.insecure_channel(
            keyed.weir.app.address, options=[("grpc.default_authority", authority)]
        ) as channel,
    ):
        weir = Weir(app=keyed.weir.app, channel=channel, log_bytes=keyed.weir.log_bytes)
        refusal = await refused(weir.llm.Chat(chat_request("hello")))
        assert refusal.verdict == ("UNAUTHENTICATED", INVALID)


@pytest.mark.parametrize(
    "path",
    [
        "/weir.v1.LLMProviderService//Chat",
        "/weir.v1.LLMProviderService/Chat/",
        "/weir.v1.LLMProviderService/./Chat",
        "/weir.v1.llmproviderservice/chat",
        "weir.v1.LLMProviderService/Chat",
        "/weir.admin.v1.KeyAdminService/../../weir.v1.ModelService/ListModels",
    ],
)
async def test_another_spelling_is_no_method(tmp_path: Path, path: str) -> None:
    """There is no way around a policy but the one to UNIMPLEMENTED."""
    async with serving_keyed(tmp_path) as keyed:
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await ask_raw(keyed.weir, path, b"", metadata=keyed.operator)
    assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_health_asks_for_no_key(tmp_path: Path) -> None:
    """What balances the load has none, and learns nothing but that Weir serves."""
    async with serving_keyed(tmp_path) as keyed:
        reply = await health(keyed.weir).Check(health_pb2.HealthCheckRequest())
    assert reply.status == health_pb2.HealthCheckResponse.SERVING


def test_an_rpc_without_a_policy_cannot_be() -> None:
    """It cannot be left out, and nothing else counts as one: a server with it does not start."""
    row = {
        "service": "s",
        "name": "Chat",
        "decode": ChatRequest.FromString,
        "operation": Operation.CHAT,
    }
    with pytest.raises(TypeError):
        Method(**row)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no policy"):
        Method(**row, role=None)  # type: ignore[arg-type]
    assert Method(**row, role=Role.CALLER).role is Role.CALLER  # type: ignore[arg-type]
