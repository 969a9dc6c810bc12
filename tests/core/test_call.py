"""What does a call tell those who wait for it, and what goes with its changed copies?"""

from weir_server.core.call import Call, Keyed, Progress
from weir_server.core.deadline import Deadline
from weir_server.core.priority import Priority
from weir_server.core.target import Operation


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


def test_copy_keeps_its_key() -> None:
    """A call that is aimed elsewhere, or needs more, is the same call to its caller."""
    call = Call(
        request_id="r",
        response_id="resp_1",
        method="Chat",
        operation=Operation.CHAT,
        streaming=False,
        arrived_s=0.0,
        deadline=Deadline.after(0.0, 10.0),
        idempotency_key="k",
    )
    assert call.aimed_at(()).idempotency_key == call.needing(call.needs).idempotency_key == "k"


def test_an_answer_s_identity_is_its_call_s_unless_it_is_replayed() -> None:
    """What was run for an equal call keeps the identity that it had there."""
    progress = Progress()
    call = asking(progress)
    assert call.answer_id == call.response_id
    progress.keyed = Keyed(answer_id="resp_first", replayed=True)
    assert call.answer_id == "resp_first"
