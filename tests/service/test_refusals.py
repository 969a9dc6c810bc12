"""What a provider refuses goes elsewhere only where the route says so."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.service.fault_row import OK
from tests.service.test_fault_matrix import ask, report, tree
from tests.service.weir import Weir, chat_request, serving
from weir.admin.v1.admin_service_pb2 import CredentialState
from weir.v1.error_pb2 import AttemptKind
from weir.v1.generation_pb2 import FinishReason
from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.exchange import Behaviour
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.openai_service import OpenAiService
from weir_server.fake_upstream.upstream import FakeUpstream

WELL = OpenAiService()
FILTERED = FAULTS["filtered"].behaviour
FALLBACK = AttemptKind.ATTEMPT_KIND_FALLBACK
MODES = pytest.mark.parametrize("streaming", [True, False], ids=["stream", "unary"])


@dataclass
class Two:
    """A Weir whose model has a target at `a`, then one at `b`."""

    weir: Weir
    a: FakeUpstream
    b: FakeUpstream


@asynccontextmanager
async def two(
    first: Behaviour,
    second: Behaviour = WELL,
    *,
    on: Sequence[str] = (),
    windows: Sequence[int] = (0, 0),
    **provider: Any,
) -> AsyncIterator[Two]:
    """on: what the route takes elsewhere. windows: those of the targets, in tokens."""
    async with FakeUpstream(first) as a, FakeUpstream(second) as b:
        config = tree(a.url, b.url, **provider)
        model = config["models"][0]
        model["fallback_on"] = list(on)
        for target, window in zip(model["targets"], windows, strict=True):
            target["context_window_tokens"] = window
        async with serving(config) as weir:
            yield Two(weir=weir, a=a, b=b)


CASES = {
    "rejected, nothing said": ("bad_request", [], (0, 0), False),
    "rejected, and the route says so": ("bad_request", ["rejected_request"], (0, 0), True),
    "blocked, nothing said": ("content_blocked", [], (0, 0), False),
    "too long, windows not known": ("context_too_long", [], (0, 0), False),
    "too long, the other is no larger": ("context_too_long", [], (8_000, 8_000), False),
    "too long, the other is larger": ("context_too_long", [], (8_000, 9_000), True),
    "too long, and the route says so": ("context_too_long", ["context_length"], (0, 0), True),
}


@MODES
@pytest.mark.parametrize("case", CASES)
async def test_who_is_asked_after_a_refusal(case: str, streaming: bool) -> None:
    """The same request would be refused again, unless somebody knows better."""
    name, on, windows, elsewhere = CASES[case]
    async with two(FAULTS[name].behaviour, on=on, windows=windows) as both:
        outcome = await ask(both.weir, streaming=streaming)
        assert (len(both.a.journal), len(both.b.journal)) == (1, int(elsewhere))
        assert report(both.weir).window_calls == 0
    assert (outcome.code == OK) == elsewhere
    if elsewhere:
        assert outcome.kinds[-1] == FALLBACK


@pytest.mark.parametrize("said", [True, False])
async def test_an_answer_that_was_withheld(said: bool) -> None:
    """It is OK with CONTENT_FILTER; another model is asked only where the route says so."""
    on = ["content_filter"] if said else []
    async with two(FILTERED, on=on) as both:
        reply = await both.weir.llm.Chat(chat_request("hello", model="m"), timeout=10)
        assert len(both.b.journal) == int(said)
    expected = (
        FinishReason.FINISH_REASON_STOP if said else FinishReason.FINISH_REASON_CONTENT_FILTER
    )
    assert reply.finish_reason == expected


async def test_an_answer_that_was_withheld_stands_if_nobody_else_has_one() -> None:
    """The second target's failure is not the caller's."""
    async with two(FILTERED, Reply(status=500), on=["content_filter"]) as both:
        reply = await both.weir.llm.Chat(chat_request("hello", model="m"), timeout=10)
    assert reply.finish_reason == FinishReason.FINISH_REASON_CONTENT_FILTER
    assert reply.metadata.provider == "providers/a"


@MODES
async def test_a_parked_credential_rests_while_another_target_answers(streaming: bool) -> None:
    """The second call does not ask the provider that refused the first."""
    async with two(FAULTS["bad_key"].behaviour) as both:
        first = await ask(both.weir, streaming=streaming)
        again = await ask(both.weir, streaming=streaming)
        (credential,) = report(both.weir).credentials
    assert credential.state == CredentialState.CREDENTIAL_STATE_PARKED
    assert (first.asked, again.asked) == (["a", "b"], ["b"])


@MODES
async def test_a_parked_credential_is_the_last_resort(streaming: bool) -> None:
    """Refused lately is better than no answer; one that works again is parked no longer."""
    async with (
        FakeUpstream(FAULTS["bad_key"].behaviour) as alone,
        serving(tree(alone.url)) as weir,
    ):
        refused = await ask(weir, streaming=streaming)
        assert len(report(weir).credentials) == 1
        alone.script(WELL)
        answered = await ask(weir, streaming=streaming)
        assert len(report(weir).credentials) == 0
    assert refused.reason == "UPSTREAM_CREDENTIALS_REJECTED"
    assert answered.code == OK
