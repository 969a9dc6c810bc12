"""Does the blocking client keep the same promises? Threads call; the server has the event loop."""

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import grpc
import pytest
from google.protobuf.message import Message as AnyMessage
from google.protobuf.wrappers_pb2 import Int32Value

import weir
from tests.clients.python import answers
from tests.clients.python.scripted_server import Failure, Pause, ScriptedServer
from weir.v1.content_pb2 import Message, Part
from weir.v1.embedding_service_pb2 import EmbedResponse
from weir.v1.model_pb2 import Model
from weir.v1.model_service_pb2 import (
    GetModelResponse,
    GetServerInfoResponse,
    ListModelsResponse,
)
from weir.v1.provider_service_pb2 import (
    ChatResponse,
    CompleteResponse,
    CountTokensResponse,
    InitializeResponse,
    ProviderConfig,
    ValidateConfigResponse,
    ValidateTokenCountResponse,
)

T = TypeVar("T")
ANSWER = ChatResponse(message=Message(parts=[Part(text="Hello")]))
BEGUN = answers.text_answer("a")[:3]


@pytest.fixture
def caller(server: ScriptedServer) -> Iterator[weir.Client]:
    """A blocking client of the server."""
    with weir.Client(server.address) as connected:
        yield connected


async def in_thread(work: Callable[[], T]) -> T:
    """Run blocking work beside the server's loop."""
    async with asyncio.timeout(20):
        return await asyncio.to_thread(work)


@pytest.mark.parametrize(
    ("method", "ask", "reply"),
    [
        ("Chat", lambda c: c.chat("Hi"), ANSWER),
        ("Complete", lambda c: c.complete("Once"), CompleteResponse(text="upon")),
        ("CountTokens", lambda c: c.count_tokens("Hi"), CountTokensResponse(tokens=2)),
        (
            "CountTokens",
            lambda c: c.count_tokens([weir.user("Hi")]),
            CountTokensResponse(tokens=9),
        ),
        (
            "ValidateTokenCount",
            lambda c: c.validate_token_count("Hi", 5),
            ValidateTokenCountResponse(valid=True),
        ),
        (
            "Initialize",
            lambda c: c.initialize(ProviderConfig(model="m"), "mine"),
            InitializeResponse(provider="providers/mine"),
        ),
        (
            "ValidateConfig",
            lambda c: c.validate_config(ProviderConfig(), probe=True),
            ValidateConfigResponse(valid=True),
        ),
        ("Embed", lambda c: c.embed("a"), EmbedResponse(dimensions=3)),
        ("GetServerInfo", lambda c: c.server_info(), GetServerInfoResponse(server_version="9")),
    ],
)
async def test_each_method(
    server: ScriptedServer,
    caller: weir.Client,
    method: str,
    ask: Callable[[weir.Client], AnyMessage],
    reply: AnyMessage,
) -> None:
    """Each method reaches its RPC and returns the reply whole."""
    server.play(reply)

    assert await in_thread(lambda: ask(caller)) == reply
    assert [seen.method for seen in server.seen] == [method]


async def test_models_and_health(server: ScriptedServer, caller: weir.Client) -> None:
    """Pages of models are one iterator; one model and the health come without envelope."""
    server.play(ListModelsResponse(models=[Model(name="models/a")], next_page_token="2"))
    server.play(ListModelsResponse(models=[Model(name="models/b")]))
    server.play(GetModelResponse(model=Model(name="models/a")))
    server.play(Int32Value(value=1))

    names = await in_thread(lambda: [model.name for model in caller.list_models()])

    assert names == ["models/a", "models/b"]
    assert await in_thread(lambda: caller.get_model("a")) == Model(name="models/a")
    assert await in_thread(caller.health) is weir.HealthStatus.SERVING


async def test_text(server: ScriptedServer, caller: weir.Client) -> None:
    """The text arrives piece by piece, and the whole answer is there after it."""
    events = answers.text_answer("Hel", "lo")
    server.play(events[:3], events[3:])

    def work() -> tuple[list[str], ChatResponse]:
        with caller.stream_chat("Hi") as stream:
            return list(stream.text), stream.response()

    pieces, response = await in_thread(work)

    assert pieces == ["Hel", "lo"]
    assert response == weir.fold_chat(events)


async def test_a_completion(server: ScriptedServer, caller: weir.Client) -> None:
    """A completion streams and folds the same way; usage and identity are there after it."""
    events = answers.text_answer("a", "b")
    server.play(events)

    def work() -> weir.Stream[CompleteResponse]:
        with caller.stream_complete("Once") as stream:
            assert list(stream) == events
        return stream

    stream = await in_thread(work)

    assert stream.response() == weir.fold_complete(events)
    assert stream.usage == answers.USAGE
    assert stream.response_id == answers.RESPONSE_ID


async def test_leaving_the_block(server: ScriptedServer, caller: weir.Client) -> None:
    """Breaking out and leaving the block cancels the call: the server sees it within a second."""
    server.play(BEGUN, Pause())

    def work() -> weir.Stream[ChatResponse]:
        with caller.stream_chat("Hi") as stream:
            for _ in stream:
                break
        return stream

    stream = await in_thread(work)
    await _hung_up(server, time.monotonic())

    with pytest.raises(weir.CallCancelledError):
        stream.response()


async def test_dropping_the_stream(server: ScriptedServer, caller: weir.Client) -> None:
    """A stream that nobody holds any more is cancelled."""
    server.play(BEGUN, Pause())

    def work() -> None:
        stream = caller.stream_chat("Hi").__enter__()
        next(stream)
        del stream
        gc.collect()

    await in_thread(work)

    await _hung_up(server, time.monotonic())


async def test_cancel_from_another_thread(server: ScriptedServer, caller: weir.Client) -> None:
    """`cancel` ends a read in another thread."""
    server.play(BEGUN, Pause())

    def work() -> None:
        with caller.stream_chat("Hi") as stream:
            next(stream)
            threading.Timer(0.1, stream.cancel).start()
            stream.response()

    with pytest.raises(weir.CallCancelledError):
        await in_thread(work)


async def test_closing_the_client(server: ScriptedServer, caller: weir.Client) -> None:
    """Closing cancels an open stream; a closed client says so."""
    server.play(BEGUN, Pause())

    def work() -> None:
        with caller.stream_chat("Hi") as stream:
            next(stream)
            threading.Timer(0.1, caller.close).start()
            stream.response()

    with pytest.raises(weir.CallCancelledError):
        await in_thread(work)
    with pytest.raises(RuntimeError, match="closed"):
        caller.chat("Hi")


async def test_a_deadline(server: ScriptedServer, caller: weir.Client) -> None:
    """Calls and streams end at their deadlines."""
    server.play(BEGUN, Pause())
    server.play(Pause())

    def stream() -> None:
        with caller.stream_chat("Hi", timeout_s=0.3) as stream:
            stream.response()

    with pytest.raises(weir.DeadlineExceededError):
        await in_thread(stream)
    with pytest.raises(weir.DeadlineExceededError):
        await in_thread(lambda: caller.chat("Hi", timeout_s=0.3))


async def test_without_an_end(server: ScriptedServer, caller: weir.Client) -> None:
    """A stream that stops without its end is broken, not complete."""
    server.play(answers.text_answer("a")[:-1])

    def work() -> None:
        with caller.stream_chat("Hi") as stream:
            assert list(stream.text) == ["a"]

    with pytest.raises(weir.StreamBrokenError):
        await in_thread(work)


async def test_a_failure(server: ScriptedServer, caller: weir.Client) -> None:
    """Failures are the same classes, with what the server said."""
    failure = Failure(
        code=grpc.StatusCode.NOT_FOUND, message="none such", trailers=[("weir-request-id", "r")]
    )
    server.play(failure)

    with pytest.raises(weir.NotFoundError) as caught:
        await in_thread(lambda: caller.chat("Hi"))

    assert (caught.value.message, caught.value.request_id) == ("none such", "r")


async def test_retries(server: ScriptedServer, caller: weir.Client) -> None:
    """Before the first event a stream is tried again; after it, it is broken."""
    server.play(Failure(code=grpc.StatusCode.UNAVAILABLE))
    server.play(BEGUN, Failure(code=grpc.StatusCode.UNAVAILABLE))

    def work() -> None:
        with caller.stream_chat("Hi") as stream:
            stream.response()

    with pytest.raises(weir.StreamBrokenError):
        await in_thread(work)
    assert len(server.seen) == 2


def test_outside_its_block(tmp_path: Path) -> None:
    """A stream that was not entered says how to use it, and one is used once."""
    with weir.Client(f"unix:{tmp_path}/nobody.sock") as caller:
        with pytest.raises(RuntimeError, match="with client"):
            caller.stream_chat("Hi").response()
        with caller.stream_chat("Hi") as stream, pytest.raises(RuntimeError, match="once"):
            stream.__enter__()


async def _hung_up(server: ScriptedServer, since_s: float) -> None:
    async with asyncio.timeout(1):
        await server.seen[0].over.wait()
    cancelled_at_s = server.seen[0].cancelled_at_s
    assert cancelled_at_s is not None
    assert cancelled_at_s - since_s < 1
