"""The real servers answer, each test finds them empty, and what is missing is said."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.services.postgres_server import PostgresServer
from tests.services.redis_server import RedisServer

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("run", [1, 2])
def test_postgres_is_empty(postgres_url: str, run: int) -> None:
    """No test finds tables of another."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE mine (run integer)")

    assert run


def test_postgres_comes_back(postgres: PostgresServer, postgres_url: str) -> None:
    """What was committed outlives an outage."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE kept (run integer)")

    postgres.stop(crash=True)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres_url, connect_timeout=2)
    postgres.start()

    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


@pytest.mark.parametrize("run", [1, 2])
def test_redis_is_empty(redis: RedisServer, redis_url: str, run: int) -> None:
    """No test finds another's keys."""
    assert str(redis.port) in redis_url
    assert redis.ask("DBSIZE") == ":0"
    assert redis.ask(f"SET mine {run}") == "+OK"


@pytest.mark.parametrize(("ci", "outcome"), [("false", "1 skipped"), ("true", "1 error")])
def test_missing_programs_are_told(tmp_path: Path, ci: str, outcome: str) -> None:
    """Without the programs tests are left out, and the end says which; in CI they fail."""
    (tmp_path / "test_one.py").write_text("def test_one(redis_url): ...\n")
    (tmp_path / "conftest.py").write_text(
        "from tests.conftest import _redis, pytest_terminal_summary, redis, redis_url\n"
        "from tests.services import redis_server\n"
        "redis_server.binary = lambda: None\n"
    )

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}", "CI": ci},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert outcome in run.stdout
    assert ("left out: tests that need Redis" in run.stdout) == (ci == "false")
