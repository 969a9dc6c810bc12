"""A whole answer and the events made of it say the same: folding them gives it back."""

import pytest

from weir.fold import fold_chat, fold_complete
from weir.v1.content_pb2 import (
    Citation,
    CompactionPart,
    MediaPart,
    Message,
    Part,
    ReasoningPart,
    RefusalPart,
    Role,
    ServerToolCallPart,
    ServerToolResultPart,
    ToolCallPart,
    UnknownPart,
)
from weir.v1.embedding_service_pb2 import Embedding, EmbedRequest, EmbedResponse
from weir.v1.generation_pb2 import FinishReason, ResponseMetadata, TokenLogprob
from weir.v1.provider_service_pb2 import (
    ChatRequest,
    ChatResponse,
    CompleteRequest,
    CompleteResponse,
)
from weir.v1.usage_pb2 import TokenUsage
from weir_server.core.errors import UpstreamProtocolError
from weir_server.providers.weir.unfold import unfolded

CITED = [Citation(start_byte=0, end_byte=2), Citation(start_byte=1, end_byte=2)]
PARTS = [
    Part(reasoning=ReasoningPart(text="2 and 2", is_summary=True), provider_state=b"sealed"),
    Part(reasoning=ReasoningPart(), provider_state=b"hidden"),
    Part(text="4 \U0001f600", citations=CITED),
    Part(text=""),
    Part(refusal=RefusalPart(text="No.")),
    Part(tool_call=ToolCallPart(id="c1", name="f", arguments_json='{"a":1}', arguments_valid=True)),
    Part(tool_call=ToolCallPart(id="c2", name="g"), provider_state=b"signed"),
    Part(server_tool_call=ServerToolCallPart(id="s", name="search", arguments_json="{}")),
    Part(server_tool_result=ServerToolResultPart(tool_call_id="s", result_json="[]")),
    Part(media=MediaPart(mime_type="audio/wav", inline_data=b"RIFF", transcript="hi")),
    Part(media=MediaPart(mime_type="image/png", uri="https://example.com/a.png")),
    Part(compaction=CompactionPart(summary="so far")),
    Part(unknown=UnknownPart(type="openai/new", json="{}")),
    Part.FromString(b"\x7a\x02\x08\x01"),
]
"""One of each kind; the last is of a kind that these stubs do not know."""
USAGE = TokenUsage(prompt_tokens=3, completion_tokens=4, total_tokens=7)
LOGPROBS = [TokenLogprob(token="4", logprob=-0.5)]
METADATA = ResponseMetadata(model="x-1", raw_finish_reason="stop", attributes={"a.b": "c"})


def test_every_kind_of_part_survives() -> None:
    """State, citations, ids and bytes too; the log probabilities are those of the text."""
    response = ChatResponse(
        message=Message(role=Role.ROLE_ASSISTANT, parts=PARTS),
        usage=USAGE,
        metadata=METADATA,
        finish_reason=FinishReason.FINISH_REASON_TOOL_CALLS,
        logprobs=LOGPROBS,
    )
    batch = unfolded(ChatRequest(), response.SerializeToString())
    assert isinstance(batch, list)
    assert fold_chat(batch, numbered=False) == response


@pytest.mark.parametrize("text", ["", "Once upon a time"])
def test_a_completion_survives(text: str) -> None:
    """With its log probabilities; an empty one is an answer without parts."""
    response = CompleteResponse(
        text=text,
        usage=USAGE,
        finish_reason=FinishReason.FINISH_REASON_STOP,
        logprobs=LOGPROBS if text else [],
    )
    batch = unfolded(CompleteRequest(), response.SerializeToString())
    assert isinstance(batch, list)
    assert fold_complete(batch, numbered=False) == response


def test_embeddings_come_as_they_are() -> None:
    """They are no events."""
    response = EmbedResponse(embeddings=[Embedding(index=0, values=[0.5])], usage=USAGE)
    assert unfolded(EmbedRequest(), response.SerializeToString()) == response


def test_other_bytes_are_a_senseless_answer() -> None:
    """They are refused, not guessed at."""
    with pytest.raises(UpstreamProtocolError) as failed:
        unfolded(ChatRequest(), b"\xff\xff")
    assert failed.value.metadata == {"cause": "malformed"}


def test_a_part_that_is_nothing_is_a_senseless_answer() -> None:
    """Not even a kind of later: no stream could say it, so no answer may hold it."""
    nothing = ChatResponse(message=Message(role=Role.ROLE_ASSISTANT, parts=[Part()]))
    with pytest.raises(UpstreamProtocolError) as refused:
        unfolded(ChatRequest(), nothing.SerializeToString())
    assert refused.value.metadata["cause"] == "malformed"


def test_a_part_of_a_later_kind_survives() -> None:
    """What these stubs do not know goes on as it came."""
    later = Part.FromString(b"\xfa\x0f\x02hi")
    reply = ChatResponse(message=Message(role=Role.ROLE_ASSISTANT, parts=[later]))
    batch = unfolded(ChatRequest(), reply.SerializeToString())
    assert isinstance(batch, list)
    assert fold_chat(batch, numbered=False).message.parts[0] == later
