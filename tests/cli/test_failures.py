"""Does a failed call say what happened and what to do, and does its code tell a script?"""

import socket
import time
from pathlib import Path

import pytest

from tests.cli.command import ECHO_CONFIG, Serving, run_weir, script, serving


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ("chat", "x", "--model", "nope"),
            13,
            ("MODEL_NOT_FOUND, NOT_FOUND", "model: nope", "`weir models` lists"),
        ),
        (
            ("chat", "x", "--provider", "providers/nope"),
            13,
            ("PROVIDER_NOT_FOUND, NOT_FOUND", "`weir models` lists"),
        ),
        (
            ("chat", "x", "--temperature", "5"),
            12,
            ("INVALID_REQUEST, INVALID_ARGUMENT", "request.options.temperature: Give a number"),
        ),
        (
            ("count", "x", "--max", "0"),
            12,
            ("INVALID_REQUEST, INVALID_ARGUMENT", "max_tokens"),
        ),
        (
            ("chat", script({"hang": True}), "--deadline", "0.5"),
            11,
            ("DEADLINE_EXCEEDED", "--deadline SECONDS"),
        ),
        (
            ("chat", script({"fail": "UPSTREAM_OVERLOADED"})),
            10,
            ("UPSTREAM_OVERLOADED, UNAVAILABLE", "another model"),
        ),
        (
            ("chat", script({"fail": "UPSTREAM_QUOTA_EXHAUSTED"})),
            15,
            ("UPSTREAM_QUOTA_EXHAUSTED, RESOURCE_EXHAUSTED", "credit at the provider"),
        ),
        (
            ("chat", script({"fail": "PERMISSION_DENIED"})),
            14,
            ("PERMISSION_DENIED", "another key"),
        ),
        (
            ("chat", script({"fail": "UPSTREAM_CREDENTIALS_REJECTED"})),
            16,
            ("UPSTREAM_CREDENTIALS_REJECTED, FAILED_PRECONDITION", "Whoever runs this Weir"),
        ),
        (
            ("complete", script({"fail": "INTERNAL"})),
            16,
            ("INTERNAL", "Tell whoever runs this Weir, with the request id"),
        ),
        (
            ("models", "--filter", "nonsense"),
            12,
            ("INVALID_REQUEST", "filter"),
        ),
        (("health", "--service", "nope"), 13, ("no service nope", "LLMProviderService")),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) and len(value) < 6 else None,
)
def test_failed_call(
    server: Serving, arguments: tuple[str, ...], code: int, said: tuple[str, ...]
) -> None:
    """Status, reason, the facts and the next step, in words; and never a traceback."""
    done = server.ask(*arguments)

    assert done.code == code
    assert [words for words in said if words not in done.err] == []
    assert "Traceback" not in done.err
    assert done.out == ""


def test_model_that_does_not_do_this(tmp_path: Path) -> None:
    """The violation's own sentence says what the model cannot do, and where others are listed."""
    vectors = {"name": "vectors", "provider": "echo", "vendor_model": "echo", "can": ["embed"]}
    config = {**ECHO_CONFIG, "models": [*ECHO_CONFIG["models"], vectors]}
    with serving(tmp_path, config) as server:
        done = server.ask("chat", "x", "--model", "vectors")

    assert done.code == 12
    assert "model: This model does not serve chat; ListModels tells which do." in done.err
    assert "next: Use a model that does this: `weir models`" in done.err


def test_request_id_is_in_the_log(server: Serving) -> None:
    """The request id that a person reports is the one in the server's log."""
    done = server.ask("chat", "x", "--model", "nope")

    request_id = done.err.split("request id ")[1].split()[0]
    until_s = time.monotonic() + 5  # lines are written a moment later, together
    while not (found := {line["request_id"] for line in server.events("rpc")} & {request_id}):
        assert time.monotonic() < until_s
        time.sleep(0.02)
    assert found == {request_id}


@pytest.mark.parametrize(
    "command", [("chat", "x"), ("complete", "x"), ("count", "x"), ("models",), ("health",)]
)
def test_no_server(command: tuple[str, ...]) -> None:
    """Without a server every command says where it looked and how to start one."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"

        done = run_weir(*command, "--address", address)

    assert done.code == 10
    assert f"No Weir answers at {address}" in done.err
    assert "`weir serve`" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("chat", "x", "--nope"), "No such option: --nope"),
        (("cha",), "Did you mean 'chat'?"),
        (("chat", "x", "--max-tokens", "many"), "--max-tokens"),
        (("chat", "x", "--deadline", "0"), "--deadline must be above 0 seconds"),
        (("chat", "x", "--deadline", "nan"), "--deadline must be above 0 seconds"),
        (("chat", "x", "--address", "somewhere"), "names no port"),
        (("chat", "x", "--address", "ftp://a:1"), "unknown scheme"),
        (("chat", "x", "--api-key", "two\nlines"), "printable ASCII"),
        (("chat", "x", "--tls-ca", "no-such-file.pem"), "no-such-file.pem cannot be read"),
        (("chat", "x", "--tls-cert", "a.pem"), "cert and key together"),
        (("chat",), "There is no prompt"),
        (("complete",), "There is no text to go on from"),
        (("count",), "There is no text to count"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_usage(arguments: tuple[str, ...], said: str) -> None:
    """A command line that cannot be is told apart from a failed call."""
    done = run_weir(*arguments)

    assert done.code == 2
    assert said in " ".join(done.err.replace("│", " ").split())
    assert "Traceback" not in done.err
