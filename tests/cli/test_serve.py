"""Does the server start with clear words, drain on the first signal and stop on the second?"""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.command import (
    ECHO_CONFIG,
    WEIR,
    Serving,
    environment_of,
    run_weir,
    script,
    serving,
    wait_until,
)
from tests.fakes.certificates import Authority

STOP_AT_ONCE_S = 1.0


def test_banner_for_people_log_for_programs(tmp_path: Path) -> None:
    """Standard output says where, what and who may call; standard error is JSON alone."""
    with serving(tmp_path) as server:
        server.ask("chat", "hello")
        server.process.send_signal(signal.SIGTERM)
        out, _ = server.process.communicate(timeout=20)

        assert f"listens    {server.address} (plain text; open to this machine only" in out
        assert "providers  echo (echo, for tests)" in out
        assert "models     echo (default)" in out
        assert "keys       none are asked for: whoever reaches the port may do everything" in out
        assert f'try        weir chat --address {server.address} "Hello"' in out
        assert [line["code"] for line in server.events("rpc")] == ["OK"]
        assert len(server.events("serving")) == 1


def test_literal_secret_is_warned_of_and_not_shown(tmp_path: Path) -> None:
    """A key written into the file works, with a warning that names its place, not its value."""
    provider = {"id": "far", "kind": "openai", "api_key": "sk-very-secret-0123456789"}
    config = {**ECHO_CONFIG, "providers": [*ECHO_CONFIG["providers"], provider]}
    with serving(tmp_path, config) as server:
        server.process.send_signal(signal.SIGTERM)
        out, _ = server.process.communicate(timeout=20)

        assert "warning    providers[1].api_key: holds a literal secret" in out
        assert "sk-very-secret" not in out + server.log_file.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_first_signal_drains(tmp_path: Path, number: signal.Signals) -> None:
    """A running answer ends whole, a new call is refused with the reason, the exit code is 0."""
    with serving(tmp_path) as server:
        talk = script({"text": "begun"}, {"delay_s": 3.0}, {"text": " and ended"})
        running = server.begin("chat", talk)
        assert running.stdout is not None
        assert running.stdout.read(5) == "begun"
        server.process.send_signal(number)
        wait_until(lambda: bool(server.events("draining")))

        refused = server.ask("chat", "too late", "--deadline", "10")
        health = server.ask("health")
        rest, _ = running.communicate(timeout=20)

        assert (health.code, health.out) == (10, "NOT_SERVING\n")
        assert refused.code == 10
        assert "GATEWAY_DRAINING" in refused.err
        assert (running.returncode, rest) == (0, " and ended\n")
        assert server.process.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_before_the_server_runs(tmp_path: Path, number: signal.Signals) -> None:
    """A server told to stop while it still starts says so in its log and ends with 0, at once."""
    config = tmp_path / "weir.yaml"
    os.mkfifo(config)  # what reads it waits for words that never come
    writers: list[int] = []
    process = subprocess.Popen(
        (*WEIR, "serve", f"--config={config}"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment_of(),
    )
    try:
        wait_until(lambda: _open_for_writing(config, writers))
        process.send_signal(number)
        out, log = process.communicate(timeout=10)
    finally:
        process.kill()
        for writer in writers:
            os.close(writer)

    assert (process.returncode, out) == (0, "")
    [line] = [json.loads(line) for line in log.splitlines()]
    assert (line["event"], line["name"], line["count"]) == ("signal", number.name, 1)


def _open_for_writing(pipe: Path, writers: list[int]) -> bool:
    """Open a pipe that somebody reads; while it stays open, the reader waits."""
    try:
        writers.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_second_signal_stops_at_once(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """A second signal does not wait for a running answer, and tells so by its code.

    The best of three: the machine may be busy with something else.
    """
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder in folders:
        folder.mkdir()
    took_s = min(_time_to_stop(folder, number, code) for folder in folders)

    assert took_s <= STOP_AT_ONCE_S


def _time_to_stop(tmp_path: Path, number: signal.Signals, code: int) -> float:
    with serving(tmp_path) as server:
        running = server.begin("chat", script({"text": "begun"}, {"hang": True}))
        assert running.stdout is not None
        assert running.stdout.read(5) == "begun"
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: bool(server.events("draining")))

        begun_s = time.monotonic()
        server.process.send_signal(number)
        exit_code = server.process.wait(10)
        took_s = time.monotonic() - begun_s
        _, said = running.communicate(timeout=20)

        assert exit_code == code
        assert running.returncode == 16
        assert "error: The answer broke off." in said
        assert "Ask again if asking twice does no harm." in said
    return took_s


def test_port_that_is_taken(tmp_path: Path) -> None:
    """A port that another program holds is exit code 4, with a way out."""
    config = tmp_path / "weir.yaml"
    config.write_text(json.dumps(ECHO_CONFIG))
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        address = f"127.0.0.1:{holder.getsockname()[1]}"

        done = run_weir("serve", "--config", str(config), "--listen", address)

    assert done.code == 4
    assert f"cannot listen on {address}" in done.err
    assert "--listen" in done.err


def test_invalid_configuration_starts_nothing(tmp_path: Path) -> None:
    """Every problem is told with its path before a port is opened."""
    config = tmp_path / "weir.yaml"
    config.write_text("server: {listen: 127.0.0.1:0, drain_grace_s: -1}\nporviders: []\n")

    done = run_weir("serve", "--config", str(config))

    assert (done.code, done.out) == (3, "")
    assert "server.drain_grace_s: " in done.err
    assert "porviders: is no key that Weir knows" in done.err


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ("0.0.0.0:50051", "reachable from other machines"),
        ("localhost", "write host:port"),
        ("127.0.0.1:70000", "write host:port"),
    ],
)
def test_listen_is_checked_like_the_file(listen: str, said: str) -> None:
    """--listen cannot open what the configuration could not."""
    done = run_weir("serve", "--listen", listen)

    assert done.code == 3
    assert "--listen: " in done.err
    assert said in done.err


def test_unix_socket(tmp_path: Path) -> None:
    """A socket in the file system works for both sides."""
    address = f"unix:{tmp_path}/weir.sock"
    with serving(tmp_path, arguments=("--listen", address)) as server:
        assert server.address == address
        assert server.ask("chat", "hello").out == "hello\n"


def test_mutual_tls_by_file(tmp_path: Path) -> None:
    """With certificates on both sides a call works; without one's own, or its root, it is told."""
    authority = Authority()
    (tmp_path / "ca.pem").write_text(authority.pem)
    for name in ("server", "client"):
        certificate, key = authority.issue()
        (tmp_path / f"{name}.pem").write_text(certificate)
        (tmp_path / f"{name}.key").write_text(key)
    files = {name: str(tmp_path / name) for name in ("ca.pem", "server.pem", "server.key")}
    tls = {
        "cert_file": files["server.pem"],
        "key_file": files["server.key"],
        "client_ca_file": files["ca.pem"],
    }
    ca = ("--tls-ca", files["ca.pem"])
    own = ("--tls-cert", str(tmp_path / "client.pem"), "--tls-key", str(tmp_path / "client.key"))
    with serving(tmp_path / "server", {**ECHO_CONFIG, "server": {"tls": tls}}) as server:
        both = server.ask("chat", "hello", *ca, *own)
        without_own = server.ask("chat", "hello", *ca)
        without_root = Serving(
            process=server.process, address=f"https://{server.address}", log_file=server.log_file
        ).ask("chat", "hello")

    assert (both.code, both.out) == (0, "hello\n")
    assert without_own.code == 10
    assert without_root.code == 10
    assert "--tls-ca" in without_root.err
