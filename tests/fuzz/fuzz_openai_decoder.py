"""Does any body crash the decoder of OpenAI's answers, hang it, or make it hoard?

    python -m tests.fuzz.fuzz_openai_decoder --seconds 60

Bounded by `--executions` or `--seconds`, else by WEIR_FUZZ_SECONDS, else ten seconds.
"""

import json
import random
from collections.abc import Callable

from tests.fuzz.bodies import fuzz_bodies, read_as, refusal, run, spoil
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.handler import Request
from weir_server.fake_upstream import openai_wire as w
from weir_server.fake_upstream import recordings
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.openai.azure import AzureWire
from weir_server.providers.wire.openai.quirks import OPENAI, Quirks
from weir_server.providers.wire.openai.wire import OpenAIWire

_REQUESTS: tuple[Request, ...] = (
    ChatRequest(),
    CompleteRequest(),
    EmbedRequest(inputs=[EmbedInput(text="a")]),
)
_QUIRKS = (
    OPENAI,
    Quirks(done_required=False, hidden_tokens_in_total=True),
    *(vendor.quirks for vendor in VENDORS.values()),
)
_WIRES = (AzureWire(), *map(OpenAIWire, _QUIRKS))
_RECORDINGS = (*recordings.load_all(), *recordings.of_vendors().values())
_STREAMS = [recording.body for recording in _RECORDINGS]
_BODIES = [
    json.dumps(body).encode()
    for body in (
        w.chat_completion("Hi", tool_calls=[w.tool_call("c", "f", "{}")]),
        w.chat_completion("Hi", logprobs=[w.token_logprob("Hi", -0.5)]),
        {"choices": [{"text": "a", "index": 0, "finish_reason": "stop"}], "usage": w.usage(1, 1)},
        {"data": [{"index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 1}},
        {"error": {"message": "boom", "type": "server_error", "code": 500}},
    )
]
_BYTES = (
    *(
        b"\n",
        b"\n\n",
        b"\r",
        b"\r\n",
        b"data: ",
        b"data:",
        b"event: error\n",
        b": x\n",
        b"\xef\xbb",
    ),
    *(b"[DONE]", b"data: [DONE]\n\n", b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\x00"),
    *(b"\\ud83d", b"\\ude00", b"\xff", b"\xf0\x9f", b"null", b"true", b"-1", b"1e999", b"NaN"),
    *(b"9" * 30, b"9" * 5000, b"[" * 2000, b'{"a":' * 2000, b"x" * 3000, b'"error":{},'),
)
_VALUES: tuple[Callable[[random.Random], object], ...] = (
    lambda dice: dice.choice((None, True, False, "", [], {}, 0, -1, 2**63, 2**70, 1.5, 1e308)),
    lambda dice: dice.choice(("stop", "error", "\ud83d", "\ude00", "a\ud83d", "{", "{}", "\x00")),
    lambda dice: [_value(dice) for _ in range(dice.randrange(3))],
    lambda dice: {_name(dice): _value(dice) for _ in range(dice.randrange(4))},
)
_NAMES = (
    *("id", "model", "choices", "usage", "error", "delta", "message", "text", "index", "content"),
    *("reasoning", "reasoning_content", "refusal", "tool_calls", "function", "function_call"),
    *("name", "arguments", "finish_reason", "logprobs", "token", "logprob", "bytes", "tokens"),
    *("top_logprobs", "token_logprobs", "prompt_tokens", "completion_tokens", "total_tokens"),
    *("code", "type", "status", "object", "data", "embedding", "stop_reason", "service_tier"),
    *("thinking", "signature", "summary", "reasoning_details", "extra_content", "annotations"),
    *("citations", "search_results", "url_citation", "url", "title", "x_groq"),
)


def fuzz(*, seconds: float, seed: int = 0, executions: int | None = None) -> int:
    """Throw bodies at the decoders; return how many. Raises on a hole."""
    return fuzz_bodies(_invent, _attempt, seconds=seconds, seed=seed, executions=executions)


def _attempt(dice: random.Random, body: bytes) -> None:
    read_as(dice.choice(_WIRES), dice.choice(_REQUESTS), dice, body)


def _invent(dice: random.Random) -> bytes:
    """Make a body that is nearly right, or not at all."""
    match dice.randrange(6):
        case 0:
            return spoil(dice, dice.choice(_STREAMS), _BYTES)
        case 1:
            return spoil(dice, dice.choice(_BODIES), _BYTES)
        case 2:
            chunks = [json.dumps(_chunk(dice)) for _ in range(dice.randrange(1, 6))]
            return b"".join(w.encode_events(chunks, done=dice.random() < 0.8))
        case 3:
            return json.dumps(_chunk(dice)).encode()
        case 4:
            return refusal(dice)
        case _:
            return dice.randbytes(dice.randrange(200))


def _chunk(dice: random.Random) -> object:
    """Make a chunk with the right bones and wild flesh."""
    said = {_name(dice): _value(dice) for _ in range(dice.randrange(3))}
    calls = [
        {
            "index": dice.choice((None, 0, 1, -5)),
            "id": dice.choice((None, "", "a", "b\ud83d")),
            "function": {
                "name": dice.choice((None, "", "f")),
                "arguments": dice.choice((None, "{", "\ud83d", "}")),
            },
        }
        for _ in range(dice.randrange(3))
    ]
    choice = {
        "index": dice.choice((0, 0, 0, 1)),
        dice.choice(("delta", "delta", "message")): {
            "content": dice.choice((None, "", "a", "\ud83d", "\ude00", _pieces(dice))),
            "tool_calls": calls or None,
            **said,
        },
        "finish_reason": dice.choice((None, None, "stop", "tool_calls", "error", "\ud83d")),
    }
    beside = {_name(dice): _value(dice) for _ in range(dice.randrange(2))}
    return {"id": "x", "model": "m", "choices": [choice], "usage": _value(dice), **beside}


def _pieces(dice: random.Random) -> list[object]:
    """Make content in pieces, as Mistral's."""
    return [
        {
            "type": dice.choice(("text", "thinking", "reasoning", "x", None)),
            dice.choice(("text", "thinking", "summary")): _value(dice),
            _name(dice): _value(dice),
        }
        if dice.random() < 0.8
        else _value(dice)
        for _ in range(dice.randrange(3))
    ]


def _value(dice: random.Random) -> object:
    return dice.choice(_VALUES)(dice)


def _name(dice: random.Random) -> str:
    return dice.choice(_NAMES)


if __name__ == "__main__":
    run("OpenAI decoder", fuzz)
