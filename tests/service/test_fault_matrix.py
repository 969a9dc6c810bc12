"""Each row of the fault matrix, through the real server: what its caller gets, and who is asked.

The rows are data (`fault_rows.py`); docs/fault-matrix.md shows them.
"""

import asyncio
import datetime as dt
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import grpc
import pytest

from tests.fakes.certificates import Authority
from tests.service.asking import until
from tests.service.fault_row import OK, Breaker, Case
from tests.service.fault_rows import cases
from tests.service.weir import (
    Weir,
    chat_request,
    failure_of_error,
    hear,
    serving,
    stream_request,
)
from weir.admin.v1.admin_service_pb2 import CircuitState, CredentialState, Target
from weir.v1.error_pb2 import Attempt, AttemptKind, ErrorReason
from weir_server.fake_upstream.behaviour import Hang, Reply
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.openai_service import OpenAiService
from weir_server.fake_upstream.upstream import FakeUpstream

KEY = "sk-test-canary-key"
CALL_S = 10.0
FIRST_TOKEN_S = 0.3
OPEN = CircuitState.CIRCUIT_STATE_OPEN
FIRST = AttemptKind.ATTEMPT_KIND_FIRST
RETRY = AttemptKind.ATTEMPT_KIND_RETRY
FALLBACK = AttemptKind.ATTEMPT_KIND_FALLBACK
CASES = list(cases())


def tree(*urls: str, resilience: dict[str, Any] | None = None, **provider: Any) -> dict[str, Any]:
    """A model `m` with a target at each address, at providers `a`, `b` ..."""
    names = "abcd"[: len(urls)]
    return {
        "upstream": {
            "idle_timeout_s": 0.4,
            "headers_timeout_s": 5.0,
            "first_token_timeout_s": FIRST_TOKEN_S,
            "retry_base_s": 0.01,
        },
        "resilience": resilience or {},
        "providers": [
            {
                "id": name,
                "kind": "openai",
                "endpoint": url,
                "api_key": KEY,
                "allow_private": True,
                "allow_insecure_http": True,
                **provider,
            }
            for name, url in zip(names, urls, strict=True)
        ],
        "models": [
            {
                "name": "m",
                "targets": [{"provider": name, "vendor_model": f"vendor-{name}"} for name in names],
            }
        ],
    }


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one call ended, as its caller sees it."""

    code: str
    reason: str = OK
    cause: str | None = None
    pushback: str | None = None
    retry_s: float | None = None
    attempts: Sequence[Attempt]
    """Those in the metadata of an answer, or in the details of a failure."""

    @property
    def asked(self) -> list[str]:
        return [attempt.provider.removeprefix("providers/") for attempt in self.attempts]

    @property
    def kinds(self) -> list[AttemptKind.ValueType]:
        return [attempt.kind for attempt in self.attempts]


async def ask(weir: Weir, *, streaming: bool, timeout_s: float = CALL_S) -> Outcome:
    """Make one call; hold an answer to its one end."""
    if streaming:
        heard = await hear(
            weir.llm.StreamChat(stream_request("hello", model="m"), timeout=timeout_s)
        )
        if heard.events:
            assert [event.sequence for event in heard.events] == list(range(len(heard.events)))
            assert heard.kinds.count("end") == 1
            assert heard.kinds[-1] == "end"
        if heard.code is grpc.StatusCode.OK:
            return Outcome(code=OK, attempts=heard.end.metadata.attempts)
        failure, code, trailers = heard.failure, heard.code.name, heard.trailers
    else:
        try:
            reply = await weir.llm.Chat(chat_request("hello", model="m"), timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            failure = failure_of_error(error)
            code = error.code().name
            trailers = dict(error.trailing_metadata())
        else:
            return Outcome(code=OK, attempts=reply.metadata.attempts)
    assert failure.info is not None
    assert failure.failure is not None
    pushback = trailers.get("grpc-retry-pushback-ms")
    assert not isinstance(pushback, bytes)
    retry = failure.retry
    return Outcome(
        code=code,
        reason=failure.reason,
        cause=dict(failure.info.metadata).get("cause"),
        pushback=pushback,
        retry_s=None if retry is None else retry.retry_delay.ToMilliseconds() / 1000,
        attempts=failure.failure.attempts,
    )


def report(weir: Weir, provider: str = "a") -> Target:
    """How the target at a provider is doing."""
    (found,) = (t for t in weir.app.upstreams.targets() if t.provider == f"providers/{provider}")
    return found


def learnt(seen: Target) -> tuple[int, int, int, list[CredentialState.ValueType]]:
    """What the circuit has counted (calls, failures, slow), and which credentials rest."""
    resting = [credential.state for credential in seen.credentials]
    return seen.window_calls, seen.window_failures, seen.window_slow, resting


def lesson(breaker: Breaker, n: int) -> tuple[int, int, int, list[CredentialState.ValueType]]:
    """What `n` attempts must have taught."""
    match breaker:
        case Breaker.OK:
            return n, 0, 0, []
        case Breaker.FAILED:
            return n, n, 0, []
        case Breaker.SLOW:
            return n, n, n, []
        case Breaker.NEUTRAL:
            return 0, 0, 0, []
        case Breaker.COOLED:
            return 0, 0, 0, [CredentialState.CREDENTIAL_STATE_COOLING]
        case Breaker.PARKED:
            return 0, 0, 0, [CredentialState.CREDENTIAL_STATE_PARKED]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_fault_where_there_is_one_target(case: Case) -> None:
    """Status, reason, attempts as upstream and caller count them, and what the breaker hears."""
    row = case.row
    async with FakeUpstream(case.behaviour) as a, serving(tree(a.url)) as weir:
        outcome = await ask(weir, streaming=case.streaming)
        seen = report(weir)
    assert (outcome.code, outcome.reason, outcome.cause) == (row.code, row.reason, row.cause)
    assert len(a.journal) == row.attempts
    assert outcome.asked == ["a"] * row.attempts
    assert outcome.kinds == [FIRST, *[RETRY] * (row.attempts - 1)]
    reasons = {ErrorReason.Name(attempt.reason) for attempt in outcome.attempts}
    expected = "UNSPECIFIED" if row.reason == OK else row.reason
    assert reasons == {f"ERROR_REASON_{expected}"}
    if row.pushback is not None:
        assert outcome.pushback == row.pushback
    assert learnt(seen) == lesson(row.breaker, row.attempts)
    assert (seen.provider_limit < 100) == row.overload
    assert seen.in_flight == seen.provider_in_flight == 0


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_fault_where_there_is_a_second_target(case: Case) -> None:
    """The second answers where the row says so, and is not asked where it does not."""
    row = case.row
    async with (
        FakeUpstream(case.behaviour) as a,
        FakeUpstream() as b,
        serving(tree(a.url, b.url)) as weir,
    ):
        outcome = await ask(weir, streaming=case.streaming)
        second = report(weir, "b")
    if row.elsewhere:
        assert outcome.code == OK
        assert outcome.asked == ["a", "b"]
        assert outcome.kinds == [FIRST, FALLBACK]
        assert (len(a.journal), len(b.journal)) == (1, 1)
        assert learnt(second) == lesson(Breaker.OK, 1)
    else:
        assert (outcome.code, outcome.reason) == (row.code, row.reason)
        assert (len(a.journal), len(b.journal)) == (row.attempts, 0)


# --- rows that are no single behaviour ------------------------------------------------------------


async def test_a_credential_that_is_refused_gives_way_to_another() -> None:
    """Row 2: the other key of the same provider is tried once, and the refused one rests."""

    def by_key(attempt: Any) -> Any:
        return OpenAiService() if attempt.bearer == "sk-good" else FAULTS["bad_key"].behaviour

    keys = [{"name": "bad", "api_key": "sk-bad"}, {"name": "good", "api_key": "sk-good"}]
    async with FakeUpstream(by_key) as a:
        config = tree(a.url, credentials=keys)
        del config["providers"][0]["api_key"]
        async with serving(config) as weir:
            first = await ask(weir, streaming=True)
            second = await ask(weir, streaming=False)
            resting = {c.name: c.state for c in report(weir).credentials}
    assert (first.code, second.code) == (OK, OK)
    assert [attempt.bearer for attempt in a.journal] == ["sk-bad", "sk-good", "sk-good"]
    assert resting == {
        "bad": CredentialState.CREDENTIAL_STATE_PARKED,
        "good": CredentialState.CREDENTIAL_STATE_USED,
    }


async def test_a_prompt_that_is_too_large_goes_to_a_larger_target() -> None:
    """Row 7: only one that is known to take more is asked."""
    async with FakeUpstream(FAULTS["too_large"].behaviour) as a, FakeUpstream() as b:
        config = tree(a.url, b.url)
        small, large = config["models"][0]["targets"]
        small["context_window_tokens"], large["context_window_tokens"] = 8_000, 100_000
        async with serving(config) as weir:
            outcome = await ask(weir, streaming=False)
    assert outcome.code == OK
    assert outcome.asked == ["a", "b"]


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_refused_connection_is_tried_again(streaming: bool) -> None:
    """Row 13: nothing was sent, so it is safe; a second target answers."""
    async with FakeUpstream() as a, FakeUpstream() as b, a.refusing_connections():
        async with serving(tree(a.url)) as weir:
            alone = await ask(weir, streaming=streaming)
            seen = report(weir)
        async with serving(tree(a.url, b.url)) as weir:
            outcome = await ask(weir, streaming=streaming)
    assert (alone.code, alone.reason) == ("UNAVAILABLE", "UPSTREAM_CONNECT_FAILED")
    assert alone.cause == "refused"
    assert alone.asked == ["a"] * 3
    assert learnt(seen) == lesson(Breaker.FAILED, 3)
    assert (outcome.code, outcome.asked) == (OK, ["a", "b"])


@pytest.mark.parametrize("wrong", ["expired", "other name", "stranger"])
async def test_a_bad_certificate_is_not_tried_again(wrong: str) -> None:
    """Row 14: never there and never in clear; a second target answers."""
    authority, stranger = Authority(), Authority("Stranger")
    context = {
        "expired": authority.server(expires_in=-dt.timedelta(hours=1)),
        "other name": authority.server(["elsewhere.example"]),
        "stranger": stranger.server(),
    }[wrong]
    async with (
        trusting(authority) as ca_file,
        FakeUpstream(tls=context) as a,
        FakeUpstream() as b,
    ):
        config = tree(a.url, b.url)
        config["providers"][0]["ca_file"] = ca_file
        config["models"].append({"name": "alone", "provider": "a", "vendor_model": "vendor-a"})
        async with serving(config) as weir:
            outcome = await ask(weir, streaming=True)
            alone = await hear(weir.llm.StreamChat(stream_request("hello", model="alone")))
            seen = report(weir)
    assert (outcome.code, outcome.asked) == (OK, ["a", "b"])
    assert alone.code is grpc.StatusCode.UNAVAILABLE
    assert alone.failure.reason == "UPSTREAM_CONNECT_FAILED"
    assert alone.failure.info is not None
    assert alone.failure.info.metadata["cause"] == "tls"
    assert alone.failure.failure is not None
    assert len(alone.failure.failure.attempts) == 1
    assert learnt(seen) == lesson(Breaker.FAILED, 2)
    assert len(a.journal) == 0


@asynccontextmanager
async def trusting(authority: Authority) -> AsyncIterator[str]:
    """A file with the certificate of an authority."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(authority.pem)
        file.flush()
        yield file.name


async def test_an_attempt_has_its_own_limit() -> None:
    """Row 15, unary: with `timeout_s` a silent target does not cost the whole deadline."""
    async with FakeUpstream(Hang()) as a, FakeUpstream() as b:
        async with serving(tree(a.url, timeout_s=1)) as weir:
            alone = await ask(weir, streaming=False)
            seen = report(weir)
        async with serving(tree(a.url, b.url, timeout_s=1)) as weir:
            outcome = await ask(weir, streaming=False)
    assert (alone.code, alone.reason) == ("UNAVAILABLE", "UPSTREAM_TIMEOUT")
    assert alone.asked == ["a", "a"]
    assert learnt(seen) == lesson(Breaker.SLOW, 2)
    assert (outcome.code, outcome.asked) == (OK, ["a", "b"])


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_deadline_of_50_ms(streaming: bool) -> None:
    """Row 36: one attempt, closed in time, and a caller in a hurry opens no circuit."""
    async with FakeUpstream(Hang()) as a, serving(tree(a.url)) as weir:
        took_s: list[float] = []
        for _ in range(10):
            begun_s = time.monotonic()
            if streaming:
                call = weir.llm.StreamChat(stream_request("hello", model="m"), timeout=0.05)
            else:
                call = weir.llm.Chat(chat_request("hello", model="m"), timeout=0.05)  # type: ignore[assignment]
            code = await call.code()
            took_s.append(time.monotonic() - begun_s)
            assert code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert median(took_s) <= 0.15
        await a.journal.wait_until(lambda: not a.journal.running)
        seen = report(weir)
        assert len(a.journal) <= 10
        assert learnt(seen) == lesson(Breaker.NEUTRAL, 10)
        assert seen.in_flight == seen.provider_in_flight == 0


async def test_a_caller_that_leaves_before_its_turn() -> None:
    """Row 34: the provider takes one call at a time; who leaves the queue was never sent."""
    async with FakeUpstream(Hang()) as a, serving(tree(a.url, max_concurrency=1)) as weir:
        first = weir.llm.StreamChat(stream_request("hello", model="m"), timeout=CALL_S)
        await a.wait_for_attempts(1)
        second = weir.llm.StreamChat(stream_request("hello", model="m"), timeout=CALL_S)
        await until(lambda: report(weir).provider_queued == 1)
        second.cancel()
        await until(lambda: report(weir).provider_queued == 0)
        first.cancel()
        await a.wait_finished(a.journal[0])
        await until(lambda: report(weir).provider_in_flight == 0)
        assert await second.code() is grpc.StatusCode.CANCELLED
        assert len(a.journal) == 1
        assert learnt(report(weir)) == lesson(Breaker.NEUTRAL, 1)


@pytest.mark.parametrize("streaming", [True, False])
async def test_when_all_circuits_are_open(
    streaming: bool, record_property: Callable[[str, object], None]
) -> None:
    """Row 50: a few trials for each period, then CIRCUIT_OPEN with when to come again, at once."""
    down = Reply(status=500)
    async with FakeUpstream(down) as a, FakeUpstream(down) as b:
        resilience = {"breaker": {"open_s": 60, "open_max_s": 60}}
        async with serving(tree(a.url, b.url, resilience=resilience, max_retries=0)) as weir:
            for _ in range(5):
                assert (await ask(weir, streaming=streaming)).reason == "UPSTREAM_ERROR"
            assert {report(weir, name).circuit for name in "ab"} == {OPEN}
            trials = [await ask(weir, streaming=streaming) for _ in range(12)]
            before = len(a.journal), len(b.journal)
            took_s: list[float] = []
            for _ in range(20):
                begun_s = time.monotonic()
                refusal = await ask(weir, streaming=streaming)
                took_s.append(time.monotonic() - begun_s)
                assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "CIRCUIT_OPEN")
                assert refusal.retry_s is not None
                assert 0 < refusal.retry_s <= 72
            assert (len(a.journal), len(b.journal)) == before
    record_property("refused_after_ms", median(took_s) * 1000)
    assert median(took_s) <= 0.1, "nobody was waited for"
    assert before[0] <= 8
    assert before[1] <= 8
    assert trials[-1].reason == "CIRCUIT_OPEN"


async def test_a_circuit_that_was_open_closes_again() -> None:
    """The target is well: the first calls are its trials, and all of them are answered."""
    async with FakeUpstream(Reply(status=500)) as a:
        resilience = {"breaker": {"open_s": 0.2}}
        async with serving(tree(a.url, resilience=resilience, max_retries=0)) as weir:
            for _ in range(5):
                await ask(weir, streaming=True)
            assert report(weir).circuit == OPEN
            a.script(OpenAiService())
            await asyncio.sleep(0.3)
            answers = [await ask(weir, streaming=True) for _ in range(4)]
            circuit = report(weir).circuit
    assert [answer.code for answer in answers] == [OK] * 4
    assert circuit == CircuitState.CIRCUIT_STATE_CLOSED
