"""What do streams fold to? Exactly what the unary call of the same answer gives."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.conformance.golden.row import (
    CHAT,
    COMPLETE,
    HELLO,
    START,
    STREAM_COMPLETE,
    Json,
    Row,
    answer,
    closed,
    completion,
    delta,
    end,
    numbered,
    one_by_one,
    opened,
    text_events,
)

PROMPT: Json = {"prompt": "Once upon a time"}
BIG = '{"id":12345678901234567890,"exact":9007199254740993,"pi":3.14159265358979323846,"z":1,"a":2}'
"""Numbers that a double does not hold, and keys out of order."""
STATE = "AAECA/7/gAo="
"""Bytes that are no text, in base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer, told as a stream and at once."""

    name: str
    promise: str
    steps: Sequence[Json]
    folded: Json


ANSWERS = (
    Told(
        name="text",
        promise="A text is its deltas joined, letters outside of ASCII included.",
        steps=one_by_one(*text_events("Grüße, ", "世界 ", "👋🏽", "!")),
        folded=answer({"text": "Grüße, 世界 👋🏽!"}),
    ),
    Told(
        name="empty",
        promise="An answer without parts is an answer.",
        steps=one_by_one(START, end("FINISH_REASON_MAX_TOKENS")),
        folded={
            **answer(finish_reason="FINISH_REASON_MAX_TOKENS"),
            "message": {"role": "ROLE_ASSISTANT"},
        },
    ),
    Told(
        name="batches",
        promise="Events come in order however many are in a message.",
        steps=numbered(
            [START, opened(0, {"text": ""}), delta(0, text="one ")],
            [delta(0, text="two "), {"heartbeat": {"phase": "PHASE_GENERATING"}}],
            [
                delta(0, text="three"),
                closed(0),
                {"usageUpdate": {"usage": {"completionTokens": "3"}}},
                {"warning": {"code": "OPTION_DROPPED", "message": "No seed.", "field": "seed"}},
                end(),
            ],
        ),
        folded=answer({"text": "one two three"}),
    ),
    Told(
        name="reasoning",
        promise="Reasoning and its signature stand before the text, each a part of its own.",
        steps=one_by_one(
            START,
            opened(0, {"reasoning": {"isSummary": True}}),
            delta(0, text="Let me "),
            delta(0, text="see."),
            closed(0, {"providerState": STATE}),
            opened(1, {"text": ""}),
            delta(1, text="42"),
            closed(1),
            end(),
        ),
        folded=answer(
            {"reasoning": {"text": "Let me see.", "isSummary": True}, "providerState": STATE},
            {"text": "42"},
        ),
    ),
    Told(
        name="tool_calls",
        promise="Parallel tool calls stay apart though their arguments come interleaved.",
        steps=one_by_one(
            START,
            opened(0, {"toolCall": {"id": "call_a", "name": "weather"}}),
            delta(0, argumentsJson='{"city":'),
            opened(1, {"toolCall": {"id": "call_b", "name": "weather"}}),
            delta(1, argumentsJson='{"city":"Ber'),
            delta(0, argumentsJson='"Oslo"}'),
            delta(1, argumentsJson='gen"}'),
            closed(1, {"toolCall": {"argumentsValid": True}}),
            closed(0, {"toolCall": {"argumentsValid": True}}),
            end("FINISH_REASON_TOOL_CALLS"),
        ),
        folded=answer(
            {
                "toolCall": {
                    "id": "call_a",
                    "name": "weather",
                    "argumentsJson": '{"city":"Oslo"}',
                    "argumentsValid": True,
                }
            },
            {
                "toolCall": {
                    "id": "call_b",
                    "name": "weather",
                    "argumentsJson": '{"city":"Bergen"}',
                    "argumentsValid": True,
                }
            },
            finish_reason="FINISH_REASON_TOOL_CALLS",
        ),
    ),
    Told(
        name="tool_call_repeated_whole",
        promise="An end that repeats the whole call adds nothing to it.",
        steps=one_by_one(
            START,
            opened(0, {"toolCall": {"id": "call_a", "name": "weather"}}),
            delta(0, argumentsJson='{"city":"Oslo"}'),
            closed(
                0,
                {
                    "toolCall": {
                        "id": "call_a",
                        "name": "weather",
                        "argumentsJson": '{"city":"Oslo"}',
                        "argumentsValid": True,
                    }
                },
            ),
            end("FINISH_REASON_TOOL_CALLS"),
        ),
        folded=answer(
            {
                "toolCall": {
                    "id": "call_a",
                    "name": "weather",
                    "argumentsJson": '{"city":"Oslo"}',
                    "argumentsValid": True,
                }
            },
            finish_reason="FINISH_REASON_TOOL_CALLS",
        ),
    ),
    Told(
        name="big_integers",
        promise="A tool's arguments keep every digit and the order of their keys.",
        steps=one_by_one(
            START,
            opened(0, {"toolCall": {"id": "call_a", "name": "pay"}}),
            *(delta(0, argumentsJson=BIG[at : at + 9]) for at in range(0, len(BIG), 9)),
            closed(0),
            end("FINISH_REASON_TOOL_CALLS"),
        ),
        folded=answer(
            {"toolCall": {"id": "call_a", "name": "pay", "argumentsJson": BIG}},
            finish_reason="FINISH_REASON_TOOL_CALLS",
        ),
    ),
    Told(
        name="citations",
        promise="A part has every source once, though its end repeats what the deltas said.",
        steps=one_by_one(
            START,
            opened(0, {"text": ""}),
            delta(0, text="Oslo is rainy."),
            delta(0, citations=[{"endByte": "4", "uri": "https://weir.example/oslo"}]),
            delta(0, citations=[{"startByte": "8", "endByte": "13", "title": "Rain"}]),
            closed(
                0,
                {
                    "text": "",
                    "citations": [
                        {"endByte": "4", "uri": "https://weir.example/oslo"},
                        {"startByte": "8", "endByte": "13", "title": "Rain"},
                    ],
                },
            ),
            end(),
        ),
        folded=answer(
            {
                "text": "Oslo is rainy.",
                "citations": [
                    {"endByte": "4", "uri": "https://weir.example/oslo"},
                    {"startByte": "8", "endByte": "13", "title": "Rain"},
                ],
            }
        ),
    ),
    Told(
        name="refusal",
        promise="A refusal is a part of its own, never a text.",
        steps=one_by_one(
            START,
            opened(0, {"refusal": {}}),
            delta(0, text="I can't "),
            delta(0, text="help with that."),
            closed(0),
            end("FINISH_REASON_REFUSAL"),
        ),
        folded=answer(
            {"refusal": {"text": "I can't help with that."}}, finish_reason="FINISH_REASON_REFUSAL"
        ),
    ),
    Told(
        name="media",
        promise="Bytes of a medium are its deltas joined.",
        steps=one_by_one(
            START,
            opened(0, {"media": {"modality": "MODALITY_AUDIO", "mimeType": "audio/wav"}}),
            delta(0, inlineData="AAEC"),
            delta(0, inlineData="/f7/"),
            closed(0, {"media": {"transcript": "Hum."}}),
            end(),
        ),
        folded=answer(
            {
                "media": {
                    "modality": "MODALITY_AUDIO",
                    "mimeType": "audio/wav",
                    "inlineData": "AAEC/f7/",
                    "transcript": "Hum.",
                }
            }
        ),
    ),
    Told(
        name="server_tools",
        promise="A tool that the provider ran: its call is filled, its result comes whole.",
        steps=one_by_one(
            START,
            opened(0, {"serverToolCall": {"id": "srv_1", "name": "web_search"}}),
            delta(0, argumentsJson='{"q":"weir"}'),
            closed(0),
            opened(
                1,
                {
                    "serverToolResult": {
                        "toolCallId": "srv_1",
                        "name": "web_search",
                        "resultJson": '{"hits":2}',
                    }
                },
            ),
            closed(1),
            opened(2, {"text": ""}),
            delta(2, text="Found."),
            closed(2),
            end(),
        ),
        folded=answer(
            {
                "serverToolCall": {
                    "id": "srv_1",
                    "name": "web_search",
                    "argumentsJson": '{"q":"weir"}',
                }
            },
            {
                "serverToolResult": {
                    "toolCallId": "srv_1",
                    "name": "web_search",
                    "resultJson": '{"hits":2}',
                }
            },
            {"text": "Found."},
        ),
    ),
    Told(
        name="logprobs",
        promise="Log probabilities of all text parts stand in the order they came.",
        steps=one_by_one(
            START,
            opened(0, {"text": ""}),
            delta(0, text="Hi", logprobs=[{"token": "Hi", "logprob": -0.25}]),
            delta(0, text="!", logprobs=[{"token": "!", "logprob": -1.5, "tokenBytes": "IQ=="}]),
            closed(0),
            end(),
        ),
        folded=answer(
            {"text": "Hi!"},
            logprobs=[
                {"token": "Hi", "logprob": -0.25},
                {"token": "!", "logprob": -1.5, "tokenBytes": "IQ=="},
            ],
        ),
    ),
)


def rows() -> list[Row]:
    """Each answer as a stream and at once; the same for a completion; and what was sent back."""
    both = []
    for told in ANSWERS:
        both += [
            Row(
                name=told.name,
                promise=told.promise,
                attempts=[told.steps],
                shows={"folded": told.folded},
            ),
            Row(
                name=f"{told.name}_unary",
                promise=f"{told.promise} At once.",
                method=CHAT,
                request=HELLO,
                attempts=[[{"send": told.folded}]],
            ),
        ]
    return [*both, *_completions(), *_sent_back()]


def _completions() -> list[Row]:
    return [
        Row(
            name="completion",
            promise="A completion's stream folds to its text, without reasoning.",
            method=STREAM_COMPLETE,
            request={"request": PROMPT},
            attempts=[
                one_by_one(
                    START,
                    opened(0, {"reasoning": {}}),
                    delta(0, text="A tale."),
                    closed(0),
                    opened(1, {"text": ""}),
                    delta(1, text="there was "),
                    delta(1, text="a weir."),
                    closed(1),
                    end(),
                )
            ],
            shows={"folded": completion("there was a weir.")},
        ),
        Row(
            name="completion_unary",
            promise="A completion at once is the same.",
            method=COMPLETE,
            request=PROMPT,
            attempts=[[{"send": completion("there was a weir.")}]],
        ),
    ]


def _sent_back() -> list[Row]:
    question = {"role": "ROLE_USER", "parts": [{"text": "Hello"}]}
    told = next(told for told in ANSWERS if told.name == "reasoning")
    return [
        Row(
            name="sent_back",
            promise="What a fold gave goes back in the next turn, the provider's bytes unchanged.",
            method=CHAT,
            request={"messages": [question, told.folded["message"], question]},
            attempts=[[{"send": answer({"text": "Still 42."})}]],
            follows="folds/reasoning",
        )
    ]
