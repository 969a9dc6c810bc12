"""A provider that says nothing does not cost its caller the call: time is shared among targets."""

import asyncio
import time
from collections.abc import Callable

import grpc
import pytest

from tests.service.asking import maybe_refused, until
from tests.service.test_fault_matrix import tree
from tests.service.weir import Heard, Weir, chat_request, hear, serving, stream_request
from weir.v1.error_pb2 import AttemptKind
from weir.v1.generation_pb2 import FinishReason
from weir_server.fake_upstream.behaviour import Hang, Sse
from weir_server.fake_upstream.exchange import Behaviour, Ending
from weir_server.fake_upstream.openai_service import OpenAiService
from weir_server.fake_upstream.sse import PING
from weir_server.fake_upstream.upstream import FakeUpstream

DEADLINE_S = 2.0
SILENT: dict[str, Behaviour] = {
    "no headers": Hang(),
    "headers alone": Sse(events=(), ending=Ending.STALL),
    "pings alone": Sse(events=(PING,), ending=Ending.STALL, ping_every_s=0.1),
}
CASES = pytest.mark.parametrize("silence", SILENT)


def patient(*urls: str) -> dict[str, object]:
    """A configuration with the server's own limits, far beyond the caller's deadline."""
    config = tree(*urls)
    config["upstream"] = {"retry_base_s": 0.01}
    return config


async def ask(weir: Weir) -> tuple[Heard, float]:
    """Stream one chat with 2 s to live; return how long that took, too."""
    begun_s = time.monotonic()
    heard = await hear(weir.llm.StreamChat(stream_request("hello", model="m"), timeout=DEADLINE_S))
    return heard, time.monotonic() - begun_s


@CASES
async def test_a_second_target_answers_within_the_deadline(silence: str) -> None:
    """The first gets its share of the time, then it is closed and the next one is asked."""
    async with (
        FakeUpstream(SILENT[silence]) as a,
        FakeUpstream() as b,
        serving(patient(a.url, b.url)) as weir,
    ):
        heard, took_s = await ask(weir)
        await a.wait_finished(a.journal[0])
        assert (len(a.journal), len(b.journal)) == (1, 1)
    assert heard.code is grpc.StatusCode.OK
    assert took_s < DEADLINE_S
    first, second = heard.end.metadata.attempts
    assert (first.provider, second.provider) == ("providers/a", "providers/b")
    assert second.kind == AttemptKind.ATTEMPT_KIND_FALLBACK


@CASES
async def test_one_target_ends_the_call_at_its_deadline(
    silence: str, record_property: Callable[[str, object], None]
) -> None:
    """With an end that says so, which comes before the caller's own timer would end it without."""
    async with FakeUpstream(SILENT[silence]) as a, serving(patient(a.url)) as weir:
        heard, took_s = await ask(weir)
        await a.wait_finished(a.journal[0])
        assert len(a.journal) == 1
    record_property("took_s", took_s)
    assert took_s <= DEADLINE_S + 1.0
    assert heard.failure.reason == "DEADLINE_EXCEEDED"
    assert heard.failure.failure is not None
    assert [each.provider for each in heard.failure.failure.attempts] == ["providers/a"]
    if heard.events:
        assert heard.end.finish_reason == FinishReason.FINISH_REASON_ERROR


async def test_three_targets_share_the_time() -> None:
    """Two are silent; the third still answers."""
    async with (
        FakeUpstream(Hang()) as a,
        FakeUpstream(Hang()) as b,
        FakeUpstream() as c,
        serving(patient(a.url, b.url, c.url)) as weir,
    ):
        heard, took_s = await ask(weir)
        assert [len(up.journal) for up in (a, b, c)] == [1, 1, 1]
    assert heard.code is grpc.StatusCode.OK
    assert took_s < DEADLINE_S


async def test_a_caller_in_a_hurry_opens_no_circuit() -> None:
    """Silence that was cut short by a caller's deadline says little about the target."""
    async with (
        FakeUpstream(Hang()) as a,
        FakeUpstream() as b,
        serving(patient(a.url, b.url)) as weir,
    ):
        for _ in range(6):
            request = stream_request("hello", model="m")
            heard = await hear(weir.llm.StreamChat(request, timeout=0.3))
            assert heard.code is grpc.StatusCode.OK
        first, _ = weir.app.upstreams.targets()
        assert len(a.journal) == 6
        assert first.window_failures == 0


async def test_a_call_waits_wherever_it_could_be_served() -> None:
    """The only place at the first provider hangs; that at the second comes free, and is used."""
    async with (
        FakeUpstream(Hang()) as a,
        FakeUpstream(OpenAiService(delay_before_headers_s=0.3)) as b,
        serving(tree(a.url, b.url, max_concurrency=1)) as weir,
        asyncio.TaskGroup() as group,
    ):
        asked = weir.llm.Chat
        hanging = group.create_task(maybe_refused(asked(chat_request("a", model="m"), timeout=3)))
        await until(lambda: len(a.journal) == 1)
        served = group.create_task(maybe_refused(asked(chat_request("b", model="m"), timeout=3)))
        await until(lambda: len(b.journal) == 1)
        reply = await asked(chat_request("c", model="m"), timeout=2)
        assert await served is None
        assert reply.metadata.provider == "providers/b"
        hanging.cancel()
