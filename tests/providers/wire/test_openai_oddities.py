"""What do odd streams and broken bodies come to? A good answer only where nothing is missing."""

import json

import pytest

from tests.providers.wire.samples import (
    CHUNKS,
    USAGE,
    calls,
    decode_stream,
    decode_unary,
    end_of,
    folded,
    kinds,
    stream_of,
)
from weir.fold import fold_chat
from weir.v1.generation_pb2 import FinishReason
from weir_server.fake_upstream import openai_wire as w
from weir_server.fake_upstream.sse import BOM
from weir_server.providers.wire.openai.quirks import Quirks


def in_pieces(body: bytes, count: int) -> list[bytes]:
    """Cut a body into about as many pieces, of a byte at least."""
    size = max(1, len(body) // count)
    return [body[start : start + size] for start in range(0, len(body), size)]


def test_a_second_finish_is_ignored() -> None:
    """The first reason stands."""
    end = end_of(
        decode_stream(
            stream_of(CHUNKS.content("a"), CHUNKS.finish("length"), CHUNKS.finish("stop"))
        )
    )

    assert end.end.finish_reason == FinishReason.FINISH_REASON_MAX_TOKENS


def test_other_choices_are_ignored() -> None:
    """Weir asks for one answer; whatever a server adds is not mixed in."""
    other = CHUNKS.content("zwei")
    other["choices"][0]["index"] = 1

    response = folded(CHUNKS.content("eins"), other, CHUNKS.finish())

    assert response.message.parts[0].text == "eins"


def test_chunks_without_choices_then_done() -> None:
    """An answer that holds nothing is a good answer without parts."""
    empty = {**CHUNKS.role(), "choices": []}

    end = end_of(decode_stream(stream_of(empty, CHUNKS.last_usage(w.usage(19, 0)))))

    assert end.end.finish_reason == FinishReason.FINISH_REASON_STOP
    assert end.end.usage.prompt_tokens == 19


def test_done_alone_is_a_cut_answer() -> None:
    """A proxy that closes politely has not answered."""
    decoded = decode_stream(stream_of())

    assert decoded.failure is not None
    assert decoded.failure.metadata == {"cause": "cut"}


def test_done_without_a_finish_reason_is_a_cut_answer() -> None:
    """Nobody said that the text was complete."""
    decoded = decode_stream(stream_of(CHUNKS.role(), CHUNKS.content("Hel")))

    assert decoded.failure is not None
    assert decoded.failure.metadata == {"cause": "cut"}
    assert [e.WhichOneof("event") for e in decoded.events] == ["part_start", "part_delta"]


def test_done_without_a_blank_line_is_enough() -> None:
    """Nothing can follow it, so nothing is missing."""
    body = stream_of(CHUNKS.content("a"), CHUNKS.finish())

    assert decode_stream(body.removesuffix(b"\n\n")).done


@pytest.mark.parametrize("done_required", [True, False])
def test_a_vendor_may_end_without_done(done_required: bool) -> None:
    """Only where the quirks say so, and only after a finish reason."""
    quirks = Quirks(done_required=done_required)
    finished = stream_of(CHUNKS.content("a"), CHUNKS.finish(), done=False)
    unfinished = stream_of(CHUNKS.content("a"), done=False)

    assert decode_stream(finished, quirks=quirks).done is not done_required
    assert not decode_stream(unfinished, quirks=quirks).done
    assert not decode_stream(finished + b"data: {", quirks=quirks).done


BEFORE_A_BODY = [b"", b" \r\n\t", BOM, BOM + b"\n ", b"\n" + BOM]


@pytest.mark.parametrize("pieces", [1, 1000], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("before", BEFORE_A_BODY)
def test_a_whole_answer_instead_of_a_stream(before: bytes, pieces: int) -> None:
    """A body that is one JSON object is read as what it is, blanks and marks before it or not."""
    body = before + json.dumps(w.chat_completion("Hi")).encode()

    decoded = decode_stream(*in_pieces(body, pieces))

    response = fold_chat(decoded.events, numbered=False)
    assert response.message.parts[0].text == "Hi"


@pytest.mark.parametrize("pieces", [1, 1000], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("before", BEFORE_A_BODY)
@pytest.mark.parametrize("listed", [True, False], ids=["in a list", "alone"])
def test_a_whole_error_instead_of_a_stream(before: bytes, listed: bool, pieces: int) -> None:
    """It is the class it names, as under a status of its own."""
    error = {"error": {"code": "rate_limit_exceeded"}}
    body = before + json.dumps([error] if listed else error).encode()

    decoded = decode_stream(*in_pieces(body, pieces))

    assert decoded.failure is not None
    assert decoded.failure.name() == "UPSTREAM_RATE_LIMITED"


@pytest.mark.parametrize("before", BEFORE_A_BODY)
@pytest.mark.parametrize("body", [b"<!DOCTYPE html><p>Down</p>", b"<", b"[1,2]", b"[]", b"{"])
def test_a_page_or_nonsense_instead_of_a_stream(before: bytes, body: bytes) -> None:
    """Nothing was cut: it never was an answer."""
    for pieces in (1, 1000):
        decoded = decode_stream(*in_pieces(before + body, pieces))

        assert decoded.failure is not None
        assert decoded.failure.name() == "UPSTREAM_PROTOCOL_ERROR"
        assert decoded.failure.metadata == {"cause": "malformed"}


@pytest.mark.parametrize("before", BEFORE_A_BODY)
def test_blanks_before_a_stream(before: bytes) -> None:
    """They change nothing; alone, they are a cut answer."""
    stream = stream_of(CHUNKS.content("a"), CHUNKS.finish())

    for pieces in (1, 1000):
        assert decode_stream(*in_pieces(before + stream, pieces)).done
        cut_off = decode_stream(*in_pieces(before, pieces)).failure
        assert cut_off is not None
        assert cut_off.metadata == {"cause": "cut"}


@pytest.mark.parametrize(
    "data", ["oops", "{", "[1,2]", '{"choices":[1]}', '{"choices":{}}', '{"choices":' + "[" * 9999]
)
def test_a_bad_data_line_is_a_protocol_error(data: str) -> None:
    """What came before it is given; nothing after it is looked at."""
    decoded = decode_stream(stream_of(CHUNKS.content("a"), data, CHUNKS.content("b")))

    assert decoded.failure is not None
    assert decoded.failure.name() == "UPSTREAM_PROTOCOL_ERROR"
    assert decoded.failure.metadata == {"cause": "malformed"}
    assert decoded.events[-1].part_delta.text == "a"


@pytest.mark.parametrize(
    "said",
    [
        {"type": "ping"},
        {"type": "heartbeat", "id": "x"},
        {"prompt_progress": {"total": 9, "processed": 3}},
        {**CHUNKS.role(), "choices": None},
    ],
)
def test_what_says_nothing_is_skipped(said: w.Json) -> None:
    """Pings, progress, and an empty list in the spelling of some gateways: no chunk, no error."""
    response = folded(said, CHUNKS.content("a"), said, CHUNKS.finish(), said)

    assert response.message.parts[0].text == "a"


@pytest.mark.parametrize("said", [{"detail": "oops"}, {"status": "error"}, {"foo": 1}, {}])
@pytest.mark.parametrize("begun", [True, False])
def test_an_object_that_is_no_chunk_breaks_the_stream(said: w.Json, begun: bool) -> None:
    """It may be an error in words that nobody knows: what follows is no complete answer."""
    before = [CHUNKS.content("a")] if begun else []

    decoded = decode_stream(stream_of(*before, said, CHUNKS.finish()))

    assert decoded.failure is not None
    assert decoded.failure.name() == "UPSTREAM_PROTOCOL_ERROR"
    assert decoded.failure.metadata == {"cause": "malformed"}


def test_an_event_with_a_name_of_its_own_is_skipped() -> None:
    """As the standard of server-sent events has it: nobody listens to that name."""
    body = stream_of(CHUNKS.content("a"), done=False) + b'event: mood\ndata: {"mood":"fine"}\n\n'

    assert decode_stream(body, stream_of(CHUNKS.finish())).done


@pytest.mark.parametrize(
    "chunks",
    [
        [CHUNKS.role()],
        [{**CHUNKS.role(), "choices": []}],
        [{"usage": USAGE}],
        [{"type": "ping"}],
        [{**CHUNKS.role(), "choices": None}],
    ],
    ids=["a role", "filters", "usage without choices", "a ping", "null choices"],
)
def test_an_answer_that_nobody_finished_or_counted_is_cut(chunks: list[w.Json]) -> None:
    """A server that breaks off before its first word does not pass for one with none to say."""
    decoded = decode_stream(stream_of(*chunks))

    assert decoded.failure is not None
    assert decoded.failure.metadata == {"cause": "cut"}


def test_usage_may_come_without_choices() -> None:
    """Counts are counts, with or without an empty list beside them."""
    end = end_of(decode_stream(stream_of(CHUNKS.content("a"), CHUNKS.finish(), {"usage": USAGE})))

    assert end.end.usage.prompt_tokens == USAGE["prompt_tokens"]


def test_an_error_of_null_is_no_error() -> None:
    """Some servers fill every field they know."""
    chunks = [{**chunk, "error": None} for chunk in CHUNKS.text(["Hi"])]

    assert folded(*chunks).message.parts[0].text == "Hi"


def test_a_two_mebibyte_line_is_too_large() -> None:
    """The bound on one event holds for the whole decoder."""
    begun = stream_of(CHUNKS.content("a"), done=False)

    decoded = decode_stream(begun, b"data: " + b"x" * (2 << 20))

    assert decoded.events
    assert decoded.failure is not None
    assert decoded.failure.metadata == {"cause": "too_large"}


def test_endless_tool_calls_are_too_large() -> None:
    """What is held for the end of the calls has a bound."""
    fragment = stream_of(CHUNKS.tool_arguments(0, "x" * 500_000), done=False)
    opening = stream_of(CHUNKS.tool_call(0, "c0", "f"), done=False)

    decoded = decode_stream(opening, *[fragment] * 20)

    assert decoded.failure is not None
    assert decoded.failure.metadata == {"cause": "too_large"}


BROKEN_BODIES = {
    "cut": json.dumps(w.chat_completion("Hi")).encode()[:99],
    "empty": b"",
    "no object": b"[1, 2]",
    "no answer": b'{"detail":"Not Found"}',
    "bad UTF-8": json.dumps(w.chat_completion("Hi")).encode().replace(b"Hi", b"\xff"),
    "deep": b'{"choices":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "wrong type": b'{"choices":{"0":"text"}}',
}


@pytest.mark.parametrize("case", BROKEN_BODIES)
def test_a_broken_body_is_a_protocol_error(case: str) -> None:
    """Malformed JSON, or JSON that is no answer, is never an empty answer."""
    decoded = decode_unary(BROKEN_BODIES[case])

    assert decoded.failure is not None
    assert decoded.failure.name() == "UPSTREAM_PROTOCOL_ERROR"
    assert decoded.failure.metadata == {"cause": "malformed"}


@pytest.mark.parametrize("choices", [[], None, [{"index": 0, "message": {"content": None}}]])
def test_a_whole_answer_that_holds_nothing(choices: list[w.Json] | None) -> None:
    """No choices or no content: a good answer without parts; `null` is no list of choices."""
    body = json.dumps({**w.chat_completion("Hi"), "choices": choices}).encode()

    decoded = decode_unary(body)

    if choices is None:
        assert decoded.failure is not None
    else:
        assert [e.WhichOneof("event") for e in decoded.events] == ["end"]


@pytest.mark.parametrize(
    "message", [{"content": "Hi"}, {"tool_calls": [w.tool_call("c0", "f", {})]}]
)
def test_a_whole_answer_without_a_finish_reason_is_cut(message: w.Json) -> None:
    """Nobody said that it was complete: the same as its stream, events included."""
    choice = {"index": 0, "message": message, "finish_reason": None}
    body = json.dumps({**w.chat_completion("Hi"), "choices": [choice]}).encode()

    decoded = decode_unary(body)

    assert decoded.failure is not None
    assert decoded.failure.name() == "UPSTREAM_STREAM_BROKEN"
    assert decoded.failure.metadata == {"cause": "cut"}
    assert decoded.events[0].HasField("part_start")


def test_a_giant_body_is_too_large() -> None:
    """A body over the bound is not kept."""
    decoded = decode_unary(*[b"x" * (1 << 20)] * 33)

    assert decoded.failure is not None
    assert decoded.failure.metadata == {"cause": "too_large"}


def test_a_whole_answer_comes_in_one_batch() -> None:
    """The events are those of the stream: part by part, then one end."""
    body = json.dumps(
        w.chat_completion(
            "Let me see.",
            tool_calls=[w.tool_call("c0", "f", {"a": 1}), w.tool_call("c1", "g", {})],
            message_extras={"reasoning_content": "Hm."},
            usage_=USAGE,
        )
    ).encode()

    response = fold_chat(decode_unary(body).events, numbered=False)

    assert kinds(response) == ["reasoning", "text", "tool_call", "tool_call"]
    assert calls(response) == [("c0", "f", '{"a": 1}', True), ("c1", "g", "{}", True)]
    assert response.finish_reason == FinishReason.FINISH_REASON_TOOL_CALLS
