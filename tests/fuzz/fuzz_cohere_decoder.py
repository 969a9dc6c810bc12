"""Does any body crash the decoder of Cohere's answers, hang it, or make it hoard?

    python -m tests.fuzz.fuzz_cohere_decoder --seconds 60

Bounded by `--executions` or `--seconds`, else by WEIR_FUZZ_SECONDS, else ten seconds.
"""

import json
import random

from tests.contracts.wire_format import TARGET
from tests.fuzz.bodies import Fuzzed, fuzz_wire, run, value
from tests.providers.wire import cohere_samples as c
from weir_server.providers.wire.cohere.wire import CohereWire

_MESSAGES: tuple[c.Json, ...] = (
    {"content": [{"type": "thinking", "thinking": "Hé"}, {"type": "text", "text": "Hi 👋"}]},
    {"tool_plan": "I look.", "tool_calls": [c.call("a", "f", "{}"), c.call("b", "g", "{")]},
    {
        "content": [{"type": "text", "text": "24°C"}, {"type": "picture", "data": "x"}],
        "citations": [
            {"start": 0, "end": 4, "text": "24°C", "sources": [{"type": "tool", "id": "a"}]},
            {"start": 1, "end": 2, "type": "PLAN"},
        ],
    },
)
_BODIES = [json.dumps(c.whole(message, "COMPLETE")).encode() for message in _MESSAGES] + [
    json.dumps(body).encode()
    for body in (
        {"id": "e", "embeddings": {"float": [[0.5]]}, "meta": {"billed_units": {}}},
        {"id": "e", "embeddings": {"int8": [[5]], "ubinary": [[5]]}},
        {"message": "boom"},
    )
]
_STREAMS = [
    c.stream(
        c.start(),
        *c.block(0, "thinking", ("Hm", "m.")),
        *c.block(1, "text", ("Hé", "llo")),
        c.event("citation-start", 0, citations={"start": 0, "end": 2, "text": "Hé"}),
        c.event("citation-end", 0),
        c.end("COMPLETE"),
    ),
    c.stream(
        c.start(),
        *c.plan("I", " look."),
        *c.streamed_call(0, "a", "f", ('{"a"', ":1}")),
        *c.streamed_call(1, "b", "g", ("{}",)),
        c.end("TOOL_CALL"),
    ),
]
_TYPES = (
    *("message-start", "content-start", "content-delta", "content-end", "tool-plan-delta"),
    *("tool-call-start", "tool-call-delta", "tool-call-end", "citation-start", "message-end"),
    *("debug", "error", "", None),
)


def _invent(dice: random.Random) -> bytes:
    """Make a stream of events, or a whole answer, with the right bones and wild flesh."""
    if dice.random() < 0.3:
        message = _message(dice)
        keys = dice.sample(list(message), dice.randrange(5))
        for key in keys:
            message[key] = dice.choice(([message[key]], [message[key]] * 3, message[key]))
        body = c.whole({key: message[key] for key in keys}, dice.choice(("COMPLETE", "x")))
        body["logprobs"] = dice.choice((None, [], [{"text": "é", "logprobs": [-0.5]}]))
        return json.dumps(body).encode()
    events = [_event(dice) for _ in range(dice.randrange(1, 8))]
    if dice.random() < 0.8:
        events.append(c.end(dice.choice(("COMPLETE", "TOOL_CALL", "ERROR", "TIMEOUT", "x"))))
    return b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events)


def _message(dice: random.Random) -> c.Json:
    return {
        "content": dice.choice(
            (
                {"type": dice.choice(("text", "thinking", "odd", None)), "text": "é\ud83d"},
                {"thinking": "a", "text": dice.choice(("b", "", None)), "more": value(dice)},
                value(dice),
            )
        ),
        "tool_plan": dice.choice(("p", "", None)),
        "tool_calls": dice.choice((c.call("a", "f", "{"), {"function": {}}, value(dice))),
        "citations": {
            "start": value(dice),
            "end": dice.choice((0, 1, 99, value(dice))),
            "type": dice.choice((None, "PLAN", "TEXT_CONTENT", "THINKING_CONTENT", value(dice))),
            "sources": value(dice),
            "content_index": dice.choice((None, 0, value(dice))),
        },
    }


def _event(dice: random.Random) -> c.Json:
    message = _message(dice)
    keys = dice.sample(list(message), dice.randrange(5))
    return {
        "type": dice.choice(_TYPES),
        "index": dice.choice((None, 0, 0, 1, -5)),
        "delta": {
            "message": {key: message[key] for key in keys},
            "error": dice.choice((None, None, None, "boom", value(dice))),
        },
        "logprobs": dice.choice((None, None, {"text": "é", "logprobs": [-0.5]})),
    }


COHERE = Fuzzed(wire=CohereWire(), samples=(*_BODIES, *_STREAMS), invent=_invent, target=TARGET)


def fuzz(*, seconds: float, seed: int = 0, executions: int | None = None) -> int:
    """Throw bodies at the decoders; return how many. Raises on a hole."""
    return fuzz_wire(COHERE, seconds=seconds, seed=seed, executions=executions)


if __name__ == "__main__":
    run("Cohere decoder", fuzz)
