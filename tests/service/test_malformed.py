"""Bytes that are no request, and requests that make no sense: INVALID_ARGUMENT, never UNKNOWN."""

import random

import grpc.aio
import pytest

from tests.service.asking import ask_raw, logged, maybe_refused, refusal_of, refused, stream_raw
from tests.service.test_methods import methods, path_of
from tests.service.weir import Weir, chat_request, hear, stream_request
from weir.v1.content_pb2 import MediaPart, Message, Part, Role, ToolResultPart
from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.generation_pb2 import GenerationOptions, OutputFormat, ToolChoice
from weir.v1.provider_service_pb2 import ChatRequest, CountTokensRequest

CHAT = "/weir.v1.LLMProviderService/Chat"
STREAM_CHAT = "/weir.v1.LLMProviderService/StreamChat"
MALFORMED = ("INVALID_ARGUMENT", "MALFORMED_REQUEST")

GOOD = chat_request("AAAA", temperature=0.5).SerializeToString()


def nested(depth: int) -> bytes:
    """A tool's result within a tool's result, `depth` times.

    Written by hand from the inside: the library refuses to write what it would not read.
    """
    inner = Part(text="x").SerializeToString()
    for _ in range(depth):
        inner = _field(4, _field(1, b"c") + _field(3, inner))
    message = Message(role=Role.ROLE_USER).SerializeToString() + _field(2, inner)
    return _field(1, message)


def _field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


BYTES = {
    "text that is not UTF-8": GOOD.replace(b"AAAA", b"\xff\xfe\xfd\xfc"),
    "a surrogate": GOOD.replace(b"AAAA", b"A\xed\xa0\x80"),
    "an overlong letter": GOOD.replace(b"AAAA", b"AA\xc0\xaf"),
    "a cut message": GOOD[:-1],
    "a length beyond the end": b"\x0a\x7fabc",
    "a number without an end": b"\x08" + b"\xff" * 11,
    "a field of number 0": b"\x00\x01",
    "a wire type there is not": b"\x0f\x01",
    "a group that does not end": b"\x0b",
    "groups within groups": b"\x0b" * 200 + b"\x0c" * 200,
    "parts nested a thousand deep": nested(1000),
    "parts nested beyond a hundred": nested(60),
}


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("case", BYTES)
async def test_bytes_that_are_no_message(weir: Weir, case: str, streaming: bool) -> None:
    """MALFORMED_REQUEST with a fixed text: the parser's own words stay inside."""
    payload = BYTES[case]
    if streaming:
        payload = _field(1, payload)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            _ = [message async for message in stream_raw(weir, STREAM_CHAT, payload, timeout=5)]
        refusal = refusal_of(failed.value)
    else:
        refusal = await refused(ask_raw(weir, CHAT, payload, timeout=5))
    assert refusal.verdict == MALFORMED
    assert refusal.text == "The request's bytes are not the message expected."
    (line,) = await logged(weir)
    assert (line["code"], line["reason"]) == MALFORMED


@pytest.mark.parametrize("method", methods(), ids=lambda method: method.name)
async def test_every_method_reads_within_the_guard(weir: Weir, method: object) -> None:
    """Whichever method they are sent to."""
    path = path_of(method)  # type: ignore[arg-type]
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        _ = [message async for message in stream_raw(weir, path, b"\x0a\x7f\xff", timeout=5)]
    assert refusal_of(failed.value).verdict == MALFORMED


async def test_no_cut_of_a_request_is_unknown(weir: Weir) -> None:
    """Each prefix is an answer or INVALID_ARGUMENT."""
    for length in range(len(GOOD)):
        refusal = await maybe_refused(ask_raw(weir, CHAT, GOOD[:length], timeout=5))
        assert refusal is None or refusal.code == "INVALID_ARGUMENT", GOOD[:length]


async def test_no_random_bytes_are_unknown(weir: Weir) -> None:
    """300 requests of noise, and of a good request with noise in it."""
    rng = random.Random(7)
    allowed = {"INVALID_ARGUMENT", "NOT_FOUND"}
    for _ in range(300):
        payload = bytearray(GOOD if rng.random() < 0.6 else rng.randbytes(rng.randrange(1, 60)))
        for _ in range(rng.randrange(1, 4)):
            payload[rng.randrange(len(payload))] = rng.randrange(256)
        refusal = await maybe_refused(ask_raw(weir, CHAT, bytes(payload), timeout=5))
        assert refusal is None or refusal.code in allowed, (bytes(payload), refusal)
        assert refusal is None or refusal.reason


async def test_nesting_within_the_limit_is_read(weir: Weir) -> None:
    """The limit is the library's hundred; what is below meets the field rules."""
    part = Part(text="x")
    for _ in range(8):
        part = Part(tool_result=ToolResultPart(tool_call_id="c", content=[part]))
    written = ChatRequest(messages=[Message(role=Role.ROLE_USER, parts=[part])])
    assert nested(8) == written.SerializeToString(), "what is written by hand is well written"
    refusal = await refused(ask_raw(weir, CHAT, nested(8)))
    assert refusal.verdict == ("INVALID_ARGUMENT", "INVALID_REQUEST")


def unknown(**fields: object) -> ChatRequest:
    request = chat_request("hello")
    request.options.CopyFrom(GenerationOptions(**fields))  # type: ignore[arg-type]
    return request


SENSELESS = {
    "a role that is none": (
        ChatRequest(messages=[Message(role=99, parts=[Part(text="x")])]),  # type: ignore[arg-type]
        "messages[0].role",
    ),
    "no role": (ChatRequest(messages=[Message(parts=[Part(text="x")])]), "messages[0].role"),
    "a part of no kind": (
        ChatRequest(messages=[Message(role=Role.ROLE_USER, parts=[Part()])]),
        "messages[0].parts[0].kind",
    ),
    "a medium without a source": (
        ChatRequest(
            messages=[
                Message(role=Role.ROLE_USER, parts=[Part(media=MediaPart(mime_type="image/png"))])
            ]
        ),
        "messages[0].parts[0].media.source",
    ),
    "a policy that is none": (
        unknown(unsupported_option_policy=77),
        "options.unsupported_option_policy",
    ),
    "a format of no kind": (unknown(output_format=OutputFormat()), "options.output_format.format"),
    "a choice of no kind": (unknown(tool_choice=ToolChoice()), "options.tool_choice.choice"),
    "not a number": (unknown(temperature=float("nan")), "options.temperature"),
    "no end of numbers": (unknown(top_p=float("inf")), "options.top_p"),
    "no messages": (ChatRequest(), "messages"),
}


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("case", SENSELESS)
async def test_an_unknown_value_or_a_missing_choice_names_its_path(
    weir: Weir, case: str, streaming: bool
) -> None:
    """BadRequest leads to the field, within the message that was sent."""
    request, field = SENSELESS[case]
    if streaming:
        stream = stream_request("")
        stream.request.CopyFrom(request)
        heard = await hear(weir.llm.StreamChat(stream))
        assert heard.code is grpc.StatusCode.INVALID_ARGUMENT
        assert heard.failure.bad_request is not None
        fields = [v.field for v in heard.failure.bad_request.field_violations]
        assert f"request.{field}" in fields
        return
    refusal = await refused(weir.llm.Chat(request))
    assert refusal.verdict == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert field in refusal.fields


async def test_other_methods_name_theirs(weir: Weir) -> None:
    """Counting wants one of two inputs, embedding an encoding that it knows."""
    counting = await refused(weir.llm.CountTokens(CountTokensRequest()))
    embedding = await refused(weir.embeddings.Embed(EmbedRequest(encoding=42)))  # type: ignore[arg-type]
    assert counting.fields == ["input"]
    assert "encoding" in embedding.fields
