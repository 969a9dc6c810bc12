"""One call is one line of JSON, whatever it carried; it says how the call ended and no content."""

import asyncio
import json
from typing import Any

import grpc
import pytest

from tests.service.asking import logged, maybe_refused, refused
from tests.service.weir import Weir, chat_request, hear, serving, stream_request
from weir.v1.content_pb2 import MediaPart, Message, Modality, Part, Role
from weir.v1.generation_pb2 import FunctionTool, GenerationOptions, Tool
from weir.v1.model_service_pb2 import GetModelRequest
from weir.v1.provider_service_pb2 import ChatRequest, CountTokensRequest
from weir_server.fake_upstream.behaviour import Hang, Sse
from weir_server.fake_upstream.exchange import Ending
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.openai_wire import ChatChunks, encode_events
from weir_server.fake_upstream.upstream import FakeUpstream

ASKED = "canary-asked-3e8"
ANSWERED = "canary-answered-77b"
KEY = "sk-test-canary-key"

BEGUN = Sse(
    events=encode_events(ChatChunks().text([ANSWERED, " there"]), done=False)[:3],
    ending=Ending.STALL,
)
WHOLE = Sse(events=encode_events(ChatChunks(include_usage=True).text([ANSWERED, " there"])))


def telling() -> ChatRequest:
    """A request with a secret in every place that takes text."""
    request = chat_request(
        [
            Message(role=Role.ROLE_SYSTEM, parts=[Part(text=ASKED)], name="canary_name"),
            Message(
                role=Role.ROLE_USER,
                parts=[
                    Part(text=ASKED),
                    Part(
                        media=MediaPart(
                            modality=Modality.MODALITY_IMAGE,
                            mime_type="image/png",
                            uri="https://example.com/canary.png",
                        )
                    ),
                ],
            ),
        ],
        model="m",
    )
    request.options.CopyFrom(
        GenerationOptions(
            stop_sequences=[ASKED],
            labels={"team": ASKED},
            end_user_id=ASKED,
            tools=[Tool(function=FunctionTool(name="canary_tool", description=ASKED))],
        )
    )
    request.conversation = ASKED
    return request


def streaming(request: ChatRequest) -> Any:
    stream = stream_request("")
    stream.request.CopyFrom(request)
    return stream


async def test_no_content_and_no_key_in_any_outcome(upstream: FakeUpstream, gateway: Weir) -> None:
    """Good, refused, failed, cancelled and late calls: 0 hits in the bytes of the log."""

    async def fail(fault: str) -> None:
        upstream.script(FAULTS[fault].behaviour)
        await hear(gateway.llm.StreamChat(streaming(telling())))
        await maybe_refused(gateway.llm.Chat(telling(), timeout=1))

    upstream.script(WHOLE)
    good = await hear(gateway.llm.StreamChat(streaming(telling())))
    assert good.code is grpc.StatusCode.OK
    assert ANSWERED in good.text
    for fault in ("error_event_later", "server_error", "only_done"):
        await fail(fault)
    wrong = telling()
    wrong.options.temperature = 9
    await refused(gateway.llm.Chat(wrong))
    await refused(gateway.models.GetModel(GetModelRequest(name="canary-model")))
    upstream.script(BEGUN)
    await hear(gateway.llm.StreamChat(streaming(telling()), timeout=0.2))
    call = gateway.llm.StreamChat(streaming(telling()))
    await call.read()
    call.cancel()
    await gateway.llm.CountTokens(CountTokensRequest(text=ASKED, model="m"))
    await fail("bad_key")  # the last: later calls would wait until the key may be used again
    lines = await logged(gateway, 14)
    assert len(lines) == 14
    assert b"canary" not in gateway.log_bytes.getvalue()


async def test_a_good_call_is_told_in_numbers(upstream: FakeUpstream, gateway: Weir) -> None:
    """Who served it, how long it took, what it used."""
    heard = await hear(gateway.llm.StreamChat(stream_request("one two", model="m")))
    (line,) = await logged(gateway)
    assert line["event"] == "rpc"
    assert (line["method"], line["code"]) == ("StreamChat", "OK")
    assert "reason" not in line
    assert (line["provider"], line["model"]) == ("providers/fake", "models/m")
    assert (line["vendor_model"], line["attempts"]) == ("vendor-m", 1)
    assert line["prompt_tokens"] == heard.end.usage.prompt_tokens
    assert line["completion_tokens"] == heard.end.usage.completion_tokens
    assert line["usage_source"] == "PROVIDER"
    assert line["events"] == len(heard.events)
    assert 0 < line["first_part_ms"] <= line["duration_ms"] < 5000
    assert line["response_id"] == heard.trailers["weir-response-id"]
    assert line["peer"].startswith("ipv4:127.0.0.1:")
    assert line["time"].endswith("Z")


async def test_every_ending_is_told_by_code_and_reason(
    upstream: FakeUpstream, gateway: Weir
) -> None:
    """A refusal, a failure upstream, a cancel, and a deadline that the caller set."""
    await refused(gateway.llm.Chat(chat_request("x", model="gpt-9")))
    upstream.script(FAULTS["overloaded"].behaviour)
    await refused(gateway.llm.Chat(chat_request("x", model="m")))
    upstream.script(Hang())
    call = gateway.llm.Chat(chat_request("x", model="m"))
    attempts = await upstream.wait_for_attempts(4)  # three at the overloaded one
    call.cancel()
    await upstream.wait_closed(attempts[3])
    await refused(gateway.llm.Chat(chat_request("x", model="m"), timeout=0.3))
    await refused(gateway.llm.Chat(chat_request("x", model="m"), timeout=0.001))
    lines = await logged(gateway, 4)
    endings = [(line["code"], line["reason"]) for line in lines]
    assert endings[:4] == [
        ("NOT_FOUND", "MODEL_NOT_FOUND"),
        ("UNAVAILABLE", "UPSTREAM_OVERLOADED"),
        ("CANCELLED", "CLIENT_CANCELLED"),
        ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"),
    ]
    assert all(code == "DEADLINE_EXCEEDED" for code, _ in endings[4:])


HOSTILE = {
    "a line break": 'x\r\n{"event":"rpc","code":"OK"}',
    "an escape sequence": "\x1b[31mred\x1b[0m",
    "a line separator": "a\u2028b\u2029c",
    "a null": "a\x00b",
    "a next line": "a\x85b",
    "text from right to left": "a\u202eb",
    "quotes": '","code":"OK","x":"',
    "a private letter": "\ue000",
    "an emoji": "🙂",
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_one_call_is_one_line_whatever_it_carries(weir: Weir, case: str) -> None:
    """In names of models, providers and labels, in texts and in metadata."""
    text = HOSTILE[case]
    tries: list[Any] = [
        weir.llm.Chat(chat_request("x", model=text)),
        weir.llm.Chat(chat_request("x", provider=text)),
        weir.llm.Chat(chat_request("x", model=text, provider="echo")),
        weir.llm.Chat(chat_request(text, labels={text: text}, end_user_id=text)),
        weir.models.GetModel(GetModelRequest(name=text)),
    ]
    for call in tries:
        await maybe_refused(call)
    visible = "".join(letter for letter in text if " " <= letter <= "~")
    metadata = [("weir-client", visible), ("weir-request-id", "ok"), ("user-agent", visible)]
    await weir.llm.Chat(chat_request("x"), metadata=metadata)
    await logged(weir, len(tries) + 1)
    raw = weir.log_bytes.getvalue()
    lines = raw.decode().splitlines()
    assert raw.count(b"\n") == len(lines) == len(tries) + 1
    parsed = [json.loads(line) for line in lines]
    assert [line["event"] for line in parsed] == ["rpc"] * len(lines)
    assert not any(byte < 0x20 and byte != 0x0A for byte in raw)


async def test_a_burst_is_as_many_lines_as_calls(weir: Weir) -> None:
    """90 calls at once, good and bad, each once."""
    calls = [
        maybe_refused(weir.llm.Chat(chat_request("x", max_output_tokens=5 if n % 3 else 0)))
        for n in range(90)
    ]
    refusals = [refusal for refusal in await asyncio.gather(*calls) if refusal is not None]
    lines = await logged(weir, 90)
    assert len(lines) == 90
    assert len({line["response_id"] for line in lines}) == 90
    assert sum(line["code"] == "INVALID_ARGUMENT" for line in lines) == len(refusals) == 30


async def test_it_can_be_switched_off() -> None:
    """Then a call leaves no line."""
    async with serving(server={"access_log": False}) as weir:
        await weir.llm.Chat(chat_request("x"))
    assert weir.log_lines("rpc") == []
