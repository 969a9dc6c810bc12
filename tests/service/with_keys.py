"""A Weir that asks for keys, and what its callers show."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.service.weir import ECHO, Weir, serving
from weir.admin.v1.key_admin_service_pb2 import CreateKeyRequest, Key, KeyRole
from weir.admin.v1.key_admin_service_pb2_grpc import KeyAdminServiceStub

if TYPE_CHECKING:
    from weir.admin.v1.key_admin_service_pb2_grpc import KeyAdminServiceAsyncStub

Shown = tuple[tuple[str, str], ...]
CALLER = KeyRole.KEY_ROLE_CALLER
OPERATOR = KeyRole.KEY_ROLE_OPERATOR


def showing(secret: str, **said: str) -> Shown:
    """The metadata of who holds a secret, and says this."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in said.items())
    return (("authorization", f"Bearer {secret}"), *pairs)


@dataclass
class Keyed:
    """A running Weir and its operator."""

    weir: Weir
    data_dir: Path

    @property
    def operator(self) -> Shown:
        """What the first operator shows."""
        return showing(self.operator_secret)

    @property
    def operator_secret(self) -> str:
        return (self.data_dir / "operator.key").read_text().strip()

    @property
    def keys(self) -> "KeyAdminServiceAsyncStub":
        return KeyAdminServiceStub(self.weir.channel)

    async def create(self, tenant: str = "search", **fields: Any) -> tuple[Key, str]:
        """Make a key, as the operator; return it and its secret."""
        request = CreateKeyRequest(key=Key(tenant=tenant, **fields))
        made = await self.keys.CreateKey(request, metadata=self.operator)
        return made.key, made.secret


@asynccontextmanager
async def serving_keyed(
    data_dir: Path, tree: Mapping[str, Any] = ECHO, **identity: Any
) -> AsyncIterator[Keyed]:
    """Run a Weir that asks for keys, which it keeps in `data_dir`."""
    asking = {**tree, "identity": {"mode": "keys", **identity}}
    async with serving(asking, server={"data_dir": str(data_dir)}) as weir:
        yield Keyed(weir=weir, data_dir=data_dir)
