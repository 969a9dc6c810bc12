"""Amazon Bedrock through the whole server: signed or with a key, unary, streamed, and cut off."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.contracts.answers import CHUNKS, COMPLETION_TOKENS, PROMPT_TOKENS, SECRET, TEXT
from tests.providers.wire import converse as c
from tests.service.asking import refused
from tests.service.weir import chat_request, hear, serving, stream_request, upstream_tree
from weir.v1.content_pb2 import Message, Part, Role, UnknownPart
from weir.v1.generation_pb2 import FinishReason
from weir.v1.provider_service_pb2 import CountTokensRequest, ProviderConfig, ValidateConfigRequest
from weir.v1.usage_pb2 import UsageSource
from weir_server.fake_upstream import aws_event_stream as frames
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.fake_upstream.exchange import Ending
from weir_server.fake_upstream.journal import Attempt
from weir_server.fake_upstream.upstream import FakeUpstream

PROFILE = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0"
ESCAPED = (
    "arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Ainference-profile%2F"
    "eu.amazon.nova-pro-v1%3A0"
)
KEYS = {
    "region": "eu-central-1",
    "access_key_id": "AKIDEXAMPLE",
    "secret_access_key": "sk-canary-secret",
    "session_token": "sk-canary-token",
}
ANSWER = Reply(body=c.whole({"text": TEXT}))
STREAM = Sse(events=c.events(c.text(0, *CHUNKS)), content_type=frames.CONTENT_TYPE)
BEGUN = Sse(
    events=c.events(c.text(0, *CHUNKS), stop=None, metadata=False)[:3],
    content_type=frames.CONTENT_TYPE,
    ending=Ending.STALL,
)


def _tree(upstream: FakeUpstream, **provider: Any) -> dict[str, Any]:
    tree = upstream_tree(upstream.origin, kind="bedrock", **provider)
    tree["models"][0]["vendor_model"] = PROFILE
    return tree


def _signed(upstream: FakeUpstream, **provider: Any) -> dict[str, Any]:
    tree = _tree(upstream, aws=KEYS, headers={"x-amzn-custom": "a  b"}, **provider)
    del tree["providers"][0]["api_key"]
    return tree


def _signature_of(attempt: Attempt, monkeypatch: pytest.MonkeyPatch, origin: str) -> str:
    """Return the signature that botocore finds for what arrived."""
    sent = attempt.headers
    at = datetime.strptime(sent["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    monkeypatch.setattr(auth, "get_current_datetime", lambda: at)
    signed = sent["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    request = AWSRequest(
        method=attempt.method,
        url=origin + attempt.target,
        headers={name: sent[name] for name in signed if name in sent},
        data=attempt.body,
    )
    keys = Credentials(KEYS["access_key_id"], KEYS["secret_access_key"], KEYS["session_token"])
    auth.SigV4Auth(keys, "bedrock", KEYS["region"]).add_auth(request)
    return str(request.headers["Authorization"])


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
async def test_a_signed_chat(streaming: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives has the signature that botocore finds for it, and the answer is whole."""
    async with (
        FakeUpstream(STREAM if streaming else ANSWER) as upstream,
        serving(_signed(upstream)) as weir,
    ):
        if streaming:
            heard = await hear(weir.llm.StreamChat(stream_request("Hi", model="m"), timeout=5))
            assert (heard.code, heard.text) == (grpc.StatusCode.OK, TEXT)
            usage, reason = heard.end.usage, heard.end.finish_reason
        else:
            response = await weir.llm.Chat(chat_request("Hi", model="m"), timeout=5)
            assert response.message.parts[0].text == TEXT
            usage, reason = response.usage, response.finish_reason
        attempt = upstream.journal[-1]
        signature = _signature_of(attempt, monkeypatch, upstream.origin)
    assert (usage.prompt_tokens, usage.completion_tokens) == (PROMPT_TOKENS, COMPLETION_TOKENS)
    assert usage.source == UsageSource.USAGE_SOURCE_PROVIDER
    assert reason == FinishReason.FINISH_REASON_STOP
    assert attempt.path == f"/model/{ESCAPED}/{'converse-stream' if streaming else 'converse'}"
    assert attempt.headers["authorization"] == signature
    assert "x-amzn-custom" in signature
    assert attempt.headers["x-amz-security-token"] == KEYS["session_token"]
    assert "application/vnd.amazon.eventstream" in attempt.headers["accept"]
    assert b"canary" not in weir.log_bytes.getvalue()


async def test_a_bedrock_api_key_is_a_bearer_token() -> None:
    """No signature then; the region is only needed to find the address."""
    async with FakeUpstream(ANSWER) as upstream, serving(_tree(upstream)) as weir:
        await weir.llm.Chat(chat_request("Hi", model="m"), timeout=5)
        sent = upstream.journal[-1].headers
    assert sent["authorization"] == "Bearer sk-test-canary-key"
    assert "x-amz-date" not in sent
    assert "application/vnd.amazon.eventstream" in sent["accept"]


async def test_a_block_in_the_vendors_own_words() -> None:
    """A caller may mark what a guardrail is to look at; to other kinds it is unsupported."""
    guard = UnknownPart(
        type="bedrock/guardContent", json='{"guardContent":{"text":{"text":"Look"}}}'
    )
    message = Message(role=Role.ROLE_USER, parts=[Part(text="Hi"), Part(unknown=guard)])
    async with FakeUpstream(ANSWER) as upstream:
        async with serving(_signed(upstream)) as weir:
            await weir.llm.Chat(chat_request([message], model="m"), timeout=5)
            sent = upstream.journal[-1].json["messages"]
        async with serving(upstream_tree(upstream.url)) as weir:
            failed = await refused(weir.llm.Chat(chat_request([message], model="m"), timeout=5))
    assert sent[0]["content"][1] == {"guardContent": {"text": {"text": "Look"}}}
    assert failed.reason == "UNSUPPORTED_OPTION"
    assert failed.fields == ["messages[0].parts[1].unknown"]


async def test_a_refusal_has_its_reason_and_no_words() -> None:
    """The exception's name makes the reason; its text stays here."""
    refusal = Reply(
        status=403,
        headers=(("x-amzn-errortype", "ExpiredTokenException:http://internal.amazon.com/"),),
        body=json.dumps({"message": f"The token expired: {SECRET}"}).encode(),
    )
    async with (
        FakeUpstream(refusal) as upstream,
        serving(_signed(upstream, max_retries=0)) as weir,
    ):
        failed = await refused(weir.llm.Chat(chat_request("Hi", model="m"), timeout=5))
    assert failed.verdict == ("FAILED_PRECONDITION", "UPSTREAM_CREDENTIALS_REJECTED")
    assert SECRET not in f"{failed.text} {failed.details}"
    assert SECRET.encode() not in weir.log_bytes.getvalue()


async def test_an_exception_inside_a_stream_breaks_it() -> None:
    """What was said arrives, and the status is no OK."""
    events = [*BEGUN.events, frames.exception("modelStreamErrorException", b'{"message":"x"}')]
    broken = Sse(events=events, content_type=frames.CONTENT_TYPE)
    async with (
        FakeUpstream(broken) as upstream,
        serving(_signed(upstream, max_retries=0)) as weir,
    ):
        heard = await hear(weir.llm.StreamChat(stream_request("Hi", model="m"), timeout=5))
    assert heard.code is grpc.StatusCode.ABORTED
    assert heard.failure.reason == "UPSTREAM_STREAM_BROKEN"
    assert TEXT.startswith(heard.text)


async def test_a_cancel_closes_the_upstream() -> None:
    """A caller that leaves in the middle of a stream stops what it costs."""
    async with FakeUpstream(BEGUN) as upstream, serving(_signed(upstream)) as weir:
        call = weir.llm.StreamChat(stream_request("Hi", model="m"))
        await call.read()
        call.cancel()
        async with asyncio.timeout(1.0):
            await upstream.wait_closed(upstream.journal[0])


async def test_tokens_are_counted_by_the_vendor() -> None:
    """A model whose tokenizer is `provider` is counted by CountTokens."""
    async with FakeUpstream(Reply(body=b'{"inputTokens":11}')) as upstream:
        tree = _signed(upstream)
        tree["models"][0]["tokenizer"] = "provider"
        async with serving(tree) as weir:
            request = CountTokensRequest(chat=chat_request("Hi"), model="m")
            reply = await weir.llm.CountTokens(request, timeout=5)
        path = upstream.journal[-1].path
    assert (reply.tokens, reply.exact) == (11, True)
    assert path == "/model/amazon.nova-pro-v1%3A0/count-tokens"


@pytest.mark.parametrize(("status", "reason"), [(200, ""), (403, "UPSTREAM_CREDENTIALS_REJECTED")])
async def test_a_configuration_is_tried_out(status: int, reason: str) -> None:
    """The probe lists asynchronous calls, which costs nothing and needs the credential."""
    tree = {"upstream": {"private_hosts": ["127.0.0.1"], "allow_insecure_http": True}}
    async with (
        FakeUpstream(Reply(status=status, body=b'{"asyncInvokeSummaries":[]}')) as upstream,
        serving(tree) as weir,
    ):
        config = ProviderConfig(
            provider_kind="bedrock", endpoint=upstream.origin, api_key="sk-canary-key"
        )
        request = ValidateConfigRequest(config=config, probe=True)
        reply = await weir.llm.ValidateConfig(request, timeout=5)
        asked = upstream.journal[-1]
    assert reply.valid == (not reason)
    assert (asked.method, asked.target) == ("GET", "/async-invoke?maxResults=1")
    assert asked.bearer == "sk-canary-key"
    assert reply.HasField("probe_error") == bool(reason)
