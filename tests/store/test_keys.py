"""Keys are kept as they are, found by a hash alone, and changed in one step, in both databases."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from weir_server.core.caller import RateQuota, Role
from weir_server.core.errors import KeyNotFound, LedgerUnavailable
from weir_server.core.keys import StoredKey
from weir_server.store.database import Database
from weir_server.store.keys import SqlKeys
from weir_server.store.migrate import migrate

NOW_NS = 1_800_000_000 * 10**9


def key(number: int, **fields: object) -> StoredKey:
    """A key like another one but for its number."""
    plain = StoredKey(
        name=f"keys/{number:012x}",
        tenant="search",
        digest=number.to_bytes(32),
        secret_prefix="weir_sk_abcd",
        created_ns=NOW_NS + number // 2,
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


@pytest.fixture(params=["sqlite", "postgresql"])
async def keys(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlKeys]:
    url = f"sqlite:///{tmp_path}/ledger.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    database = Database(url)
    migrate(database)
    keys = SqlKeys(database)
    yield keys
    keys.close()
    database.close()


async def test_a_key_is_kept_as_it_is(keys: SqlKeys) -> None:
    """Every field comes back, by its name, by its hash and by the hash before."""
    kept = key(
        1,
        display_name="search, 'production'; DROP TABLE keys --",
        role=Role.OPERATOR,
        models=("models/a", "models/b-*"),
        quota=RateQuota(requests_per_minute=1, tokens_per_minute=10**12, concurrent_calls=3),
        labels={"team": "x", "ü": "\U0001f30a"},
        expires_ns=NOW_NS + 5,
        revoked_ns=NOW_NS + 4,
        old_digest=b"o" * 32,
        old_until_ns=NOW_NS + 3,
    )
    await keys.add(kept)
    await keys.add(key(2))
    assert await keys.get(kept.name) == kept
    assert await keys.find(kept.digest) == await keys.find(b"o" * 32) == kept
    assert await keys.get(key(2).name) == key(2)


@pytest.mark.parametrize("shown", [b"", b"' OR '1'='1", b"\x00" * 32, (1).to_bytes(32)[:-1]])
async def test_another_hash_finds_nothing(keys: SqlKeys, shown: bytes) -> None:
    """Nothing near it, and no SQL."""
    await keys.add(key(1))
    assert await keys.find(shown) is None


async def test_pages_are_newest_first(keys: SqlKeys) -> None:
    """Each key is on one page, though keys of one moment stand at its end; by tenant if asked."""
    made = [key(number, tenant="a" if number % 3 else "b") for number in range(7)]
    for each in made:
        await keys.add(each)
    seen: list[StoredKey] = []
    after = None
    while page := await keys.page(tenant="", after=after, size=2):
        seen.extend(page)
        after = (page[-1].created_ns, page[-1].name)
    assert seen == made[::-1]
    of_b = await keys.page(tenant="b", after=None, size=9)
    assert of_b == [made[6], made[3], made[0]]
    assert await keys.page(tenant="' OR 1=1 --", after=None, size=9) == []


async def test_changes_do_not_overtake_each_other(keys: SqlKeys) -> None:
    """Each is made of what the one before it left."""
    await keys.add(key(1))

    def counted(kept: StoredKey) -> StoredKey:
        return replace(kept, labels={"n": str(int(kept.labels.get("n", "0")) + 1)})

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(keys.change(key(1).name, counted))
    assert (await keys.get(key(1).name)).labels == {"n": "8"}


async def test_what_a_change_raises_changes_nothing(keys: SqlKeys) -> None:
    """The key stays as it was; one that is not there is KEY_NOT_FOUND."""
    await keys.add(key(1))

    def refuse(_: StoredKey) -> StoredKey:
        raise ValueError

    with pytest.raises(ValueError):
        await keys.change(key(1).name, refuse)
    assert await keys.get(key(1).name) == key(1)
    for ask in (keys.get("keys/none"), keys.change("keys/none", refuse)):
        with pytest.raises(KeyNotFound) as missing:
            await ask
        assert missing.value.metadata == {"key": "keys/none"}


async def test_one_of_many_starts_has_its_operator(keys: SqlKeys) -> None:
    """However many servers start at once; and again when that key works no more."""
    operators = [key(number, role=Role.OPERATOR) for number in range(6)]
    assert not await keys.has_operator(NOW_NS)
    added = await asyncio.gather(
        *(keys.add_first_operator(operator, NOW_NS) for operator in operators)
    )
    assert sum(added) == 1
    first = operators[added.index(True)]
    assert await keys.has_operator(NOW_NS)
    await keys.change(first.name, lambda kept: replace(kept, revoked_ns=NOW_NS))
    await keys.add(key(8))
    await keys.add(key(9, role=Role.OPERATOR, expires_ns=NOW_NS))
    assert not await keys.has_operator(NOW_NS)
    assert await keys.add_first_operator(key(10, role=Role.OPERATOR), NOW_NS)


async def test_a_database_that_fails_says_nothing_of_what_was_asked(tmp_path: Path) -> None:
    """LEDGER_UNAVAILABLE; statements and values stay in the cause, which no log prints."""
    database = Database(f"sqlite:///{tmp_path}/ledger.db")
    migrate(database)
    with database.writing() as connection:
        connection.execute(text("DROP TABLE keys"))
    keys = SqlKeys(database)
    with pytest.raises(LedgerUnavailable) as failure:
        await keys.find(b"canary")
    keys.close()
    database.close()
    assert failure.value.metadata == {}
    assert "canary" not in str(failure.value)
