"""Does any body crash the decoder of Anthropic's answers, hang it, or make it hoard?

    python -m tests.fuzz.fuzz_anthropic_decoder --seconds 60

Bounded by `--executions` or `--seconds`, else by WEIR_FUZZ_SECONDS, else ten seconds.
"""

import json
import random
from collections.abc import Callable

from tests.contracts.wire_format import TARGET
from tests.fuzz.bodies import fuzz_bodies, read_as, refusal, run, spoil
from tests.providers.wire import anthropic_words as w
from weir.fold import fold_chat
from weir.v1.generation_pb2 import GenerationOptions, ReasoningOptions, ReasoningVisibility
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import InvalidRequest
from weir_server.providers.wire.anthropic.wire import AnthropicWire
from weir_server.providers.wire.base import Decoder
from weir_server.providers.wire.parts import is_json

_HIDDEN = ReasoningOptions(visibility=ReasoningVisibility.REASONING_VISIBILITY_HIDDEN)
_REQUESTS = (ChatRequest(), ChatRequest(options=GenerationOptions(reasoning=_HIDDEN)))
_CITED = {"type": "char_location", "cited_text": "a", "document_index": 0}
_FOUND = {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"url": "x"}]}
_STREAMS = [
    w.stream(w.text_block(0, ["Hé", "llo"])),
    w.stream(
        w.thinking_block(0, ["Hm", "."], "sig"),
        w.block(1, {"type": "redacted_thinking", "data": "x"}),
        w.call_block(2, "c", "f", ['{"a"', ":1}"]),
        stop="tool_use",
    ),
    w.stream(
        w.block(0, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
        w.block(1, _FOUND),
        w.block(2, w.text("", citations=[]), {"type": "citations_delta", "citation": _CITED}),
    ),
    w.stream(w.block(0, {"type": "hologram"}, {"type": "glow", "words": "a"})),
]
_BODIES = [
    json.dumps(body).encode()
    for body in (
        w.message(w.thinking("Hm.", "sig"), w.text("Hi", citations=[_CITED]), w.call("c", "f", {})),
        w.message(_FOUND, {"type": "compaction", "content": None}, {"type": "hologram"}),
        {"type": "error", "error": {"type": "overloaded_error", "message": "boom"}},
    )
]
_BYTES = (
    *(b"\n", b"\n\n", b"\r", b"\r\n", b"data: ", b"data:", b"event: error\n", b": x\n"),
    *(b"\xef\xbb", b"event: ping\ndata: {}\n\n", b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\"),
    *(b"\x00", b"\\ud83d", b"\\ude00", b"\xff", b"\xf0\x9f", b"null", b"true", b"-1", b"1e999"),
    *(b"NaN", b"9" * 30, b"9" * 5000, b"[" * 2000, b'{"a":' * 2000, b"x" * 3000, b'"error":{},'),
)
_NAMES = (
    *("id", "model", "type", "content", "usage", "error", "delta", "message", "text", "index"),
    *("thinking", "signature", "data", "input", "name", "partial_json", "citation", "citations"),
    *("stop_reason", "stop_sequence", "stop_details", "container", "content_block", "tool_use_id"),
    *("input_tokens", "output_tokens", "cache_read_input_tokens", "output_tokens_details"),
)
_VALUES: tuple[Callable[[random.Random], object], ...] = (
    lambda dice: dice.choice((None, True, False, "", [], {}, 0, -1, 2**63, 2**70, 1.5, 1e308)),
    lambda dice: dice.choice(("end_turn", "\ud83d", "\ude00", "a\ud83d", "{", "{}", "\x00")),
    lambda dice: [_value(dice) for _ in range(dice.randrange(3))],
    lambda dice: {dice.choice(_NAMES): _value(dice) for _ in range(dice.randrange(4))},
)
_BLOCKS = (
    *("text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "mcp_tool_use"),
    *("web_search_tool_result", "mcp_tool_result", "compaction", "hologram", "", 3),
)
_EVENTS = (
    *("message_start", "content_block_start", "content_block_delta", "content_block_delta"),
    *("content_block_stop", "message_delta", "message_stop", "ping", "error", "moonrise"),
)
_WIRE = AnthropicWire()


def fuzz(*, seconds: float, seed: int = 0, executions: int | None = None) -> int:
    """Throw bodies at the decoders; return how many. Raises on a hole."""
    return fuzz_bodies(_invent, _attempt, seconds=seconds, seed=seed, executions=executions)


def _attempt(dice: random.Random, body: bytes) -> None:
    request = dice.choice(_REQUESTS)
    read_as(_WIRE, request, dice, body)
    for stream in (True, False):
        _send_back(_WIRE, _WIRE.decoder(request, TARGET, stream=stream), body)


def _send_back(wire: AnthropicWire, decoder: Decoder, body: bytes) -> None:
    """Say again what was answered, if it was: as JSON, or it is refused."""
    events = decoder.feed(body)
    last = decoder.finish()
    if not decoder.done:
        return
    answer = fold_chat([*events, *(last if isinstance(last, list) else ())], numbered=False)
    try:
        said = wire.encode(ChatRequest(messages=[answer.message]), TARGET, stream=False)
    except InvalidRequest:
        return  # such as a call whose arguments are no JSON
    assert is_json(said.body.decode()), said.body


def _invent(dice: random.Random) -> bytes:
    """Make a body that is nearly right, or not at all."""
    match dice.randrange(6):
        case 0:
            return spoil(dice, dice.choice(_STREAMS), _BYTES)
        case 1:
            return spoil(dice, dice.choice(_BODIES), _BYTES)
        case 2:
            events = [_event(dice) for _ in range(dice.randrange(1, 8))]
            ending = w.stopped() if dice.random() < 0.6 else []
            said = (json.dumps(event).encode() for event in (*events, *ending))
            return b"".join(b"data: " + event + b"\n\n" for event in said)
        case 3:
            return json.dumps(_message(dice)).encode()
        case 4:
            return refusal(dice)
        case _:
            return dice.randbytes(dice.randrange(200))


def _message(dice: random.Random) -> object:
    """Make a whole answer with the right bones and wild flesh."""
    blocks = [
        {"type": dice.choice(_BLOCKS), **_members(dice)} if dice.random() < 0.9 else _value(dice)
        for _ in range(dice.randrange(4))
    ]
    wild = {dice.choice(_NAMES): _value(dice) for _ in range(dice.randrange(2))}
    return {**w.message(), "content": blocks, **wild}


def _event(dice: random.Random) -> object:
    """Make an event with the right bones and wild flesh."""
    event: dict[str, object] = {
        "type": dice.choice(_EVENTS),
        "index": dice.choice((0, 0, 1, 2, -5)),
        "content_block": {"type": dice.choice(_BLOCKS), **_members(dice)},
        "delta": {"type": "x", **_members(dice)},
    }
    if dice.random() < 0.2:
        event |= {dice.choice(_NAMES): _value(dice)}
    return event


def _members(dice: random.Random) -> dict[str, object]:
    texts = ("", "a", "{", "}", "\ud83d", "\ude00")
    named = {
        name: dice.choice(texts)
        for name in ("text", "thinking", "partial_json", "signature", "id", "name", "content")
        if dice.random() < 0.2
    }
    wild = {dice.choice(_NAMES): _value(dice)} if dice.random() < 0.3 else {}
    return {**named, **wild}


def _value(dice: random.Random) -> object:
    return dice.choice(_VALUES)(dice)


if __name__ == "__main__":
    run("Anthropic decoder", fuzz)
