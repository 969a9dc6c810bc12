"""Does the vendor's own SDK take the fake for OpenAI? Parsed strictly, field by field."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel

from tests.fakes_selftest.sdk import sdk_for
from weir_server.fake_upstream import openai_errors as errors
from weir_server.fake_upstream import openai_wire as wire
from weir_server.fake_upstream import recordings
from weir_server.fake_upstream.behaviour import Reply
from weir_server.fake_upstream.openai_more import embedding_vector
from weir_server.fake_upstream.upstream import FakeUpstream

SAY_HI: list[Any] = [{"role": "system", "content": "Echo."}, {"role": "user", "content": "hi you"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture
async def sdk(upstream: FakeUpstream) -> AsyncIterator[AsyncOpenAI]:
    async with sdk_for(upstream.url, strict=True) as client:
        yield client


@pytest.fixture
async def lenient(upstream: FakeUpstream) -> AsyncIterator[AsyncOpenAI]:
    """The SDK as it is used; its types are too narrow for some of what the vendor sends."""
    async with sdk_for(upstream.url) as client:
        yield client


def unknown_fields(value: object, path: str = "") -> list[str]:
    """Return the path of every field that the SDK's types do not know."""
    if isinstance(value, BaseModel):
        names = [f"{path}.{name}" for name in value.model_extra or ()]
        fields = type(value).model_fields
        return names + [n for f in fields for n in unknown_fields(getattr(value, f), f"{path}.{f}")]
    if isinstance(value, list):
        return [name for item in value for name in unknown_fields(item, path)]
    return []


async def test_chat(sdk: AsyncOpenAI, upstream: FakeUpstream) -> None:
    """A unary chat echoes, with usage that adds up and no field the SDK does not know."""
    answer = await sdk.chat.completions.create(model="gpt-x", messages=SAY_HI)
    assert answer.choices[0].message.content == "You said: hi you"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "gpt-x"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert unknown_fields(answer) == []
    assert upstream.journal[0].bearer == "sk-fake"


@pytest.mark.parametrize("include_usage", [True, False])
async def test_chat_stream(sdk: AsyncOpenAI, include_usage: bool) -> None:
    """A stream begins with the role, says the same text, and has usage last if it was asked."""
    stream = await sdk.chat.completions.create(
        model="gpt-x",
        messages=SAY_HI,
        stream=True,
        stream_options={"include_usage": include_usage},
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "You said: hi you"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[0].choices[0].delta.content == ""
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert (chunks[-1].choices == [] and chunks[-1].usage is not None) is include_usage
    assert all(("usage" in chunk.model_fields_set) is include_usage for chunk in chunks)
    assert all(unknown_fields(chunk) == [] for chunk in chunks)
    assert chunks[1].obfuscation


@pytest.mark.parametrize("streamed", [True, False])
async def test_forced_tools(sdk: AsyncOpenAI, streamed: bool) -> None:
    """A forced tool is called with arguments that fit its required properties."""
    state = ChatCompletionStreamState()
    if streamed:
        stream = await sdk.chat.completions.create(
            model="m", messages=SAY_HI, tools=[WEATHER], tool_choice="required", stream=True
        )
        async for chunk in stream:
            state.handle_chunk(chunk)
        answer: ChatCompletion = state.get_final_completion()
    else:
        answer = await sdk.chat.completions.create(
            model="m", messages=SAY_HI, tools=[WEATHER], tool_choice="required"
        )
    calls = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content is None
    assert calls is not None
    assert calls[0].type == "function"
    assert calls[0].function.name == "get_weather"
    assert calls[0].function.arguments == '{"city": "text"}'


async def test_limits(sdk: AsyncOpenAI) -> None:
    """Stop sequences and the token limit end the text as they should."""
    short = await sdk.chat.completions.create(model="m", messages=SAY_HI, max_completion_tokens=2)
    assert short.choices[0].message.content == "You said:"
    assert short.choices[0].finish_reason == "length"
    stopped = await sdk.chat.completions.create(model="m", messages=SAY_HI, stop=[" hi", "you"])
    assert stopped.choices[0].message.content == "You said:"
    assert stopped.choices[0].finish_reason == "stop"


async def test_logprobs(sdk: AsyncOpenAI) -> None:
    """Log probabilities come per token and spell the text."""
    answer = await sdk.chat.completions.create(model="m", messages=SAY_HI, logprobs=True)
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert "".join(token.token for token in logprobs.content) == "You said: hi you"
    assert bytes(logprobs.content[0].bytes or ()) == b"You"


async def test_json_schema_output(sdk: AsyncOpenAI) -> None:
    """Structured output has the required properties."""
    answer = await sdk.chat.completions.create(
        model="m",
        messages=SAY_HI,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "w", "schema": WEATHER["function"]["parameters"]},
        },
    )
    assert answer.choices[0].message.content == '{"city": "text"}'


async def test_embeddings_as_numbers(sdk: AsyncOpenAI) -> None:
    """Vectors come in the order of the input, with usage."""
    answer = await sdk.embeddings.create(
        model="e", input=["a", "b c"], dimensions=4, encoding_format="float"
    )
    vectors = [item.embedding for item in answer.data]
    assert vectors == [embedding_vector("a", 4), embedding_vector("b c", 4)]
    assert answer.usage.total_tokens == 3
    assert unknown_fields(answer) == []


async def test_embeddings_in_base64(upstream: FakeUpstream, lenient: AsyncOpenAI) -> None:
    """The SDK asks for base64 by itself and unpacks the same vectors."""
    answer = await lenient.embeddings.create(model="e", input="a", dimensions=4)
    assert answer.data[0].embedding == embedding_vector("a", 4)
    assert upstream.journal[0].json["encoding_format"] == "base64"


async def test_legacy_completion(sdk: AsyncOpenAI) -> None:
    """The old endpoint answers whole, with its own log probabilities."""
    answer = await sdk.completions.create(model="m", prompt="hi", logprobs=1)
    assert answer.choices[0].text == "You said: hi"
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.text_offset == [0, 3, 9]
    assert unknown_fields(answer) == []


async def test_legacy_completion_stream(lenient: AsyncOpenAI) -> None:
    """The old endpoint streams pieces, a finish, then usage if it was asked."""
    stream = await lenient.completions.create(
        model="m", prompt="hi", stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(c.choices[0].text for c in chunks if c.choices) == "You said: hi"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert all(unknown_fields(chunk) == [] for chunk in chunks)


async def test_models(sdk: AsyncOpenAI) -> None:
    """Models are listed and looked up; an unknown one is the vendor's 404."""
    listed = [model.id async for model in sdk.models.list()]
    found = await sdk.models.retrieve(listed[0])
    assert found.id == listed[0]
    with pytest.raises(openai.NotFoundError) as caught:
        await sdk.models.retrieve("gpt-404")
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.BAD_REQUEST, openai.BadRequestError),
        (errors.CONTEXT_TOO_LONG, openai.BadRequestError),
        (errors.UNPROCESSABLE, openai.UnprocessableEntityError),
        (errors.BAD_KEY, openai.AuthenticationError),
        (errors.FORBIDDEN, openai.PermissionDeniedError),
        (errors.MODEL_NOT_FOUND, openai.NotFoundError),
        (errors.CONFLICT, openai.ConflictError),
        (errors.RATE_LIMITED, openai.RateLimitError),
        (errors.QUOTA_EXHAUSTED, openai.RateLimitError),
        (errors.SERVER_ERROR, openai.InternalServerError),
        (errors.OVERLOADED, openai.InternalServerError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value.body)[11:40],
)
async def test_errors(
    sdk: AsyncOpenAI, upstream: FakeUpstream, error: errors.VendorError, kind: type[Exception]
) -> None:
    """Each refusal becomes the SDK's exception for it, code and all."""
    upstream.script(error.reply())
    with pytest.raises(openai.APIStatusError) as caught:
        await sdk.chat.completions.create(model="m", messages=SAY_HI)
    assert type(caught.value) is kind
    named = error.body.get("error")
    if named is not None:
        assert caught.value.code == named["code"]


@pytest.mark.parametrize(
    "build",
    [
        wire.chat_completion(tool_calls=[wire.tool_call("call_1", "f", {"a": 1})], content=None),
        wire.chat_completion(None, refusal="I can't help with that."),
        wire.chat_completion("9", usage_=wire.usage(9, 9, cached_tokens=8, reasoning_tokens=7)),
        wire.chat_completion("9", logprobs=[wire.token_logprob("9", -0.5)]),
    ],
)
async def test_unary_builders(sdk: AsyncOpenAI, upstream: FakeUpstream, build: wire.Json) -> None:
    """What the builders make parses and says the same again."""
    upstream.script(Reply(body=build))
    answer = await sdk.chat.completions.create(model="m", messages=SAY_HI)
    assert unknown_fields(answer) == []
    assert answer.model_dump(mode="json", exclude_unset=True) == build


@pytest.mark.parametrize("name", recordings.names())
async def test_recordings(upstream: FakeUpstream, lenient: AsyncOpenAI, name: str) -> None:
    """A recording, folded by the SDK, is what lies beside it; only vendors' own fields are new."""
    recording = recordings.load(name)
    upstream.script(recording.sse())
    stream = await lenient.chat.completions.create(model="m", messages=SAY_HI, stream=True)
    chunks = [chunk async for chunk in stream]
    assert folded(chunks) == recording.expected
    if name.startswith("openai_"):
        assert [name for chunk in chunks for name in unknown_fields(chunk)] == []


def folded(chunks: list[ChatCompletionChunk]) -> dict[str, Any]:
    """Fold chunks by the SDK's types into the shape of a recording's expectation."""
    answer: dict[str, Any] = {
        "text": "",
        "reasoning": "",
        "refusal": "",
        "tool_calls": [],
        "finish_reason": None,
        "usage": None,
        "logprobs": [],
    }
    for chunk in chunks:
        if chunk.usage is not None:
            answer["usage"] = usage_of(chunk)
        for choice in chunk.choices:
            extra = choice.delta.model_extra or {}
            answer["text"] += choice.delta.content or ""
            answer["refusal"] += choice.delta.refusal or ""
            answer["reasoning"] += extra.get("reasoning_content") or extra.get("reasoning") or ""
            answer["finish_reason"] = choice.finish_reason or answer["finish_reason"]
            for call in choice.delta.tool_calls or ():
                if call.id is not None:
                    answer["tool_calls"].append({"id": call.id, "name": "", "arguments": ""})
                known = answer["tool_calls"][call.index]
                assert call.function is not None
                known["name"] += call.function.name or ""
                known["arguments"] += call.function.arguments or ""
            for token in (choice.logprobs and choice.logprobs.content) or ():
                top = [{"token": t.token, "logprob": t.logprob} for t in token.top_logprobs]
                answer["logprobs"].append(
                    {"token": token.token, "logprob": token.logprob, "top": top}
                )
    return answer


def usage_of(chunk: ChatCompletionChunk) -> dict[str, int]:
    """Return the counts of a chunk, absent details as 0."""
    assert chunk.usage is not None
    prompt, rest = chunk.usage.prompt_tokens_details, chunk.usage.completion_tokens_details
    return {
        "prompt_tokens": chunk.usage.prompt_tokens,
        "completion_tokens": chunk.usage.completion_tokens,
        "total_tokens": chunk.usage.total_tokens,
        "cached_tokens": (prompt and prompt.cached_tokens) or 0,
        "reasoning_tokens": (rest and rest.reasoning_tokens) or 0,
    }
