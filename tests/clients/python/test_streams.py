"""Is a stream read as the contract says, and ended with its block?"""

import asyncio
import gc
import time
from collections.abc import Awaitable

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo

import weir
from tests.clients.python import answers
from tests.clients.python.scripted_server import Failure, Pause, ScriptedServer
from weir.v1.content_pb2 import Part
from weir.v1.error_pb2 import Attempt, Error, ErrorReason
from weir.v1.generation_pb2 import GenerationEvent
from weir.v1.provider_service_pb2 import ChatResponse

BROKEN = weir.StreamBrokenError


async def test_text(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """The text arrives piece by piece, and the whole answer is there after it."""
    events = answers.text_answer("Hel", "lo, ", "world")
    server.play(events[:3], events[3:])

    async with client.stream_chat("Hi") as stream:
        pieces = [piece async for piece in stream.text]
        response = await stream.response()

    assert pieces == ["Hel", "lo, ", "world"]
    assert response == weir.fold_chat(events)
    assert stream.usage == answers.USAGE
    assert stream.response_id == answers.RESPONSE_ID


async def test_events(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """Every event is yielded once, in order, heartbeats and the end included."""
    events = answers.numbered(
        [
            answers.start(),
            answers.heartbeat(),
            answers.opened(0, Part(text="")),
            answers.text(0, "Hi"),
            answers.closed(0),
            answers.end(),
        ]
    )
    server.play(events[:1], events[1:4], events[4:])

    async with client.stream_chat("Hi") as stream:
        seen = [event async for event in stream]

    assert seen == events


async def test_loops_go_on_where_the_last_stopped(
    server: ScriptedServer, client: weir.AsyncClient
) -> None:
    """Breaking out of one loop loses nothing for the next."""
    server.play(answers.text_answer("a", "b", "c"))

    async with client.stream_chat("Hi") as stream:
        async for event in stream:
            if event.HasField("part_delta"):
                break
        pieces = [piece async for piece in stream.text]
        response = await stream.response()

    assert pieces == ["b", "c"]
    assert response.message.parts[0].text == "abc"


@pytest.mark.parametrize("taken", [0, 1], ids=["before anything came", "after the first event"])
async def test_leaving_the_block(
    server: ScriptedServer, client: weir.AsyncClient, taken: int
) -> None:
    """Leaving the block cancels the call: the server sees it within a second."""
    server.play(answers.text_answer("a")[:3], Pause())

    async with client.stream_chat("Hi") as stream:
        seen = await server.first_call()
        for _ in range(taken):
            await anext(stream)
        left_at_s = time.monotonic()

    await _hung_up(server, left_at_s)
    assert seen is server.seen[0]
    with pytest.raises(weir.CallCancelledError):
        await stream.response()


async def test_an_error_inside_the_block(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """The caller's own exception leaves the block as it is, and cancels the call."""
    server.play(answers.text_answer("a")[:3], Pause())

    async def fail() -> None:
        async with client.stream_chat("Hi") as stream:
            await anext(stream)
            raise KeyError

    with pytest.raises(KeyError):
        await fail()

    await _hung_up(server, time.monotonic())


async def test_dropping_the_stream(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """A stream that nobody holds any more is cancelled."""
    server.play(answers.text_answer("a")[:3], Pause())
    stream = await client.stream_chat("Hi").__aenter__()
    await anext(stream)

    del stream
    gc.collect()

    await _hung_up(server, time.monotonic())


async def test_a_cancelled_task(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """Cancelling the task that reads cancels the call; the task sees asyncio's own exception."""
    server.play(answers.text_answer("a")[:3], Pause())

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3), client.stream_chat("Hi") as stream:
            await stream.response()

    await _hung_up(server, time.monotonic())


async def test_cancel_from_another_task(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """`cancel` ends a read elsewhere with CallCancelledError, not with asyncio's exception."""
    server.play(answers.text_answer("a")[:3], Pause())

    async with client.stream_chat("Hi") as stream, asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(_failure_of(stream.response()))
        await server.first_call()
        await asyncio.sleep(0.05)
        stream.cancel()

    assert isinstance(reading.result(), weir.CallCancelledError)


async def test_closing_the_client(server: ScriptedServer) -> None:
    """Closing cancels open streams and waiting calls; then the client says that it is closed."""
    server.play(answers.text_answer("a")[:3], Pause())
    server.play(Pause())
    client = weir.AsyncClient(server.address)

    async with client.stream_chat("Hi") as stream, asyncio.TaskGroup() as tasks:
        await anext(stream)
        reading = tasks.create_task(_failure_of(stream.response()))
        waiting = tasks.create_task(_failure_of(client.chat("Hi")))
        await asyncio.sleep(0.1)
        await client.close()

    assert isinstance(reading.result(), weir.CallCancelledError)
    assert isinstance(waiting.result(), weir.CallCancelledError)
    with pytest.raises(RuntimeError, match="closed"):
        await client.chat("Hi")


async def test_the_deadline(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """A stream ends at its deadline, and the error knows which answer it was."""
    server.play(answers.text_answer("a")[:3], Pause())

    async with client.stream_chat("Hi", timeout_s=0.3) as stream:
        with pytest.raises(weir.DeadlineExceededError) as caught:
            await stream.response()

    assert caught.value.response_id == answers.RESPONSE_ID


async def test_without_an_end(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """A stream that stops with status OK but without its end is broken, not complete."""
    server.play(answers.text_answer("a", "b")[:-1])

    async with client.stream_chat("Hi") as stream:
        with pytest.raises(weir.StreamBrokenError) as caught:
            _ = [piece async for piece in stream.text]
        with pytest.raises(weir.StreamBrokenError):
            await stream.response()

    assert caught.value.response_id == answers.RESPONSE_ID


async def test_an_empty_stream(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """A stream of nothing is broken too."""
    server.play()

    async with client.stream_chat("Hi") as stream:
        with pytest.raises(weir.StreamBrokenError):
            await stream.response()


async def test_a_connection_lost_midway(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """A bare UNAVAILABLE after the first event is a broken stream: trying again is no free call."""
    server.play(answers.text_answer("a")[:3], Failure(code=grpc.StatusCode.UNAVAILABLE))

    async with client.stream_chat("Hi") as stream:
        with pytest.raises(weir.StreamBrokenError) as caught:
            await stream.response()

    assert caught.value.code is weir.Code.UNAVAILABLE
    assert len(server.seen) == 1


async def test_an_end_with_an_error(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """The failed end is yielded; then its error is raised, with the partial usage."""
    error = Error(
        code=weir.Code.ABORTED,
        reason=ErrorReason.ERROR_REASON_UPSTREAM_STREAM_BROKEN,
        message="The provider's answer was cut.",
    )
    events = answers.numbered([answers.start(), answers.failed_end(error)])
    server.play(events, Failure(code=grpc.StatusCode.ABORTED))

    async with client.stream_chat("Hi") as stream:
        seen = [await anext(stream), await anext(stream)]
        with pytest.raises(weir.StreamBrokenError) as caught:
            await anext(stream)

    assert seen == events
    assert caught.value.reason == "UPSTREAM_STREAM_BROKEN"
    assert caught.value.usage == answers.USAGE


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([answers.start(), answers.heartbeat()], weir.UnavailableError),
        ([answers.start(), answers.opened(0, Part(text="")), answers.text(0, "a")], BROKEN),
    ],
    ids=["nothing given", "text given"],
)
@pytest.mark.parametrize("status", ["by the status too", "by the end alone"])
async def test_unavailable_means_that_nothing_was_given(
    server: ScriptedServer,
    client: weir.AsyncClient,
    before: list[GenerationEvent],
    expected: type[weir.WeirError],
    status: str,
) -> None:
    """A server that shuts down in the middle of an answer leaves a broken stream behind."""
    reason = ErrorReason.ERROR_REASON_GATEWAY_DRAINING
    failed = answers.failed_end(Error(code=weir.Code.UNAVAILABLE, reason=reason))
    info = ErrorInfo(reason="GATEWAY_DRAINING", domain="weir")
    failure = Failure(code=grpc.StatusCode.UNAVAILABLE, details=[info])
    events = answers.numbered([*before, failed])
    server.play(events, *([failure] if status == "by the status too" else []))

    async with client.stream_chat("Hi") as stream:
        with pytest.raises(weir.WeirError) as caught:
            await stream.response()

    assert type(caught.value) is expected
    assert caught.value.code is weir.Code.UNAVAILABLE
    assert caught.value.reason == "GATEWAY_DRAINING"


async def test_a_status_that_says_less_than_the_end(
    server: ScriptedServer, client: weir.AsyncClient
) -> None:
    """What the status leaves out, the stream has told: attempts, usage, identity."""
    attempt = Attempt(provider="providers/openai")
    failed = answers.failed_end(Error(code=weir.Code.ABORTED))
    failed.end.metadata.attempts.append(attempt)
    bare = ErrorInfo(reason="UPSTREAM_STREAM_BROKEN", domain="weir")
    server.play(
        answers.numbered([answers.start(), failed]),
        Failure(code=grpc.StatusCode.ABORTED, details=[bare]),
    )

    async with client.stream_chat("Hi") as stream:
        with pytest.raises(weir.StreamBrokenError) as caught:
            await stream.response()

    assert caught.value.attempts == (attempt,)
    assert caught.value.usage == answers.USAGE
    assert caught.value.response_id == answers.RESPONSE_ID


async def test_a_failed_end_with_status_ok(
    server: ScriptedServer, client: weir.AsyncClient
) -> None:
    """An end with an error is a failure even where the status forgets to say so."""
    error = Error(code=weir.Code.ABORTED, reason=ErrorReason.ERROR_REASON_UPSTREAM_STREAM_BROKEN)
    server.play(answers.numbered([answers.start(), answers.failed_end(error)]))

    async with client.stream_chat("Hi") as stream:
        with pytest.raises(weir.StreamBrokenError):
            await stream.response()


async def test_a_connection_lost_after_the_end(
    server: ScriptedServer, client: weir.AsyncClient
) -> None:
    """A good end makes the answer whole, whatever happens to the connection after it."""
    server.play(answers.text_answer("whole"), Failure(code=grpc.StatusCode.UNAVAILABLE))

    async with client.stream_chat("Hi") as stream:
        response = await stream.response()

    assert response.message.parts[0].text == "whole"


async def test_a_gap_in_the_sequence(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """A stream that breaks the contract raises ProtocolError and is cancelled."""
    events = answers.text_answer("a", "b", "c")
    server.play([*events[:3], *events[4:]], Pause())

    async with client.stream_chat("Hi") as stream:
        with pytest.raises(weir.ProtocolError, match="event 4 where 3 was due"):
            await stream.response()
        failed_at_s = time.monotonic()
        await _hung_up(server, failed_at_s)


async def test_a_completion(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """A completion streams and folds the same way."""
    events = answers.text_answer("a", "b")
    server.play(events)

    async with client.stream_complete("Once") as stream:
        pieces = [piece async for piece in stream.text]
        response = await stream.response()

    assert pieces == ["a", "b"]
    assert response == weir.fold_complete(events)


async def test_reasoning_is_no_text(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """`text` leaves out what the model thought."""
    thought = Part()
    thought.reasoning.SetInParent()
    server.play(
        answers.numbered(
            [
                answers.start(),
                answers.opened(0, thought),
                answers.text(0, "hmm"),
                answers.closed(0),
                answers.opened(1, Part(text="")),
                answers.text(1, "yes"),
                answers.closed(1),
                answers.end(),
            ]
        )
    )

    async with client.stream_chat("Hi") as stream:
        pieces = [piece async for piece in stream.text]

    assert pieces == ["yes"]


async def test_outside_its_block(client: weir.AsyncClient) -> None:
    """A stream that was not entered says how to use it."""
    with pytest.raises(RuntimeError, match="async with"):
        await client.stream_chat("Hi").response()


async def test_many_streams_leave_nothing_behind(
    server: ScriptedServer, client: weir.AsyncClient
) -> None:
    """Abandoned streams leave no task behind."""
    server.play(answers.text_answer("a")[:3], Pause())
    before = len(asyncio.all_tasks())

    for _ in range(20):
        async with client.stream_chat("Hi") as stream:
            await anext(stream)
    for seen in server.seen:
        await seen.over.wait()
    await asyncio.sleep(0.1)

    assert len(asyncio.all_tasks()) <= before


async def _failure_of(call: Awaitable[ChatResponse]) -> BaseException | None:
    try:
        await call
    except (weir.WeirError, asyncio.CancelledError) as error:
        return error
    return None


async def _hung_up(server: ScriptedServer, since_s: float) -> None:
    """The server sees the cancel within a second."""
    async with asyncio.timeout(1):
        await server.seen[0].over.wait()
    cancelled_at_s = server.seen[0].cancelled_at_s
    assert cancelled_at_s is not None
    assert cancelled_at_s - since_s < 1
