"""What does a call tell those who wait for it, and what goes with its changed copies?"""

from dataclasses import fields

import pytest

from weir.v1.error_pb2 import AttemptKind
from weir.v1.model_pb2 import ModelCapabilities
from weir_server.core.call import Call, Keyed, Progress, TraceContext
from weir_server.core.caller import NOBODY, Caller
from weir_server.core.deadline import Deadline
from weir_server.core.needs import NO_NEEDS, Needs
from weir_server.core.priority import Priority
from weir_server.core.route import RoutePolicy
from weir_server.core.target import Operation, Target

TARGET = Target(
    provider="providers/a", model="models/m", vendor_model="m", capabilities=ModelCapabilities()
)
OTHER = Target(
    provider="providers/b", model="models/m", vendor_model="m", capabilities=ModelCapabilities()
)


def asking(progress: Progress) -> Call:
    return Call(
        request_id="r",
        response_id="r",
        method="Chat",
        operation=Operation.CHAT,
        streaming=False,
        arrived_s=0.0,
        deadline=Deadline.after(0.0, 10.0),
        progress=progress,
        priority=Priority.INTERACTIVE,
        retried=True,
    )


def test_sent_is_told_once() -> None:
    """Whoever waits for the request to be sent hears of the first time."""
    told: list[str] = []
    progress = Progress(on_sent=lambda: told.append("sent"))
    progress.sent()
    progress.sent()
    assert told == ["sent"]


def test_sent_without_anyone_waiting() -> None:
    """Nobody has to wait."""
    progress = Progress()
    progress.sent()
    assert progress.on_sent is None


def test_copy_keeps_its_rank() -> None:
    """A call aimed elsewhere is as important as before, and as often retried."""
    copy = asking(Progress()).aimed_at(())
    assert (copy.priority, copy.retried) == (Priority.INTERACTIVE, True)


def test_attempt_with_its_own_progress_tells_too() -> None:
    """One of several attempts at once tells the one who waits for the call."""
    told: list[str] = []
    call = asking(Progress(on_sent=lambda: told.append("sent")))
    call.aimed_at((), progress=Progress()).progress.sent()
    assert told == ["sent"]


def test_waiting_for_a_provider_is_not_reaching_it() -> None:
    """Both let others go ahead, but only what was sent may have been worked on."""
    told: list[str] = []
    progress = Progress(on_sent=lambda: told.append("told"))
    progress.waits()
    assert (told, progress.reached) == (["told"], False)
    progress.sent()
    assert (told, progress.reached) == (["told"], True)


def test_what_one_of_several_attempts_has_sent_the_call_has_sent() -> None:
    """Whichever of them reaches a provider, even where nobody waits to be told."""
    call = asking(Progress())
    aside = call.aimed_at((), progress=Progress())
    aside.aimed_at((), progress=Progress()).progress.sent()
    assert call.progress.reached


FULL = Call(
    request_id="req_1",
    response_id="resp_1",
    method="Chat",
    operation=Operation.CHAT,
    streaming=True,
    arrived_s=1.0,
    deadline=Deadline.after(1.0, 10.0),
    caller=Caller(tenant="acme"),
    trace=TraceContext(traceparent="00-"),
    progress=Progress(),
    targets=(TARGET,),
    policy=RoutePolicy(max_attempts=7),
    kind=AttemptKind.ATTEMPT_KIND_RETRY,
    needs=Needs(media=1),
    priority=Priority.INTERACTIVE,
    retried=True,
    hops=3,
    idempotency_key="k",
)
"""No field is at its default."""


@pytest.mark.parametrize(
    ("copied", "changes"),
    [
        (FULL.aimed_at((OTHER,)), {"targets", "kind"}),
        (FULL.needing(NO_NEEDS), {"needs"}),
        (FULL.asked_by(NOBODY), {"caller"}),
    ],
    ids=["aimed_at", "needing", "asked_by"],
)
def test_copy_keeps_all_that_it_does_not_change(copied: Call, changes: set[str]) -> None:
    """A field that a copy forgets is a promise broken further in: a rank, a payer, a key."""
    for field in fields(Call):
        kept = getattr(copied, field.name) == getattr(FULL, field.name)
        assert kept is (field.name not in changes), field.name


def test_an_answer_s_identity_is_its_call_s_unless_it_is_replayed() -> None:
    """What was run for an equal call keeps the identity that it had there."""
    progress = Progress()
    call = asking(progress)
    assert call.answer_id == call.response_id
    progress.keyed = Keyed(answer_id="resp_first", replayed=True)
    assert call.answer_id == "resp_first"
