"""How do Gemini's answers end, and what of what it sends is none?"""

import json

import pytest

from tests.providers.wire.gemini_samples import (
    RESPONSE_ID,
    chunk,
    decode_stream,
    decode_whole,
    event,
    folded,
    stream_of,
    texts,
    usage,
)
from weir.fold import fold_chat
from weir.v1.content_pb2 import Part, ReasoningPart
from weir.v1.generation_pb2 import (
    FinishReason,
    GenerationOptions,
    ReasoningOptions,
    ReasoningVisibility,
)
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import (
    UpstreamError,
    UpstreamOverloaded,
    UpstreamProtocolError,
    UpstreamRateLimited,
    UpstreamStreamBroken,
)

END = chunk(finish="STOP")


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("SAFETY", FinishReason.FINISH_REASON_CONTENT_FILTER),
        ("RECITATION", FinishReason.FINISH_REASON_CONTENT_FILTER),
        ("SPII", FinishReason.FINISH_REASON_CONTENT_FILTER),
        ("BLOCKLIST", FinishReason.FINISH_REASON_CONTENT_FILTER),
        ("PROHIBITED_CONTENT", FinishReason.FINISH_REASON_CONTENT_FILTER),
        ("CONTINUATION", FinishReason.FINISH_REASON_PAUSED),
        ("MALFORMED_FUNCTION_CALL", FinishReason.FINISH_REASON_OTHER),
        ("UNHEARD_OF", FinishReason.FINISH_REASON_OTHER),
    ],
)
def test_an_end_has_a_reason(label: str, reason: FinishReason.ValueType) -> None:
    """With the vendor's own word and its explanation beside it."""
    end = chunk(
        finish=label, finishMessage="Because.", safetyRatings=[], continuationToken="dG9rZW4="
    )
    response = folded(*texts(["Hel", "lo"]), end)
    assert response.finish_reason == reason
    assert response.metadata.raw_finish_reason == label
    assert dict(response.metadata.attributes) == {
        "gemini.finish_message": "Because.",
        "gemini.safety_ratings": "[]",
        "gemini.continuation_token": "dG9rZW4=",
        "gemini.response_id": RESPONSE_ID,
    }


@pytest.mark.parametrize("reason", ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT"])
def test_a_blocked_prompt_is_an_answer_that_was_withheld(reason: str) -> None:
    """It has no candidates, and its end is the block."""
    said = {
        "promptFeedback": {"blockReason": reason},
        "usageMetadata": {"promptTokenCount": 19, "totalTokenCount": 19},
        "modelVersion": "m",
    }
    streamed, whole = folded(said), fold_chat(decode_whole(said).events, numbered=False)
    assert streamed == whole
    assert not whole.message.parts
    assert whole.finish_reason == FinishReason.FINISH_REASON_CONTENT_FILTER
    assert whole.metadata.raw_finish_reason == reason
    assert whole.usage.prompt_tokens == 19


def test_tokens_may_follow_the_end() -> None:
    """An end without them waits for the next chunk, or for the end of the body."""
    bare = chunk({"text": "Hi"}, finish="STOP", usage_={})
    del bare["usageMetadata"]
    assert folded(bare, {"usageMetadata": usage()}).usage.prompt_tokens == 19
    decoded = decode_stream(stream_of(bare))
    assert decoded.done
    assert not decoded.events[-1].end.HasField("usage")


def test_a_last_event_may_lack_its_blank_line() -> None:
    """Some servers leave it out; nothing can follow this one."""
    assert decode_stream(stream_of(*texts(["Hi"]), END).rstrip(b"\r\n")).done


@pytest.mark.parametrize("label", ["", "FINISH_REASON_UNSPECIFIED"])
def test_a_stream_without_a_reason_is_broken(label: str) -> None:
    """However politely it closes."""
    decoded = decode_stream(stream_of(*texts(["Hi"]), chunk(usage_=usage(), finishReason=label)))
    assert isinstance(decoded.failure, UpstreamStreamBroken)
    whole = decode_whole(chunk({"text": "Hi"}, usage_=usage(), finishReason=label))
    assert isinstance(whole.failure, UpstreamStreamBroken)


def test_other_candidates_are_not_heard() -> None:
    """Nobody asked for them."""
    other = chunk({"text": "Another"})
    other["candidates"][0]["index"] = 1
    assert [part.text for part in folded(*texts(["Hi"]), other, END).message.parts] == ["Hi"]


def test_hidden_thoughts_are_left_out() -> None:
    """Their signatures are not: the vendor wants them back."""
    hidden = ReasoningOptions(visibility=ReasoningVisibility.REASONING_VISIBILITY_HIDDEN)
    request = ChatRequest(options=GenerationOptions(reasoning=hidden))
    body = stream_of(
        chunk({"text": "Hm.", "thought": True}),
        chunk({"text": "Hm!", "thought": True, "thoughtSignature": "c2ln"}),
        chunk({"text": "Hi"}, finish="STOP"),
    )
    decoded = decode_stream(body, request=request)
    state = b'gemini:{"thoughtSignature":"c2ln"}'
    assert list(fold_chat(decoded.events, numbered=False).message.parts) == [
        Part(reasoning=ReasoningPart(), provider_state=state),
        Part(text="Hi"),
    ]


BUSY = {"error": {"code": 503, "message": "Overloaded.", "status": "UNAVAILABLE"}}
LIMITED = {"error": {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED"}}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (event(BUSY), UpstreamOverloaded),
        (event([LIMITED]), UpstreamRateLimited),
        (b"event: error\n" + event({"code": 429, "message": "x"}), UpstreamRateLimited),
        (json.dumps(BUSY).encode(), UpstreamOverloaded),
        (b"\xef\xbb\xbf " + json.dumps([LIMITED]).encode(), UpstreamRateLimited),
        (event({}), UpstreamProtocolError),
        (event([]), UpstreamProtocolError),
        (event("nonsense"), UpstreamProtocolError),
        (b"<html>", UpstreamProtocolError),
        (b"[1, 2]", UpstreamProtocolError),
        (event({"candidates": [{"content": {"parts": [7]}}]}), UpstreamProtocolError),
    ],
)
def test_an_error_in_place_of_an_answer(body: bytes, kind: type[UpstreamError]) -> None:
    """With status 200 it is an error all the same."""
    decoded = decode_stream(body)
    assert not decoded.events
    assert type(decoded.failure) is kind


def test_an_error_amid_an_answer_breaks_it() -> None:
    """What was said before is delivered."""
    decoded = decode_stream(stream_of(*texts(["Hi"]), BUSY))
    assert isinstance(decoded.failure, UpstreamStreamBroken)
    assert decoded.failure.metadata["cause"] == "error_event"
    assert [e.WhichOneof("event") for e in decoded.events] == ["part_start", "part_delta"]


def test_events_of_other_names_are_skipped() -> None:
    """Gateways write pings of their own."""
    assert decode_stream(event(texts(["Hi"])[0]), b"event: ping\ndata: {}\n\n", event(END)).done


def test_text_that_is_no_unicode_is_mended() -> None:
    """Lone halves of surrogate pairs become one U+FFFD each, and broken bytes too."""
    lone = json.dumps(chunk({"text": "a\ud83d"}))
    broken = event(chunk({"text": "b#"})).replace(b"#", b"\xff")
    decoded = decode_stream(event(lone), broken, event(END))
    assert fold_chat(decoded.events, numbered=False).message.parts[0].text == "a\ufffdb\ufffd"


def test_a_whole_answer_may_stand_in_for_a_stream() -> None:
    """Proxies that cannot stream answer so."""
    decoded = decode_stream(json.dumps(chunk({"text": "Hi"}, finish="STOP")).encode())
    assert decoded.done
    assert fold_chat(decoded.events, numbered=False).message.parts[0].text == "Hi"


def test_an_image_may_take_megabytes() -> None:
    """It comes in one event, which arrives in many pieces."""
    image = {"inlineData": {"mimeType": "image/png", "data": "AAAA" * 700_000}}
    body = stream_of(chunk(image), END)
    decoded = decode_stream(*(body[i : i + 32_768] for i in range(0, len(body), 32_768)))
    assert decoded.done
    (part,) = fold_chat(decoded.events, numbered=False).message.parts
    assert len(part.media.inline_data) == 2_100_000


def test_a_thought_is_what_says_so() -> None:
    """Not every mark is one."""
    parts = folded(
        chunk({"text": "a", "thought": None}), chunk({"text": "b", "thought": False}), END
    ).message.parts
    assert [part.text for part in parts] == ["ab"]


def test_calls_without_end_are_too_large() -> None:
    """An answer may hold so much and no more."""
    huge = chunk({"functionCall": {"name": "f", "args": {"x": "y" * 900_000}}})
    decoded = decode_stream(*[event(huge)] * 12)
    assert isinstance(decoded.failure, UpstreamProtocolError)
    assert decoded.failure.metadata["cause"] == "too_large"
