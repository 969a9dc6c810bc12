"""Do the short ways through the decoders say what the long ones say? For any answer."""

import json
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.providers.wire.samples import decode_stream, decode_unary
from tests.providers.wire.test_openai_unary_is_fold import Answer, answers, streams_of, whole
from weir_server.fake_upstream import openai_wire as w
from weir_server.providers.wire.openai.quirks import OPENAI
from weir_server.providers.wire.openai.usage import read_usage
from weir_server.providers.wire.sse import SseSplitter, parse_event

COUNTS = st.integers(0, 60)


@settings(max_examples=200, deadline=None)
@given(st.data(), answers())
def test_a_whole_answer_in_pieces_is_the_same_in_one_piece(
    data: st.DataObject, answer: Answer
) -> None:
    """A body that comes in one piece is decoded as it came, others are put together first."""
    body = json.dumps(whole(answer)).encode()
    places = sorted(data.draw(st.lists(st.integers(0, len(body)), min_size=1, max_size=5)))
    pieces = [body[start:end] for start, end in pairwise([0, *places, len(body)])]

    assert decode_unary(*pieces) == decode_unary(body)


@settings(max_examples=200, deadline=None)
@given(st.data(), answers())
def test_chunks_that_come_one_by_one_are_the_same_in_one_burst(
    data: st.DataObject, answer: Answer
) -> None:
    """A read that holds one event is not split; nor is any delta merged with its neighbours."""
    events = list(w.encode_events([json.dumps(chunk) for chunk in data.draw(streams_of(answer))]))

    assert decode_stream(*events).normal() == decode_stream(b"".join(events)).normal()


@given(st.binary(max_size=40))
def test_one_event_for_each_read_is_the_same_line_by_line(said: bytes) -> None:
    """Whatever its data holds, line ends and colons too."""
    block = b"data: " + said.replace(b"\r", b"\n").strip(b"\n")
    event = parse_event(block)

    given_events = SseSplitter().feed(block + b"\n\n")

    if b"\n\n" not in block:
        assert given_events == [event]
    assert given_events == SseSplitter().feed(b":\n" + block + b"\n\n")


@given(
    prompt=COUNTS,
    completion=COUNTS,
    inward=st.dictionaries(st.sampled_from(["cached_tokens", "cache_write_tokens"]), COUNTS),
    outward=st.dictionaries(st.sampled_from(["reasoning_tokens", "audio_tokens"]), COUNTS),
)
def test_details_that_are_left_out_are_details_of_zero(
    prompt: int, completion: int, inward: dict[str, int], outward: dict[str, int]
) -> None:
    """What is skipped for want of details is what zeros in their place would have said."""
    said = {"prompt_tokens": prompt, "completion_tokens": completion}
    short = said | {"prompt_tokens_details": inward, "completion_tokens_details": outward}
    zeros_in = {"cached_tokens": 0, "cache_write_tokens": 0, "audio_tokens": 0, "image_tokens": 0}
    zeros_out = {"reasoning_tokens": 0, "audio_tokens": 0, "image_tokens": 0}
    long = said | {
        "prompt_tokens_details": zeros_in | inward,
        "completion_tokens_details": zeros_out | outward,
    }
    short = {name: value for name, value in short.items() if value != {}}

    assert read_usage(short, produced=True, quirks=OPENAI) == read_usage(
        long, produced=True, quirks=OPENAI
    )
