"""What holds while workers come and go: the port, the pauses, and a clear word when none starts."""

import asyncio
import errno
import io
import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command import ECHO_CONFIG, WEIR, environment_of, run_weir
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.pauses import FIRST_S, LONGEST_S, YOUNG_S, Pauses
from weir_server.cli.reservation import reserved
from weir_server.cli.supervisor import Supervisor
from weir_server.cli.worker import Order
from weir_server.core.clock import SystemClock
from weir_server.settings.load import parse
from weir_server.telemetry.log import Log


def test_pauses_grow_with_each_short_life() -> None:
    """None after the first death, then twice as long each time, up to a bound."""
    pauses = Pauses()

    waits = [pauses.after(0.1) for _ in range(1000)]

    assert waits[:4] == [0.0, FIRST_S, FIRST_S * 2, FIRST_S * 4]
    assert waits[-1] == LONGEST_S


def test_a_long_life_is_a_new_beginning() -> None:
    """Who lived for long is started again at once, and so is the next that dies young."""
    pauses = Pauses()
    for _ in range(5):
        pauses.after(0.1)

    assert [pauses.after(lived_s) for lived_s in (YOUNG_S, 0.1, 0.1)] == [0.0, 0.0, FIRST_S]


def listening(host: str, port: int, *, shared: bool) -> socket.socket:
    """A socket as a worker's, or as another program's."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
    try:
        one.bind((host, port))
        one.listen()
    except OSError:
        one.close()
        raise
    return one


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_reserved_port_is_the_workers_alone(host: str) -> None:
    """Workers may listen on it; a program that does not share, and another supervisor, may not."""
    with reserved(f"{host}:0") as address:
        port = int(address.rpartition(":")[2])
        with pytest.raises(OSError) as other, listening("127.0.0.1", port, shared=False):
            pass
        with pytest.raises(CommandError) as second, reserved(address):
            pass
        with (
            listening("127.0.0.1", port, shared=True),
            listening("127.0.0.1", port, shared=True) as worker,
            socket.create_connection(("127.0.0.1", port)),
        ):
            assert worker.getsockname()[1] == port
            with pytest.raises(CommandError) as third, reserved(address):
                pass

    assert address.startswith(f"{host}:")
    assert port > 0
    assert other.value.errno == errno.EADDRINUSE
    for refused in (second.value, third.value):
        assert refused.code is ExitCode.CANNOT_LISTEN
        assert "--listen" in str(refused)


def test_a_reserved_port_takes_no_connection() -> None:
    """While no worker listens a caller is refused at once; nobody waits in a queue of nobody's."""
    with reserved("127.0.0.1:0") as address, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_cannot_be_reserved(host: str) -> None:
    """It is told as a port that is taken would be, with the way out."""
    with pytest.raises(CommandError) as failed, reserved(f"{host}:0"):
        pass

    assert failed.value.code is ExitCode.CANNOT_LISTEN
    assert f"cannot listen on {host}:0" in str(failed.value)


async def test_workers_that_cannot_start_end_the_server() -> None:
    """Told once, with the worker's own exit code; nobody is told an address."""
    announced = []

    async def order_of(number: int, *, again: bool) -> bytes:
        return b'{"no": "order"}\n'

    with Log(io.BytesIO()) as log:
        supervisor = Supervisor(
            count=2,
            order_of=order_of,
            announce=lambda: announced.append("told"),
            grace_s=1.0,
            log=log,
            clock=SystemClock(),
        )
        with pytest.raises(CommandError) as failed:
            async with asyncio.timeout(50):
                await supervisor.run()

    assert failed.value.code is ExitCode.USAGE
    assert "Worker 1 could not start" in str(failed.value)
    assert announced == []


def _no_order(number: int, tree: dict[str, object]) -> bytes:
    raise TypeError(f"no words for worker {number}")


def _wrong_order(number: int, tree: dict[str, object]) -> bytes:
    return _order(number, tree) if number == 1 else b'{"no": "order"}\n'


def _order_for_the_first(number: int, tree: dict[str, object]) -> bytes:
    return _order(number, tree) if number == 1 else _no_order(number, tree)


def _order(number: int, tree: dict[str, object]) -> bytes:
    return Order(number=number, settings=parse(tree, {}).settings).encode()


@pytest.mark.parametrize(
    ("order", "failure", "events"),
    [
        (_no_order, TypeError, ["workers_not_started"]),
        (_order_for_the_first, TypeError, ["workers_not_started"]),
        (_wrong_order, CommandError, ["worker_started", "worker_died"]),
    ],
    ids=["none gets an order", "the last gets no order", "the last ends"],
)
async def test_where_not_all_start_nobody_is_told_an_address(
    tmp_path: Path,
    order: Callable[[int, dict[str, object]], bytes],
    failure: type[Exception],
    events: list[str],
) -> None:
    """Whatever keeps a worker from starting, and whichever it is, is what the server ends with."""
    announced = []
    tree = {**ECHO_CONFIG, "server": {"listen": "127.0.0.1:0", "data_dir": str(tmp_path)}}

    async def order_of(number: int, *, again: bool) -> bytes:
        return order(number, tree)

    written = io.BytesIO()
    with Log(written) as log:
        supervisor = Supervisor(
            count=2,
            order_of=order_of,
            announce=lambda: announced.append("told"),
            grace_s=1.0,
            log=log,
            clock=SystemClock(),
        )
        with pytest.raises(failure, match=r"no words for worker|Worker 2 could not start"):
            async with asyncio.timeout(50):
                await supervisor.run()

    assert announced == []
    assert [json.loads(line)["event"] for line in written.getvalue().splitlines()] == events


def test_a_server_whose_workers_cannot_start_tells_no_address(tmp_path: Path) -> None:
    """No banner, and no file for who waits for it; why stands on standard error."""
    config, ready, no_folder = (tmp_path / name for name in ("weir.yaml", "ready", "file"))
    no_folder.touch()
    tree = {**ECHO_CONFIG, "server": {"listen": "127.0.0.1:0", "data_dir": str(no_folder)}}
    config.write_text(json.dumps(tree))

    done = run_weir("serve", f"--config={config}", "--workers=2", f"--ready-file={ready}")

    assert done.code != 0
    assert done.out == ""
    assert not ready.exists()
    assert "Worker 1 could not start" in done.err


@pytest.mark.parametrize(
    ("server", "where", "fix"),
    [
        ({"listen": "unix:/tmp/w"}, "server.workers", "set it to 1, or listen on host:port"),
        ({"initialize": "on"}, "server.initialize", "set server.workers to 1"),
    ],
)
def test_what_workers_cannot_share_is_refused(
    tmp_path_factory: pytest.TempPathFactory, server: dict[str, str], where: str, fix: str
) -> None:
    """The key is named with a way out; with one worker the same is fine."""
    config = tmp_path_factory.mktemp("config") / "weir.yaml"
    config.write_text(json.dumps({"server": {**server, "workers": 2}}))
    refused = run_weir("serve", "--config", str(config))
    config.write_text(json.dumps({"server": {**server, "workers": 1}}))
    fine = run_weir("check", "--config", str(config))

    assert refused.code == 3
    assert f"{where}: " in refused.err
    assert fix in refused.err
    assert fine.code == 0


def test_check_tells_what_workers_do_not_share(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Before anything is started one can read what is then each process's own, and the cost."""
    config = tmp_path_factory.mktemp("config") / "weir.yaml"
    tree = {"server": {"workers": 3}, "providers": [{"id": "local", "kind": "local"}]}
    config.write_text(json.dumps(tree))

    done = run_weir("check", "--config", str(config))

    assert "workers    3; breakers, retry budgets and admission are each one's own, " in done.out
    assert "warning: providers[0]: each of the 3 workers loads this model" in done.out


@pytest.mark.parametrize("said", ["", "{}\n", "nonsense\n"])
def test_nobody_is_a_worker_by_himself(said: str) -> None:
    """Without a supervisor's order the hidden option serves nothing."""
    done = subprocess.run(
        (*WEIR, "serve", "--worker"),
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
        env=environment_of(),
    )

    assert done.returncode == (2 if said else 0)
    assert ("--workers N" in done.stderr) is bool(said)
