"""docs/fault-matrix.md says what the tests hold: its tables are made of the tests' own rows."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.service.fault_row import OK
from tests.service.fault_rows import ROWS
from weir_server.resilience.continuation import PLEASE_GO_ON

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/fault-matrix.md"
MATRIX = "tests/service/test_fault_matrix.py"
DEADLINES = "tests/service/test_cancel_and_deadline.py"
OVERLOAD = "tests/service/test_overload.py"

OTHERS: Sequence[tuple[int, str, str, str, str]] = (
    (
        2,
        "one of two credentials is refused",
        "OK by the other; the refused one rests",
        MATRIX,
        "test_a_credential_that_is_refused_gives_way_to_another",
    ),
    (
        7,
        "413 where another target is larger",
        "OK by the larger one",
        MATRIX,
        "test_a_prompt_that_is_too_large_goes_to_a_larger_target",
    ),
    (
        10,
        "429 with a Retry-After that makes no sense",
        "as if none were said",
        "tests/service/test_upstream_faults.py",
        "test_a_wait_is_passed_on_within_reason",
    ),
    (
        13,
        "connection refused",
        "UNAVAILABLE / UPSTREAM_CONNECT_FAILED after 3 attempts; a second target answers",
        MATRIX,
        "test_a_refused_connection_is_tried_again",
    ),
    (
        13,
        "the name server fails",
        "the last good answer holds for 5 minutes",
        "tests/providers/http/test_dialling.py",
        "test_the_last_good_answer_outlives_the_name_server_for_five_minutes",
    ),
    (
        14,
        "a certificate that is expired, of another name or of a stranger",
        "UNAVAILABLE / UPSTREAM_CONNECT_FAILED (tls), never repeated; a second target answers",
        MATRIX,
        "test_a_bad_certificate_is_not_tried_again",
    ),
    (
        15,
        "a unary answer that does not come within the provider's `timeout_s`",
        "UNAVAILABLE / UPSTREAM_TIMEOUT after 2 attempts; a second target answers",
        MATRIX,
        "test_an_attempt_has_its_own_limit",
    ),
    (
        34,
        "the caller leaves before its call is sent",
        "CANCELLED; the upstream is not asked",
        MATRIX,
        "test_a_caller_that_leaves_before_its_turn",
    ),
    (
        35,
        "the caller cancels or vanishes",
        "CANCELLED; the upstream is closed within 100 ms",
        DEADLINES,
        "test_a_cancel_closes_the_upstream",
    ),
    (
        36,
        "a deadline of 50 ms",
        "DEADLINE_EXCEEDED; the breaker hears nothing",
        MATRIX,
        "test_a_deadline_of_50_ms",
    ),
    (
        37,
        "the caller stops reading",
        "RESOURCE_EXHAUSTED / SLOW_CONSUMER; the upstream is paused, then closed",
        "tests/service/test_slow_reader.py",
        "test_unread_streams_are_paused_and_then_ended",
    ),
    (
        38,
        "SIGTERM mid-stream",
        "OK if it ends within the grace, else UNAVAILABLE / GATEWAY_DRAINING",
        "tests/service/test_drain.py",
        "test_what_outlasts_the_grace_is_ended_with_its_usage",
    ),
    (
        44,
        "the wall clock steps",
        "nothing: time is measured on the monotonic clock",
        "tests/resilience/test_breaker.py",
        "test_a_step_of_the_wall_clock_changes_nothing",
    ),
    (
        45,
        "idle and silent connections",
        "others are served as ever",
        OVERLOAD,
        "test_idle_and_silent_connections_are_in_nobody_s_way",
    ),
    (
        46,
        "a request over the limit",
        "RESOURCE_EXHAUSTED, or served where the limit is raised",
        "tests/service/test_limits.py",
        "test_a_message_over_the_limit_is_refused",
    ),
    (
        47,
        "bytes that are no request",
        "INVALID_ARGUMENT / MALFORMED_REQUEST",
        "tests/service/test_malformed.py",
        "test_bytes_that_are_no_message",
    ),
    (
        48,
        "an unknown enum value, a missing choice",
        "INVALID_ARGUMENT with the field's path",
        "tests/service/test_malformed.py",
        "test_an_unknown_value_or_a_missing_choice_names_its_path",
    ),
    (
        49,
        "a blocked event loop",
        "UNAVAILABLE / GATEWAY_OVERLOADED for new calls; streams go on",
        OVERLOAD,
        "test_blocked_loop_turns_new_calls_away_and_goes_on_streaming",
    ),
    (
        49,
        "no more file descriptors",
        "UNAVAILABLE / GATEWAY_OVERLOADED for new calls",
        OVERLOAD,
        "test_calls_are_turned_away_before_files_run_out",
    ),
    (
        50,
        "all circuits open",
        "UNAVAILABLE / CIRCUIT_OPEN with RetryInfo, after the trials of the period",
        MATRIX,
        "test_when_all_circuits_are_open",
    ),
)
"""Rows that are no single behaviour of one upstream: fault, outcome, file and test."""


HEADS = (
    "row",
    "fault",
    "calls",
    "one target: the caller gets",
    "attempts",
    "the breaker hears",
    "with a second target",
    "in the test",
)


def faults() -> str:
    """The table of what one upstream does."""
    lines = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    for row in ROWS:
        second = "is not asked" if row.reason == OK else "the same"
        if row.elsewhere:
            second = "it answers"
        overload = "; fewer calls at a time" if row.overload else ""
        names = ", ".join(f"`{name}`" for name in row.names)
        lines.append(
            f"| {row.number} | {row.fault} | {row.mode.value} | {row.outcome} | {row.attempts} "
            f"| {row.breaker.value}{overload} | {second} | {names} |"
        )
    return "\n".join(lines)


def others() -> str:
    """The table of the rest."""
    lines = ["| row | fault | outcome | test |", "|---|---|---|---|"]
    lines += [
        f"| {number} | {fault} | {outcome} | `{file}`: `{test}` |"
        for number, fault, outcome, file, test in OTHERS
    ]
    return "\n".join(lines)


@pytest.mark.parametrize("table", [faults(), others()], ids=["faults", "others"])
def test_the_page_shows_the_rows_of_the_tests(table: str) -> None:
    """If not, put the table that this prints into docs/fault-matrix.md."""
    assert table in PAGE.read_text(encoding="utf-8"), f"docs/fault-matrix.md lacks:\n{table}"


@pytest.mark.parametrize(("file", "test"), [row[3:] for row in OTHERS])
def test_each_test_that_the_page_names_is_there(file: str, test: str) -> None:
    """A test that was renamed is renamed here, too."""
    assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)


def test_no_row_is_left_out() -> None:
    """Rows 39 to 43 are about the ledger and its stores."""
    shown = {row.number for row in ROWS} | {row[0] for row in OTHERS}
    assert shown == set(range(1, 51)) - set(range(39, 44))


def test_the_words_that_ask_to_go_on_are_documented() -> None:
    """docs/resilience.md quotes them as they are sent."""
    assert f"> {PLEASE_GO_ON}\n" in (ROOT / "docs/resilience.md").read_text(encoding="utf-8")
