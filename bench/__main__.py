"""How is the benchmark asked for, and what does its exit code say?

0 the table stands; 1 some of it is void; 2 it could not be run; 3 `--gate` and a target missed.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench.environment import environment
from bench.measure import CaseResult
from bench.memory import Memory
from bench.plan import (
    ACCOUNTING_TARGETS,
    FORMAT_TARGETS,
    RESILIENCE_TARGETS,
    TARGETS,
    Kind,
    Plan,
    cases_by_call,
    format_cases,
    plan_of,
)
from bench.procs import StartError
from bench.report import Run, save, show
from bench.rounds import Pair, run_plan
from bench.subjects import Subject
from bench.tools import MissingToolError, ensure_tools

VOID, CANNOT_RUN, TARGET_MISSED = 1, 2, 3
TABLE_WIDTH = 140


def main() -> int:
    """Run what the command line asks for."""
    given = _arguments().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if given.quick:
        given.pairs, given.calls, given.bursts, given.paced = 2, 40, 8, 1
        given.streams, given.memory_rounds = 20, 1
        given.interval_ms, given.idle_interval_ms = 2.0, 200.0
    only = given.only.split(",")
    plan = _plan(tuple(kind for kind in Kind if kind in only), given, memory="memory" in only)
    beside = _plan(tuple(RESILIENCE_TARGETS) if "resilience" in only else (), given)
    beside = replace(beside, cases=cases_by_call(beside))
    booked = _plan(tuple(ACCOUNTING_TARGETS) if "accounting" in only else (), given)
    booked = replace(booked, cases=cases_by_call(booked))
    spoken = _plan(tuple(FORMAT_TARGETS) if "formats" in only else (), given)
    spoken = replace(spoken, cases=format_cases(spoken))
    other = (Subject.FLOOR, "floor again") if given.null else (Subject.WEIR, "weir")
    same = (Subject.BYPASSED, "bypassed again") if given.null else (Subject.WEIR, "weir")
    books = (Subject.UNBOOKED, "unbooked again") if given.null else (Subject.WEIR, "weir")
    targets, resilience_targets, accounting_targets, format_targets = (
        ({}, {}, {}, {})
        if given.null
        else (TARGETS, RESILIENCE_TARGETS, ACCOUNTING_TARGETS, FORMAT_TARGETS)
    )
    progress = Console(stderr=True)
    try:
        ensure_tools()
        facts = environment()
        _pin(plan.load_core, given.nice)
        run = _run(plan, ((Subject.FLOOR, "floor"), other), targets, progress)
        resilience = _run(
            beside, ((Subject.BYPASSED, "bypassed"), same), resilience_targets, progress
        )
        accounting = _run(
            booked, ((Subject.UNBOOKED, "unbooked"), books), accounting_targets, progress
        )
        formats = [
            replace(
                _run(
                    spoken,
                    (
                        (Subject.WEIR, "openai"),
                        (Subject.WEIR, "openai again") if given.null else (subject, str(subject)),
                    ),
                    format_targets,
                    progress,
                ),
                title=f"Cost of {subject.title()}'s wire format",
            )
            for subject in (Subject.ANTHROPIC, Subject.GEMINI)
        ]
    except (MissingToolError, StartError) as error:
        progress.print(str(error), style="red", markup=False)
        return CANNOT_RUN
    run = replace(run, facts=facts)
    resilience = replace(resilience, title="Cost of resilience while nothing fails")
    accounting = replace(accounting, title="Cost of admission and accounting, durable in SQLite")
    console = Console()
    for each in (run, resilience, accounting, *formats):
        show(Console(width=max(console.width, TABLE_WIDTH)), each)
    if given.json:
        save(given.json, run, resilience, accounting, formats)
    runs = (run, resilience, accounting, *formats)
    if any(each.void for each in runs):
        return VOID
    return TARGET_MISSED if given.gate and any(each.missed for each in runs) else 0


def _plan(kinds: tuple[Kind, ...], given: argparse.Namespace, *, memory: bool = False) -> Plan:
    return plan_of(
        kinds=kinds,
        concurrencies=tuple(int(number) for number in given.concurrency.split(",")),
        pairs=given.pairs,
        unary_calls=given.calls,
        burst_calls=given.bursts,
        paced_waves=given.paced,
        interval_ms=given.interval_ms,
        idle_streams=given.streams,
        idle_interval_ms=given.idle_interval_ms,
        memory_rounds=given.memory_rounds if memory else 0,
    )


def _run(plan: Plan, pair: Pair, targets: Mapping[Kind, float], progress: Console) -> Run:
    results: tuple[CaseResult, ...] = ()
    memories: tuple[Memory, ...] = ()
    if plan.cases or plan.memory_rounds:
        with tempfile.TemporaryDirectory(prefix="weir-bench-") as scratch:
            results, memories = run_plan(plan, pair, Path(scratch), progress)
    return Run(
        facts={},
        plan=plan,
        labels=(pair[0][1], pair[1][1]),
        targets=targets,
        results=results,
        memories=memories,
    )


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench/run",
        description="Weir beside the bare floor, on one machine, in one run.",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a few calls of everything: shows that the harness works, its figures mean nothing",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="save everything, samples too")
    parser.add_argument(
        "--only",
        default="unary,burst,paced,resilience,accounting,formats,memory",
        metavar="KINDS",
        help="a comma-separated part of %(default)s",
    )
    parser.add_argument(
        "--concurrency", default="1,32", metavar="N,N", help="calls in flight (%(default)s)"
    )
    parser.add_argument(
        "--pairs",
        type=int,
        default=15,
        help="samples of each server in each case; six give a 95 %% interval (%(default)s)",
    )
    parser.add_argument(
        "--calls", type=int, default=1500, help="unary calls in a sample (%(default)s)"
    )
    parser.add_argument(
        "--bursts", type=int, default=300, help="burst streams in a sample (%(default)s)"
    )
    parser.add_argument(
        "--paced",
        type=int,
        default=1,
        metavar="WAVES",
        help="paced streams in a sample, per call in flight (%(default)s)",
    )
    parser.add_argument(
        "--interval-ms",
        type=float,
        default=20.0,
        metavar="MS",
        help="time between the chunks of a paced stream (%(default)s)",
    )
    parser.add_argument(
        "--streams", type=int, default=1000, help="streams open for memory (%(default)s)"
    )
    parser.add_argument(
        "--idle-interval-ms",
        type=float,
        default=1000.0,
        metavar="MS",
        help="time between the chunks of those (%(default)s)",
    )
    parser.add_argument(
        "--memory-rounds", type=int, default=3, help="fresh processes for memory (%(default)s)"
    )
    parser.add_argument(
        "--null",
        action="store_true",
        help="compare the floor with itself: every ratio's interval should hold 1",
    )
    parser.add_argument(
        "--gate", action="store_true", help="end with code 3 if a ratio is over its target"
    )
    parser.add_argument(
        "--nice",
        type=int,
        default=0,
        metavar="N",
        help="priority of all parts, as in nice(1); below 0 needs root (%(default)s)",
    )
    return parser


def _pin(core: int, nice: int) -> None:
    """Keep the harness off the servers' core; its children inherit core and priority."""
    os.sched_setaffinity(0, {core})
    if nice:
        os.nice(nice)


if __name__ == "__main__":
    sys.exit(main())
