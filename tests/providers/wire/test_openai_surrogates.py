"""What becomes of halves of a surrogate pair? They find each other, or become U+FFFD."""

import json

import pytest

from tests.providers.wire.samples import (
    CHUNKS,
    calls,
    decode_stream,
    decode_unary,
    folded,
    stream_of,
)
from weir.fold import fold_chat

HIGH, LOW = "\ud83d", "\ude00"

CASES: dict[str, tuple[list[str], str]] = {
    "a pair in two deltas": (["a" + HIGH, LOW + "b"], "a😀b"),
    "a pair in two deltas of its own": ([HIGH, LOW], "😀"),
    "a pair in one delta": ([HIGH + LOW], "😀"),
    "a second half that never comes": (["a" + HIGH, "b"], "a\ufffdb"),
    "a first half at the end": (["a" + HIGH], "a\ufffd"),
    "a second half alone": (["a", LOW + "b"], "a\ufffdb"),
    "two first halves": ([HIGH, HIGH + LOW], "\ufffd😀"),
    "two pairs, cut twice": ([HIGH, LOW + HIGH, LOW], "😀😀"),
    "beside whole characters": (["ü😀" + HIGH, LOW + "é"], "ü😀😀é"),
}


def escaped(payload: object) -> str:
    """Return JSON with everything beyond ASCII as escapes, halves and all."""
    return json.dumps(payload, ensure_ascii=True)


@pytest.mark.parametrize("one_read", [True, False], ids=["one read", "many reads"])
@pytest.mark.parametrize("case", CASES)
def test_text(case: str, one_read: bool) -> None:
    """A pair that was cut in two is one character again, and no half ever escapes."""
    pieces, expected = CASES[case]
    events = [stream_of(escaped(CHUNKS.content(piece)), done=False) for piece in pieces]
    reads = [*events, stream_of(CHUNKS.finish())]

    decoded = decode_stream(b"".join(reads)) if one_read else decode_stream(*reads)

    response = fold_chat(decoded.events, numbered=False)
    assert response.message.parts[0].text == expected


@pytest.mark.parametrize("case", CASES)
def test_arguments(case: str) -> None:
    """Arguments of tool calls are mended like text."""
    pieces, expected = CASES[case]
    fragments = [escaped(CHUNKS.tool_arguments(0, piece)) for piece in ['{"a":"', *pieces, '"}']]

    response = folded(CHUNKS.tool_call(0, "c0", "f"), *fragments, CHUNKS.finish("tool_calls"))

    assert calls(response) == [("c0", "f", f'{{"a":"{expected}"}}', True)]


def test_a_half_does_not_leap_into_another_part() -> None:
    """A half stays with its part, which closes with U+FFFD."""
    response = folded(
        escaped(CHUNKS.reasoning("a" + HIGH)),
        escaped(CHUNKS.content(LOW + "b")),
        CHUNKS.finish(),
    )

    assert response.message.parts[0].reasoning.text == "a\ufffd"
    assert response.message.parts[1].text == "\ufffdb"


def test_halves_anywhere_else_are_replaced() -> None:
    """Ids, names, tokens and labels never crash the decoder."""
    token = {"token": "t" + HIGH, "logprob": -1.0, "bytes": None, "top_logprobs": []}
    finish = CHUNKS.finish("tired" + HIGH)
    chunks = [
        {**CHUNKS.content("a", [token]), "model": "m" + HIGH, "id": "i" + HIGH},
        CHUNKS.tool_call(0, "c" + HIGH, "f" + LOW),
        {**finish, "system_fingerprint": "s" + HIGH},
    ]

    response = folded(*map(escaped, chunks))

    assert calls(response)[0][:2] == ("c\ufffd", "f\ufffd")
    assert response.logprobs[0].token == "t\ufffd"
    assert response.metadata.model == "m\ufffd"
    assert response.metadata.raw_finish_reason == "tired\ufffd"
    assert response.metadata.attributes["openai.id"] == "i\ufffd"
    assert response.metadata.attributes["openai.system_fingerprint"] == "s\ufffd"


def test_a_whole_answer_with_a_half() -> None:
    """The unary decoder mends in the same way."""
    message = {"role": "assistant", "content": "a" + HIGH}
    body = escaped({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    response = fold_chat(decode_unary(body.encode()).events, numbered=False)

    assert response.message.parts[0].text == "a\ufffd"


def test_bytes_that_are_not_utf8_are_replaced_in_a_stream() -> None:
    """The standard of server-sent events says so; the answer is not lost for one bad byte."""
    body = stream_of(CHUNKS.content("aXb"), CHUNKS.finish()).replace(b"aXb", b"a\xffb")

    response = fold_chat(decode_stream(body).events, numbered=False)

    assert response.message.parts[0].text == "a\ufffdb"
