"""Is a request that OpenAI would refuse refused? Whatever it is, it must not crash the fake."""

import json
import time
from typing import Any

import pytest

from tests.fakes_selftest.asking import ask
from tests.fakes_selftest.raw_client import CHAT, RawClient, post
from weir_server.fake_upstream.behaviour import Sse
from weir_server.fake_upstream.http1 import Headers
from weir_server.fake_upstream.journal import Attempt, ConnectionRecord, Outcome
from weir_server.fake_upstream.openai_service import OpenAiService
from weir_server.fake_upstream.upstream import FakeUpstream

SCHEMA = {"type": "json_schema"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": 5}, "model"),
        ({"messages": 5}, "messages"),
        ({"messages": [5]}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages"),
        ({"messages": [{"role": "user", "content": [5]}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages"),
        ({"tools": 5}, "tools"),
        ({"tools": [5]}, "tools"),
        ({"tools": [{"function": 5}], "tool_choice": "required"}, "tools"),
        ({"tools": [{"function": {"name": "f", "parameters": 5}}]}, "tools"),
        ({"stop": 5}, "stop"),
        ({"max_tokens": "x"}, "max_tokens"),
        ({"max_completion_tokens": -5}, "max_completion_tokens"),
        ({"stream_options": 5}, "stream_options"),
        ({"response_format": 5}, "response_format"),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_chat_of_a_wrong_shape(
    upstream: FakeUpstream, body: dict[str, Any], param: str, is_stream: bool
) -> None:
    """It is a 400 that names the parameter."""
    status, _, answer = await ask(upstream, {**body, "stream": is_stream})
    assert (status, json.loads(answer)["error"]["param"]) == (400, param)


@pytest.mark.parametrize("dimensions", ["x", 0, 1_000_000_000])
async def test_dimensions_nobody_has(upstream: FakeUpstream, dimensions: object) -> None:
    """No vector is made that would fill the memory."""
    body = {"input": "a", "dimensions": dimensions}
    status, _, answer = await ask(upstream, body, path="/v1/embeddings")
    assert (status, json.loads(answer)["error"]["param"]) == (400, "dimensions")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"stream": True}),
        ("/v1/completions", {"prompt": "\ud800", "stream": True}),
        ("/v1/embeddings", {"input": "\ud800"}),
    ],
)
async def test_half_a_character(upstream: FakeUpstream, path: str, body: dict[str, Any]) -> None:
    """A text that UTF-8 cannot spell is a 400."""
    messages = [{"role": "user", "content": "\ud800"}]
    status, _, _ = await ask(upstream, {"messages": messages, **body}, path=path)
    assert status == 400


@pytest.mark.parametrize("schema", [5, {"enum": []}, {"required": ["a"]}, {"required": 5}, {}])
async def test_a_schema_that_means_nothing(upstream: FakeUpstream, schema: object) -> None:
    """The answer is some JSON all the same."""
    wanted = {**SCHEMA, "json_schema": {"schema": schema}}
    _, _, answer = await ask(upstream, {"response_format": wanted})
    assert json.loads(json.loads(answer)["choices"][0]["message"]["content"]) == {}


@pytest.mark.parametrize("depth", [300, 990, 100_000])
async def test_a_body_nested_too_deep(
    upstream: FakeUpstream, client: RawClient, depth: int
) -> None:
    """It is answered, whether its JSON can be read or not, and entered like any other."""
    schema = b'{"type":"array","items":' * depth + b"{}" + b"}" * depth
    wanted = b'{"type":"json_schema","json_schema":{"schema":%b}}' % schema
    await client.send(post(json.dumps(CHAT).encode()[:-1] + b',"response_format":%b}' % wanted))
    status, _ = await client.read_head()
    assert status == (200 if depth == 300 else 400)
    assert (await upstream.wait_finished(upstream.journal[0])).outcome is Outcome.COMPLETED


@pytest.mark.parametrize(("words", "is_kept"), [(50, True), (5_000, False)])
def test_short_streams_are_encoded_once(words: int, is_kept: bool) -> None:
    """Equal short answers share their bytes; long ones are not kept, for their memory's sake."""
    asked = json.dumps(
        {"model": "m", "stream": True, "messages": [{"role": "user", "content": "word " * words}]}
    )
    first, second = (OpenAiService().answer(attempt(asked.encode())) for _ in range(2))
    assert isinstance(first, Sse)
    assert isinstance(second, Sse)
    assert first.events == second.events
    assert (first.events is second.events) is is_kept


def attempt(body: bytes) -> Attempt:
    """Return a chat as it is entered, without a socket."""
    return Attempt(
        number=1,
        connection=ConnectionRecord(number=1, opened_at=0.0, client_port=1),
        method="POST",
        target="/v1/chat/completions",
        headers=Headers(()),
        started_at=time.monotonic(),
        body=body,
    )
