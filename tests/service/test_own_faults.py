"""What goes wrong in Weir itself is told by a fixed text; what it was stays out of everywhere."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest

from tests.service.asking import logged, refused
from tests.service.handmade import Scripted, ended, said, serving_handler
from tests.service.weir import Weir, chat_request, hear, stream_request
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.generation_pb2 import FinishReason
from weir_server.core.call import Call
from weir_server.core.handler import Batch, Handler, Request

CANARY = "sk-canary-9d1f in the text of an error"
TEXT = "The gateway failed; its log tells more by the request id."


def with_cause() -> Exception:
    error = ValueError(f"outer {CANARY}")
    error.__cause__ = KeyError(CANARY)
    error.add_note(CANARY)
    return error


RAISED = {
    "a plain error": RuntimeError(CANARY),
    "an error with a cause and a note": with_cause(),
    "a group": ExceptionGroup(CANARY, [RuntimeError(CANARY)]),
    "a timeout of our own": TimeoutError(CANARY),
    "an error of the system": ConnectionResetError(104, CANARY),
    "an error of gRPC's": grpc.aio.UsageError(CANARY),
    "a failed assertion": AssertionError(CANARY),
    "a recursion": RecursionError(CANARY),
}


class Raising(Handler):
    """Raises when it is opened, in the middle, or when it is closed."""

    def __init__(self, where: str, raised: BaseException) -> None:
        self._where = where
        self._raised = raised

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        if self._where == "opening":
            raise self._raised
        yield Answer(self._where, self._raised)
        if self._where == "closing":
            raise self._raised


class Answer(AsyncIterator[Batch]):
    """Two words, then the error; an iterator and no generator, which would change the error."""

    def __init__(self, where: str, raised: BaseException) -> None:
        self._left = {"at once": 0}.get(where, 2)
        self._raised = None if where == "closing" else raised

    async def __anext__(self) -> Batch:
        if self._left:
            self._left -= 1
            return said("word") if self._left else said(" more", index=0)
        if self._raised is not None:
            raise self._raised
        raise StopAsyncIteration


async def told(weir: Weir, *, streaming: bool) -> tuple[str, str, str, bytes]:
    """Ask once. Return code, reason, text and everything that was sent."""
    if streaming:
        heard = await hear(weir.llm.StreamChat(stream_request("hello"), timeout=5))
        sent = b"".join(event.SerializeToString() for event in heard.events)
        sent += repr((heard.trailers, heard.details)).encode()
        if heard.events:
            assert heard.end.finish_reason == FinishReason.FINISH_REASON_ERROR
            assert heard.end.error.message == heard.details
        return heard.code.name, heard.failure.reason, heard.details, sent
    refusal = await refused(weir.llm.Chat(chat_request("hello"), timeout=5))
    return refusal.code, refusal.reason, refusal.text, repr(refusal).encode()


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("where", ["opening", "at once", "in the middle"])
@pytest.mark.parametrize("case", RAISED)
async def test_the_text_of_an_error_reaches_nobody(
    case: str, where: str, streaming: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """INTERNAL with a fixed text; the log has the type and the place, not the words."""
    raised = RAISED[case]
    with caplog.at_level(logging.DEBUG):
        async with serving_handler(Raising(where, raised)) as weir:
            code, reason, text, sent = await told(weir, streaming=streaming)
    assert (code, reason, text) == ("INTERNAL", "INTERNAL", TEXT)
    log = weir.log_bytes.getvalue()
    assert b"canary" not in sent + log + caplog.text.encode()
    (fault,) = weir.log_lines("internal_error")
    assert fault["error"] == type(raised).__name__
    assert "test_own_faults.py" in fault["where"]
    (line,) = weir.log_lines("rpc")
    assert (line["code"], line["reason"]) == ("INTERNAL", "INTERNAL")
    assert fault["request_id"] == line["request_id"]


async def test_the_request_id_leads_to_the_log() -> None:
    """What the caller reads is enough for the operator to find the line."""
    async with serving_handler(Raising("opening", RuntimeError(CANARY))) as weir:
        refusal = await refused(weir.llm.Chat(chat_request("hello")))
        await logged(weir)
    told_id = refusal.details["ErrorInfo"].metadata["requestId"]
    (fault,) = weir.log_lines("internal_error")
    assert told_id == fault["request_id"] == refusal.trailers["weir-request-id"]


async def test_embeddings_are_guarded_alike() -> None:
    """One edge for every method."""
    async with serving_handler(Raising("in the middle", RuntimeError(CANARY))) as weir:
        request = EmbedRequest(inputs=[EmbedInput(text="x")])
        refusal = await refused(weir.embeddings.Embed(request))
    assert refusal.verdict == ("INTERNAL", "INTERNAL")
    assert "canary" not in repr(refusal)


async def inner_cancelled() -> None:
    """Wait for a task of one's own that somebody cancels."""

    async def sleep() -> None:
        await asyncio.sleep(30)

    task = asyncio.ensure_future(sleep())
    asyncio.get_running_loop().call_later(0.01, task.cancel)
    await task


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("how", ["a task of our own", "raised by hand"])
@pytest.mark.parametrize("words", [0, 1])
async def test_a_stray_cancellation_is_an_internal_failure_and_no_hang(
    how: str, words: int, streaming: bool
) -> None:
    """The library would send no status, and the caller would wait for its deadline."""

    async def play(_call: Call) -> AsyncIterator[Batch]:
        for _ in range(words):
            yield said("word")
        if how == "raised by hand":
            raise asyncio.CancelledError(CANARY)
        await inner_cancelled()

    begun_s = time.monotonic()
    async with serving_handler(Scripted(play)) as weir:
        code, reason, text, sent = await told(weir, streaming=streaming)
    assert (code, reason, text) == ("INTERNAL", "INTERNAL", TEXT)
    assert time.monotonic() - begun_s < 2.0
    assert weir.log_lines("stray_cancellation")
    assert b"canary" not in sent + weir.log_bytes.getvalue()


@pytest.mark.parametrize("streaming", [True, False])
async def test_an_answer_without_an_end_is_never_ok(streaming: bool) -> None:
    """A path that stops in the middle is a cut stream, whoever stopped it."""

    async def play(_call: Call) -> AsyncIterator[Batch]:
        yield said("half an")

    async with serving_handler(Scripted(play)) as weir:
        code, reason, _, _ = await told(weir, streaming=streaming)
    assert (code, reason) == ("ABORTED", "UPSTREAM_STREAM_BROKEN")


class FailsInClosing(Handler):
    """Answers well, and fails when it is closed."""

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        yield self._answer()
        raise RuntimeError(CANARY)

    async def _answer(self) -> AsyncIterator[Batch]:
        yield said("word")
        yield ended()


async def test_a_status_never_denies_a_good_end() -> None:
    """Status is OK exactly when `end` has no error, though something failed after it."""
    async with serving_handler(FailsInClosing()) as weir:
        heard = await hear(weir.llm.StreamChat(stream_request("hello"), timeout=5))
    assert heard.end.finish_reason == FinishReason.FINISH_REASON_STOP
    assert not heard.end.HasField("error")
    assert heard.code is grpc.StatusCode.OK
    assert weir.log_lines("internal_error"), "the operator learns of it"
    assert b"canary" not in weir.log_bytes.getvalue()
