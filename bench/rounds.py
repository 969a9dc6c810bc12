"""In what order does a whole run go?"""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench.measure import CaseResult, measure_case
from bench.memory import Memory, measure_memory
from bench.plan import Plan
from bench.subjects import Subject, run_subject
from bench.upstreams import Upstreams, run_upstreams

Pair = tuple[tuple[Subject, str], tuple[Subject, str]]


def run_plan(
    plan: Plan, pair: Pair, scratch: Path, console: Console
) -> tuple[tuple[CaseResult, ...], tuple[Memory, ...]]:
    """First all cases on two servers that live as long, then memory on fresh ones each round."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with (
        run_upstreams(plan, scratch) as upstreams,
        Progress(*columns, console=console) as progress,
    ):
        results = _run_cases(plan, pair, scratch, upstreams, progress) if plan.cases else []
        memories = _run_memory(plan, pair, scratch, upstreams, progress)
        return tuple(results), tuple(memories)


def _run_cases(
    plan: Plan, pair: Pair, scratch: Path, upstreams: Upstreams, progress: Progress
) -> list[CaseResult]:
    with ExitStack() as stack:
        subjects = [
            stack.enter_context(
                run_subject(
                    subject,
                    label=label,
                    scratch=scratch,
                    core=plan.server_core,
                    upstreams=upstreams,
                )
            )
            for subject, label in pair
        ]
        results = []
        for case in plan.cases:
            task = progress.add_task(f"{case.kind} x {case.concurrency}", total=plan.pairs)
            results.append(
                measure_case(
                    case,
                    plan=plan,
                    subjects=subjects,
                    upstreams=upstreams,
                    scratch=scratch,
                    advance=partial(progress.advance, task),
                )
            )
        return results


def _run_memory(
    plan: Plan, pair: Pair, scratch: Path, upstreams: Upstreams, progress: Progress
) -> list[Memory]:
    memories: list[Memory] = []
    task = progress.add_task(
        "memory", total=plan.memory_rounds * len(pair), visible=plan.memory_rounds > 0
    )
    for _ in range(plan.memory_rounds):
        for subject, label in pair:
            memories.append(
                measure_memory(
                    subject,
                    label=label,
                    plan=plan,
                    upstreams=upstreams,
                    scratch=scratch,
                )
            )
            progress.advance(task)
    return memories
