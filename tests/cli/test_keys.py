"""Does an operator find the first key, and make, show and end others?"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from rich.console import Console

from tests.cli.command import ECHO_CONFIG, Done, Serving, run_weir, serving
from weir.admin.v1.key_admin_service_pb2 import Key, KeyRole, KeyState
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.key_table import details, table
from weir_server.cli.keys import Wanted, _key, resource_name
from weir_server.cli.spans import seconds_of

NOW_S = 1_800_000_000


def asking(folder: Path) -> Mapping[str, Any]:
    """A configuration that asks for keys."""
    return {
        **ECHO_CONFIG,
        "server": {"data_dir": str(folder / "data")},
        "identity": {"mode": "keys"},
    }


def test_from_the_first_start_to_a_revoked_key(tmp_path: Path) -> None:
    """The banner tells where the first key is; with it an operator makes one, and ends it."""
    with serving(tmp_path, asking(tmp_path)) as running:
        first = tmp_path / "data/operator.key"
        operator = first.read_text().strip()

        def ask(*arguments: str, key: str = operator) -> Done:
            environment = {"WEIR_API_KEY": key} if key else {}
            return run_weir(*arguments, "--address", running.address, environment=environment)

        refused = ask("chat", "--quiet", "Hello", key="")
        made = ask("keys", "create", "--tenant", "search", "--model", "echo", "--name", "Suche")
        secret = made.out.strip()
        answered = ask("chat", "--quiet", "Hello", key=secret)
        denied = ask("keys", "list", key=secret)
        listed = ask("keys", "list", "--json")
        newest = Parse(listed.out.splitlines()[0], Key())
        shown = ask("keys", "show", newest.name)
        revoked = ask("keys", "revoke", newest.name.removeprefix("keys/"), "--json")
        ended = ask("chat", "--quiet", "Hello", key=secret)
        out = _said_at_start(running)
    assert f"keys       every call needs one; an operator's is in {first}" in out
    assert "try        WEIR_API_KEY=… weir chat" in out
    assert refused.code == denied.code == ended.code == ExitCode.NOT_ALLOWED
    assert "API_KEY_INVALID" in refused.err
    assert "PERMISSION_DENIED" in denied.err
    assert "API_KEY_DISABLED" in ended.err
    assert (made.code, secret[:8]) == (0, "weir_sk_")
    assert "search" in made.err
    assert "only time" in made.err
    assert secret not in made.err
    assert (answered.code, answered.out.strip()) == (0, "Hello")
    assert (newest.display_name, list(newest.models)) == ("Suche", ["models/echo"])
    assert "models models/echo" in " ".join(shown.out.split())
    assert Parse(revoked.out, Key()).state == KeyState.KEY_STATE_REVOKED
    (minted,) = running.events("operator_key_minted")
    assert minted["file"] == str(first)
    logged = running.log_file.read_text() + out
    assert operator[12:] not in logged
    assert secret[12:] not in logged


def _said_at_start(running: Serving) -> str:
    """All that the server has printed so far for people."""
    running.process.terminate()
    out, _ = running.process.communicate(timeout=20)
    return out


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            {"identity": {"mode": "open"}, "server": {"listen": "0.0.0.0:0", "tls": "mesh"}},
            "set it to keys, or listen on 127.0.0.1",
        ),
        ({"identity": {"hash_key": "short"}}, "at least 32 characters"),
    ],
)
def test_what_would_let_anybody_in_does_not_start(
    tmp_path: Path, config: Mapping[str, Any], said: str
) -> None:
    """Nothing drops the keys where other machines reach the port."""
    file = tmp_path / "weir.yaml"
    file.write_text(json.dumps({**ECHO_CONFIG, **config}))
    done = run_weir("check", f"--config={file}")
    assert done.code == ExitCode.CONFIGURATION
    assert said in " ".join((done.out + done.err).split())


def test_without_a_place_to_keep_keys_it_does_not_start(tmp_path: Path) -> None:
    """It says which setting to change, and what is in the way."""
    (tmp_path / "data").write_text("a file")
    config = tmp_path / "weir.yaml"
    config.write_text(json.dumps(asking(tmp_path)))
    done = run_weir("serve", f"--config={config}", "--listen=127.0.0.1:0")
    assert done.code == ExitCode.CONFIGURATION
    assert "server.data_dir" in done.err


def test_what_is_wanted_becomes_a_key() -> None:
    """Short names become resource names, spans become moments."""
    wanted = Wanted(
        tenant="search",
        operator=True,
        models=("fast", "models/deep-*"),
        labels=("team=x", "note=a=b"),
        requests_per_minute=60,
        expires_in="90d",
    )
    key = _key(wanted, now_s=NOW_S + 0.5)
    assert (key.role, list(key.models)) == (
        KeyRole.KEY_ROLE_OPERATOR,
        ["models/fast", "models/deep-*"],
    )
    assert dict(key.labels) == {"team": "x", "note": "a=b"}
    assert key.limits.requests_per_minute == 60
    assert not key.limits.HasField("tokens_per_minute")
    assert key.expire_time.seconds == NOW_S + 90 * 86_400
    assert not _key(Wanted(tenant="a"), now_s=NOW_S).HasField("expire_time")


@pytest.mark.parametrize("label", ["team", "=x", ""])
def test_a_label_has_a_name_and_a_value(label: str) -> None:
    """Anything else is told with an example."""
    with pytest.raises(CommandError, match="name=value"):
        _key(Wanted(tenant="a", labels=(label,)), now_s=NOW_S)


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("90min", 5_400), ("12h", 43_200), ("30d", 2_592_000)]
)
def test_a_span_has_a_unit(text: str, seconds: int) -> None:
    """Seconds, minutes, hours or days."""
    assert seconds_of("--overlap", text) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5h", "1w", "٣d", "1d "])
def test_another_span_is_refused(text: str) -> None:
    """With the option and examples."""
    with pytest.raises(CommandError, match=r"--overlap .*30d"):
        seconds_of("--overlap", text)


def test_a_key_in_a_table() -> None:
    """State, owner, role, times, the beginning of its secret; nothing that moves the cursor."""
    key = Key(
        name="keys/4f1d8a",
        display_name="search\x1b[2J",
        tenant="search",
        role=KeyRole.KEY_ROLE_OPERATOR,
        secret_prefix="weir_sk_Q3f1",
        state=KeyState.KEY_STATE_REVOKED,
        labels={"team": "x"},
    )
    key.limits.requests_per_minute = 6_000
    key.create_time.FromSeconds(NOW_S - 3 * 86_400)
    key.revoke_time.FromSeconds(NOW_S - 60)
    key.expire_time.FromSeconds(NOW_S + 7_200)
    console = Console(width=160, color_system=None)
    with console.capture() as capture:
        console.print(table([key], now_s=NOW_S, framed=False))
        console.print(details(key, now_s=NOW_S))
    said = capture.get()
    row = said.splitlines()[1]
    for cell in ("4f1d8a", "revoked", "operator", "weir_sk_Q3f1…", "3 d ago", "in 2 h"):
        assert cell in row
    assert "\x1b" not in said
    assert "6,000 requests per minute" in said
    assert "team=x" in said
    assert "60 s ago" in said


def test_a_key_is_named_with_or_without_its_collection() -> None:
    """As tables show it, or as the contract does."""
    assert resource_name("4f1d") == resource_name("keys/4f1d") == "keys/4f1d"
