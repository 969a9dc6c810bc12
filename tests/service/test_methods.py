"""Every RPC of the contract is served, by stubs and by a tool that knows reflection only."""

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from tests.service.asking import ask_raw, refusal_of, stream_raw
from tests.service.weir import ECHO, Weir, serving
from tests.store.entries import budget, entry, hold
from weir.admin.v1 import admin_service_pb2, key_admin_service_pb2, usage_admin_service_pb2
from weir.admin.v1.usage_admin_service_pb2 import Budget as BudgetMessage
from weir.admin.v1.usage_admin_service_pb2 import BudgetPeriod, SetBudgetRequest
from weir.v1 import (
    embedding_service_pb2,
    model_service_pb2,
    provider_service_pb2,
    usage_service_pb2,
)
from weir_server.core.clock import SystemClock
from weir_server.core.keys import StoredKey
from weir_server.settings.ledger import LedgerSettings
from weir_server.store.books import opened
from weir_server.store.budgets import Budgets
from weir_server.store.database import Database
from weir_server.store.keys import SqlKeys
from weir_server.store.migrate import migrate
from weir_server.telemetry.log import Log

BUF = Path(sys.executable).parent / "buf"
FILES = (
    provider_service_pb2,
    embedding_service_pb2,
    model_service_pb2,
    admin_service_pb2,
    key_admin_service_pb2,
    usage_service_pb2,
    usage_admin_service_pb2,
)

CHAT = {"messages": [{"role": "ROLE_USER", "parts": [{"text": "one two"}]}]}
TARGET = "providers/echo/targets/echo"
KEY, REVOKED = "keys/000000000001", "keys/000000000002"
BUDGET, ENDED, TOLD = "budgets/b", "budgets/ended", "budgets/told"
CALLED = "resp_1"
CONFIG = {"providerKind": "echo", "model": "echo"}
REQUESTS: Mapping[str, Mapping[str, Any]] = {
    "Initialize": {"providerId": "mine", "config": CONFIG},
    "ValidateConfig": {"config": CONFIG, "probe": True},
    "Complete": {"prompt": "one two"},
    "StreamComplete": {"request": {"prompt": "one two"}},
    "Chat": CHAT,
    "StreamChat": {"request": CHAT},
    "CountTokens": {"text": "one two"},
    "ValidateTokenCount": {"text": "one two", "maxTokens": 1},
    "Embed": {"inputs": [{"text": "one"}]},
    "ListModels": {},
    "GetModel": {"name": "models/echo"},
    "GetServerInfo": {},
    "ListTargets": {},
    "WatchTargets": {"interval": "0.1s"},
    "SetCircuitState": {"name": TARGET, "circuit": "CIRCUIT_STATE_FORCED_CLOSED"},
    "ExplainRoute": {"request": CHAT},
    "CreateKey": {"key": {"tenant": "search"}},
    "GetKey": {"name": KEY},
    "ListKeys": {},
    "UpdateKey": {"key": {"name": KEY, "labels": {"a": "b"}}, "updateMask": "labels"},
    "RotateKey": {"name": KEY, "overlap": "60s"},
    "RevokeKey": {"name": REVOKED},
    "GetResponseUsage": {"responseId": CALLED},
    "QueryUsage": {"groupBy": ["USAGE_GROUP_TENANT"]},
    "WatchUsage": {"query": {"groupBy": ["USAGE_GROUP_TENANT"]}},
    "ListCalls": {"filter": {"tenant": "a"}},
    "SetBudget": {
        "budget": {"name": BUDGET, "tenant": "a", "period": "BUDGET_PERIOD_DAY", "limitNanos": "5"}
    },
    "ListBudgets": {},
    "DeleteBudget": {"name": ENDED},
    "WatchBudgets": {"startTime": "2026-01-01T00:00:00Z"},
}
SAID: Mapping[str, str] = {
    "Initialize": '"provider": "providers/mine"',
    "ValidateConfig": '"valid": true',
    "Complete": '"text": "one two"',
    "StreamComplete": '"finishReason": "FINISH_REASON_STOP"',
    "Chat": '"text": "one two"',
    "StreamChat": '"finishReason": "FINISH_REASON_STOP"',
    "CountTokens": '"tokens": "2"',
    "ValidateTokenCount": '"excessTokens": "1"',
    "Embed": '"dimensions": 16',
    "ListModels": '"name": "models/echo"',
    "GetModel": '"name": "models/echo"',
    "GetServerInfo": '"serverVersion"',
    "ListTargets": f'"name": "{TARGET}"',
    "WatchTargets": f'"name": "{TARGET}"',
    "SetCircuitState": '"circuit": "CIRCUIT_STATE_FORCED_CLOSED"',
    "ExplainRoute": f'"target": "{TARGET}"',
    "CreateKey": '"secret": "weir_sk_',
    "GetKey": f'"name": "{KEY}"',
    "ListKeys": f'"name": "{KEY}"',
    "UpdateKey": '"labels": {',
    "RotateKey": '"secret": "weir_sk_',
    "RevokeKey": '"state": "KEY_STATE_REVOKED"',
    "GetResponseUsage": f'"responseId": "{CALLED}"',
    "QueryUsage": '"calls": "1"',
    "WatchUsage": '"calls": "1"',
    "ListCalls": f'"responseId": "{CALLED}"',
    "SetBudget": '"limitNanos": "5"',
    "ListBudgets": f'"name": "{BUDGET}"',
    "DeleteBudget": "{",
    "WatchBudgets": '"share": 0.5',
}
"""A piece of each answer as JSON, by which it shows that the right servicer gave it."""


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The echo, with books in which two keys are kept."""
    folder = tmp_path_factory.mktemp("books")
    database = Database(f"sqlite:///{folder}/ledger.db")
    migrate(database)
    keys = SqlKeys(database)
    for name in (KEY, REVOKED):
        kept = StoredKey(
            name=name, tenant="a", digest=name.encode(), secret_prefix="weir_sk_", created_ns=1
        )
        asyncio.run(keys.add(kept))
    keys.close()
    budgets = Budgets(database)
    for name in (BUDGET, TOLD):
        budgets.set(budget(name, limit=1, hard=False, subject="a"))
    database.close()
    asyncio.run(_book_a_call(folder))
    return {**ECHO, "server": {"data_dir": str(folder)}, "ledger": {"enabled": True}}


async def _book_a_call(folder: Path) -> None:
    """Book a call that reaches the limits of its tenant's budgets."""
    with Log(io.BytesIO()) as log:
        async with opened(LedgerSettings(), folder, clock=SystemClock(), log=log) as books:
            held = hold(budgets=(BUDGET, TOLD), response_id=CALLED, tenant="a")
            await books.ledger.settle(entry(held, 7))


@pytest.fixture
async def weir(books: Mapping[str, Any]) -> AsyncIterator[Weir]:
    """A Weir with everything that it can have."""
    async with serving(books) as running:
        await _make_what_is_deleted(running)
        yield running


async def _make_what_is_deleted(weir: Weir) -> None:
    made = BudgetMessage(name=ENDED, tenant="b", period=BudgetPeriod.BUDGET_PERIOD_DAY)
    await weir.usage_admin.SetBudget(SetBudgetRequest(budget=made))


def methods() -> list[MethodDescriptor]:
    """Every method of every service in the contract's packages."""
    services = [service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()]
    return [method for service in services for method in service.methods]


WATCHES = frozenset({"WatchTargets", "WatchUsage", "WatchBudgets"})
"""Streams that do not end by themselves: their first message is the answer."""


def path_of(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def test_the_table_of_requests_is_whole() -> None:
    """A new RPC needs a request here, and then a servicer."""
    names = [method.name for method in methods()]
    assert sorted(names) == sorted(REQUESTS) == sorted(SAID)


def test_no_service_of_the_package_is_forgotten() -> None:
    """A new file with a service has to be added above."""
    proto = Path(__file__).parents[2] / "proto"
    pool = descriptor_pool.Default()
    known = {service for file in FILES for service in file.DESCRIPTOR.services_by_name}
    for source in proto.rglob("*.proto"):
        declared = pool.FindFileByName(source.relative_to(proto).as_posix())
        assert set(declared.services_by_name) <= known


@pytest.mark.parametrize("method", methods(), ids=lambda method: method.name)
async def test_every_method_is_served(weir: Weir, method: MethodDescriptor) -> None:
    """It answers a good request with what its contract says, and nothing says UNIMPLEMENTED."""
    request = json_format.ParseDict(dict(REQUESTS[method.name]), _new(method.input_type))
    payload = request.SerializeToString()
    if method.server_streaming:
        replies = await _streamed(weir, method, payload)
    else:
        replies = [await ask_raw(weir, path_of(method), payload, timeout=10)]
    texts = [
        json_format.MessageToJson(_new(method.output_type, reply), indent=None) for reply in replies
    ]
    assert any(SAID[method.name] in text for text in texts)


QUIET = "WatchBudgets"
"""A stream whose first message may be long in coming."""


@pytest.mark.parametrize(
    "method",
    [method for method in methods() if method.name != QUIET],
    ids=lambda method: method.name,
)
async def test_every_method_answers_the_empty_message(weir: Weir, method: MethodDescriptor) -> None:
    """Nothing at all is lawful bytes: an answer, or INVALID_ARGUMENT that names a field."""
    try:
        if method.server_streaming:
            await _streamed(weir, method, b"")
        else:
            await ask_raw(weir, path_of(method), b"", timeout=10)
    except grpc.aio.AioRpcError as error:
        refusal = refusal_of(error)
        assert refusal.code == "INVALID_ARGUMENT"
        assert refusal.reason in {"INVALID_REQUEST", "CONFIG_INVALID"}
        assert refusal.fields
    else:
        assert method.name in {"ListModels", "GetServerInfo", "ValidateConfig"} | LISTS


async def test_a_watch_without_news_is_quiet(weir: Weir) -> None:
    """The empty message asks for what happens from now on, and so far nothing does."""
    (watch,) = [method for method in methods() if method.name == QUIET]
    call = stream_raw(weir, path_of(watch), b"", timeout=0.5)
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await call.read()
    assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


LISTS = frozenset(
    {
        *("ListTargets", "WatchTargets", "ListKeys", "ListCalls", "ListBudgets"),
        *("QueryUsage", "WatchUsage"),
    }
)


async def _streamed(weir: Weir, method: MethodDescriptor, payload: bytes) -> list[bytes]:
    call = stream_raw(weir, path_of(method), payload, timeout=10)
    if method.name not in WATCHES:
        return [message async for message in call]
    first: bytes = await call.read()
    call.cancel()
    return [first]


def _new(descriptor: Any, data: bytes = b"") -> Message:
    made: Message = message_factory.GetMessageClass(descriptor).FromString(data)
    return made


async def test_buf_calls_every_method_by_reflection_alone(books: Mapping[str, Any]) -> None:
    """A tool without the contract's files gets the schema from the server and calls each RPC."""
    two_at_once = asyncio.Semaphore(2)
    async with serving(books) as weir:
        await _make_what_is_deleted(weir)

        async def call(method: MethodDescriptor) -> tuple[int | None, str, str]:
            async with two_at_once:
                return await _curl(weir.app.address, method)

        answers = await asyncio.gather(*map(call, methods()))
    for method, (code, output, errors) in zip(methods(), answers):
        assert code == 0 or method.name in WATCHES, errors
        assert SAID[method.name].replace(" ", "") in output.replace(" ", ""), method.name


async def _curl(address: str, method: MethodDescriptor) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(str(BUF), "curl", "--protocol", "grpc", "--http2-prior-knowledge"),
        *("--data", json.dumps(REQUESTS[method.name]), f"http://{address}{path_of(method)}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output = b""
    if method.name in WATCHES:
        assert process.stdout is not None
        wanted = SAID[method.name].replace(" ", "").encode()
        async with asyncio.timeout(20):
            while wanted not in output.replace(b" ", b""):
                read = await process.stdout.read(4096)
                assert read, output
                output += read
        process.terminate()
    rest, errors = await process.communicate()
    return process.returncode, (output + rest).decode(), errors.decode()


async def test_without_reflection_there_is_no_schema() -> None:
    """An operator switches it off; the services themselves stay."""
    async with serving(server={"reflection": "off"}) as weir:
        (info,) = [method for method in methods() if method.name == "GetServerInfo"]
        code, _, errors = await _curl(weir.app.address, info)
        reply = await ask_raw(weir, path_of(info), b"")
    assert code != 0
    assert "in schema" in errors
    assert reply
