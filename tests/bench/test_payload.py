"""Is what travels what a vendor would send and a caller would ask?"""

import json
import struct

from bench.payload import answer_text, completion, grpc_frame, sse_body, sse_writes, vendor_request
from bench.requests import framed_chat, framed_stream_chat
from weir.v1 import provider_service_pb2


def unframed(framed: bytes) -> bytes:
    flag, length = struct.unpack(">BI", framed[:5])
    assert flag == 0
    assert length == len(framed) - 5
    return framed[5:]


def test_stream_spells_the_text() -> None:
    """A hundred chunks carry the whole text; finish, usage and [DONE] follow in this order."""
    events = sse_body("m", 100).decode().removesuffix("\n\n").split("\n\n")
    *chunks, finish, usage = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
    assert "".join(each["choices"][0]["delta"]["content"] for each in chunks) == answer_text(100)
    assert len(chunks) == 100
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert usage["usage"]["completion_tokens"] == 100
    assert events[-1] == "data: [DONE]"


def test_paced_writes_are_the_burst_cut_up() -> None:
    """Both upstreams say the same; only the time differs."""
    writes = list(sse_writes("m", 7))
    assert b"".join(writes) == sse_body("m", 7)
    assert len(writes) == 7 + 1
    assert all(write.count(b"data: ") == 1 for write in writes[:-1])


def test_unary_answer_says_the_same() -> None:
    """The completion holds the same words and the same usage as the stream."""
    body = json.loads(completion("m", 100))
    assert body["choices"][0]["message"]["content"] == answer_text(100)
    assert body["usage"]["completion_tokens"] == 100


def test_frame() -> None:
    """One flag byte, four of length, the message."""
    assert grpc_frame(b"abc") == b"\0\0\0\0\3abc"


def test_requests_are_the_contracts() -> None:
    """What h2load posts parses as Weir's own messages, and asks for the right model."""
    chat = provider_service_pb2.ChatRequest.FromString(unframed(framed_chat("m")))
    stream = provider_service_pb2.StreamChatRequest.FromString(unframed(framed_stream_chat("m")))
    assert chat.model == "m"
    assert chat.messages[0].parts[0].text
    assert stream.request == chat


def test_direct_request_streams_or_not() -> None:
    """Straight to the upstream, the same question is asked in the vendor's words."""
    assert "stream" not in json.loads(vendor_request("m", stream=False))
    assert json.loads(vendor_request("m", stream=True))["stream"] is True
