"""Is a vendor of OpenAI's protocol, named in the configuration, spoken to as its row says?"""

from contextlib import AbstractAsyncContextManager

import grpc
import pytest

from tests.contracts.answers import SECRET
from tests.contracts.vendor_wire import Failed
from tests.providers.wire.test_mistral_contract import ERRORS, whole
from tests.service.asking import refused
from tests.service.weir import Weir, chat_request, serving, stream_request, upstream_tree, user
from weir.fold import fold_chat
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.usage_pb2 import UsageSource
from weir_server.fake_upstream import recordings
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.fake_upstream.exchange import Ending
from weir_server.fake_upstream.openai_more import embedding_vector
from weir_server.fake_upstream.openai_service import OpenAiService
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.formats.table import FORMATS
from weir_server.providers.plan import Plan

MISTRAL = recordings.of_vendors()["mistral"]


def mistral_at(upstream: FakeUpstream) -> AbstractAsyncContextManager[Weir]:
    """Run a Weir whose Mistral is the fake."""
    return serving(upstream_tree(upstream.url, vendor="mistral"))


async def test_a_conversation_with_mistral_keeps_its_thinking() -> None:
    """What the first answer thought, with its signature, is part of the second request."""
    async with FakeUpstream(MISTRAL.sse(), Reply(body=whole("Four."))) as upstream:
        async with mistral_at(upstream) as weir:
            first = (await weir.stream("2+2?")).events
            said = fold_chat(first).message
            second = await weir.llm.Chat(
                chat_request([user("2+2?"), said, user("Sure?")], seed=7, max_output_tokens=9)
            )
        asked = upstream.journal[-1]

    assert asked.bearer == "sk-test-canary-key"
    assert asked.json["messages"][1]["content"][0]["signature"] == "c2ln"
    assert (asked.json["random_seed"], asked.json["max_tokens"]) == (7, 9)
    assert second.message.parts[0].text == "Four."
    assert list(second.metadata.warnings) == []


async def test_mistrals_errors_have_their_reasons() -> None:
    """A list of details is a rejection, an unknown model is one though the status is 400."""
    for name, reason in (
        ("bad request", "UPSTREAM_REJECTED_REQUEST"),
        ("no such model", "UPSTREAM_MODEL_NOT_FOUND"),
        ("wrong key", "UPSTREAM_CREDENTIALS_REJECTED"),
    ):
        failed = ERRORS[name]
        assert isinstance(failed, Failed)
        reply = Reply(status=failed.status, body=failed.body)
        async with FakeUpstream(reply) as upstream, mistral_at(upstream) as weir:
            refusal = await refused(weir.llm.Chat(chat_request("Hi")))
        assert refusal.reason == reason, name
        assert SECRET not in str(refusal)


async def test_what_a_vendor_lacks_is_refused_before_it_is_asked() -> None:
    """Perplexity has no tools' choice nor seeds: the field is named and nothing is sent."""
    async with (
        FakeUpstream() as upstream,
        serving(upstream_tree(upstream.url, vendor="perplexity")) as weir,
    ):
        refusal = await refused(weir.llm.Chat(chat_request("Hi", seed=7)))

    assert refusal.reason == "UNSUPPORTED_OPTION"
    assert len(upstream.journal) == 0


@pytest.mark.parametrize(
    ("vendor", "sizes"),
    [
        ("qwen", [10] * 12 + [5]),
        ("zhipu", [64, 61]),
        ("zai", [64, 61]),
        ("cohere-compatible", [96, 29]),
        ("gemini-compatible", [100, 25]),
        ("openai", [125]),
        ("vllm", [125]),
    ],
)
async def test_a_vendor_is_given_no_more_inputs_than_it_takes(
    vendor: str, sizes: list[int]
) -> None:
    """The rest goes in turn; the reply is one, with each vector at its place."""
    texts = [f"number {number}" for number in range(125)]
    request = EmbedRequest(inputs=[EmbedInput(text=text) for text in texts], model="m")
    async with (
        FakeUpstream() as upstream,
        serving(upstream_tree(upstream.url, vendor=vendor)) as weir,
    ):
        reply = await weir.embeddings.Embed(request)
        asked = [attempt.json["input"] for attempt in upstream.journal]

    assert [len(inputs) for inputs in asked] == sizes
    assert [text for inputs in asked for text in inputs] == texts
    assert [embedding.index for embedding in reply.embeddings] == list(range(125))
    expected = embedding_vector(texts[124], reply.dimensions)
    assert list(reply.embeddings[124].values) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", ["openai", "openai-responses", "azure-openai"])
def test_openai_takes_as_many_inputs_at_every_door(kind: str) -> None:
    """Its reference and Azure's say 2048."""
    plan = Plan(kind=kind, field_prefix="", endpoint="https://example.com")

    assert FORMATS[kind].speech(plan).embed_inputs_max == 2048


async def test_inputs_that_were_answered_are_in_the_usage_of_a_failure() -> None:
    """The vendor was paid for them, though a later turn failed."""
    texts = [f"number {number}" for number in range(11)]
    request = EmbedRequest(inputs=[EmbedInput(text=text) for text in texts], model="m")
    async with (
        FakeUpstream() as upstream,
        serving(upstream_tree(upstream.url, vendor="qwen", max_retries=0)) as weir,
    ):
        whole = await weir.embeddings.Embed(EmbedRequest(inputs=request.inputs[:10], model="m"))
        upstream.script(OpenAiService(), Reply(status=500, body={}))
        failure = await refused(weir.embeddings.Embed(request))

    assert failure.reason == "UPSTREAM_ERROR"
    usage = failure.details["FailureInfo"].usage
    assert usage.total_tokens == whole.usage.total_tokens > 0
    assert usage.source == UsageSource.USAGE_SOURCE_PARTIAL


async def test_a_cancelled_stream_closes_the_vendors() -> None:
    """As with any other: what nobody waits for is not paid for."""
    begun = Sse(events=MISTRAL.events[:2], ending=Ending.STALL)
    async with FakeUpstream(begun) as upstream, mistral_at(upstream) as weir:
        call = weir.llm.StreamChat(stream_request("2+2?"))
        await call.read()
        call.cancel()
        await upstream.wait_closed(upstream.journal[0])
        assert await call.code() == grpc.StatusCode.CANCELLED
