"""A text is gone on from, at once or as it is written; both say the same."""

import grpc
import pytest

from tests.service.asking import refused
from tests.service.weir import Weir, hear, serving, upstream_tree
from weir.fold import fold_complete
from weir.v1.generation_pb2 import FinishReason, GenerationOptions
from weir.v1.provider_service_pb2 import CompleteRequest, StreamCompleteRequest
from weir.v1.usage_pb2 import UsageSource
from weir_server.fake_upstream.upstream import FakeUpstream


def complete(prompt: str = "once upon", *, model: str = "", **options: object) -> CompleteRequest:
    request = CompleteRequest(prompt=prompt, model=model)
    if options:
        request.options.CopyFrom(GenerationOptions(**options))  # type: ignore[arg-type]
    return request


async def test_the_echo_completes(weir: Weir) -> None:
    """Text, usage, finish reason and metadata."""
    reply = await weir.llm.Complete(complete())
    assert reply.text == "once upon"
    assert reply.finish_reason == FinishReason.FINISH_REASON_STOP
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (2, 2)
    assert reply.metadata.provider == "providers/echo"


async def test_a_stream_of_it_keeps_the_guarantees(weir: Weir) -> None:
    """The same events as a chat's: start first, one part, end last with usage."""
    heard = await hear(weir.llm.StreamComplete(StreamCompleteRequest(request=complete("a b c"))))
    assert heard.code is grpc.StatusCode.OK
    assert heard.kinds[:2] == ["start", "part_start"]
    assert heard.kinds[-2:] == ["part_end", "end"]
    assert [event.sequence for event in heard.events] == list(range(len(heard.events)))
    assert heard.text == "a b c"
    assert heard.end.usage.total_tokens == 6


@pytest.mark.parametrize("wire", ["chat", "completions"])
async def test_a_provider_s_completion_is_the_fold_of_its_stream(
    upstream: FakeUpstream, wire: str
) -> None:
    """By the provider's own completion wire where it has one, else as a chat with one message."""
    vendor = {"chat": "openai", "completions": "llama-cpp"}[wire]
    path = {"chat": "/v1/chat/completions", "completions": "/v1/completions"}[wire]
    async with serving(upstream_tree(upstream.url, vendor=vendor)) as weir:
        request = complete(model="m", max_output_tokens=3)
        unary = await weir.llm.Complete(request)
        heard = await hear(weir.llm.StreamComplete(StreamCompleteRequest(request=request)))
    folded = fold_complete(heard.events)
    assert {attempt.path for attempt in upstream.journal} == {path}
    assert [bool(attempt.json.get("stream")) for attempt in upstream.journal] == [False, True]
    assert unary.text == folded.text != ""
    assert unary.finish_reason == folded.finish_reason == FinishReason.FINISH_REASON_MAX_TOKENS
    assert unary.usage == folded.usage
    assert unary.usage.source == UsageSource.USAGE_SOURCE_PROVIDER
    assert unary.metadata.provider == folded.metadata.provider == "providers/fake"


@pytest.mark.parametrize("streaming", [True, False])
async def test_an_empty_prompt_is_refused(weir: Weir, streaming: bool) -> None:
    """The field's path is that within the request that was sent."""
    if streaming:
        stream = weir.llm.StreamComplete(StreamCompleteRequest(request=complete("")))
        heard = await hear(stream)
        assert heard.code is grpc.StatusCode.INVALID_ARGUMENT
        assert heard.failure.bad_request is not None
        (violation,) = heard.failure.bad_request.field_violations
        assert violation.field == "request.prompt"
        return
    refusal = await refused(weir.llm.Complete(complete("")))
    assert refusal.fields == ["prompt"]
