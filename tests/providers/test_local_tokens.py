"""Token counts of the embedded engine: what is asked, how answers are read, and that they hold."""

import asyncio
import json
import time
from typing import Any

import aiohttp
import pytest

from tests.providers.local_asking import ENDLESS, answer, listener, running_engine, stream
from weir_server.providers.local.tokens import (
    UnreadableCount,
    chat_count_request,
    parse_chat_count,
    parse_text_count,
    text_count_request,
)

TEXTS = [
    "Hello, world.",
    " leading and trailing ",
    "\n\nlines\n\n\n",
    "naïve Straße 東京 🎉👩‍👩‍👧 \u0301",
    "<|im_start|>user\nno<|im_end|>",
    "<|endoftext|>",
    "12345678901234567890",
    "\tif x:\r\n\t\treturn {'a': [1, 2]}\x00\x07",
    "a" * 300,
]

CHATS: list[dict[str, Any]] = [
    *({"messages": [{"role": "user", "content": text}]} for text in TEXTS),
    {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "One?"},
            {"role": "assistant", "content": "Two."},
            {"role": "user", "content": [{"type": "text", "text": "Three"}]},
        ]
    },
    {
        "messages": [
            {"role": "user", "content": "Begin a tale."},
            {"role": "assistant", "content": "Once upon"},
        ]
    },
    {
        "messages": [{"role": "user", "content": "Give JSON."}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": {"type": "object"}},
        },
    },
    {
        "messages": [{"role": "user", "content": "All the options."}],
        "temperature": 1.5,
        "seed": 7,
        "stop": ["."],
        "logprobs": True,
        "top_logprobs": 2,
        "return_progress": True,
    },
]


def test_a_text_is_sent_whole() -> None:
    """The body holds the text as it is, special tokens to be read as the model reads them."""
    path, body = text_count_request('say "hi" 🎉\n')

    assert path == "/tokenize"
    assert json.loads(body) == {
        "content": 'say "hi" 🎉\n',
        "add_special": True,
        "parse_special": True,
    }


def test_a_chat_is_sent_as_it_would_be_asked() -> None:
    """The very bytes of the request are counted, whatever is in them."""
    assert chat_count_request(b'{"messages":[]}') == (
        "/v1/chat/completions/input_tokens",
        b'{"messages":[]}',
    )


def test_reads_counts() -> None:
    """A list's length and a number, and zero in both."""
    assert parse_text_count(b'{"tokens":[1,2,3]}') == 3
    assert parse_text_count(b'{"tokens":[]}') == 0
    assert parse_chat_count(b'{"input_tokens":37,"object":"response.input_tokens"}') == 37
    assert parse_chat_count(b'{"input_tokens":0}') == 0


@pytest.mark.parametrize("parse", [parse_text_count, parse_chat_count])
@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b'{"tokens":3,"input_tokens":[1]}',
        b'{"tokens":null,"input_tokens":null}',
        b'{"tokens":"","input_tokens":"37"}',
        b'{"tokens":{},"input_tokens":-1}',
        b'{"input_tokens":true}',
        b'{"input_tokens":1.5}',
        b'\xff{"tokens":[]}',
        b"[" * 100_000,
    ],
)
def test_refuses_what_is_no_count(parse: Any, said: bytes) -> None:
    """Anything else is refused, never taken for zero."""
    with pytest.raises(UnreadableCount):
        parse(said)


@pytest.mark.model
async def test_text_counts_are_the_engines_own() -> None:
    """A text counts as many tokens as a bare completion of it says it had."""
    async with running_engine() as engine, listener(engine) as session:
        for text in TEXTS:
            path, body = text_count_request(text)
            counted = parse_text_count(
                json.dumps(await answer(session, path, json.loads(body))).encode()
            )

            said = await answer(session, "/v1/completions", {"prompt": text, "max_tokens": 1})

            assert counted == said["usage"]["prompt_tokens"], text


@pytest.mark.model
@pytest.mark.parametrize("stream", [False, True])
async def test_chat_counts_are_the_engines_own(*, stream: bool) -> None:
    """A chat counts as many tokens as its answer's usage says, template included."""
    async with running_engine() as engine, listener(engine) as session:
        for chat in CHATS:
            asked = {**chat, "stream": stream, "stream_options": {"include_usage": stream}}
            path, body = chat_count_request(json.dumps(asked).encode())
            async with session.post(path, data=body) as response:
                counted = parse_chat_count(await response.read())

            said = await answer(session, "/v1/chat/completions", {**chat, "max_tokens": 1})

            assert counted == said["usage"]["prompt_tokens"], chat


@pytest.mark.model
async def test_chat_counts_agree_with_template_and_tokenizer() -> None:
    """A chat counts as many tokens as its rendered template: another way to the same number."""
    async with running_engine() as engine, listener(engine) as session:
        for chat in CHATS:
            path, body = chat_count_request(json.dumps(chat).encode())
            async with session.post(path, data=body) as response:
                counted = parse_chat_count(await response.read())

            rendered = await answer(session, "/apply-template", chat)
            path, body = text_count_request(rendered["prompt"])
            async with session.post(path, data=body) as response:
                assert counted == parse_text_count(await response.read()), chat


async def read(session: aiohttp.ClientSession, body: dict[str, Any]) -> None:
    async for _ in stream(session, body):
        pass


@pytest.mark.model
async def test_a_count_does_not_wait_for_a_slot() -> None:
    """Fifty streams before it, most of them in the queue, do not hold up a count."""
    async with running_engine(slots=2) as engine, listener(engine) as session:
        body = {"messages": [{"role": "user", "content": "Tell a story."}], **ENDLESS}
        streams = [asyncio.create_task(read(session, body)) for _ in range(50)]
        waits_s = []
        for _ in range(20):
            begun_s = time.perf_counter()
            path, ask = chat_count_request(b'{"messages":[{"role":"user","content":"Hi."}]}')
            async with session.post(path, data=ask) as response:
                assert parse_chat_count(await response.read()) > 0
            waits_s.append(time.perf_counter() - begun_s)
            await asyncio.sleep(0.05)

        assert not any(task.done() for task in streams)
        assert max(waits_s) < 5.0, "their turn would come in minutes"
        for task in streams:
            task.cancel()
        await asyncio.wait(streams)
