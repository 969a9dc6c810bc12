"""Does every call send what it should, and come back with the reply?"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message as AnyMessage
from google.protobuf.wrappers_pb2 import Int32Value

import weir
from tests.clients.python import answers
from tests.clients.python.scripted_server import Failure, Pause, ScriptedServer
from weir.v1.content_pb2 import Message, Part, Role, ToolCallPart
from weir.v1.embedding_service_pb2 import EmbedResponse
from weir.v1.generation_pb2 import FunctionTool, GenerationOptions, Tool
from weir.v1.model_pb2 import Model
from weir.v1.model_service_pb2 import (
    GetModelResponse,
    GetServerInfoResponse,
    ListModelsRequest,
    ListModelsResponse,
)
from weir.v1.provider_service_pb2 import (
    ChatRequest,
    ChatResponse,
    CompleteRequest,
    CompleteResponse,
    CountTokensRequest,
    CountTokensResponse,
    InitializeResponse,
    ProviderConfig,
    ValidateConfigResponse,
    ValidateTokenCountResponse,
)

UNAVAILABLE = Failure(code=grpc.StatusCode.UNAVAILABLE)
ANSWER = ChatResponse(message=Message(parts=[Part(text="Hello")]))

Ask = Callable[[weir.AsyncClient], Awaitable[AnyMessage]]


@pytest.mark.parametrize(
    ("method", "ask", "reply"),
    [
        ("Chat", lambda c: c.chat("Hi"), ANSWER),
        ("Complete", lambda c: c.complete("Once"), CompleteResponse(text="upon")),
        ("CountTokens", lambda c: c.count_tokens("Hi"), CountTokensResponse(tokens=2)),
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
        ("Embed", lambda c: c.embed(["a", "b"]), EmbedResponse(dimensions=3)),
        ("GetServerInfo", lambda c: c.server_info(), GetServerInfoResponse(server_version="9")),
    ],
)
async def test_each_method(
    server: ScriptedServer, client: weir.AsyncClient, method: str, ask: Ask, reply: AnyMessage
) -> None:
    """Each method reaches its RPC and returns the reply whole."""
    server.play(reply)

    assert await ask(client) == reply
    assert [seen.method for seen in server.seen] == [method]


async def test_a_lone_text(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """A text is the one message of the user."""
    server.play(ANSWER)

    await client.chat("Hi")

    asked = Message(role=Role.ROLE_USER, parts=[Part(text="Hi")])
    assert server.seen[0].request == ChatRequest(messages=[asked])


async def test_a_whole_request(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """Every argument has its field; messages go as they are."""
    call = ToolCallPart(id="call_1", name="get_weather")
    messages = [
        weir.system("Be brief."),
        weir.user("Weather?", Part(text="In Oslo.")),
        weir.assistant(Part(tool_call=call)),
        weir.tool_result(call, "rain"),
    ]
    options = GenerationOptions(temperature=0, max_output_tokens=5)
    server.play(ANSWER)

    await client.chat(
        messages, options=options, model="fast", provider="providers/echo", conversation="c1"
    )

    assert server.seen[0].request == ChatRequest(
        messages=messages,
        options=options,
        model="fast",
        provider="providers/echo",
        conversation="c1",
    )
    answered = messages[3].parts[0].tool_result
    assert (answered.tool_call_id, answered.name) == ("call_1", "get_weather")
    assert [part.text for part in answered.content] == ["rain"]


async def test_what_a_stream_asks(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """A stream's request wraps the same request as the unary call."""
    server.play(answers.text_answer("a"))

    async with client.stream_complete("Once", model="fast") as stream:
        await stream.response()

    request = server.seen[0].request
    assert getattr(request, "request", None) == CompleteRequest(prompt="Once", model="fast")


async def test_counting_a_chat(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """A list of messages is counted as a whole chat, its tools included."""
    options = GenerationOptions(tools=[Tool(function=FunctionTool(name="f"))])
    messages = [weir.user("Hi")]
    server.play(CountTokensResponse(tokens=9))

    await client.count_tokens(messages, options=options, model="fast")

    chat = ChatRequest(messages=messages, options=options)
    assert server.seen[0].request == CountTokensRequest(chat=chat, model="fast")


async def test_pages_of_models(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """Pages are fetched as they are needed, with the same filter."""
    server.play(ListModelsResponse(models=[Model(name="models/a")], next_page_token="2"))
    server.play(ListModelsResponse(models=[Model(name="models/b"), Model(name="models/c")]))

    names = [model.name async for model in client.list_models('capability="tools"', page_size=1)]

    assert names == ["models/a", "models/b", "models/c"]
    assert [seen.request for seen in server.seen] == [
        ListModelsRequest(filter='capability="tools"', page_size=1),
        ListModelsRequest(filter='capability="tools"', page_size=1, page_token="2"),
    ]


async def test_one_model(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """A model comes without its envelope."""
    server.play(GetModelResponse(model=Model(name="models/a")))

    assert await client.get_model("a") == Model(name="models/a")


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, weir.HealthStatus.SERVING),
        (2, weir.HealthStatus.NOT_SERVING),
        (77, weir.HealthStatus.UNKNOWN),
    ],
)
async def test_health(
    server: ScriptedServer, client: weir.AsyncClient, number: int, expected: weir.HealthStatus
) -> None:
    """The standard health check answers with a status."""
    server.play(Int32Value(value=number))

    assert await client.health("weir.v1.LLMProviderService") is expected
    assert getattr(server.seen[0].request, "value", "") == "weir.v1.LLMProviderService"


async def test_metadata(server: ScriptedServer) -> None:
    """The key, the client's name and the call's own settings travel as metadata."""
    server.play(ANSWER)

    async with weir.AsyncClient(server.address, api_key="secret-key") as client:
        await client.chat(
            "Hi",
            request_id="req-1",
            idempotency_key="once",
            priority="background",
            metadata=[("traceparent", "00-1-2-01")],
        )

    sent = server.seen[0].metadata
    assert sent["authorization"] == "Bearer secret-key"
    assert sent["weir-client"] == f"weir-client/{weir.__version__}"
    assert str(sent["user-agent"]).startswith(f"weir-client/{weir.__version__} ")
    assert sent["weir-request-id"] == "req-1"
    assert sent["weir-idempotency-key"] == "once"
    assert sent["weir-priority"] == "background"
    assert sent["traceparent"] == "00-1-2-01"


async def test_no_metadata_unasked(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """What was not set is not sent."""
    server.play(ANSWER)

    await client.chat("Hi")

    unset = {"authorization", "weir-request-id", "weir-idempotency-key", "weir-priority"}
    assert not unset & server.seen[0].metadata.keys()


@pytest.mark.parametrize(
    ("key", "timeout_s"), [("", 5.0), ("two\nlines", 5.0), ("naïve", 5.0), ("fine", 0.0)]
)
def test_impossible_settings(key: str, timeout_s: float) -> None:
    """A key or a time that cannot be is refused at once, without repeating the key."""
    with pytest.raises(ValueError) as caught:
        weir.AsyncClient("localhost:1", api_key=key, timeout_s=timeout_s)

    assert not key or key not in str(caught.value)


async def test_default_deadlines(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """A call has 60 s, a stream 300 s, unless it says otherwise."""
    server.play(ANSWER)
    server.play(answers.text_answer("a"))
    server.play(ANSWER)

    await client.chat("Hi")
    async with client.stream_chat("Hi", timeout_s=None) as stream:
        await stream.response()
    await client.chat("Hi", timeout_s=7)

    given_s = [seen.time_remaining_s or 0.0 for seen in server.seen]
    assert given_s == pytest.approx([60, 300, 7], abs=2)


async def test_a_deadline(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """A unary call ends at its deadline."""
    server.play(Pause())
    began_s = time.monotonic()

    with pytest.raises(weir.DeadlineExceededError):
        await client.chat("Hi", timeout_s=0.3)

    assert 0.2 < time.monotonic() - began_s < 2


async def test_a_call_is_tried_again(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """An unavailable server is asked again, as long as it has said nothing."""
    server.play(UNAVAILABLE)
    server.play(ANSWER)

    assert await client.chat("Hi") == ANSWER
    assert len(server.seen) == 2
    assert server.seen[1].metadata["grpc-previous-rpc-attempts"] == "1"


async def test_a_stream_is_tried_again_before_it_begins(
    server: ScriptedServer, client: weir.AsyncClient
) -> None:
    """A stream that failed before its first byte is asked for again, three times at most."""
    server.play(UNAVAILABLE)
    server.play(UNAVAILABLE)
    server.play(answers.text_answer("a"))

    async with client.stream_chat("Hi") as stream:
        response = await stream.response()

    assert response.message.parts[0].text == "a"
    assert len(server.seen) == 3


async def test_three_tries_are_enough(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """After three tries the failure is the caller's."""
    server.play(UNAVAILABLE)

    with pytest.raises(weir.UnavailableError):
        await client.chat("Hi")

    assert len(server.seen) == 3


async def test_a_server_that_forbids_trying_again(
    server: ScriptedServer, client: weir.AsyncClient
) -> None:
    """A negative pushback stops the retries."""
    pushback = ("grpc-retry-pushback-ms", "-1")
    server.play(Failure(code=grpc.StatusCode.UNAVAILABLE, trailers=[pushback]))

    with pytest.raises(weir.UnavailableError):
        await client.chat("Hi")

    assert len(server.seen) == 1


@pytest.mark.parametrize("code", [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.ABORTED])
async def test_other_failures_are_not_tried_again(
    server: ScriptedServer, client: weir.AsyncClient, code: grpc.StatusCode
) -> None:
    """Only UNAVAILABLE says that nothing of an answer was given."""
    server.play(Failure(code=code))

    with pytest.raises(weir.WeirError):
        await client.chat("Hi")

    assert len(server.seen) == 1


async def test_a_large_answer(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """An answer over gRPC's own 4 MiB arrives whole."""
    large = ChatResponse(message=Message(parts=[Part(text="x" * (5 * 1024 * 1024))]))
    server.play(large)

    assert await client.chat("Hi") == large


async def test_a_large_request_is_tried_again(
    server: ScriptedServer, client: weir.AsyncClient
) -> None:
    """A request over gRPC's own retry buffer of 256 KiB is repeated like a small one."""
    server.play(UNAVAILABLE)
    server.play(ANSWER)

    await client.chat("x" * (1024 * 1024))

    assert len(server.seen) == 2


async def test_closing_twice(server: ScriptedServer) -> None:
    """A client may be closed twice, and unused."""
    client = weir.AsyncClient(server.address)

    await client.close()
    await client.close()


def test_another_event_loop(tmp_path: Path) -> None:
    """A client says so when it is used in an event loop that is not its own."""
    client = weir.AsyncClient(f"unix:{tmp_path}/nobody.sock")

    async def ask() -> None:
        await client.chat("Hi")

    with pytest.raises(weir.UnavailableError):
        asyncio.run(ask())
    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(ask())
