"""Does any body crash the decoder of Gemini's answers, hang it, or make it hoard?

    python -m tests.fuzz.fuzz_gemini_decoder --seconds 60

Bounded by `--executions` or `--seconds`, else by WEIR_FUZZ_SECONDS, else ten seconds.
"""

import json
import random
from collections.abc import Callable

from tests.fuzz.bodies import fuzz_bodies, read_as, refusal, run, spoil
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.generation_pb2 import (
    REASONING_VISIBILITY_HIDDEN,
    GenerationOptions,
    ReasoningOptions,
)
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.handler import Request
from weir_server.providers.wire.gemini.dialect import Dialect
from weir_server.providers.wire.gemini.wire import GeminiWire

_REQUESTS: tuple[Request, ...] = (
    ChatRequest(),
    ChatRequest(
        options=GenerationOptions(
            reasoning=ReasoningOptions(visibility=REASONING_VISIBILITY_HIDDEN)
        )
    ),
    EmbedRequest(inputs=[EmbedInput(text="a")]),
)
_USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
_PARTS: tuple[object, ...] = (
    {"text": "Hé"},
    {"text": "", "thoughtSignature": "c2ln"},
    {"text": "Hm", "thought": True},
    {"functionCall": {"name": "f", "args": {"a": [1]}, "id": "x"}},
    {"functionCall": {"name": "f"}, "thoughtSignature": "c2ln"},
    {"inlineData": {"mimeType": "image/png", "data": "iVBO"}},
    {"fileData": {"fileUri": "gs://b/c"}},
    {"executableCode": {"language": "PYTHON", "code": "1"}},
    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
    {"toolCall": {"toolType": "FILE_SEARCH", "args": {}}},
    {"toolResponse": {"toolType": "FILE_SEARCH", "response": {}}},
    {"hologram": {}},
)
_BODIES = [
    json.dumps(body).encode()
    for body in (
        {"embeddings": [{"values": [0.5]}], "usageMetadata": {"promptTokenCount": 1}},
        {"predictions": [{"embeddings": {"values": [1], "statistics": {"token_count": 1}}}]},
        {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 1}},
        {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "7s"}]}},
        [{"error": {"code": 400, "message": "input token count (5) exceeds the maximum (3)"}}],
    )
]
_BYTES = (
    *(b"\n", b"\n\n", b"\r", b"\r\n", b"data: ", b"data:", b"event: error\n", b": x\n"),
    *(b"\xef\xbb", b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\x00", b"\\ud83d"),
    b"\\ude00",
    *(b"\xff", b"\xf0\x9f", b"null", b"true", b"-1", b"1e999", b"NaN", b"9" * 30, b"9" * 5000),
    *(b"[" * 2000, b'{"a":' * 2000, b"x" * 3000, b'"error":{},', b'"thought":', b'"text":'),
)
_VALUES: tuple[Callable[[random.Random], object], ...] = (
    lambda dice: dice.choice((None, True, False, "", [], {}, 0, -1, 2**63, 2**70, 1.5, 1e308)),
    lambda dice: dice.choice(("STOP", "SAFETY", "\ud83d", "\ude00", "a\ud83d", "{", "{}", "\x00")),
    lambda dice: [_value(dice) for _ in range(dice.randrange(3))],
    lambda dice: {_name(dice): _value(dice) for _ in range(dice.randrange(4))},
    lambda dice: dice.choice(_PARTS),
)
_NAMES = (
    *("candidates", "content", "parts", "text", "thought", "thoughtSignature", "functionCall"),
    *("inlineData", "fileData", "executableCode", "codeExecutionResult", "toolCall", "name"),
    *("toolResponse", "args", "id", "data", "fileUri", "index", "finishReason", "finishMessage"),
    *("groundingMetadata", "citationMetadata", "groundingChunks", "groundingSupports", "segment"),
    *("groundingChunkIndices", "endIndex", "web", "citations", "logprobsResult", "partialArgs"),
    *("chosenCandidates", "topCandidates", "token", "logProbability", "usageMetadata", "outcome"),
    *("promptTokenCount", "candidatesTokenCount", "promptTokensDetails", "modality", "tokenCount"),
    *("promptFeedback", "blockReason", "modelVersion", "responseId", "error", "code", "status"),
    *("details", "violations", "retryDelay", "reason", "embeddings", "values", "predictions"),
)
_WIRES = (GeminiWire(), GeminiWire(Dialect(kind="vertex", vertex=True, parent="p")))


def fuzz(*, seconds: float, seed: int = 0, executions: int | None = None) -> int:
    """Throw bodies at the decoders; return how many. Raises on a hole."""
    return fuzz_bodies(_invent, _attempt, seconds=seconds, seed=seed, executions=executions)


def _attempt(dice: random.Random, body: bytes) -> None:
    read_as(dice.choice(_WIRES), dice.choice(_REQUESTS), dice, body)


def _invent(dice: random.Random) -> bytes:
    """Make a body that is nearly right, or not at all."""
    match dice.randrange(7):
        case 0:
            return spoil(dice, _stream(dice), _BYTES)
        case 1:
            return spoil(dice, dice.choice(_BODIES), _BYTES)
        case 2:
            return spoil(dice, json.dumps(_chunk(dice, last=True)).encode(), _BYTES)
        case 3:
            return _stream(dice)
        case 4:
            return json.dumps(_chunk(dice, last=True)).encode()
        case 5:
            return refusal(dice)
        case _:
            return dice.randbytes(dice.randrange(200))


def _stream(dice: random.Random) -> bytes:
    count = dice.randrange(1, 6)
    chunks = [_chunk(dice, last=n == count - 1 and dice.random() < 0.8) for n in range(count)]
    return b"".join(b"data: %b\r\n\r\n" % json.dumps(said).encode() for said in chunks)


def _chunk(dice: random.Random, *, last: bool) -> object:
    """Make a chunk with the right bones and wild flesh."""
    parts = [
        dice.choice(_PARTS) if dice.random() < 0.8 else _value(dice)
        for _ in range(dice.randrange(3))
    ]
    wild = {_name(dice): _value(dice) for _ in range(dice.randrange(3))}
    candidate = {"content": {"role": "model", "parts": parts}, **wild}
    if last:
        candidate["finishReason"] = dice.choice(("STOP", "MAX_TOKENS", "SAFETY", "\ud83d"))
    more = {_name(dice): _value(dice)} if dice.random() < 0.2 else {}
    usage = dice.choice((_USAGE, _USAGE, {}, _value(dice)))
    return {"candidates": [candidate], "responseId": "r", "usageMetadata": usage, **more}


def _value(dice: random.Random) -> object:
    return dice.choice(_VALUES)(dice)


def _name(dice: random.Random) -> str:
    return dice.choice(_NAMES)


if __name__ == "__main__":
    run("Gemini decoder", fuzz)
