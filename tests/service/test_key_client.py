"""The Python client's calls about keys, against a real server."""

from pathlib import Path

import pytest

import weir as client_package
from tests.service.with_keys import serving_keyed
from weir.admin.v1.key_admin_service_pb2 import Key, KeyState


async def test_a_key_from_its_making_to_its_end(tmp_path: Path) -> None:
    """Each call sends its arguments and gives what the reply carries; lists go over pages."""
    async with (
        serving_keyed(tmp_path) as keyed,
        client_package.AsyncClient(
            keyed.weir.app.address, api_key=keyed.operator_secret
        ) as operator,
    ):
        made = await operator.keys.create(Key(tenant="search", display_name="old"))
        name = made.key.name
        changed = await operator.keys.update(Key(name=name, display_name="new"), ["display_name"])
        rotated = await operator.keys.rotate(name, overlap_s=30)
        for _ in range(101):
            await operator.keys.create(Key(tenant="many"))
        many = [key async for key in operator.keys.list("many")]
        async with client_package.AsyncClient(
            keyed.weir.app.address, api_key=rotated.secret
        ) as caller:
            reply = await caller.chat("hello")
            with pytest.raises(client_package.PermissionDeniedError):
                await caller.keys.get(name)
            revoked = await operator.keys.revoke(name)
            with pytest.raises(client_package.UnauthenticatedError) as ended:
                await caller.chat("hello")
        got = await operator.keys.get(name)
    assert (changed.display_name, got.display_name) == ("new", "new")
    assert rotated.secret != made.secret
    assert len({key.name for key in many}) == 101
    assert reply.message.parts[0].text == "hello"
    assert revoked == got
    assert got.state == KeyState.KEY_STATE_REVOKED
    assert ended.value.reason == "API_KEY_DISABLED"
