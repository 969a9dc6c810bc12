"""The first operator's key is in a file of its owner's alone, whatever happens meanwhile."""

import asyncio
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.identity.memory_keys import MemoryKeys
from weir_server.core.caller import Role
from weir_server.identity.files import kept
from weir_server.identity.first_operator import Minted, mint
from weir_server.identity.ring import KeyRing
from weir_server.identity.secrets import SECRET_MARK, Hasher, new_secret, prefix_of

HASHER = Hasher(b"k" * 32)


@dataclass
class Machine:
    """One machine with a data directory of its own, over keys that others may share."""

    keys: MemoryKeys
    data_dir: Path
    clock: FakeClock

    async def start(self) -> Minted | None:
        ring = KeyRing(
            self.keys,
            HASHER,
            clock=self.clock,
            random_bytes=os.urandom,
            changed=lambda _: None,
        )
        return await mint(self.keys, ring, HASHER, data_dir=self.data_dir, clock=self.clock)

    @property
    def secret(self) -> str:
        return (self.data_dir / "operator.key").read_text().strip()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(MemoryKeys(), tmp_path, FakeClock())


async def test_the_first_start_makes_a_key(machine: Machine) -> None:
    """Its secret is in the file, which its owner alone can read, and works as an operator's."""
    minted = await machine.start()
    assert minted is not None
    assert stat.S_IMODE(minted.file.stat().st_mode) == 0o600
    key = await machine.keys.find(HASHER.digest(machine.secret))
    assert key is not None
    assert (key.name, key.role, key.tenant) == (minted.name, Role.OPERATOR, "operators")
    assert machine.secret not in repr(minted)
    assert [path.name for path in machine.data_dir.iterdir()] == ["operator.key"]


async def test_the_second_start_makes_none(machine: Machine) -> None:
    """Nor does it touch the file."""
    await machine.start()
    secret = machine.secret
    assert await machine.start() is None
    assert machine.secret == secret


async def test_a_start_that_died_is_finished(machine: Machine) -> None:
    """The secret of a file without its key becomes one."""
    secret = new_secret(os.urandom)
    (machine.data_dir / "operator.key").write_text(f"{secret}\n")
    assert await machine.start() is not None
    assert machine.secret == secret
    assert await machine.keys.find(HASHER.digest(secret)) is not None


async def test_where_no_operator_works_any_more_there_is_a_new_one(machine: Machine) -> None:
    """Whoever has the machine gets back in by a restart; the revoked secret stays revoked."""
    first = await machine.start()
    assert first is not None
    secret = machine.secret
    await machine.keys.change(first.name, lambda key: replace(key, revoked_ns=1))
    again = await machine.start()
    assert again is not None
    assert again.name != first.name
    assert machine.secret != secret
    assert stat.S_IMODE(again.file.stat().st_mode) == 0o600


async def test_processes_that_start_at_once_share_one(machine: Machine) -> None:
    """One makes it, and the file has the secret of that."""
    async with asyncio.TaskGroup() as group:
        starts = [group.create_task(machine.start()) for _ in range(8)]
    assert sum(start.result() is not None for start in starts) == 1
    assert await machine.keys.find(HASHER.digest(machine.secret)) is not None
    assert len(machine.keys.kept) == 1


async def test_a_machine_that_was_slower_keeps_no_useless_secret(
    machine: Machine, tmp_path: Path
) -> None:
    """Between its question and its key another machine has made one."""
    other = Machine(machine.keys, tmp_path / "other", machine.clock)
    other.data_dir.mkdir()
    asked = machine.keys.has_operator
    answers = iter([asked(0)])

    class Slower(MemoryKeys):
        async def has_operator(self, now_ns: int) -> bool:
            said = await next(answers)
            await other.start()
            return said

        async def add_first_operator(self, key: object, now_ns: int) -> bool:
            return False

    slower = Slower()
    assert await Machine(slower, tmp_path, machine.clock).start() is None
    assert not (tmp_path / "operator.key").exists()


def test_a_file_is_made_once(tmp_path: Path) -> None:
    """Who comes later gets what is there."""
    assert kept(tmp_path / "f", b"one") == kept(tmp_path / "f", b"two") == b"one"


def test_secrets_have_256_bits_of_their_source() -> None:
    """All of them, behind the mark, in letters that any header and shell carry."""
    asked: list[int] = []

    def random_bytes(size: int) -> bytes:
        asked.append(size)
        return bytes(range(size))

    secret = new_secret(random_bytes)
    assert asked == [32]
    assert secret.startswith(SECRET_MARK)
    assert len(secret) == len(SECRET_MARK) + 43
    assert secret.replace("_", "").replace("-", "").isalnum()
    assert prefix_of(secret) == secret[:12]
