"""Who calls is found out before a request is read, within its deadline, and stands in the log."""

import asyncio
import io
import json
from typing import Any

from google.protobuf.message import Message
from google.rpc import code_pb2

from tests.fuzz.fuzz_request_decoder import MemoryExchange
from tests.identity.memory_keys import MemoryKeys
from weir.v1.provider_service_pb2 import ChatRequest, ChatResponse
from weir_server.core.caller import Caller, Role
from weir_server.core.clock import SystemClock
from weir_server.core.keys import StoredKey
from weir_server.core.target import Operation
from weir_server.identity.resolving import KeyIdentity
from weir_server.identity.secrets import Hasher
from weir_server.settings.identity import IdentitySettings
from weir_server.telemetry.log import Log
from weir_server.transport.edge import Deadlines, Edge
from weir_server.transport.exchange import Finish, Metadata
from weir_server.transport.methods import Method, Rpc
from weir_server.transport.open_calls import OpenCalls

HASHER = Hasher(b"k" * 32)
KEY = StoredKey(
    name="keys/1", tenant="search", digest=HASHER.digest("s"), secret_prefix="", created_ns=0
)


class Showing(MemoryExchange):
    """A caller who shows the key's secret, and waits for so long."""

    def __init__(self, *, timeout_s: float | None = None, tenant: str = "") -> None:
        super().__init__()
        self._timeout_s = timeout_s
        self._tenant = tenant

    def metadata(self) -> Metadata:
        tenant = [("weir-tenant", self._tenant)] if self._tenant else []
        return [("authorization", "Bearer s"), *tenant]

    def time_remaining_s(self) -> float | None:
        return self._timeout_s


class Door:
    """An edge over keys in memory, and what got through it."""

    def __init__(self, *, role: Role = Role.CALLER) -> None:
        self.keys = MemoryKeys()
        self.keys.kept[KEY.name] = KEY
        self.callers: list[Caller] = []
        self._log_bytes = io.BytesIO()
        self._clock = SystemClock()
        settings = IdentitySettings()
        self._identity = KeyIdentity(self.keys, HASHER, settings, clock=self._clock, is_open=False)
        self._method = Method(
            service="s",
            name="Chat",
            decode=ChatRequest.FromString,
            operation=Operation.CHAT,
            role=role,
            unary=self._answer,
        )

    async def _answer(self, rpc: Rpc, request: Message) -> Message:
        self.callers.append(rpc.call.caller)
        return ChatResponse()

    async def serve(self, exchange: Showing) -> Finish:
        with Log(self._log_bytes) as log:
            edge = Edge(
                clock=self._clock,
                log=log,
                open_calls=OpenCalls(),
                deadlines=Deadlines(),
                identity=self._identity,
            )
            return await edge.serve(self._method, exchange, b"")

    @property
    def logged(self) -> dict[str, Any]:
        line: dict[str, Any] = json.loads(self._log_bytes.getvalue().splitlines()[-1])
        return line


async def test_looked_up_or_known_the_call_has_its_caller() -> None:
    """The first call waits for the lookup, the second does not; both are the same caller's."""
    door = Door()
    for _ in range(2):
        finish = await door.serve(Showing())
        assert finish.code == code_pb2.OK
        assert (door.logged["tenant"], door.logged["key"]) == ("search", "keys/1")
    assert door.callers[0] is door.callers[1]
    assert door.keys.lookups == 1


async def test_looked_up_or_known_the_policy_holds() -> None:
    """And the log has who was denied."""
    door = Door(role=Role.OPERATOR)
    for _ in range(2):
        finish = await door.serve(Showing())
        assert finish.code == code_pb2.PERMISSION_DENIED
        assert (door.logged["key"], door.logged["reason"]) == ("keys/1", "PERMISSION_DENIED")
    door = Door()
    for _ in range(2):
        finish = await door.serve(Showing(tenant="ads"))
        assert finish.code == code_pb2.PERMISSION_DENIED
    assert door.callers == []


async def test_a_lookup_ends_with_the_calls_deadline() -> None:
    """A database that hangs costs a call its own time and no more; nobody is let in meanwhile."""
    door = Door()
    door.keys.looking = asyncio.Event()
    finish = await door.serve(Showing(timeout_s=0.1))
    assert finish.code == code_pb2.DEADLINE_EXCEEDED
    assert door.callers == []
    assert "tenant" not in door.logged
