"""Does any body crash the decoder of OpenAI's answers, hang it, or make it hoard?

    python -m tests.fuzz.fuzz_openai_decoder --seconds 60

Bounded by `--executions` or `--seconds`, else by WEIR_FUZZ_SECONDS, else ten seconds.
"""

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable

from tests.contracts.wire_format import TARGET
from weir.fold import fold_chat
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.generation_pb2 import GenerationEvent
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.errors import UpstreamError
from weir_server.core.handler import Request
from weir_server.fake_upstream import openai_wire as w
from weir_server.fake_upstream import recordings
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.base import Decoder
from weir_server.providers.wire.openai.quirks import OPENAI, Quirks
from weir_server.providers.wire.openai.wire import OpenAIWire

DEFAULT_SECONDS = 10.0
SLOWEST_S = 1.0

_REQUESTS: tuple[Request, ...] = (
    ChatRequest(),
    CompleteRequest(),
    EmbedRequest(inputs=[EmbedInput(text="a")]),
)
_QUIRKS = (
    OPENAI,
    Quirks(done_required=False, hidden_tokens_in_total=True),
    *(VENDORS[name].quirks for name in recordings.of_vendors()),
)
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
    dice = random.Random(seed)
    until_s = time.monotonic() + seconds
    done = 0
    while time.monotonic() < until_s and (executions is None or done < executions):
        body = _invent(dice)
        request, quirks = dice.choice(_REQUESTS), dice.choice(_QUIRKS)
        begun_s = time.monotonic()
        for stream in (True, False):
            check(OpenAIWire(quirks).decoder(request, TARGET, stream=stream), _cut(dice, body))
        error = OpenAIWire(quirks).explain(dice.randrange(100, 700), {}, body)
        assert isinstance(error, UpstreamError), body
        took_s = time.monotonic() - begun_s
        assert took_s < SLOWEST_S, f"{body[:200]!r} took {took_s:.1f} s"
        done += 1
    return done


def check(decoder: Decoder, pieces: list[bytes]) -> None:
    """Decode one body: it is answered or refused, and whatever is said keeps the law of streams."""
    events: list[GenerationEvent] = []
    for piece in pieces:
        events.extend(decoder.feed(piece))
    last = decoder.finish()
    assert decoder.done != (decoder.failure is not None), pieces
    if isinstance(last, list):
        events.extend(last)
    if decoder.done and (events or isinstance(last, list)):
        fold_chat(events, numbered=False)
    else:
        assert all(event.WhichOneof("event") != "end" for event in events), pieces
    for event in events:
        event.SerializeToString()


def _invent(dice: random.Random) -> bytes:
    """Make a body that is nearly right, or not at all."""
    match dice.randrange(4):
        case 0:
            return _spoil(dice, dice.choice(_STREAMS))
        case 1:
            return _spoil(dice, dice.choice(_BODIES))
        case 2:
            chunks = [json.dumps(_chunk(dice)) for _ in range(dice.randrange(1, 6))]
            return b"".join(w.encode_events(chunks, done=dice.random() < 0.8))
        case _:
            return dice.randbytes(dice.randrange(200))


def _spoil(dice: random.Random, body: bytes) -> bytes:
    for _ in range(dice.randrange(1, 5)):
        start = dice.randrange(len(body) + 1)
        end = min(len(body), start + dice.choice((0, 0, 1, 3, 40)))
        body = body[:start] + dice.choice(_BYTES) + body[end:]
    return body


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


def _cut(dice: random.Random, body: bytes) -> list[bytes]:
    edges = sorted(dice.randrange(len(body) + 1) for _ in range(dice.randrange(4)))
    starts, ends = [0, *edges], [*edges, len(body)]
    return [body[start:end] for start, end in zip(starts, ends, strict=True)]


def main() -> None:
    """Run for as long as asked and say how much was tried."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds",
        type=float,
        default=float(os.environ.get("WEIR_FUZZ_SECONDS", DEFAULT_SECONDS)),
    )
    parser.add_argument("--executions", type=int)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    options = parser.parse_args()
    done = fuzz(seconds=options.seconds, seed=options.seed, executions=options.executions)
    sys.stdout.write(f"OpenAI decoder: {done:,} executions, seed {options.seed}\n")


if __name__ == "__main__":
    main()
