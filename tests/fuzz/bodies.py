"""How is any wire format fuzzed? With spoilt samples, invented streams and noise.

What a format adds is its samples and a way to invent a stream; see the targets beside this module.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tests.fuzz.fuzz_openai_decoder import DEFAULT_SECONDS, SLOWEST_S, check
from weir.v1.embedding_service_pb2 import EmbeddingEncoding, EmbedInput, EmbedRequest
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.errors import UpstreamError
from weir_server.core.handler import Request
from weir_server.core.target import Target
from weir_server.providers.wire.base import Wire

_REQUESTS: tuple[Request, ...] = (
    ChatRequest(),
    CompleteRequest(),
    *(
        EmbedRequest(inputs=[EmbedInput(text="a")], encoding=encoding)
        for encoding in EmbeddingEncoding.values()
    ),
)
_BYTES = (
    *(b"\n", b"\n\n", b"\r", b"\r\n", b"data: ", b"event: error\n", b": x\n", b"\xef\xbb"),
    *(b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\x00", b"\\ud83d", b"\\ude00", b"\xff"),
    *(b"\xf0\x9f", b"null", b"true", b"-1", b"1e999", b"NaN", b"9" * 30, b"9" * 5000),
    *(b"[" * 2000, b'{"a":' * 2000, b"x" * 3000, b'"error":{},', b'"message":"no",'),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzed:
    """One wire format under fire."""

    wire: Wire
    samples: tuple[bytes, ...]
    """Good bodies, whole ones and streams, to be spoilt."""
    invent: Callable[[random.Random], bytes]
    """Makes a stream that is nearly right."""
    target: Target


def fuzz_wire(
    fuzzed: Fuzzed, *, seconds: float, seed: int = 0, executions: int | None = None
) -> int:
    """Throw bodies at the decoders of a format; return how many. Raises on a hole."""
    dice = random.Random(seed)
    until_s = time.monotonic() + seconds
    done = 0
    while time.monotonic() < until_s and (executions is None or done < executions):
        body = _body(fuzzed, dice)
        request = dice.choice(_REQUESTS)
        begun_s = time.process_time()  # of this process alone, however busy the machine is
        for stream in (True, False):
            decoder = fuzzed.wire.decoder(request, fuzzed.target, stream=stream)
            check(decoder, _cut(dice, body))
        error = fuzzed.wire.explain(dice.randrange(100, 700), {}, body)
        assert isinstance(error, UpstreamError), body
        took_s = time.process_time() - begun_s
        assert took_s < SLOWEST_S, f"{body[:200]!r} took {took_s:.1f} s"
        done += 1
    return done


def value(dice: random.Random, depth: int = 0) -> object:
    """Return any JSON value; not a deep one."""
    plain = (None, True, "", "a\ud83d", "\ude00", "{", 0, -1, 2**63, 2**70, 1.5, 1e308)
    match dice.randrange(4 if depth < 3 else 2):
        case 2:
            return [value(dice, depth + 1) for _ in range(dice.randrange(3))]
        case 3:
            names = ("id", "type", "text", "document", "tool_output", "message", "content")
            return {dice.choice(names): value(dice, depth + 1) for _ in range(dice.randrange(3))}
        case _:
            return dice.choice(plain)


class Fuzz(Protocol):
    """One fuzz target."""

    def __call__(self, *, seconds: float, seed: int = 0, executions: int | None = None) -> int:
        """Throw what it has at what it tests; return how often."""
        ...


def run(name: str, fuzz: Fuzz) -> None:
    """Run a target for as long as the command line asks, and say how much was tried."""
    parser = argparse.ArgumentParser(description=name)
    parser.add_argument(
        "--seconds",
        type=float,
        default=float(os.environ.get("WEIR_FUZZ_SECONDS", DEFAULT_SECONDS)),
    )
    parser.add_argument("--executions", type=int)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    options = parser.parse_args()
    done = fuzz(seconds=options.seconds, seed=options.seed, executions=options.executions)
    sys.stdout.write(f"{name}: {done:,} executions, seed {options.seed}\n")


def _body(fuzzed: Fuzzed, dice: random.Random) -> bytes:
    match dice.randrange(5):
        case 0:
            return dice.randbytes(dice.randrange(200))
        case 1 | 2:
            return fuzzed.invent(dice)
        case _:
            return _spoil(dice, dice.choice(fuzzed.samples))


def _spoil(dice: random.Random, body: bytes) -> bytes:
    for _ in range(dice.randrange(1, 5)):
        start = dice.randrange(len(body) + 1)
        end = min(len(body), start + dice.choice((0, 0, 1, 3, 40)))
        body = body[:start] + dice.choice(_BYTES) + body[end:]
    return body


def _cut(dice: random.Random, body: bytes) -> list[bytes]:
    edges = sorted(dice.randrange(len(body) + 1) for _ in range(dice.randrange(4)))
    starts, ends = [0, *edges], [*edges, len(body)]
    return [body[start:end] for start, end in zip(starts, ends, strict=True)]
