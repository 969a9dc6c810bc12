"""Does Gemini's wire format say, mean and explain all that the contract of wire formats lists?

At both of Google's doors, each as google-genai goes through it.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials
from openai import DefaultAsyncHttpxClient, DefaultHttpxClient
from typing_extensions import override

from tests.contracts.answers import (
    ARGUMENTS_JSON,
    CACHED_TOKENS,
    CHUNKS,
    COMPLETION_TOKENS,
    PROMPT_TOKENS,
    REASONING_TOKENS,
    SECRET,
    TEXT,
    THOUGHT,
    THOUGHT_CHUNKS,
)
from tests.contracts.vendor_wire import Failed, Never, Recorded, VendorWireSuite
from tests.providers.wire.gemini_asks import ASKS
from tests.providers.wire.gemini_samples import (
    VERTEX,
    Json,
    chunk,
    event,
    stream_of,
    texts,
    usage,
)
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.providers.wire.base import Wire
from weir_server.providers.wire.gemini.wire import GeminiWire

MODEL = "test-1"


@cache
def sdk(*, vertex: bool) -> genai.Client:
    """Return the vendor's SDK; each call names the server itself.

    Building a verifying TLS context takes 45 ms, and the fake speaks plain HTTP. Connections are
    not kept: each test has an event loop of its own.
    """
    options = types.HttpOptions(
        base_url="http://127.0.0.1:1",
        api_version="v1" if vertex else "v1beta",
        httpx_client=DefaultHttpxClient(verify=False),
        httpx_async_client=DefaultAsyncHttpxClient(verify=False, headers={"connection": "close"}),
    )
    if vertex:
        return genai.Client(
            vertexai=True,
            project="p",
            location="global",
            credentials=Credentials(token="ya29.fake"),  # type: ignore[no-untyped-call]
            http_options=options,
        )
    return genai.Client(api_key="AIza-fake", http_options=options)


def _recorded(*chunks: Json) -> Recorded:
    """Return a stream, and as the whole answer its parts of a kind joined, as the vendor does."""
    parts: list[Json] = []
    for said in chunks:
        for part in said["candidates"][0]["content"].get("parts", ()):
            last = parts[-1] if parts else {}
            if "text" in part and "text" in last and part.get("thought") == last.get("thought"):
                last["text"] += part["text"]
            else:
                parts.append(dict(part))
    end = chunks[-1]
    finish = end["candidates"][0]["finishReason"]
    whole = chunk(*parts, finish=finish, usage_=end["usageMetadata"])
    return Recorded(unary=json.dumps(whole, indent=2).encode(), stream=stream_of(*chunks))


def _text(finish: str = "STOP", **said: Any) -> Recorded:
    last = CHUNKS[-1]
    return _recorded(
        *texts(CHUNKS[:-1]), chunk({"text": last}, finish=finish, usage_=usage(**said))
    )


def _called(name: str, args: Json, call_id: str = "") -> Json:
    call = {"name": name, "args": args}
    return {"functionCall": {**call, "id": call_id} if call_id else call}


_WEATHER = _called("get_weather", json.loads(ARGUMENTS_JSON), "hk4x2a1c")

ANSWERS: Mapping[str, Recorded | Never] = {
    "text": _text(),
    "nothing": _recorded(chunk(finish="STOP")),
    "a tool call": _recorded(chunk(_WEATHER, finish="STOP")),
    "a tool call without arguments": _recorded(chunk(_called("now", {})), chunk(finish="STOP")),
    "several tool calls": _recorded(
        chunk(_WEATHER), chunk(_called("now", {}, "p0s9d8f7"), finish="STOP")
    ),
    "text and a tool call": _recorded(*texts(CHUNKS), chunk(_WEATHER, finish="STOP")),
    "reasoning": _recorded(
        *texts(THOUGHT_CHUNKS, thought=True),
        *texts(CHUNKS),
        chunk(
            finish="STOP",
            usage_=usage(
                candidates=COMPLETION_TOKENS - REASONING_TOKENS, thoughts=REASONING_TOKENS
            ),
        ),
    ),
    "a stop sequence": Never(why="a stop sequence ends with STOP, as every answer does"),
    "the bound of tokens": _text("MAX_TOKENS"),
    "a refusal": Never(why="a refusal is text like any other"),
    "withheld by a filter": _recorded(chunk(finish="SAFETY")),
    "tokens from a cache": _text(cachedContentTokenCount=CACHED_TOKENS),
}
assert "".join(THOUGHT_CHUNKS) == THOUGHT
assert usage()["totalTokenCount"] == PROMPT_TOKENS + COMPLETION_TOKENS


def _failed(code: int, status: str, text: str, *details: Json) -> Failed:
    error = {"code": code, "message": f"{text} {SECRET}", "status": status}
    typed = [{**d, "@type": f"type.googleapis.com/google.rpc.{d['@type']}"} for d in details]
    return Failed(
        status=code,
        body=json.dumps({"error": {**error, "details": typed} if typed else error}).encode(),
    )


def _quota(quota_id: str) -> Json:
    metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
    violation = {"quotaMetric": metric, "quotaId": quota_id, "quotaValue": "20"}
    return {"@type": "QuotaFailure", "violations": [violation]}


_RETRY = {"@type": "RetryInfo", "retryDelay": "7s"}

ERRORS: Mapping[str, Failed | Never] = {
    "bad request": _failed(400, "INVALID_ARGUMENT", "Unable to submit request."),
    "wrong key": _failed(
        400,
        "INVALID_ARGUMENT",
        "API key not valid. Please pass a valid API key.",
        {"@type": "ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"},
    ),
    "forbidden": _failed(403, "PERMISSION_DENIED", "Permission denied on resource project."),
    "no such model": _failed(404, "NOT_FOUND", "models/test-1 is not found for API version v1."),
    "prompt too long": _failed(
        400,
        "INVALID_ARGUMENT",
        "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
    ),
    "request too large": _failed(
        400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."
    ),
    "rate limit": _failed(
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
        _quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
        _RETRY,
    ),
    "no money left": _failed(
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
        _quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
        _RETRY,
    ),
    "overloaded": _failed(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "blocked by a filter": Never(why="it is an answer that says so, of the prompt too"),
    "internal": _failed(500, "INTERNAL", "An internal error has occurred."),
}

_GOOD = [*texts(CHUNKS), chunk(finish="STOP")]


def spelled(said: Any) -> Any:
    """Return the SDK's JSON as Weir spells it; the vendor's JSON of protobuf takes both.

    Some names come as `mime_type` instead of `mimeType`, and bytes in the URL's alphabet of base64.
    """
    if isinstance(said, list):
        return [spelled(item) for item in said]
    if not isinstance(said, dict):
        return said
    return {
        _camel(name): value.replace("-", "+").replace("_", "/")
        if name == "data" and isinstance(value, str)
        else spelled(value)
        for name, value in said.items()
    }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


class TestGemini(VendorWireSuite):
    """AI Studio."""

    unary_reply = Reply(body=chunk({"text": TEXT}, finish="STOP"))
    stream_reply = Sse(events=[event(said) for said in _GOOD])
    vertex = False

    @override
    def wire(self) -> Wire:
        return GeminiWire()

    @override
    def terminal_at(self, body: bytes) -> int:
        """The vendor ends lines with CRLF, and some of its streams have one event only."""
        before, end, _ = body.rstrip(b"\r\n").rpartition(b"\r\n\r\n")
        return len(before + end)

    @override
    def asks(self) -> Mapping[str, Any]:
        return ASKS

    @override
    async def sdk_says(self, said: Any, url: str, *, stream: bool) -> None:
        models = sdk(vertex=self.vertex).aio.models
        config = types.GenerateContentConfig.model_validate(
            {**said["config"], "http_options": {"base_url": url}}
        )
        if not stream:
            await models.generate_content(model=MODEL, contents=said["contents"], config=config)
            return
        chunks = await models.generate_content_stream(
            model=MODEL, contents=said["contents"], config=config
        )
        async for _ in chunks:
            pass

    @override
    def theirs(self, body: Any) -> Any:
        """The SDK sends an object of options even where there are none."""
        said = spelled(body)
        if said.get("generationConfig") == {}:
            del said["generationConfig"]
        return said

    @override
    def answers(self) -> Mapping[str, Recorded | Never]:
        return ANSWERS

    @override
    def errors(self) -> Mapping[str, Failed | Never]:
        return ERRORS


class TestVertex(TestGemini):
    """Vertex, which says the same under other paths."""

    vertex = True

    @override
    def streams(self) -> Mapping[str, bytes]:
        """The decoder is the same: one stream will do to cut."""
        return {"text": super().streams()["text"]}

    @override
    def wire(self) -> Wire:
        return GeminiWire(VERTEX)
