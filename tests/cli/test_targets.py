"""Does an operator see and steer targets, at a terminal and in a script?"""

import json
import time
from collections.abc import Iterator

import pytest
from google.protobuf.json_format import Parse
from rich.console import Console

from tests.cli.command import Serving, serving
from tests.cli.pseudo_terminal import CTRL_C, at_a_terminal
from weir.admin.v1.admin_service_pb2 import (
    CircuitState,
    CredentialState,
    ExplainRouteResponse,
    Target,
)
from weir.v1.error_pb2 import ErrorReason
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.target_table import duration_words, table
from weir_server.cli.targets import named

CONFIG = {
    "providers": [{"id": "one", "kind": "echo"}, {"id": "two", "kind": "echo"}],
    "models": [
        {
            "name": "fast",
            "targets": [
                {"provider": "one", "vendor_model": "mini"},
                {"provider": "two", "vendor_model": "mini", "can": ["chat", "streaming"]},
            ],
            "fallback_models": ["deep"],
        },
        {"name": "deep", "provider": "two", "vendor_model": "maxi", "context_window_tokens": 100},
    ],
}
NOW_S = 1_800_000_000.0


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with two providers, three targets and a fallback."""
    with serving(tmp_path_factory.mktemp("operated"), CONFIG) as running:
        yield running


def ill() -> Target:
    target = Target(
        name="providers/openai/targets/org/gpt",
        vendor_model="org/gpt",
        circuit=CircuitState.CIRCUIT_STATE_OPEN,
        in_flight=2,
        provider_in_flight=5,
        provider_limit=16,
        provider_queued=3,
        window_calls=40,
        window_failures=21,
        last_error=ErrorReason.ERROR_REASON_UPSTREAM_TIMEOUT,
    )
    target.retry_after.FromSeconds(12)
    target.time_to_first_token_median.FromMilliseconds(420)
    target.time_to_first_token_p95.FromMilliseconds(1_100)
    target.last_error_time.FromSeconds(int(NOW_S) - 75)
    resting = target.credentials.add(name="b", state=CredentialState.CREDENTIAL_STATE_COOLING)
    resting.retry_after.FromSeconds(200)
    target.credentials.add(name="a", state=CredentialState.CREDENTIAL_STATE_USED)
    return target


def drawn(*targets: Target, width: int = 160) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(table(targets, now_s=NOW_S, framed=False))
    return capture.get()


def test_a_target_that_is_ill() -> None:
    """Its row has the wait, the counts, the times, the last error and the key that rests."""
    _, row = drawn(ill()).splitlines()

    assert " ".join(row.split()) == (
        "openai/org/gpt open, 12 s 2 (5/16) 3 21/40 0.42/1.10 UPSTREAM_TIMEOUT, 75 s ago "
        "b cooling, 3 min"
    )


def test_a_target_that_was_never_asked() -> None:
    """What is not known is a dash."""
    name = "providers/a/targets/m"
    _, row = drawn(Target(name=name, circuit=CircuitState.CIRCUIT_STATE_CLOSED)).splitlines()

    assert row.split() == ["a/m", "closed", "0", "0", "-", "-", "-"]


def test_a_narrow_terminal_cuts_no_reason() -> None:
    """In 80 columns the last error goes over several lines."""
    lines = drawn(ill(), width=80).splitlines()

    begin, end = lines[0].index(" last") + 1, lines[0].index("keys at")
    folded = "".join(line[begin:end].strip() for line in lines)
    assert "UPSTREAM_TIMEOUT," in folded
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)


@pytest.mark.parametrize(
    ("duration_s", "words"),
    [(-1, "0 s"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 d")],
)
def test_durations(duration_s: float, words: str) -> None:
    """One unit is enough; a clock that is behind is not a time in the future."""
    assert duration_words(duration_s) == words


def test_names_in_every_form() -> None:
    """The whole name, the short one, or the last part where it is nobody else's."""
    name = "providers/openai/targets/org/gpt"
    for given in (name, "openai/org/gpt", "org/gpt"):
        assert named(given, [ill()]) == name


def test_no_targets_to_name() -> None:
    """Nothing can be meant."""
    with pytest.raises(CommandError, match="no targets") as refusal:
        named("any", [])
    assert refusal.value.code is ExitCode.NOT_FOUND


def test_targets_in_a_pipe_is_a_plain_table(operated: Serving) -> None:
    """Printed once, without frames, a target a line, by name."""
    done = operated.ask("targets")

    header, *rows = done.out.splitlines()
    assert header.split()[:2] == ["target", "circuit"]
    assert [row.split()[0] for row in rows] == ["one/mini", "two/maxi", "two/mini"]
    assert (done.code, done.err) == (0, "")


def test_targets_as_json(operated: Serving) -> None:
    """--json is one target of the contract a line."""
    done = operated.ask("targets", "--json")

    targets = [Parse(line, Target()) for line in done.out.splitlines()]
    assert [target.name for target in targets] == [
        "providers/one/targets/mini",
        "providers/two/targets/maxi",
        "providers/two/targets/mini",
    ]
    assert list(targets[2].models) == ["models/fast"]


def test_a_target_is_taken_out_kept_in_and_given_back(operated: Serving) -> None:
    """Each command says what holds then; the short name is enough."""
    opened = operated.ask("targets", "open", "one/mini")
    closed = operated.ask("targets", "close", "one/mini", "--json")
    given_back = operated.ask("targets", "auto", "providers/one/targets/mini")

    assert (opened.code, opened.out) == (0, "one/mini: forced open\n")
    assert json.loads(closed.out)["circuit"] == "CIRCUIT_STATE_FORCED_CLOSED"
    assert (given_back.code, given_back.out) == (0, "one/mini: closed\n")


def test_an_ambiguous_name_is_answered_with_the_candidates(operated: Serving) -> None:
    """Nothing is forced; exit code 2."""
    done = operated.ask("targets", "open", "mini")

    assert (done.code, done.out) == (2, "")
    assert done.err == "error: mini may be any of these; name one:\n  one/mini\n  two/mini\n"
    assert "FORCED" not in operated.ask("targets", "--json").out


def test_an_unknown_name_is_answered_with_what_there_is(operated: Serving) -> None:
    """Exit code 13."""
    done = operated.ask("targets", "auto", "three/mini")

    assert done.code == 13
    assert done.err.splitlines() == [
        "error: There is no target three/mini. There are:",
        *("  one/mini", "  two/maxi", "  two/mini"),
    ]


def test_options_before_the_command_are_refused(operated: Serving) -> None:
    """They would count for nothing, which nobody would see."""
    done = operated.ask("targets", "--json", "open", "one/mini")

    assert done.code == 2
    assert "Write the options after `open`." in done.err


def test_the_live_table_follows_a_change(operated: Serving) -> None:
    """A circuit that somebody forces is seen at the terminal within seconds; Ctrl-C ends it."""
    with at_a_terminal("targets", "--address", operated.address) as screen:
        screen.read_until("one/mini")
        operated.ask("targets", "open", "one/mini")
        begun_s = time.monotonic()
        screen.read_until("forced open")
        took_s = time.monotonic() - begun_s
        screen.type(CTRL_C)
        code = screen.wait()
    operated.ask("targets", "auto", "one/mini")
    assert code == 130
    assert took_s < 5.0
    assert "Traceback" not in screen.seen


def test_once_at_a_terminal(operated: Serving) -> None:
    """--once prints the table and ends."""
    with at_a_terminal("targets", "--once", "--address", operated.address) as screen:
        code = screen.wait()
    assert code == 0
    assert "two/maxi" in screen.seen


def test_a_deadline_ends_the_live_table(operated: Serving) -> None:
    """Who sets one does not want to watch for ever."""
    arguments = ("targets", "--deadline", "1", "--address", operated.address)
    with at_a_terminal(*arguments) as screen:
        code = screen.wait()
    assert code == 11
    assert "two/maxi" in screen.seen


def test_a_way_explained(operated: Serving) -> None:
    """Turns first, then those left out, with a sentence each."""
    done = operated.ask("routes", "explain", "fast", "--tools", "--prompt-tokens", "9000")

    header, *rows = done.out.splitlines()
    assert header.split() == ["turn", "target", "model", "code", "why"]
    assert [row.split()[:4] for row in rows] == [
        ["1", "one/mini", "fast", "FIRST"],
        ["-", "two/maxi", "deep", "CONTEXT_TOO_SMALL"],
        ["-", "two/mini", "fast", "LACKS_TOOLS"],
    ]
    assert all(row.rstrip().endswith(".") for row in rows)
    assert done.code == 0
    assert done.err.startswith("At most ")


def test_what_a_chat_may_ask_for(operated: Serving) -> None:
    """Every option reaches the request whose way is asked for."""

    def codes(*options: str) -> list[str]:
        done = operated.ask("routes", "explain", "fast", "--json", *options)
        return [step.code for step in Parse(done.out, ExplainRouteResponse()).steps]

    assert codes() == ["FIRST", "STANDS_BY", "FALLBACK"]
    assert codes("--affinity-key", "k")[:2] == ["AFFINITY", "AFFINITY"]
    assert "LACKS_JSON_SCHEMA" in codes("--json-schema")
    assert codes("--image") == ["LACKS_IMAGES"] * 3
    assert codes("--no-stream") == ["FIRST", "STANDS_BY", "FALLBACK"]
    assert codes("--provider", "two") == ["FIRST"]


def test_no_way_at_all(operated: Serving) -> None:
    """Exit code 5, and the table says why of each."""
    done = operated.ask("routes", "explain", "deep", "--prompt-tokens", "101")

    assert done.code == 5
    assert "does not fit its window of 100 tokens" in done.out
    assert done.err == "No target would be tried: a call would fail at once.\n"


def test_the_way_of_a_model_that_is_not_there(operated: Serving) -> None:
    """Exit code 13, as for a chat."""
    assert operated.ask("routes", "explain", "slow").code == 13


def test_where_admin_is_off(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The reason and the next step are said."""
    folder = tmp_path_factory.mktemp("off")
    with serving(folder, {**CONFIG, "server": {"admin": "off"}}) as running:
        done = running.ask("targets")
    assert done.code == 12
    assert "FEATURE_DISABLED" in done.err
    assert "next: This server has it switched off" in done.err
