"""Which streams do the tests of OpenAI's wire format share? Recordings, and odd ones made here."""

from collections.abc import Callable, Mapping

from tests.contracts.wire_format import TARGET, Decoded, decode
from weir.fold import fold_chat
from weir.v1.generation_pb2 import GenerationEvent
from weir.v1.provider_service_pb2 import ChatRequest, ChatResponse, CompleteRequest
from weir_server.core.handler import Request
from weir_server.fake_upstream import openai_wire as w
from weir_server.fake_upstream import recordings
from weir_server.fake_upstream.sse import BOM, PING, PLAIN, SseStyle
from weir_server.providers.wire.openai.quirks import OPENAI, Quirks
from weir_server.providers.wire.openai.wire import OpenAIWire

CHUNKS = w.ChatChunks()
USAGE = w.usage(19, 6)


def stream_of(*payloads: w.Json | str, style: SseStyle = PLAIN, done: bool = True) -> bytes:
    """Return the bytes of a stream with these chunks."""
    return b"".join(w.encode_events(payloads, style=style, done=done))


def decode_stream(
    *pieces: bytes, quirks: Quirks = OPENAI, request: Request | None = None
) -> Decoded:
    """Decode a streamed answer to a chat, or to `request`."""
    decoder = OpenAIWire(quirks).decoder(request or ChatRequest(), TARGET, stream=True)
    return decode(decoder, pieces)


def decode_unary(
    *pieces: bytes, quirks: Quirks = OPENAI, request: Request | None = None
) -> Decoded:
    """Decode a whole answer to a chat, or to `request`."""
    decoder = OpenAIWire(quirks).decoder(request or ChatRequest(), TARGET, stream=False)
    return decode(decoder, pieces)


def completing() -> CompleteRequest:
    """Return a request for a completion."""
    return CompleteRequest(prompt="Once upon")


def end_of(decoded: Decoded) -> GenerationEvent:
    """Return the last event of a good answer."""
    assert decoded.failure is None, decoded.failure
    return decoded.events[-1]


def recorded() -> Mapping[str, bytes]:
    """Return every recorded stream."""
    return {recording.name: recording.body for recording in recordings.load_all()}


_TEXT = [CHUNKS.role(), *map(CHUNKS.content, ("Héllo", ",", " wör", "ld 👋")), CHUNKS.finish()]

_STYLES: Mapping[str, Callable[[], bytes]] = {
    "CRLF": lambda: stream_of(*_TEXT, style=SseStyle(newline="\r\n")),
    "CR": lambda: stream_of(*_TEXT, style=SseStyle(newline="\r")),
    "byte order mark": lambda: BOM + stream_of(*_TEXT),
    "no space": lambda: stream_of(*_TEXT, style=SseStyle(space_after_colon=False)),
    "comments": lambda: PING + stream_of(*_TEXT, style=SseStyle(comment_before=" warm")),
    "named events": lambda: stream_of(*_TEXT, style=SseStyle(event_name="message")),
    "other fields": lambda: stream_of(*_TEXT, style=SseStyle(fields_before=("id: 7", "x"))),
}


def styled() -> Mapping[str, bytes]:
    """Return one stream in every spelling that the standard of server-sent events allows."""
    return {name: make() for name, make in _STYLES.items()}


def plain() -> bytes:
    """Return the stream of `styled` as OpenAI spells it."""
    return stream_of(*_TEXT)


def folded(*payloads: w.Json | str) -> ChatResponse:
    """Return the answer that a stream of these chunks adds up to."""
    return fold_chat(decode_stream(stream_of(*payloads)).events, numbered=False)


def kinds(response: ChatResponse) -> list[str]:
    """Return the kinds of the parts, in order."""
    return [part.WhichOneof("kind") or "" for part in response.message.parts]


def calls(response: ChatResponse) -> list[tuple[str, str, str, bool]]:
    """Return the tool calls."""
    found = [part.tool_call for part in response.message.parts if part.HasField("tool_call")]
    return [(c.id, c.name, c.arguments_json, c.arguments_valid) for c in found]
