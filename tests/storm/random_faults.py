"""Does every call end honestly, whatever providers do? Thousands of calls, faults by chance.

    python -m tests.storm.random_faults --calls 10000

The figures are those of the promise: every call has one status, nothing is called whole that is
not, and nothing is left behind.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.service.asking import until
from tests.service.weir import Weir, serving
from tests.storm.calling import Answered, Wish, ask
from tests.storm.drawing import Draws
from tests.storm.trees import model, provider
from weir.admin.v1.admin_service_pb2 import ListTargetsRequest
from weir_server.fake_upstream.upstream import FakeUpstream

AT_ONCE = 32
CALLS_PER_PAIR = 50
"""So many calls share two providers, for what was learnt of those that fail half of the time is
soon to leave them alone; the next calls get others, and every path goes on being taken."""
SETTINGS: dict[str, Any] = {
    "upstream": {
        "headers_timeout_s": 0.3,
        "idle_timeout_s": 0.3,
        "first_token_timeout_s": 0.4,
        "retry_base_s": 0.01,
        "max_body_bytes": 256 * 1024,
    },
    "resilience": {
        "hedge_delay_min_s": 0.02,
        "hedge_share": 0.5,
        "retry_share": 1.0,
        "breaker": {"open_s": 0.1, "open_max_s": 0.2},
        "concurrency": {"minimum": 8},
    },
}
"""Limits that are short enough to wait for, and circuits that heal before the storm is over."""


@dataclass
class Tally:
    """What came of a storm."""

    seconds: float = 0.0
    codes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    """Attempts by why they were made."""
    broken: int = 0
    """Streams that failed after they had begun."""
    unheard: int = 0
    """Calls that their own library gave up."""
    drawn: Counter[str] = field(default_factory=Counter)

    def add(self, answered: Answered) -> None:
        self.codes[answered.code] += 1
        self.kinds.update(answered.kinds)
        self.broken += answered.begun and not answered.is_ok
        self.unheard += not answered.is_ok and answered.failure is None


async def storm(calls: int, *, seed: int) -> Tally:
    """Make so many calls; raises AssertionError where one did not end as promised."""
    before = asyncio.all_tasks()
    tally, draws = Tally(), Draws(seed)
    started_s = time.monotonic()
    pairs = range((calls + CALLS_PER_PAIR - 1) // CALLS_PER_PAIR)
    async with FakeUpstream(draws) as one, FakeUpstream(draws) as other:
        tree = {
            **SETTINGS,
            "providers": [
                provider(f"{name}{pair}", upstream)
                for pair in pairs
                for name, upstream in (("a", one), ("b", other))
            ],
            "models": [model(f"a{pair}", f"b{pair}", name=f"m{pair}") for pair in pairs],
        }
        async with serving(tree) as weir:
            todo = iter(
                Wish.draw(seed, number, f"m{number // CALLS_PER_PAIR}") for number in range(calls)
            )
            async with asyncio.TaskGroup() as callers:
                for _ in range(AT_ONCE):
                    callers.create_task(_call(weir, todo, draws, tally))
            await _nothing_is_held(weir)
            await until(lambda: not one.journal.running and not other.journal.running)
        for upstream in (one, other):
            await upstream.wait_idle()
    _one_line_each(weir, calls, tally)
    await until(lambda: asyncio.all_tasks() <= before)
    tally.seconds, tally.drawn = time.monotonic() - started_s, draws.names
    return tally


async def _call(weir: Weir, todo: Iterator[Wish], draws: Draws, tally: Tally) -> None:
    for wish in todo:
        answered = await ask(weir, wish)
        answered.check(draws.by_call.get(wish.number, []))
        tally.add(answered)


async def _nothing_is_held(weir: Weir) -> None:
    """Wait until no target and no provider has a call in flight or in line."""
    async with asyncio.timeout(5):
        while True:
            listed = await weir.admin.ListTargets(ListTargetsRequest())
            held = [
                target.name
                for target in listed.targets
                if target.in_flight or target.provider_in_flight or target.provider_queued
            ]
            if not held:
                return
            await asyncio.sleep(0.02)


def _one_line_each(weir: Weir, calls: int, tally: Tally) -> None:
    """Each call that arrived has one line of the log; only those given up may not have arrived."""
    lines = Counter(
        line["request_id"]
        for line in weir.log_lines("rpc")
        if line.get("request_id", "").startswith("storm-")
    )
    assert set(lines.values()) == {1}
    assert calls - tally.unheard <= len(lines) <= calls


def figures(tally: Tally) -> dict[str, object]:
    """Return the figures by name, as they are printed."""
    return {
        "seconds": tally.seconds,
        **{code.lower(): count for code, count in sorted(tally.codes.items())},
        **{f"{kind.lower()}_attempts": count for kind, count in sorted(tally.kinds.items())},
        "broken_streams": tally.broken,
        "kinds_of_faults": len(tally.drawn),
    }


def main() -> None:
    """Run for as many calls as asked and say what came of them."""
    parser = argparse.ArgumentParser(description="make random calls that meet random faults")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    given = parser.parse_args()
    sys.stdout.write(f"storm: {given.calls:,} calls, seed {given.seed}\n")
    tally = asyncio.run(storm(given.calls, seed=given.seed))
    said = ", ".join(f"{name} {value}" for name, value in figures(tally).items())
    sys.stdout.write(f"storm: every call ended as promised; {said}\n")


if __name__ == "__main__":
    main()
