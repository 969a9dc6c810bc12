"""Two Weirs chained say what one says: answers, usage, counts and names pass through both."""

import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from tests.service.asking import logged, refused
from tests.service.chain import Chain, chain, near_tree
from tests.service.handmade import Scripted, ended, said, serving_handler
from tests.service.test_embed import embed
from tests.service.weir import ECHO, chat_request, hear, serving, stream_request, user
from weir.fold import fold_chat
from weir.v1.error_pb2 import AttemptKind, ErrorReason
from weir.v1.generation_pb2 import (
    FinishReason,
    FunctionTool,
    ProviderExtension,
    RoutingOptions,
    Tool,
)
from weir.v1.provider_service_pb2 import (
    ChatRequest,
    ChatResponse,
    CompleteRequest,
    CountTokensRequest,
    InitializeRequest,
    ProviderConfig,
    StreamCompleteRequest,
    ValidateConfigRequest,
)
from weir.v1.usage_pb2 import TokenUsage, UsageSource
from weir_server.fake_upstream import openai_wire as w
from weir_server.fake_upstream import recordings
from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.upstream import FakeUpstream

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TOOL = Tool(function=FunctionTool(name="look", parameters_json_schema='{"type": "object"}'))


@pytest.fixture
async def chained(upstream: FakeUpstream) -> AsyncIterator[Chain]:
    async with chain(upstream, api_key="weir-canary-key") as both:
        yield both


def plain(response: ChatResponse) -> ChatResponse:
    """The response without what each server measures, names or numbers for itself."""
    copy = ChatResponse()
    copy.CopyFrom(response)
    for name in ("response_id", "provider", "create_time", "latency", "time_to_first_token"):
        copy.metadata.ClearField(name)
    copy.metadata.ClearField("attempts")
    return copy


UNARY = {
    "text": w.chat_completion("Hello"),
    "parallel tools": w.chat_completion(
        None,
        tool_calls=[w.tool_call("c1", "f", '{"a":1}'), w.tool_call("c2", "g", "{}")],
        finish_reason="tool_calls",
    ),
    "reasoning": w.chat_completion("4", message_extras={"reasoning_content": "2 and 2"}),
    "log probabilities": w.chat_completion("Hi", logprobs=[w.token_logprob("Hi", -0.5)]),
    "refusal": w.chat_completion(None, refusal="No."),
    "nothing": w.chat_completion(""),
}


async def test_every_recorded_stream_passes_unchanged(chained: Chain) -> None:
    """Message, finish reason, usage, log probabilities, attributes: field by field."""
    for recording in recordings.load_all():
        chained.upstream.script(recording.sse())
        direct = await hear(chained.far.llm.StreamChat(stream_request("hi", model="m")))
        passed = await hear(chained.near.llm.StreamChat(stream_request("hi", model="far-m")))
        assert (direct.code, passed.code) == (grpc.StatusCode.OK, grpc.StatusCode.OK)
        assert plain(fold_chat(passed.events)) == plain(fold_chat(direct.events)), recording.name
        assert passed.end.metadata.provider == "providers/far"


async def test_every_unary_answer_passes_unchanged(chained: Chain) -> None:
    """The same for answers that come whole."""
    for case, body in UNARY.items():
        chained.upstream.script(Reply(body=body))
        direct = await chained.far.llm.Chat(chat_request("hi", model="m"))
        passed = await chained.near.llm.Chat(chat_request("hi", model="far-m"))
        assert plain(passed) == plain(direct), case


async def test_the_request_reaches_the_provider_as_the_caller_wrote_it(chained: Chain) -> None:
    """Options, tools, extensions and end user pass; names of models are each side's own."""
    fields: dict[str, Any] = {
        "temperature": 0.25,
        "seed": 7,
        "stop_sequences": ["END"],
        "tools": [TOOL],
        "end_user_id": "alice",
        "labels": {"team": "search"},
        "routing": RoutingOptions(fallback_models=["far-m"], max_attempts=1),
        "extensions": [
            ProviderExtension(provider_kind="openai", json='{"service_tier":"flex"}', required=True)
        ],
    }
    messages = [user("one"), user("two")]
    messages[0].id = "own"
    await chained.near.llm.Chat(chat_request(messages, model="far-m", **fields))
    fields["routing"] = RoutingOptions(max_attempts=1)
    await chained.far.llm.Chat(chat_request(messages, model="m", **fields))
    passed, direct = (json.loads(chained.upstream.journal[index].body) for index in (0, 1))
    assert passed == direct
    assert passed["model"] == "vendor-m"
    assert passed["service_tier"] == "flex"


async def test_the_call_s_names_pass_along(chained: Chain) -> None:
    """Request id, trace and priority are the same in both logs; the key is in neither."""
    metadata = (
        ("weir-request-id", "my-request"),
        ("traceparent", TRACE),
        ("tracestate", "a=b"),
        ("weir-priority", "background"),
    )
    await chained.near.llm.Chat(chat_request("hi", model="far-m"), metadata=metadata)
    (near,), (far,) = await logged(chained.near), await logged(chained.far)
    for name in ("request_id", "trace_id", "priority", "prompt_tokens"):
        assert near[name] == far[name], name
    assert near["request_id"] == "my-request"
    assert near["response_id"] != far["response_id"]
    assert far["client"].startswith("weir/")
    assert dict(chained.upstream.journal[0].headers)["traceparent"] == TRACE
    for weir in (chained.near, chained.far):
        assert b"canary" not in weir.log_bytes.getvalue()


async def test_attempts_are_listed_with_their_way(upstream: FakeUpstream) -> None:
    """Those of the far Weir come before the one that they were made for, named through it."""
    failing = Reply(status=500, body={})
    upstream.script(failing, failing, Reply(body=w.chat_completion("Hi")))
    async with chain(upstream) as chained:
        response = await chained.near.llm.Chat(chat_request("hi", model="far-m"))
    failed = ErrorReason.ERROR_REASON_UPSTREAM_ERROR
    through = "providers/far/providers/fake"
    assert [
        (each.provider, each.model, each.reason, each.kind) for each in response.metadata.attempts
    ] == [
        (through, "vendor-m", failed, AttemptKind.ATTEMPT_KIND_FIRST),
        (through, "vendor-m", failed, AttemptKind.ATTEMPT_KIND_RETRY),
        (through, "vendor-m", 0, AttemptKind.ATTEMPT_KIND_RETRY),
        ("providers/far", "m", 0, AttemptKind.ATTEMPT_KIND_FIRST),
    ]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_completion_passes(chained: Chain, stream: bool) -> None:
    """Complete and StreamComplete are asked as such."""
    request = CompleteRequest(prompt="Once", model="far-m")
    if stream:
        heard = await hear(chained.near.llm.StreamComplete(StreamCompleteRequest(request=request)))
        text, end = heard.text, heard.end
    else:
        end = await chained.near.llm.Complete(request)
        text = end.text
    assert text
    assert end.finish_reason == FinishReason.FINISH_REASON_STOP
    (line,) = await logged(chained.far)
    assert line["method"] == ("StreamComplete" if stream else "Complete")


async def test_embeddings_pass(chained: Chain) -> None:
    """The vectors, their encoding and the usage are the far Weir's."""
    direct = await chained.far.embeddings.Embed(embed("a", "b", model="m"))
    passed = await chained.near.embeddings.Embed(
        embed("a", "b", model="far-m", labels={"team": "x"})
    )
    assert passed.embeddings == direct.embeddings
    assert (passed.dimensions, passed.encoding) == (direct.dimensions, direct.encoding)
    assert passed.usage == direct.usage
    assert [each.provider for each in passed.metadata.attempts] == [
        "providers/far/providers/fake",
        "providers/far",
    ]


async def test_tokens_are_counted_by_the_far_weir(chained: Chain) -> None:
    """A text and a chat: number, exactness and vocabulary are its own."""
    for fields in ({"text": "2 + 2 = 4"}, {"chat": chat_request([user("2 + 2 = 4")])}):
        direct = await chained.far.llm.CountTokens(CountTokensRequest(model="m", **fields))
        passed = await chained.near.llm.CountTokens(CountTokensRequest(model="far-m", **fields))
        assert passed == direct
        assert passed.tokens > 0


async def test_a_count_that_fails_tells_the_far_reason(upstream: FakeUpstream) -> None:
    """A model that the far Weir does not know is no fault of the caller's name for it."""
    async with chain(upstream) as chained:
        request = CountTokensRequest(text="x", provider="far", model="unheard-of")
        refusal = await refused(chained.near.llm.CountTokens(request))
    assert refusal.verdict == ("NOT_FOUND", "UPSTREAM_MODEL_NOT_FOUND")


async def test_warnings_pass(chained: Chain) -> None:
    """What the far Weir left out for want of support is told, once and by its field."""
    fields: dict[str, Any] = {"top_k": 5, "unsupported_option_policy": 2}
    direct = await chained.far.llm.Chat(chat_request("x", model="m", **fields))
    passed = await chained.near.llm.Chat(chat_request("x", model="far-m", **fields))
    assert [warning.field for warning in passed.metadata.warnings] == ["options.top_k"]
    assert passed.metadata.warnings == direct.metadata.warnings


async def test_a_far_weir_that_was_brought_in_answers(chained: Chain) -> None:
    """Initialize makes one where the operator allows its address."""
    host = chained.far.app.address
    tree = {
        **ECHO,
        "upstream": {"private_hosts": [host], "allow_insecure_http": True},
    }
    config = ProviderConfig(provider_kind="weir", endpoint=f"http://{host}", model="m")
    async with serving(tree) as near:
        made = await near.llm.Initialize(InitializeRequest(provider_id="far", config=config))
        response = await near.llm.Chat(chat_request("x", provider=made.provider))
    assert made.capabilities.tools
    assert response.message.parts[0].text
    assert response.metadata.provider == "providers/far"


async def test_callers_may_not_bring_in_what_is_inside(chained: Chain) -> None:
    """ValidateConfig probes it, with the guard's rules: loopback is the operator's to allow."""
    config = ProviderConfig(provider_kind="weir", endpoint=f"https://{chained.far.app.address}")
    reply = await chained.near.llm.ValidateConfig(ValidateConfigRequest(config=config, probe=True))
    assert [(each.field, each.rule) for each in reply.violations] == [
        ("config.endpoint", "ADDRESS")
    ]


async def test_a_usage_of_the_far_weir_s_is_believed_with_its_cost() -> None:
    """Its price is a price book's; that of any other provider is left out."""
    usage = TokenUsage(prompt_tokens=3, completion_tokens=2, total_tokens=5)
    usage.source = UsageSource.USAGE_SOURCE_PROVIDER
    usage.cost.currency_code, usage.cost.total_nanos = "USD", 123

    async def play(call: Any) -> Any:
        yield said("hi")
        last = ended()
        last[-1].end.usage.CopyFrom(usage)  # type: ignore[index]
        yield last

    async with (
        serving_handler(Scripted(play)) as far,
        serving(near_tree(far.app.address)) as near,
    ):
        response = await near.llm.Chat(ChatRequest(messages=[user("x")], model="far-m"))
        heard = await hear(near.llm.StreamChat(stream_request("x", model="far-m")))
    assert response.usage == heard.end.usage == usage
