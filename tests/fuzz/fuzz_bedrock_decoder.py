"""Does any body crash the decoder of Bedrock's answers, hang it, or make it hoard?

    python -m tests.fuzz.fuzz_bedrock_decoder --seconds 60

Bounded by `--executions` or `--seconds`, else by WEIR_FUZZ_SECONDS, else ten seconds.
"""

import json
import random
from collections.abc import Callable

from tests.fuzz.bodies import fuzz_bodies, read_as, refusal, run, spoil
from tests.providers.wire import converse as c
from tests.providers.wire.test_bedrock_round_trip import FIRST, SECOND
from weir.v1.generation_pb2 import GenerationOptions, ReasoningOptions, ReasoningVisibility
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.fake_upstream import aws_event_stream as frames
from weir_server.providers.wire.bedrock.wire import BedrockWire

_HIDDEN = ReasoningOptions(visibility=ReasoningVisibility.REASONING_VISIBILITY_HIDDEN)
_REQUESTS = (ChatRequest(), ChatRequest(options=GenerationOptions(reasoning=_HIDDEN)))
_WIRE = BedrockWire()
_EVENTS = (
    *("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockDelta"),
    *("contentBlockStop", "messageStop", "metadata", "somethingNew"),
)
_BODIES = (
    c.whole(*FIRST),
    c.whole(*SECOND),
    b'{"__type":"ThrottlingException","message":"slow"}',
    b'{"message":"Input is too long"}',
)
_BYTES = (
    *(b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\x00", b"\xff", b"\\ud83d", b"null"),
    *(b"-1", b"1e999", b"NaN", b"9" * 30, b"[" * 2000, b'{"a":' * 2000, b"\x00\x00\x00\x10"),
)
_VALUES: tuple[Callable[[random.Random], object], ...] = (
    lambda dice: dice.choice((None, True, False, "", [], {}, 0, 1, -1, 2**63, 2**70, 1.5, 1e308)),
    lambda dice: dice.choice(("end_turn", "tool_use", "png", "AAEC", "\ud83d", "a\ude00", "{}")),
    lambda dice: [_value(dice) for _ in range(dice.randrange(3))],
    lambda dice: {_name(dice): _value(dice) for _ in range(dice.randrange(4))},
)
_NAMES = (
    *("contentBlockIndex", "start", "delta", "text", "toolUse", "toolResult", "toolUseId", "name"),
    *("input", "type", "status", "reasoningContent", "signature", "redactedContent", "citation"),
    *("image", "format", "source", "bytes", "s3Location", "uri", "error", "stopReason", "usage"),
    *("inputTokens", "outputTokens", "totalTokens", "trace", "metrics", "location", "web", "json"),
    *("citationsContent", "content", "citations", "sourceContent", "title", "output", "message"),
)


def fuzz(*, seconds: float, seed: int = 0, executions: int | None = None) -> int:
    """Throw bodies at the decoders; return how many. Raises on a hole."""
    return fuzz_bodies(_invent, _attempt, seconds=seconds, seed=seed, executions=executions)


def _attempt(dice: random.Random, body: bytes) -> None:
    kind = f"{_name(dice)}Exception"
    read_as(_WIRE, dice.choice(_REQUESTS), dice, body, headers={"x-amzn-errortype": kind})


def _invent(dice: random.Random) -> bytes:
    """Make a body that is nearly right, or not at all."""
    match dice.randrange(7):
        case 0:
            return spoil(dice, dice.choice(_BODIES), _BYTES)
        case 1:
            return spoil(dice, _stream(dice), _BYTES)
        case 2 | 3:
            return _stream(dice)
        case 4:
            blocks = [_block(dice) for _ in range(dice.randrange(4))]
            message = {"role": "assistant", "content": blocks}
            usage = dice.choice((c.usage(), _value(dice)))
            said = {"output": {"message": message}, "stopReason": "end_turn", "usage": usage}
            return _json({**said, _name(dice): _value(dice)})
        case 5:
            return refusal(dice)
        case _:
            return dice.randbytes(dice.randrange(200))


def _stream(dice: random.Random) -> bytes:
    """Make a stream of whole messages with the right bones and wild flesh."""
    messages = [_message(dice) for _ in range(dice.randrange(1, 8))]
    if dice.random() < 0.7:
        stop = {"stopReason": dice.choice(("end_turn", "tool_use", "guardrail_intervened"))}
        messages.append(frames.event("messageStop", _json(stop)))
    if dice.random() < 0.7:
        messages.append(frames.event("metadata", _json({"usage": _value(dice)})))
    return b"".join(messages)


def _message(dice: random.Random) -> bytes:
    match dice.randrange(12):
        case 0:
            return frames.exception(f"{_name(dice)}Exception", _json(_value(dice)))
        case 1:
            return frames.error(_name(dice), "broken")
        case 2:
            return frames.message(dice.randbytes(dice.randrange(12)), b"{}")
        case 3:
            return frames.event(dice.choice(_EVENTS), spoil(dice, _json(_event(dice)), _BYTES))
        case _:
            return frames.event(dice.choice(_EVENTS), _json(_event(dice)))


def _event(dice: random.Random) -> object:
    return {
        "contentBlockIndex": dice.choice((0, 0, 1, 2, -1)),
        dice.choice(("start", "delta")): _block(dice),
        _name(dice): _value(dice),
    }


def _block(dice: random.Random) -> c.Json:
    """Make a block, or a piece of one."""
    piece = {
        "text": dice.choice(("", "a", "👋", "\ud83d", "\ude00")),
        "toolUse": dice.choice(
            ({"input": "{"}, {"toolUseId": "t", "name": "f"}, {"input": "\ud83d"})
        ),
        "toolResult": dice.choice(([{"text": "a"}, {"json": 1}], {"toolUseId": "t"})),
        "reasoningContent": dice.choice(
            ({"text": "a"}, {"signature": "\ud83d"}, {"redactedContent": "AAE"})
        ),
        "citation": {"title": "\ud83d", "location": _value(dice), "sourceContent": _value(dice)},
        "image": dice.choice(({"format": "png"}, {"source": {"bytes": "A!"}}, {"error": 1})),
        _name(dice): _value(dice),
    }
    kept = dice.sample(sorted(piece), dice.randrange(1, 3))
    return {name: piece[name] for name in kept}


def _json(said: object) -> bytes:
    return json.dumps(said).encode()


def _value(dice: random.Random) -> object:
    return dice.choice(_VALUES)(dice)


def _name(dice: random.Random) -> str:
    return dice.choice(_NAMES)


if __name__ == "__main__":
    run("Bedrock decoder", fuzz)
