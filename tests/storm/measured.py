"""How long did a call take, and how did it end? What load tests count and print."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from tests.service.asking import maybe_refused
from tests.service.process import Served
from tests.service.weir import chat_request
from weir_server.fake_upstream.upstream import FakeUpstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One call: how long it took, and why it was not answered."""

    priority: str
    took_s: float
    reason: str | None
    """None: it was answered."""
    cause: str = ""


async def timed(
    llm: Any, model: str, prompt: str, *, priority: str = "standard", timeout_s: float = 20.0
) -> Told:
    """Make one unary call; raises nothing that Weir may say. llm: the stub to make it with."""
    begun_s = time.monotonic()
    metadata = (("weir-priority", priority),)
    call = llm.Chat(chat_request(prompt, model=model), metadata=metadata, timeout=timeout_s)
    refusal = await maybe_refused(call)
    took_s = time.monotonic() - begun_s
    if refusal is None:
        return Told(priority=priority, took_s=took_s, reason=None)
    info = refusal.details.get("ErrorInfo")
    reason = refusal.code if info is None else info.reason
    cause = "" if info is None else info.metadata.get("cause", "")
    if info is not None and "provider" in info.metadata:
        cause = f"{cause} at the provider"
    return Told(priority=priority, took_s=took_s, reason=reason, cause=cause)


def p99(times_s: Sequence[float]) -> float:
    """The time that 99 of 100 stay within, by nearest rank."""
    ordered = sorted(times_s)
    return ordered[max(0, math.ceil(0.99 * len(ordered)) - 1)]


class CoreShare:
    """What share of a core a server used since this was made."""

    def __init__(self, weir: Served) -> None:
        self._process = psutil.Process(weir.process.pid)
        self._begun = time.monotonic(), self._used_s()

    @property
    def value(self) -> float:
        wall_s, used_s = self._begun
        return (self._used_s() - used_s) / (time.monotonic() - wall_s)

    def _used_s(self) -> float:
        times = self._process.cpu_times()
        used_s: float = times.user + times.system
        return used_s


def provider(name: str, upstream: FakeUpstream, **fields: Any) -> dict[str, Any]:
    """A provider at a fake upstream."""
    return {
        "id": name,
        "kind": "openai",
        "endpoint": upstream.url,
        "allow_private": True,
        "allow_insecure_http": True,
        **fields,
    }
