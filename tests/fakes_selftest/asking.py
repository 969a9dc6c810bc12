"""How do the tests of scripts ask? One request on a socket of its own, and a script in a line."""

from collections.abc import Mapping
from typing import Any

from tests.fakes_selftest.raw_client import CHAT, RawClient, post
from weir_server.fake_upstream.script import Script
from weir_server.fake_upstream.upstream import FakeUpstream


async def ask(
    upstream: FakeUpstream,
    body: Mapping[str, Any] | None = None,
    *,
    key: str = "k",
    path: str = "/v1/chat/completions",
) -> tuple[int, dict[str, str], bytes]:
    """Return status, header fields and the raw rest up to the close."""
    client = await RawClient.connect(upstream.port)
    headers = {"Authorization": f"Bearer {key}", "Connection": "close"}
    await client.send(post({**CHAT, **(body or {})}, path=path, headers=headers))
    status, fields = await client.read_head()
    rest = await client.read_to_end()
    await client.close()
    return status, fields, rest


async def statuses(upstream: FakeUpstream, count: int) -> list[int]:
    """Return the status of each of so many requests, one after the other."""
    return [(await ask(upstream))[0] for _ in range(count)]


def script(do: str, match: str = "{}") -> Script:
    """Return a script of one rule."""
    return Script.parse(f"- {{match: {match}, do: {do}}}")
