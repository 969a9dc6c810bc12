"""What is said beside a call: request id, trace, priority, usage; what else is said is dropped."""

import json
from typing import Any

import grpc
import pytest

from tests.service.asking import ask_raw, logged, refused
from tests.service.weir import (
    Weir,
    chat_request,
    hear,
    serving,
    stream_request,
    upstream_tree,
    user,
)
from weir.v1.content_pb2 import Message, Part, Role, ToolResultPart
from weir.v1.generation_pb2 import FunctionTool, GenerationOptions, Tool
from weir.v1.model_service_pb2 import GetModelRequest
from weir.v1.provider_service_pb2 import ChatRequest
from weir.v1.usage_pb2 import TokenUsage
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.upstream import FakeUpstream

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
TRACESTATE = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"


async def test_a_request_id_comes_back(weir: Weir) -> None:
    """In the headers and trailers of a stream, in the trailers of a unary call, and in the log."""
    metadata = [("weir-request-id", "mine-1")]
    stream = weir.llm.StreamChat(stream_request("hello"), metadata=metadata)
    heard = await hear(stream)
    headers = dict(await stream.initial_metadata())
    unary = weir.llm.Chat(chat_request("hello"), metadata=metadata)
    await unary
    failed = await refused(weir.llm.Chat(chat_request("x", top_p=9), metadata=metadata))
    lines = await logged(weir, 3)
    assert headers["weir-request-id"] == heard.trailers["weir-request-id"] == "mine-1"
    assert headers["weir-contract-version"] == "0.1.0"
    assert dict(await unary.trailing_metadata())["weir-request-id"] == "mine-1"
    assert failed.trailers["weir-request-id"] == "mine-1"
    assert [line["request_id"] for line in lines] == ["mine-1"] * 3


async def test_a_request_id_is_made_where_there_is_none(weir: Weir) -> None:
    """Each call its own, the same in headers, trailers and log."""
    ids = []
    for _ in range(2):
        stream = weir.llm.StreamChat(stream_request("hello"))
        heard = await hear(stream)
        headers = dict(await stream.initial_metadata())
        assert headers["weir-request-id"] == heard.trailers["weir-request-id"]
        ids.append(headers["weir-request-id"])
    lines = await logged(weir, 2)
    assert len(set(ids)) == 2
    assert all(str(each).startswith("req_") for each in ids)
    assert [line["request_id"] for line in lines] == ids


@pytest.mark.parametrize(
    "broken",
    [
        ("weir-priority", "urgent"),
        ("weir-idempotency-key", "a key"),
        ("weir-route", "forged"),
    ],
    ids=lambda pair: pair[0],
)
async def test_a_refusal_of_metadata_keeps_the_request_id(
    weir: Weir, broken: tuple[str, str]
) -> None:
    """Whichever comes first: the caller finds its call in the log."""
    mine = [("weir-request-id", "mine-1"), ("traceparent", TRACEPARENT)]
    for metadata in ([*mine, broken], [broken, *mine]):
        refusal = await refused(weir.llm.Chat(chat_request("hello"), metadata=metadata))
        assert refusal.code == "INVALID_ARGUMENT"
        assert refusal.trailers["weir-request-id"] == "mine-1"
    lines = await logged(weir, 2)
    assert {(line["request_id"], line["trace_id"]) for line in lines} == {("mine-1", TRACE_ID)}


@pytest.mark.parametrize("value", ["x" * 65, "a b", "", "a;b"])
async def test_a_request_id_that_no_log_should_carry_is_refused(weir: Weir, value: str) -> None:
    """INVALID_ARGUMENT names the key, and a fresh identity stands in the log."""
    metadata = [("weir-request-id", value)]
    refusal = await refused(weir.llm.Chat(chat_request("hello"), metadata=metadata))
    (line,) = await logged(weir)
    assert refusal.verdict == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert refusal.fields == ["metadata[weir-request-id]"]
    assert refusal.trailers["weir-request-id"] == line["request_id"]
    assert line["request_id"].startswith("req_")


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_trace_goes_on_to_the_provider(
    upstream: FakeUpstream, gateway: Weir, streaming: bool
) -> None:
    """traceparent and tracestate unchanged; the log has the trace id."""
    metadata = [("traceparent", TRACEPARENT), ("tracestate", TRACESTATE)]
    if streaming:
        call = gateway.llm.StreamChat(stream_request("hello", model="m"), metadata=metadata)
        assert (await hear(call)).code is grpc.StatusCode.OK
    else:
        await gateway.llm.Chat(chat_request("hello", model="m"), metadata=metadata)
    (line,) = await logged(gateway)
    headers = upstream.journal[0].headers
    assert headers.get("traceparent") == TRACEPARENT
    assert headers.get("tracestate") == TRACESTATE
    assert line["trace_id"] == TRACE_ID


async def test_without_a_trace_none_is_sent(upstream: FakeUpstream, gateway: Weir) -> None:
    """A malformed one is as none, and its tracestate with it."""
    bad = [("traceparent", "00-zz-1-01"), ("tracestate", TRACESTATE)]
    await gateway.llm.Chat(chat_request("hello", model="m"))
    await gateway.llm.Chat(chat_request("hello", model="m"), metadata=bad)
    lines = await logged(gateway, 2)
    for attempt in upstream.journal:
        assert "traceparent" not in attempt.headers
        assert "tracestate" not in attempt.headers
    assert all("trace_id" not in line for line in lines)


FOREIGN = [
    ("baggage", "user=alice"),
    ("x-portkey-custom-host", "http://169.254.169.254"),
    ("api-base", "http://evil.example"),
    ("openai-organization", "org-evil"),
    ("x-forwarded-for", "10.0.0.1"),
    ("host", "evil.example"),
    ("cookie", "canary=1"),
    ("x-api-key", "canary-too"),
    ("proxy-authorization", "canary-three"),
]


async def test_no_other_metadata_reaches_the_provider_or_the_log(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """No host, header or key of a caller's choosing."""
    await gateway.llm.Chat(chat_request("hello", model="m"), metadata=FOREIGN)
    await logged(gateway)
    (attempt,) = upstream.journal
    sent = repr(list(attempt.headers.items())) + attempt.target
    assert attempt.bearer == "sk-test-canary-key"
    for _, value in FOREIGN:
        assert value not in sent
        assert value not in gateway.log_bytes.getvalue().decode()
    assert "baggage" not in attempt.headers


@pytest.mark.parametrize("priority", ["interactive", "standard", "background"])
async def test_a_priority_is_taken(weir: Weir, priority: str) -> None:
    """It stands in the log; without one a call is standard."""
    metadata = [("weir-priority", priority), ("weir-client", "my-sdk/1.2")]
    await weir.llm.Chat(chat_request("hello"), metadata=metadata)
    await weir.llm.Chat(chat_request("hello"))
    said, unsaid = await logged(weir, 2)
    assert (said["priority"], said["client"]) == (priority, "my-sdk/1.2")
    assert unsaid["priority"] == "standard"


@pytest.mark.parametrize("priority", ["urgent", "", "Standard", "interactive,background"])
async def test_another_priority_is_refused(weir: Weir, priority: str) -> None:
    """A typing error must not cost a caller its place unnoticed."""
    call = weir.llm.Chat(chat_request("hello"), metadata=[("weir-priority", priority)])
    refusal = await refused(call)
    assert refusal.verdict == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert refusal.fields == ["metadata[weir-priority]"]


async def test_usage_is_told_in_the_trailers(upstream: FakeUpstream, gateway: Weir) -> None:
    """The same as in `end` and in the reply, for proxies that parse no message."""
    unary = gateway.llm.Chat(chat_request("one two", model="m"))
    reply = await unary
    trailers = dict(await unary.trailing_metadata())
    heard = await hear(gateway.llm.StreamChat(stream_request("one two", model="m")))
    usage = TokenUsage.FromString(trailers["weir-usage-bin"])  # type: ignore[arg-type]
    assert usage == reply.usage
    assert TokenUsage.FromString(heard.trailers["weir-usage-bin"]) == heard.end.usage  # type: ignore[arg-type]
    assert trailers["weir-response-id"] == reply.metadata.response_id
    assert trailers["weir-route"] == "providers/fake/models/m"
    assert trailers["weir-attempts"] == "1"


@pytest.mark.parametrize("model", ["модель", "模型-7", "modèle", "a b", "émoji-🙂", "x" * 256])
async def test_a_model_of_any_script_leaves_the_trailers_whole(weir: Weir, model: str) -> None:
    """Trailers are ASCII; a name that is not is written in percent codes."""
    call = weir.llm.Chat(chat_request("hello", provider="echo", model=model))
    reply = await call
    trailers = dict(await call.trailing_metadata())
    assert reply.metadata.model == model
    route = str(trailers["weir-route"])
    assert route.isascii()
    assert route.startswith("providers/echo/models/")


def sizes(trailers: Any) -> tuple[int, int]:
    """Bytes of all trailers as HTTP/2 counts them, and of the rich status alone."""
    total = 0
    for name, value in trailers.items():
        octets = value if isinstance(value, bytes) else value.encode()
        # Binary values travel as base64.
        total += (
            len(name) + 32 + (-(-len(octets) // 3) * 4 if name.endswith("-bin") else len(octets))
        )
    return total, len(trailers.get("grpc-status-details-bin", b""))


def wrong_everywhere() -> ChatRequest:
    """A request that breaks as many rules as can be, with the longest names."""
    options = GenerationOptions(
        temperature=9,
        top_p=9,
        max_output_tokens=-1,
        stop_sequences=["x" * 300] * 20,
        labels={"k" * 200 + str(n): "v" * 500 for n in range(32)},
        tools=[
            Tool(function=FunctionTool(name=f"bad name {n}" * 9, parameters_json_schema="{"))
            for n in range(128)
        ],
    )
    results = [
        Part(tool_result=ToolResultPart(tool_call_id="i" * 300 + str(n))) for n in range(100)
    ]
    messages = [user("hello"), Message(role=Role.ROLE_TOOL, parts=results), Message()]
    return ChatRequest(messages=messages, options=options, model="m" * 600)


async def test_the_worst_refusal_stays_small(weir: Weir, record_property: Any) -> None:
    """The rich status within 4 KiB and all trailers within 6, or clients lose the status."""
    metadata = [("weir-request-id", "r" * 64), ("traceparent", TRACEPARENT)]
    worst = await refused(weir.llm.Chat(wrong_everywhere(), metadata=metadata))
    missing = await refused(weir.models.GetModel(GetModelRequest(name="語" * 85)))
    total_bytes, details_bytes = sizes(worst.trailers)
    record_property("trailers_bytes", total_bytes)
    record_property("details_bytes", details_bytes)
    assert worst.code == "INVALID_ARGUMENT"
    assert len(worst.fields) >= 5
    assert details_bytes <= 4096
    assert total_bytes <= 6 * 1024
    assert sizes(missing.trailers)[0] <= 6 * 1024


async def test_the_worst_failure_stays_small(upstream: FakeUpstream, record_property: Any) -> None:
    """As many attempts as there ever are at a model with the longest name, and usage besides."""
    tree = upstream_tree(upstream.url, max_retries=10)
    tree["upstream"]["retry_cap_s"] = 0.02
    async with serving(tree) as weir:
        request = chat_request("hello", provider="fake", model="語" * 85)
        async with upstream.refusing_connections():
            worst = await refused(weir.llm.Chat(request, metadata=[("weir-request-id", "r" * 64)]))
        upstream.script(FAULTS["error_event_later"].behaviour)
        heard = await hear(weir.llm.StreamChat(stream_request("hello", model="m")))
    total_bytes, details_bytes = sizes(worst.trailers)
    record_property("trailers_bytes", total_bytes)
    record_property("details_bytes", details_bytes)
    assert worst.reason == "UPSTREAM_CONNECT_FAILED"
    assert worst.trailers["weir-attempts"] == "5"
    assert details_bytes <= 4096
    assert total_bytes <= 6 * 1024
    assert sizes(heard.trailers)[0] <= 6 * 1024


async def test_binary_metadata_under_a_text_name_does_no_harm(weir: Weir) -> None:
    """A `-bin` name that Weir does not know is dropped like any other."""
    metadata = [("weir-request-id-bin", b"\x00\xff"), ("x-bin", bytes(range(256)))]
    payload = chat_request("hello").SerializeToString()
    assert await ask_raw(weir, "/weir.v1.LLMProviderService/Chat", payload, metadata=metadata)
    (line,) = await logged(weir)
    assert json.dumps(line).isascii()
