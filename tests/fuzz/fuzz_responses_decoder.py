"""Does any body crash the decoder of the Responses API's answers, hang it, or make it hoard?

    python -m tests.fuzz.fuzz_responses_decoder --seconds 60

Bounded by `--executions` or `--seconds`, else by WEIR_FUZZ_SECONDS, else ten seconds.
"""

import json
import random
from collections.abc import Callable

from tests.fuzz.bodies import fuzz_bodies, read_as, refusal, run, spoil
from tests.providers.wire import responses_words as w
from weir.v1.generation_pb2 import GenerationOptions, ReasoningOptions, ReasoningVisibility
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.providers.wire.responses.wire import ResponsesWire

_HIDDEN = ReasoningOptions(visibility=ReasoningVisibility.REASONING_VISIBILITY_HIDDEN)
_REQUESTS = (ChatRequest(), ChatRequest(options=GenerationOptions(reasoning=_HIDDEN)))
_CITED = {"type": "url_citation", "start_index": 0, "end_index": 2, "url": "u", "title": "t"}
_TOKEN = {"token": "H", "logprob": -0.5, "top_logprobs": [{"token": "J", "logprob": -1}]}
_ITEMS: tuple[w.Json, ...] = (
    w.message(w.text("Hé 👋", _CITED, logprobs=[_TOKEN]), w.refusal("No")),
    w.reasoning("a", "b", content=[{"type": "reasoning_text", "text": "c"}]),
    w.call("c", "f", '{"a":1}'),
    {"id": "ws", "type": "web_search_call", "status": "failed", "action": {"query": "x"}},
    {"id": "fs", "type": "file_search_call", "queries": ["q"], "results": [{"score": 0.5}]},
    {"id": "ci", "type": "code_interpreter_call", "code": "1", "outputs": [{"logs": "1"}]},
    {"id": "mc", "type": "mcp_call", "arguments": "{}", "name": "n", "error": {"code": 1}},
    {"id": "cm", "type": "compaction", "encrypted_content": "g"},
    {"id": "ct", "type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"},
)
_TYPES = (
    *("response.output_text.delta", "response.refusal.delta", "response.output_item.added"),
    *("response.reasoning_summary_text.delta", "response.reasoning_text.delta", "error"),
    *("response.function_call_arguments.delta", "response.output_item.done", "ping", ""),
    *("response.content_part.done", "response.output_text.annotation.added"),
    *("response.completed", "response.incomplete", "response.failed", "response.created"),
)
_BYTES = (
    *(b"\n", b"\n\n", b"\r\n", b"data: ", b"event: error\n", b": x\n", b"[DONE]", b"\xef\xbb"),
    *(b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\x00", b"\\ud83d", b"\\ude00", b"\xff"),
    *(b"null", b"true", b"-1", b"1e999", b"NaN", b"9" * 30, b"[" * 2000, b'{"a":' * 2000),
)
_VALUES: tuple[Callable[[random.Random], object], ...] = (
    lambda dice: dice.choice((None, True, "", [], {}, 0, -1, 1, 2**63, 2**70, 1.5, 1e308)),
    lambda dice: dice.choice(("message", "reasoning", "\ud83d", "\ude00", "{", "{}", "\x00")),
    lambda dice: [_value(dice) for _ in range(dice.randrange(3))],
    lambda dice: {_name(dice): _value(dice) for _ in range(dice.randrange(4))},
    lambda dice: dice.choice(_ITEMS),
)
_NAMES = (
    *("id", "type", "item", "part", "response", "delta", "output_index", "content_index"),
    *("summary_index", "annotation", "annotations", "logprobs", "status", "content", "summary"),
    *("encrypted_content", "call_id", "name", "arguments", "action", "queries", "results"),
    *("code", "outputs", "output", "error", "text", "refusal", "start_index", "end_index"),
    *("usage", "input_tokens", "output_tokens", "incomplete_details", "reason", "model"),
)
_WIRE = ResponsesWire()


def fuzz(*, seconds: float, seed: int = 0, executions: int | None = None) -> int:
    """Throw bodies at the decoders; return how many. Raises on a hole."""
    return fuzz_bodies(_invent, _attempt, seconds=seconds, seed=seed, executions=executions)


def _attempt(dice: random.Random, body: bytes) -> None:
    read_as(_WIRE, dice.choice(_REQUESTS), dice, body)


def _invent(dice: random.Random) -> bytes:
    """Make a body that is nearly right, or not at all."""
    whole = w.response(*dice.sample(_ITEMS, dice.randrange(4)))
    match dice.randrange(7):
        case 0:
            return spoil(dice, b"".join(w.sse(*w.stream(whole))), _BYTES)
        case 1:
            return spoil(dice, json.dumps(whole).encode(), _BYTES)
        case 2:
            return _written([_event(dice) for _ in range(dice.randrange(1, 8))])
        case 3:
            events = w.stream(whole)
            for _ in range(dice.randrange(1, 4)):
                events.insert(dice.randrange(len(events)), _event(dice))
                dice.choice(events)[_name(dice)] = _value(dice)
            return _written(events)
        case 4:
            items = [_event(dice)["item"] for _ in range(dice.randrange(4))]
            return json.dumps({**whole, "output": items, _name(dice): _value(dice)}).encode()
        case 5:
            return refusal(dice)
        case _:
            return dice.randbytes(dice.randrange(200))


def _written(events: list[w.Json]) -> bytes:
    """Write events with escapes, as some of them hold halves of surrogate pairs."""
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def _event(dice: random.Random) -> w.Json:
    """Make an event with the right bones and wild flesh."""
    return {
        "type": dice.choice(_TYPES),
        "output_index": dice.choice((0, 0, 1, 2, -1, None, 2**40)),
        "content_index": dice.choice((0, 0, 1, "x")),
        "delta": dice.choice(("", "a", "\ud83d", "\ude00", "é", None)),
        "item": dice.choice((*_ITEMS, _value(dice))),
        "response": dice.choice((w.response(*dice.sample(_ITEMS, 2)), _value(dice))),
        _name(dice): _value(dice),
    }


def _value(dice: random.Random) -> object:
    return dice.choice(_VALUES)(dice)


def _name(dice: random.Random) -> str:
    return dice.choice(_NAMES)


if __name__ == "__main__":
    run("Responses decoder", fuzz)
