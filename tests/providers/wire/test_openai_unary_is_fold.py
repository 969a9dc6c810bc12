"""Is a whole answer the fold of its stream? For any answer, however the vendor cuts it."""

import json
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.providers.wire.samples import CHUNKS, decode_stream, decode_unary
from weir.fold import fold_chat
from weir_server.fake_upstream import openai_wire as w

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
NUMBERS = st.integers(1, 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a vendor says, before it is spelt in either shape."""

    reasoning: str
    content: str
    refusal: str
    calls: list[tuple[str, str, str]]
    """Id, name and arguments of each tool call."""
    finish_reason: str
    usage: w.Json
    with_logprobs: bool


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Draw an answer: any of its pieces may be empty."""
    arguments = st.one_of(
        st.dictionaries(TEXTS, TEXTS, max_size=3).map(json.dumps), TEXTS, st.just("")
    )
    names = draw(st.lists(st.from_regex(r"[a-z_]{1,10}", fullmatch=True), max_size=4))
    completion = draw(NUMBERS)
    return Answer(
        reasoning=draw(TEXTS),
        content=draw(TEXTS),
        refusal=draw(TEXTS),
        calls=[(f"call_{n}", name, draw(arguments)) for n, name in enumerate(names)],
        finish_reason=draw(
            st.sampled_from(["stop", "length", "tool_calls", "content_filter", "tired"])
        ),
        usage=w.usage(draw(NUMBERS), completion, reasoning_tokens=draw(st.integers(0, completion))),
        with_logprobs=draw(st.booleans()),
    )


def logprobs_of(text: str) -> list[w.Json]:
    """Return a made-up log probability for each character."""
    return [w.token_logprob(char, -len(char) / 8) for char in text]


def whole(answer: Answer) -> w.Json:
    """Spell an answer as a `chat.completion`."""
    return w.chat_completion(
        answer.content or None,
        refusal=answer.refusal or None,
        tool_calls=[w.tool_call(*call) for call in answer.calls],
        finish_reason=answer.finish_reason,
        logprobs=logprobs_of(answer.content) if answer.with_logprobs else None,
        usage_=answer.usage,
        message_extras={"reasoning_content": answer.reasoning} if answer.reasoning else {},
    )


@st.composite
def pieces_of(draw: st.DrawFn, text: str) -> list[str]:
    """Cut a text at random places; some pieces may be empty, as vendors' are."""
    places = st.lists(st.integers(0, len(text)), max_size=6)
    cuts = [0, *sorted(draw(places)), len(text)]
    return [text[start:end] for start, end in pairwise(cuts)]


@st.composite
def streams_of(draw: st.DrawFn, answer: Answer) -> list[w.Json]:
    """Spell an answer as chunks; the fragments of its tool calls interleave at random."""
    chunks = [CHUNKS.role()]
    chunks += map(CHUNKS.reasoning_content, draw(pieces_of(answer.reasoning)))
    for piece in draw(pieces_of(answer.content)):
        chunks.append(CHUNKS.content(piece, logprobs_of(piece) if answer.with_logprobs else None))
    chunks += map(CHUNKS.refusal, draw(pieces_of(answer.refusal)))
    chunks += [CHUNKS.tool_call(n, call[0], call[1]) for n, call in enumerate(answer.calls)]
    fragments = [
        (n, order + draw(st.floats(0, 0.9)), piece)
        for n, call in enumerate(answer.calls)
        for order, piece in enumerate(draw(pieces_of(call[2])))
    ]
    # Within a call the fragments keep their order: each sorts below the next.
    fragments.sort(key=lambda fragment: fragment[1])
    chunks += [CHUNKS.tool_arguments(n, piece) for n, _, piece in fragments]
    return [*chunks, CHUNKS.finish(answer.finish_reason), CHUNKS.last_usage(answer.usage)]


@settings(max_examples=300, deadline=None)
@given(st.data(), answers(), st.booleans())
def test_a_whole_answer_is_the_fold_of_its_stream(
    data: st.DataObject, answer: Answer, ensure_ascii: bool
) -> None:
    """Both shapes give the same response: parts, log probabilities, finish, usage, metadata."""
    chunks = data.draw(streams_of(answer))
    said = [json.dumps(chunk, ensure_ascii=ensure_ascii) for chunk in chunks]
    body = b"".join(w.encode_events(said))
    place = data.draw(st.integers(0, len(body)))

    streamed = decode_stream(body[:place], body[place:])
    unary = decode_unary(json.dumps(whole(answer), ensure_ascii=ensure_ascii).encode())

    assert streamed.failure is None
    assert unary.failure is None
    folded = fold_chat(unary.events, numbered=False)
    assert fold_chat(streamed.events, numbered=False) == folded
    texts = [part.text for part in folded.message.parts if part.WhichOneof("kind") == "text"]
    assert "".join(texts) == answer.content
    assert [
        (part.tool_call.id, part.tool_call.name, part.tool_call.arguments_json)
        for part in folded.message.parts
        if part.HasField("tool_call")
    ] == answer.calls
