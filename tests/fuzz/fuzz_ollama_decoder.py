"""Does any body crash the decoder of Ollama's answers, hang it, or make it hoard?

    python -m tests.fuzz.fuzz_ollama_decoder --seconds 60

Bounded by `--executions` or `--seconds`, else by WEIR_FUZZ_SECONDS, else ten seconds.
"""

import json
import random

from tests.contracts.wire_format import TARGET
from tests.fuzz.bodies import Fuzzed, fuzz_wire, run, value
from tests.providers.wire import ollama_samples as o
from weir_server.providers.wire.ollama.wire import OllamaWire

_LOGPROBS = [{"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": []}]
_SAMPLES = (
    json.dumps(o.last("Hé", thinking="Hm.", tool_calls=[o.call("f", {"a": 1}, "c")])).encode(),
    o.stream(o.chunk(thinking="Hm"), o.chunk("Hé"), {**o.chunk("llo"), "logprobs": _LOGPROBS}),
    o.stream(o.chunk("I look."), o.chunk(tool_calls=[o.call("f", {"a": [1]})]), o.last()),
    b'{"model":"m","embeddings":[[0.5]],"prompt_eval_count":3}',
    b'{"error":"boom"}\n',
)


def _invent(dice: random.Random) -> bytes:
    """Make a stream of lines with the right bones and wild flesh."""
    lines = [_line(dice) for _ in range(dice.randrange(1, 8))]
    if dice.random() < 0.8:
        lines.append(o.last(reason=dice.choice(("stop", "length", "load", "", "x"))))
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _line(dice: random.Random) -> o.Json:
    call = o.call(dice.choice(("f", "", "\ud83d")), value(dice))
    message = {
        "content": dice.choice(("", "é", "a\ud83d", "\ude00", value(dice))),
        "thinking": dice.choice((None, "", "Hm", value(dice))),
        "tool_calls": dice.choice((None, [], [call], [call, call], value(dice))),
    }
    keys = dice.sample(list(message), dice.randrange(4))
    return {
        "model": "m",
        "created_at": dice.choice((None, o.TIME, "\ud83d", value(dice))),
        "message": dice.choice(({key: message[key] for key in keys}, value(dice))),
        "logprobs": dice.choice((None, None, _LOGPROBS, value(dice))),
        "done": dice.choice((False, False, False, None, True)),
        "prompt_eval_count": value(dice),
        "total_duration": value(dice),
    }


OLLAMA = Fuzzed(wire=OllamaWire(), samples=_SAMPLES, invent=_invent, target=TARGET)


def fuzz(*, seconds: float, seed: int = 0, executions: int | None = None) -> int:
    """Throw bodies at the decoders; return how many. Raises on a hole."""
    return fuzz_wire(OLLAMA, seconds=seconds, seed=seed, executions=executions)


if __name__ == "__main__":
    run("Ollama decoder", fuzz)
