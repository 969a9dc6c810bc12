"""Does a server hold on to anything? Calls for minutes, some of which fail, are cut or read slowly.

    python -m tests.storm.soak --seconds 600

`weir serve` runs in a process of its own, and what it holds is looked at every half second: its
memory, its files and its sockets, and what it wrote when it had ended.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import linear_regression, median
from typing import Any

import grpc.aio
import psutil

from tests.service.process import Served, serving_process
from tests.service.test_slow_reader import SMALL_WINDOW
from tests.service.weir import chat_request, hear, stream_request
from tests.storm.trees import model, provider
from weir.v1.provider_service_pb2_grpc import LLMProviderServiceStub
from weir_server.fake_upstream.exchange import Behaviour
from weir_server.fake_upstream.faults import FAULTS, Asked
from weir_server.fake_upstream.journal import Attempt, Journal
from weir_server.fake_upstream.misbehaviour import EndlessStream
from weir_server.fake_upstream.openai_service import OpenAiService
from weir_server.fake_upstream.upstream import FakeUpstream

MIB = 1024 * 1024
CALLERS = 8
PAUSE_S = 0.1
LOOK_EVERY_S = 0.5
FAULT_SHARE = 0.01
WAYS = {"unary": 0.45, "stream": 0.35, "cancelled": 0.1, "slow": 0.1}
"""How calls are made, by share."""
FLOOD = "flood"
"""What a slow reader says: it is answered for ever, faster than it reads."""
LONG_RESTS = frozenset({"rate_limited_for_an_hour", "rate_limited_until_2099"})
"""After these nothing would be asked for minutes; a soak is about calls."""
SLOPE_MIB_PER_MIN = 1.0
"""What ten minutes are held to."""
FLAT_WITHIN = CALLERS // 2
"""Files and sockets: idle connections come and go. One kept for each fault would be some 15 more
in a minute, one for each cancelled call a hundred."""
TREE: dict[str, Any] = {
    "upstream": {
        "headers_timeout_s": 1.0,
        "idle_timeout_s": 1.0,
        "first_token_timeout_s": 1.0,
        "retry_base_s": 0.01,
        "max_body_bytes": MIB,
    },
    "resilience": {"breaker": {"open_s": 0.5, "open_max_s": 1.0}},
    "models": [model("a", "b")],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the server held at one moment."""

    at_s: float
    rss_bytes: int
    files: int
    sockets: int


@dataclass
class Soaked:
    """What was seen of a server over time, after it had warmed up."""

    looks: list[Look] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    said: bytes = b""
    """All that it wrote."""
    exit_code: int | None = None

    @property
    def rss_slope_mib_per_min(self) -> float:
        """How fast its memory grew: the slope of the line that fits best."""
        at_min = [look.at_s / 60 for look in self.looks]
        return linear_regression(at_min, [look.rss_bytes / MIB for look in self.looks]).slope

    def grown(self, what: str) -> float:
        """Return how many more `files` or `sockets` it had in the last third than in the first."""
        held: list[int] = [getattr(look, what) for look in self.looks]
        third = len(held) // 3
        return median(held[-third:]) - median(held[:third])

    @property
    def complaints(self) -> Sequence[str]:
        """Lines that tell of an exception or a task that nobody looked after."""
        signs = ("never retrieved", "never awaited", "was destroyed", "Traceback")
        lines = self.said.decode(errors="replace").splitlines()
        return [line for line in lines if any(sign in line for sign in signs)]

    def figures(self) -> dict[str, object]:
        """Return the figures by name, as they are printed."""
        return {
            "calls": self.codes.total(),
            "ok": self.codes["OK"],
            "faults": self.faults,
            "rss_mib": self.looks[-1].rss_bytes / MIB,
            "rss_slope_mib_per_min": self.rss_slope_mib_per_min,
            "files_grown": self.grown("files"),
            "sockets_grown": self.grown("sockets"),
            "complaints": len(self.complaints),
        }


class _Upstream:
    """What each attempt gets: an answer, and now and then a fault."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._faults = {
            streaming: [
                fault.behaviour
                for fault in FAULTS.values()
                if fault.asked in (Asked.ANY, Asked.STREAM if streaming else Asked.UNARY)
                and fault.name not in LONG_RESTS
            ]
            for streaming in (True, False)
        }
        self.faults = 0

    def __call__(self, attempt: Attempt) -> Behaviour:
        if self._rng.random() < FAULT_SHARE:
            self.faults += 1
            return self._rng.choice(self._faults[attempt.is_stream])
        if attempt.json["messages"][-1]["content"] == FLOOD:
            return EndlessStream(text_bytes=4096)
        return OpenAiService()


async def soak(
    folder: Path, *, warm_up_s: float, seconds: float, seed: int, say: bool = False
) -> Soaked:
    """Call a server for so long and look at it; with `say`, print each minute."""
    soaked = Soaked()
    steps = _Upstream(Random(seed))
    async with (
        FakeUpstream(steps, journal=Journal(keep=100)) as one,
        FakeUpstream(steps, journal=Journal(keep=100)) as other,
    ):
        tree = {**TREE, "providers": [provider("a", one), provider("b", other)]}
        async with serving_process(folder, tree, drain_grace_s=5) as server:
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                for number in range(CALLERS):
                    rng = Random(f"{seed} {number}")
                    tasks.create_task(_call(server, rng, stop, soaked.codes))
                await asyncio.sleep(warm_up_s)
                await _look(server, seconds, soaked, say=say)
                stop.set()
            server.process.terminate()
            soaked.exit_code = await server.process.wait()
            soaked.said = server.log_file.read_bytes()
    soaked.faults = steps.faults
    return soaked


async def _look(server: Served, seconds: float, soaked: Soaked, *, say: bool) -> None:
    process = psutil.Process(server.process.pid)
    begun_s = time.monotonic()
    said_s = 0.0
    while (at_s := time.monotonic() - begun_s) < seconds:
        look = Look(
            at_s=at_s,
            rss_bytes=process.memory_info().rss,
            files=process.num_fds(),
            sockets=len(process.net_connections()),
        )
        soaked.looks.append(look)
        if say and at_s >= said_s:
            said_s += 60.0
            sys.stdout.write(
                f"soak: {at_s:4.0f} s, {soaked.codes.total():,} calls, "
                f"{look.rss_bytes / MIB:.1f} MiB, {look.files} files, {look.sockets} sockets\n"
            )
            sys.stdout.flush()
        await asyncio.sleep(LOOK_EVERY_S)


async def _call(server: Served, rng: Random, stop: asyncio.Event, codes: Counter[str]) -> None:
    own = (*SMALL_WINDOW, ("grpc.use_local_subchannel_pool", 1))
    async with grpc.aio.insecure_channel(server.address, options=own) as channel:
        llm: Any = LLMProviderServiceStub(channel)
        while not stop.is_set():
            (way,) = rng.choices(list(WAYS), list(WAYS.values()))
            codes[await _ask(llm, way)] += 1
            await asyncio.sleep(rng.uniform(0.0, 2 * PAUSE_S))


async def _ask(llm: Any, way: str) -> str:
    code: grpc.StatusCode
    prompt = FLOOD if way == "slow" else "What is a weir, and what is it for?"
    if way == "unary":
        call = llm.Chat(chat_request(prompt), timeout=5)
        try:
            await call
        except grpc.aio.AioRpcError:
            pass  # the status is read below, as for an answer
        code = await call.code()
        return code.name
    call = llm.StreamChat(stream_request(prompt), timeout=5)
    if way == "stream":
        return (await hear(call)).code.name
    try:
        await call.read()
        if way == "slow":
            for _ in range(5):
                await asyncio.sleep(0.05)
                await call.read()
    except grpc.aio.AioRpcError:
        pass  # it failed before it was given up
    call.cancel()
    code = await call.code()
    return code.name


def check(soaked: Soaked, *, slope_mib_per_min: float = SLOPE_MIB_PER_MIN) -> None:
    """Hold a server to what was promised, or to a slope that so short a time can tell."""
    assert not soaked.complaints, soaked.complaints[:5]
    assert soaked.exit_code == 0
    assert soaked.codes["OK"] >= 0.75 * soaked.codes.total(), soaked.codes
    assert soaked.grown("files") <= FLAT_WITHIN
    assert soaked.grown("sockets") <= FLAT_WITHIN
    assert soaked.rss_slope_mib_per_min <= slope_mib_per_min


def main() -> None:
    """Soak a server for as long as asked, say what was seen, and fail where something grew."""
    parser = argparse.ArgumentParser(description="call a server for long and watch what it holds")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--warm-up", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soaked = asyncio.run(
            soak(
                Path(folder),
                warm_up_s=given.warm_up,
                seconds=given.seconds,
                seed=given.seed,
                say=True,
            )
        )
    said = ", ".join(f"{name} {value}" for name, value in soaked.figures().items())
    sys.stdout.write(f"soak: {said}; seed {given.seed}\n")
    check(soaked)


if __name__ == "__main__":
    main()
