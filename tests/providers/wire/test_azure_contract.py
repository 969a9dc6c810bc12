"""Does Azure OpenAI's format say, mean and explain all that the contract of wire formats lists?

It is OpenAI's own but for the paths, so what OpenAI's streams show of every cut is not shown again.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from openai import AsyncAzureOpenAI, DefaultAsyncHttpxClient
from typing_extensions import override

from tests.contracts.answers import SECRET
from tests.contracts.asks import ASKS as ALL_ASKS
from tests.contracts.vendor_wire import Failed, Never, Recorded, VendorWireSuite
from tests.contracts.wire_format import TARGET, Decoded
from tests.fakes_selftest.sdk import sdk_for
from tests.providers.wire import test_openai_contract as openai
from tests.providers.wire.samples import stream_of
from weir.fold import fold_chat
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.generation_pb2 import FinishReason
from weir.v1.provider_service_pb2 import CompleteRequest
from weir_server.core.errors import ModelNotFound, UpstreamModelNotFound, UpstreamRejectedRequest
from weir_server.fake_upstream import openai_wire as w
from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.wire.base import Wire
from weir_server.providers.wire.openai.azure import AzureWire

VERSION = "2025-04-01-preview"
ASKS = {**openai.ASKS, "an end user": {"messages": [openai.HI], "user": "u-1"}}
_FOUND = {"hate": {"filtered": False, "severity": "safe"}}
PROMPT_FILTERS: w.Json = {
    "choices": [],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _FOUND}],
}
"""What Azure says before the first word: no choices, and nobody's name."""


def sdk(url: str, *, version: str = VERSION, deployment: str | None = None) -> AsyncAzureOpenAI:
    """Return the vendor's client for the dated API."""
    return AsyncAzureOpenAI(
        azure_endpoint=url,
        azure_deployment=deployment,
        api_version=version,
        api_key="key-canary",
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(verify=False),
    )


def _failed(status: int, code: str, message: str = "No", **headers: str) -> Failed:
    error = {"code": code, "message": f"{message}: {SECRET}"}
    return Failed(
        status=status,
        body=json.dumps({"error": error}).encode(),
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


ERRORS: Mapping[str, Failed | Never] = {
    **openai.ERRORS,
    "wrong key": _failed(401, "401", "Access denied due to invalid subscription key"),
    "forbidden": _failed(403, "403", "Public access is disabled"),
    "no such model": _failed(404, "DeploymentNotFound"),
    "rate limit": _failed(429, "429", "Requests have exceeded", retry_after_ms="7000"),
    "overloaded": _failed(503, "503", "That model is currently overloaded"),
    "blocked by a filter": _failed(400, "content_filter", "The response was filtered"),
    "internal": _failed(500, "InternalServerError"),
}


class TestAzure(VendorWireSuite):
    """A deployment, at a dated version of the API."""

    unary_reply = openai.TestOpenAI.unary_reply
    stream_reply = openai.TestOpenAI.stream_reply

    @override
    def wire(self) -> Wire:
        return AzureWire(api_version=VERSION)

    @override
    def asks(self) -> Mapping[str, Any]:
        return ASKS

    @override
    async def sdk_says(self, said: Any, url: str, *, stream: bool) -> None:
        async with sdk(url) as client:
            if not stream:
                await client.chat.completions.create(model=openai.MODEL, **said)
                return
            chunks = await client.chat.completions.create(
                model=openai.MODEL, stream=True, stream_options={"include_usage": True}, **said
            )
            async for _ in chunks:
                pass

    @override
    def answers(self) -> Mapping[str, Recorded | Never]:
        return openai.ANSWERS

    @override
    def errors(self) -> Mapping[str, Failed | Never]:
        return ERRORS

    @override
    def streams(self) -> Mapping[str, bytes]:
        return {"filters first": stream_of(PROMPT_FILTERS, openai.C.content("é"), *_END)}


_END = (openai.C.finish(), openai.C.last_usage(openai.USAGE))


def decoded(*chunks: w.Json) -> Decoded:
    """Decode a stream."""
    return TestAzure()._decode([stream_of(*chunks)])


@pytest.mark.parametrize("base_path", ["", "/openai/v1", "/openai/v1/"])
async def test_the_v1_api_is_openais_below_a_path(base_path: str) -> None:
    """The SDK for OpenAI itself, pointed there, sends the same; the portal's address will do."""
    ours = AzureWire(base_path=base_path).encode(ALL_ASKS["one message"], TARGET, stream=False)
    async with (
        FakeUpstream(Reply(body=w.chat_completion())) as upstream,
        sdk_for(f"{upstream.origin}/openai/v1") as client,
    ):
        await client.chat.completions.create(
            model=openai.MODEL, messages=[{"role": "user", "content": "Hi"}]
        )

    theirs = upstream.journal[0]
    assert f"{base_path.rstrip('/')}{ours.path}" == theirs.target
    assert json.loads(ours.body) == theirs.json


async def test_embeddings_have_a_deployment_too() -> None:
    """Path, version and body are the SDK's."""
    request = EmbedRequest(inputs=[EmbedInput(text="a")], dimensions=8, end_user_id="u-1")
    ours = AzureWire(api_version=VERSION).encode(request, TARGET, stream=False)
    vectors = {"object": "list", "data": [], "model": "m", "usage": w.usage(1, 0)}
    async with FakeUpstream(Reply(body=vectors)) as upstream, sdk(upstream.origin) as client:
        await client.embeddings.create(
            model=openai.MODEL,
            input=["a"],
            dimensions=8,
            user="u-1",
            encoding_format="base64",
        )

    assert ours.path == upstream.journal[0].target
    assert json.loads(ours.body) == upstream.journal[0].json


@pytest.mark.parametrize("name", ["gpt-4o", "a b/c?d#e", "grüße", "x@1:2,(3)", "a%2fb"])
async def test_a_deployments_name_stays_in_its_segment(name: str) -> None:
    """Whatever it holds, it is escaped as the SDK does."""
    target = replace(TARGET, vendor_model=name)
    ours = AzureWire(api_version=VERSION).encode(ALL_ASKS["one message"], target, stream=False)
    async with (
        FakeUpstream(Reply(body=w.chat_completion())) as upstream,
        sdk(upstream.origin) as client,
    ):
        await client.chat.completions.create(
            model=name, messages=[{"role": "user", "content": "Hi"}]
        )

    assert ours.path == upstream.journal[0].target


@pytest.mark.parametrize("name", [".", "..", ""])
def test_a_name_that_leads_elsewhere_is_no_deployment(name: str) -> None:
    """It is refused before anything is sent."""
    target = replace(TARGET, vendor_model=name)

    with pytest.raises(ModelNotFound):
        AzureWire(api_version=VERSION).encode(ALL_ASKS["one message"], target, stream=False)


def test_a_completion_is_a_chat() -> None:
    """Newer deployments answer nothing else."""
    said = AzureWire(api_version=VERSION).encode(CompleteRequest(prompt="a"), TARGET, stream=True)

    assert said.path == f"/openai/deployments/test-1/chat/completions?api-version={VERSION}"


def test_what_the_filters_found_is_no_answer() -> None:
    """It comes before the first word, with each word, and after the last."""
    word = openai.C.content("Hi")
    word["choices"][0]["content_filter_results"] = _FOUND
    response = fold_chat(decoded(PROMPT_FILTERS, word, *_END).events, numbered=False)

    assert [part.text for part in response.message.parts] == ["Hi"]
    assert response.metadata.model == word["model"]


def test_an_answer_that_a_filter_cut_says_so() -> None:
    """What was said until then is kept."""
    chunks = (PROMPT_FILTERS, openai.C.content("Hi"), openai.C.finish("content_filter"), _END[1])
    response = fold_chat(decoded(*chunks).events, numbered=False)

    assert response.finish_reason == FinishReason.FINISH_REASON_CONTENT_FILTER
    assert response.message.parts[0].text == "Hi"


def test_filters_alone_are_a_stream_that_was_cut() -> None:
    """A server that breaks off after them has said nothing."""
    assert decoded(PROMPT_FILTERS).failure is not None


def test_a_prompt_that_a_filter_refused_is_a_rejected_request() -> None:
    """Asking again would not help; which of the filters it was stays in no error."""
    error = {
        "message": f"The response was filtered: {SECRET}",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"violence": {"filtered": True, "severity": "high"}},
        },
    }
    body = json.dumps({"error": error}).encode()

    failure = AzureWire().explain(400, {}, body)

    assert type(failure) is UpstreamRejectedRequest
    assert SECRET not in f"{failure.metadata}"


def test_a_wrong_path_or_version_is_a_model_that_is_not_found() -> None:
    """Azure cannot tell them apart either."""
    body = b'{"error":{"code":"404","message":"Resource not found"}}'

    assert type(AzureWire().explain(404, {}, body)) is UpstreamModelNotFound
