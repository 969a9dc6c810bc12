"""What does Gemini tell beside its words? Sources, likelihoods and tokens."""

import json

import pytest

from tests.providers.wire.gemini_samples import (
    Json,
    chunk,
    decode_stream,
    folded,
    stream_of,
)
from weir.v1.content_pb2 import Modality
from weir.v1.usage_pb2 import TokenUsage, UsageSource

GROUNDING = {
    "webSearchQueries": ["oslo weather"],
    "groundingChunks": [
        {"web": {"uri": "https://a.example", "title": "A"}},
        {
            "retrievedContext": {
                "uri": "gs://b/c",
                "title": "C",
                "text": "cold",
                "documentName": "d",
            }
        },
        {"maps": {"uri": "https://maps.example", "title": "M", "placeId": "places/1"}},
    ],
    "groundingSupports": [
        {"segment": {"endIndex": 5, "text": "Héll"}, "groundingChunkIndices": [0, 1, 9]},
        {"segment": {"startIndex": 5, "endIndex": 6}, "groundingChunkIndices": [2]},
    ],
}


@pytest.mark.parametrize("signed", [False, True])
def test_sources_are_cited(signed: bool) -> None:
    """At the bytes of the text that rest on them, once each; all of it is kept as it came."""
    last: Json = {"text": "", "thoughtSignature": "c2ln"} if signed else {"text": "o"}
    response = folded(
        chunk({"text": "Hél"}),
        chunk({"text": "l"}, groundingMetadata=GROUNDING),
        chunk(last, finish="STOP", groundingMetadata=GROUNDING),
    )
    citations = response.message.parts[0].citations
    assert [(c.start_byte, c.end_byte, c.uri, c.document_id) for c in citations] == [
        (0, 5, "https://a.example", ""),
        (0, 5, "gs://b/c", "d"),
        (5, 6, "https://maps.example", "places/1"),
    ]
    assert citations[1].cited_text == "cold"
    kept = json.loads(response.metadata.attributes["gemini.grounding_metadata"])
    assert kept == GROUNDING


@pytest.mark.parametrize("name", ["citationSources", "citations"])
def test_quotations_are_cited(name: str) -> None:
    """Under AI Studio's name and under Vertex's."""
    quoted = {name: [{"startIndex": 1, "endIndex": 4, "uri": "https://q.example", "title": "Q"}]}
    response = folded(chunk({"text": "Hello"}, finish="STOP", citationMetadata=quoted))
    (citation,) = response.message.parts[0].citations
    assert (citation.start_byte, citation.end_byte, citation.title) == (1, 4, "Q")


@pytest.mark.parametrize(
    "nonsense", [[], 1, {"groundingSupports": [{"segment": {"endIndex": -1}}]}]
)
def test_sources_that_make_no_sense_are_kept_but_not_cited(nonsense: object) -> None:
    """The answer is good without."""
    response = folded(chunk({"text": "Hi"}, finish="STOP", groundingMetadata=nonsense))
    assert not response.message.parts[0].citations
    assert json.loads(response.metadata.attributes["gemini.grounding_metadata"]) == nonsense


def test_log_probabilities_are_told() -> None:
    """With the alternatives of each place."""
    told = {
        "chosenCandidates": [{"token": "Hi", "tokenId": 5, "logProbability": -0.5}],
        "topCandidates": [
            {"candidates": [{"token": "Hi", "logProbability": -0.5}, {"token": "Yo"}]}
        ],
    }
    decoded = decode_stream(stream_of(chunk({"text": "Hi"}, finish="STOP", logprobsResult=told)))
    (token,) = [t for e in decoded.events for t in e.part_delta.logprobs]
    assert (token.token, token.logprob) == ("Hi", -0.5)
    assert [other.token for other in token.top_logprobs] == ["Hi", "Yo"]


def test_tokens_keep_the_laws() -> None:
    """What tools put into the prompt is of the prompt; thoughts are of the completion."""
    said = {
        "promptTokenCount": 10,
        "cachedContentTokenCount": 4,
        "toolUsePromptTokenCount": 5,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 3,
        "totalTokenCount": 25,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 6},
            {"modality": "IMAGE", "tokenCount": 4},
        ],
        "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 7}, {"modality": "?"}],
    }
    told = folded(chunk({"text": "Hi"}, finish="STOP", usage_=said)).usage
    assert told == TokenUsage(
        prompt_tokens=15,
        completion_tokens=10,
        total_tokens=25,
        cached_prompt_tokens=4,
        reasoning_tokens=3,
        source=UsageSource.USAGE_SOURCE_PROVIDER,
        modality_tokens=told.modality_tokens,
    )
    assert [(m.modality, m.prompt_tokens, m.completion_tokens) for m in told.modality_tokens] == [
        (Modality.MODALITY_TEXT, 11, 0),
        (Modality.MODALITY_IMAGE, 4, 0),
        (Modality.MODALITY_AUDIO, 0, 7),
    ]


@pytest.mark.parametrize(
    "said",
    [
        {"promptTokenCount": 0, "candidatesTokenCount": 1},
        {"promptTokenCount": 1},
        {"promptTokenCount": -1, "candidatesTokenCount": 1},
        {"promptTokenCount": True, "candidatesTokenCount": 1},
        {"promptTokenCount": 1, "candidatesTokenCount": 10**12},
        {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 3},
        {"promptTokenCount": 1, "candidatesTokenCount": 1, "cachedContentTokenCount": 2},
        {"promptTokenCount": "1"},
        {"trafficType": "ON_DEMAND"},
    ],
)
def test_unbelievable_tokens_are_not_told(said: Json) -> None:
    """Weir then counts itself."""
    decoded = decode_stream(stream_of(chunk({"text": "Hi"}, finish="STOP", usage_=said)))
    assert decoded.done
    assert not decoded.events[-1].end.HasField("usage")
