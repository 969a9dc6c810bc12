"""What do the decoders do with too much, with half characters, and with nonsense inside JSON?"""

import json

import pytest

from tests.contracts.wire_format import TARGET
from tests.providers.wire import converse as c
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import UpstreamError, UpstreamProtocolError
from weir_server.providers.wire.bedrock.answer import BLOCKS_MAX
from weir_server.providers.wire.bedrock.wire import BedrockWire
from weir_server.providers.wire.parts import HELD_MAX_CHARS

BIG = "A" * (HELD_MAX_CHARS // 4)
PIECES = 5


def _too_large(failure: object) -> bool:
    assert isinstance(failure, UpstreamError)
    return failure.metadata.get("cause") == "too_large"


@pytest.mark.parametrize(
    "body",
    [
        [c.piece(0, reasoningContent={"signature": BIG})] * PIECES,
        [c.piece(0, reasoningContent={"redactedContent": BIG})] * PIECES,
        [c.piece(0, citation={"title": BIG})] * PIECES,
        [c.begin(0, toolUse={"name": "f"}), *[c.piece(0, toolUse={"input": BIG})] * PIECES],
        [c.begin(0, toolResult={}), *[c.piece(0, toolResult=[{"text": BIG}])] * PIECES],
        [
            c.begin(0, image={"format": "png"}),
            *[c.piece(0, image={"source": {"bytes": BIG}})] * PIECES,
        ],
    ],
    ids=["signature", "encrypted", "citations", "arguments", "results", "image"],
)
def test_what_is_held_back_has_a_bound(body: list[bytes]) -> None:
    """Whatever is said only at its end cannot grow for ever."""
    assert _too_large(c.decode_stream(*body).failure)


def test_a_whole_answer_has_the_same_bound() -> None:
    """Many signatures in one body."""
    block = {"reasoningContent": {"reasoningText": {"text": "", "signature": BIG}}}

    assert _too_large(c.decode_whole(c.whole(*[block] * PIECES)).failure)


def test_blocks_have_a_bound() -> None:
    """An answer of more blocks than any has is none."""
    events = [c.piece(index, text="") for index in range(BLOCKS_MAX + 1)]

    assert _too_large(c.decode_stream(b"".join(events)).failure)


def test_halves_of_a_character_are_joined() -> None:
    """Should the vendor cut a pair of escapes in two, the text is whole."""
    body = b"".join(
        [
            c.piece(0, text="a\ud83d"),
            c.piece(0, text="\udc4b b"),
            c.piece(1, reasoningContent={"signature": "s\ud83d"}),
            c.end(1),
            c.piece(2, text="c"),
            c.piece(2, citation={"title": "\ud83d", "sourceContent": [{"\ude00": "x"}, 7]}),
            c.event("messageStop", stopReason="end_turn"),
        ]
    )

    first, second, third = c.folded(c.decode_stream(body)).message.parts

    assert first.text == "a👋 b"
    assert json.loads(second.provider_state.partition(b":")[2]) == {"signature": "s\ufffd"}
    assert third.citations[0].title == "\ufffd"


def test_base64_that_is_none_says_nothing() -> None:
    """The rest of the answer stands."""
    body = c.whole({"image": {"format": "png", "source": {"bytes": "A"}}}, {"text": "B"})

    image, text = c.folded(c.decode_whole(body)).message.parts

    assert image.media.inline_data == b""
    assert text.text == "B"


def test_a_citation_without_text() -> None:
    """It stands alone, as a source of nothing; what is odd in it is left out."""
    cited = {"citationsContent": {"content": [], "citations": [{"location": [], "title": 7}]}}

    (part,) = c.folded(c.decode_whole(c.whole(cited))).message.parts

    assert (part.text, part.citations[0].title, part.citations[0].end_byte) == ("", "", 0)


@pytest.mark.parametrize("block", [{"text": 7}, {"toolUse": []}, 7])
def test_a_block_that_makes_no_sense_breaks_the_answer(block: object) -> None:
    """It could have been words of the answer."""
    failure = c.decode_whole(c.whole(block)).failure  # type: ignore[arg-type]

    assert isinstance(failure, UpstreamProtocolError)


def test_a_body_without_end_is_not_held() -> None:
    """Neither whole nor instead of a stream."""
    piece = b'{"x":"' + b"A" * (17 << 20)
    for stream in (True, False):
        decoder = BedrockWire().decoder(ChatRequest(), TARGET, stream=stream)
        decoder.feed(piece)
        decoder.feed(piece)
        assert _too_large(decoder.failure)
        assert decoder.finish() is None


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"inputTokens":-1}', b'{"inputTokens":"1"}'])
def test_a_count_that_is_none(body: bytes) -> None:
    """A number, or an error."""
    with pytest.raises(UpstreamProtocolError):
        BedrockWire().decode_count(body)
