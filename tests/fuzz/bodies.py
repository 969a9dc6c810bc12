"""How is any wire format fuzzed? With spoilt samples, invented streams and noise.

What a format adds is its samples and a way to invent a stream; see the targets beside this module.
"""

import argparse
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.contracts.answers import SECRET
from tests.contracts.wire_format import TARGET
from weir.fold import fold_chat
from weir.v1.embedding_service_pb2 import EmbeddingEncoding, EmbedInput, EmbedRequest
from weir.v1.generation_pb2 import (
    GenerationEvent,
    GenerationOptions,
    ReasoningOptions,
    ReasoningVisibility,
)
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.errors import UpstreamError
from weir_server.core.handler import Request
from weir_server.core.target import Target
from weir_server.providers.wire.base import Decoder, Wire
from weir_server.providers.wire.retry_after import WAIT_MAX_S

DEFAULT_SECONDS = 10.0
CI_EXECUTIONS = 10_000
"""What each target tries in `make test`: with a fixed seed the same on every machine."""
CI_SECONDS = 50.0
"""More than a slow machine takes for that, less than the limit of a test."""
SLOWEST_S = 1.0

_HIDDEN = ReasoningOptions(visibility=ReasoningVisibility.REASONING_VISIBILITY_HIDDEN)
_REQUESTS: tuple[Request, ...] = (
    *(ChatRequest(),) * 8,
    *(ChatRequest(options=GenerationOptions(reasoning=_HIDDEN)),) * 2,
    *(CompleteRequest(),) * 2,
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

_CODES = (
    *("insufficient_quota", "rate_limit_exceeded", "content_filter", "overloaded_error", "429"),
    *("RESOURCE_EXHAUSTED", "API_KEY_INVALID", "ThrottlingException", "a#ValidationException:x"),
)
_MESSAGES = (
    f"the key {SECRET} is wrong",
    f"{SECRET}: 5 tokens > 3 maximum, context length is 3 tokens, you requested 5 tokens",
    f"token count (5) exceeds the maximum (3) {'9' * 40} {SECRET} at capacity\ud83d",
)
_WAITS = (
    *("retry-after", "retry-after-ms", "date", "x-amz-retry-after", "x-ratelimit-reset"),
    *("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens"),
    *("anthropic-ratelimit-tokens-reset", "anthropic-ratelimit-requests-remaining"),
)
_TIMES = (
    *("7", "-1", "nan", "inf", "1e999", "9" * 400, "0", "", "soon", "6m0s", "1h2m3.5s", "7.66s"),
    *("12ms", "s", "1d", "\u0661s", "Thu, 01 Jan 1970 00:00:00 GMT", "2026-11-25T10:00:00Z"),
    *("9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+23:59", "Wed, 25 Nov 2026 10:00:00 -9999"),
    "1795615913716",
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


class Fuzz(Protocol):
    """One fuzz target."""

    def __call__(self, *, seconds: float, seed: int = 0, executions: int | None = None) -> int:
        """Throw what it has at what it tests; return how often."""
        ...


def fuzz_bodies(
    invent: Callable[[random.Random], bytes],
    attempt: Callable[[random.Random, bytes], None],
    *,
    seconds: float,
    seed: int = 0,
    executions: int | None = None,
) -> int:
    """Make bodies and attempt to read them; return how many. Raises on a hole.

    attempt: reads one body; raises where a promise is broken.
    """
    dice = random.Random(seed)
    until_s = time.monotonic() + seconds
    done = 0
    while time.monotonic() < until_s and (executions is None or done < executions):
        body = invent(dice)
        begun_s = time.process_time()  # of this process alone, however busy the machine is
        attempt(dice, body)
        took_s = time.process_time() - begun_s
        assert took_s < SLOWEST_S, f"{body[:200]!r} took {took_s:.1f} s"
        done += 1
    return done


def read_as(
    wire: Wire,
    request: Request,
    dice: random.Random,
    body: bytes,
    *,
    target: Target = TARGET,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Read a body as a stream, as a whole answer and as an error with any status."""
    for stream in (True, False):
        check(wire.decoder(request, target, stream=stream), cut(dice, body))
    told = {**waits(dice), **(headers or {})}
    error = wire.explain(dice.randrange(100, 700), told, body)
    assert isinstance(error, UpstreamError), body
    assert error.retry_after_s is None or 0 <= error.retry_after_s <= WAIT_MAX_S, told
    assert SECRET not in f"{error} {error.metadata}", body


def fuzz_wire(
    fuzzed: Fuzzed, *, seconds: float, seed: int = 0, executions: int | None = None
) -> int:
    """Throw bodies at the decoders of a format; return how many. Raises on a hole."""

    def attempt(dice: random.Random, body: bytes) -> None:
        read_as(fuzzed.wire, dice.choice(_REQUESTS), dice, body, target=fuzzed.target)

    def invent(dice: random.Random) -> bytes:
        return _body(fuzzed, dice)

    return fuzz_bodies(invent, attempt, seconds=seconds, seed=seed, executions=executions)


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


def refusal(dice: random.Random) -> bytes:
    """Make the body of an error, in any vendor's shape."""
    said: dict[str, object] = {
        "message": dice.choice((*_MESSAGES, value(dice))),
        "type": dice.choice((*_CODES, value(dice))),
        "code": dice.choice((*_CODES, 400, 429, value(dice))),
        "status": dice.choice((*_CODES, value(dice))),
        "details": dice.choice(
            (
                [{"reason": dice.choice(_CODES)}, {"retryDelay": dice.choice(_TIMES)}],
                [{"violations": [{"quotaId": "PerDay", "quotaValue": value(dice)}]}],
                {"error_code": dice.choice(_CODES)},
                value(dice),
            )
        ),
        "__type": dice.choice(_CODES),
        "metadata": {"headers": {"X-RateLimit-Reset": dice.choice(_TIMES)}},
        "innererror": {"code": "ResponsibleAIPolicyViolation", "x": value(dice)},
    }
    said = {name: said[name] for name in dice.sample(list(said), dice.randrange(1, len(said)))}
    wrapped = dice.choice((said, {"error": said}, [{"error": said}], {"error": _MESSAGES[0]}))
    return json.dumps(wrapped).encode()


def waits(dice: random.Random) -> dict[str, str]:
    """Make headers that ask for a wait, some of them in nonsense."""
    return {dice.choice(_WAITS): dice.choice(_TIMES) for _ in range(dice.randrange(3))}


def run(name: str, fuzz: Fuzz) -> None:
    """Run a target for as long as the command line asks, and say how much was tried."""
    parser = argparse.ArgumentParser(description=name)
    parser.add_argument("--seconds", type=float, help="without it, a number of executions decides")
    parser.add_argument("--executions", type=int)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    options = parser.parse_args()
    seconds = options.seconds
    if seconds is None:
        asked = float(os.environ.get("WEIR_FUZZ_SECONDS", DEFAULT_SECONDS))
        seconds = asked if options.executions is None else math.inf
    sys.stdout.write(f"{name}: seed {options.seed}\n")
    sys.stdout.flush()  # A hang is found again only by its seed.
    begun_s = time.monotonic()
    done = fuzz(seconds=seconds, seed=options.seed, executions=options.executions)
    took_s = time.monotonic() - begun_s
    sys.stdout.write(f"{name}: {done:,} executions in {took_s:.0f} s, no hole\n")


def _body(fuzzed: Fuzzed, dice: random.Random) -> bytes:
    match dice.randrange(6):
        case 0:
            return dice.randbytes(dice.randrange(200))
        case 1:
            return refusal(dice)
        case 2 | 3:
            return fuzzed.invent(dice)
        case _:
            return spoil(dice, dice.choice(fuzzed.samples))


def spoil(dice: random.Random, body: bytes, scraps: Sequence[bytes] = _BYTES) -> bytes:
    """Put scraps into a body, in the place of some of it or between."""
    for _ in range(dice.randrange(1, 5)):
        start = dice.randrange(len(body) + 1)
        end = min(len(body), start + dice.choice((0, 0, 1, 3, 40)))
        body = body[:start] + dice.choice(scraps) + body[end:]
    return body


def cut(dice: random.Random, body: bytes) -> list[bytes]:
    """Cut a body at a few places, or at none."""
    edges = sorted(dice.randrange(len(body) + 1) for _ in range(dice.randrange(4)))
    starts, ends = [0, *edges], [*edges, len(body)]
    return [body[start:end] for start, end in zip(starts, ends, strict=True)]
