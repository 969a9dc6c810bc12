"""How does an operator's program make, see and end keys? With `AsyncClient.keys`."""

from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from typing import Unpack

from google.protobuf.field_mask_pb2 import FieldMask

from weir._aio_link import AioLink
from weir._calls import CallOptions
from weir.admin.v1.key_admin_service_pb2 import (
    CreateKeyRequest,
    CreateKeyResponse,
    GetKeyRequest,
    Key,
    ListKeysRequest,
    RevokeKeyRequest,
    RotateKeyRequest,
    RotateKeyResponse,
    UpdateKeyRequest,
)


class AsyncKeys:
    """The keys of callers. Where they are switched off, every call raises UnsupportedError."""

    def __init__(self, link: AioLink) -> None:
        self._link = link

    async def create(self, key: Key, **call: Unpack[CallOptions]) -> CreateKeyResponse:
        """Makes a key; `secret` of the answer is told this once.

        key: what it may do. Its tenant is required; what Weir makes of a key is ignored.
        """
        return await self._link.unary(
            self._link.stubs.keys.CreateKey, CreateKeyRequest(key=key), call
        )

    async def get(self, name: str, **call: Unpack[CallOptions]) -> Key:
        """One key, such as "keys/4f1d8a". Raises NotFoundError."""
        reply = await self._link.unary(self._link.stubs.keys.GetKey, GetKeyRequest(name=name), call)
        return reply.key

    async def list(
        self, tenant: str = "", **call: Unpack[CallOptions]
    ) -> AsyncGenerator[Key, None]:
        """The keys, the newest first; more are fetched as they are asked for.

        tenant: only those of this one. Empty: all.
        """
        request = ListKeysRequest(tenant=tenant)
        while True:
            reply = await self._link.unary(self._link.stubs.keys.ListKeys, request, call)
            for key in reply.keys:
                yield key
            if not reply.next_page_token:
                return
            request.page_token = reply.next_page_token

    async def update(self, key: Key, fields: Sequence[str], **call: Unpack[CallOptions]) -> Key:
        """Changes what a key may do, and gives it as it is then.

        key: its name, and what is to hold. fields: which of display_name, models, limits, labels
        and expire_time to change; one that is not set in `key` is taken from it.
        """
        request = UpdateKeyRequest(key=key, update_mask=FieldMask(paths=fields))
        reply = await self._link.unary(self._link.stubs.keys.UpdateKey, request, call)
        return reply.key

    async def rotate(
        self, name: str, *, overlap_s: float = 0.0, **call: Unpack[CallOptions]
    ) -> RotateKeyResponse:
        """Gives a key another secret; `secret` of the answer is told this once.

        overlap_s: how long the old one still works, up to 30 days.
        """
        request = RotateKeyRequest(name=name)
        request.overlap.FromTimedelta(timedelta(seconds=overlap_s))
        return await self._link.unary(self._link.stubs.keys.RotateKey, request, call)

    async def revoke(self, name: str, **call: Unpack[CallOptions]) -> Key:
        """Ends a key for good: within five seconds no server takes it any more."""
        reply = await self._link.unary(
            self._link.stubs.keys.RevokeKey, RevokeKeyRequest(name=name), call
        )
        return reply.key
