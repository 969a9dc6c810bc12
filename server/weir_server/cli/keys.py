"""What keys are there, and how does an operator make, change and end one?"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from weir.admin.v1.key_admin_service_pb2 import (
    CreateKeyResponse,
    Key,
    KeyRole,
    RateLimits,
    RotateKeyResponse,
)
from weir_server.cli.answer import as_json_line
from weir_server.cli.calling import client_of
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.key_table import details, table
from weir_server.cli.options import Server
from weir_server.cli.spans import seconds_of
from weir_server.cli.target_table import FRAME_MIN_WIDTH
from weir_server.cli.terminal import Terminal

ONCE = "This is the only time that it is shown: keep it now."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a new key is to be."""

    tenant: str
    display_name: str = ""
    operator: bool = False
    models: Sequence[str] = ()
    labels: Sequence[str] = ()
    """Each `name=value`."""
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_calls: int | None = None
    expires_in: str = ""
    """Such as `90d`; empty: never."""


def create(server: Server, wanted: Wanted, *, as_json: bool) -> ExitCode:
    """Make a key, and print its secret alone, so that a script can keep it."""
    made = asyncio.run(_create(server, _key(wanted, now_s=time.time())))
    return _tell_secret(made.key, made.secret, as_json_line(made) if as_json else "")


def show_all(server: Server, tenant: str, *, as_json: bool) -> ExitCode:
    """Print the keys as a table, or as JSON, one a line."""
    terminal = Terminal()
    keys = asyncio.run(_list(server, tenant))
    if as_json:
        for key in keys:
            terminal.line(as_json_line(key))
    elif keys:
        framed = terminal.out.is_terminal and terminal.out.width >= FRAME_MIN_WIDTH
        terminal.out.print(table(keys, now_s=time.time(), framed=framed))
    else:
        terminal.say("There are none. `weir keys create --tenant NAME` makes one.")
    return ExitCode.OK


def show(server: Server, name: str, *, as_json: bool) -> ExitCode:
    """Print one key."""
    return _tell(asyncio.run(_get(server, resource_name(name))), as_json=as_json)


def rotate(server: Server, name: str, overlap: str, *, as_json: bool) -> ExitCode:
    """Give a key another secret, and print that alone."""
    overlap_s = seconds_of("--overlap", overlap) if overlap else 0
    rotated = asyncio.run(_rotate(server, resource_name(name), overlap_s))
    return _tell_secret(rotated.key, rotated.secret, as_json_line(rotated) if as_json else "")


def revoke(server: Server, name: str, *, as_json: bool) -> ExitCode:
    """End a key for good, and print it as it is then."""
    return _tell(asyncio.run(_revoke(server, resource_name(name))), as_json=as_json)


def resource_name(given: str) -> str:
    """Return the resource name of a key that a person names with or without `keys/`."""
    return given if given.startswith("keys/") else f"keys/{given}"


def _key(wanted: Wanted, *, now_s: float) -> Key:
    """Return the key that is wanted. Raises CommandError."""
    labels = {}
    for label in wanted.labels:
        name, equals, value = label.partition("=")
        if not name or not equals:
            raise CommandError("--label is name=value, such as team=search.", ExitCode.USAGE)
        labels[name] = value
    key = Key(
        tenant=wanted.tenant,
        display_name=wanted.display_name,
        role=KeyRole.KEY_ROLE_OPERATOR if wanted.operator else KeyRole.KEY_ROLE_CALLER,
        models=[
            model if model.startswith("models/") else f"models/{model}" for model in wanted.models
        ],
        labels=labels,
    )
    limits = RateLimits(
        requests_per_minute=wanted.requests_per_minute,
        tokens_per_minute=wanted.tokens_per_minute,
        concurrent_calls=wanted.concurrent_calls,
    )
    if limits.ByteSize():
        key.limits.CopyFrom(limits)
    if wanted.expires_in:
        lives_s = seconds_of("--expires-in", wanted.expires_in)
        key.expire_time.FromSeconds(int(now_s) + lives_s)
    return key


def _tell_secret(key: Key, secret: str, json_line: str) -> ExitCode:
    """Print a secret alone on standard output, and whose it is beside it."""
    terminal = Terminal()
    terminal.line(json_line or secret)
    whose = f"{key.display_name} " if key.display_name else ""
    terminal.say(f"{whose}{key.name} of tenant {key.tenant}. {ONCE}")
    return ExitCode.OK


def _tell(key: Key, *, as_json: bool) -> ExitCode:
    terminal = Terminal()
    if as_json:
        terminal.line(as_json_line(key))
    else:
        terminal.out.print(details(key, now_s=time.time()))
    return ExitCode.OK


async def _create(server: Server, key: Key) -> CreateKeyResponse:
    async with client_of(server) as client:
        return await client.keys.create(key, timeout_s=server.deadline_s)


async def _list(server: Server, tenant: str) -> Sequence[Key]:
    async with client_of(server) as client:
        return [key async for key in client.keys.list(tenant, timeout_s=server.deadline_s)]


async def _get(server: Server, name: str) -> Key:
    async with client_of(server) as client:
        return await client.keys.get(name, timeout_s=server.deadline_s)


async def _rotate(server: Server, name: str, overlap_s: float) -> RotateKeyResponse:
    async with client_of(server) as client:
        return await client.keys.rotate(name, overlap_s=overlap_s, timeout_s=server.deadline_s)


async def _revoke(server: Server, name: str) -> Key:
    async with client_of(server) as client:
        return await client.keys.revoke(name, timeout_s=server.deadline_s)
