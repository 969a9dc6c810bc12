"""The echo answers like a model: word by word, in parts, to its limits, and always the same."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from tests.service.asking import refused
from tests.service.weir import Weir, chat_request, hear, serving, stream_request, user
from weir.fold import fold_chat
from weir.v1.content_pb2 import Message, Part, Role
from weir.v1.generation_pb2 import (
    FinishReason,
    GenerationEvent,
    GenerationOptions,
    GrammarFormat,
    OutputFormat,
    ProviderExtension,
    ReasoningOptions,
    ServerTool,
    Tool,
    UnsupportedOptionPolicy,
)
from weir.v1.provider_service_pb2 import ChatRequest, StreamChatRequest
from weir_server.core.errors import ConfigInvalid
from weir_server.providers.echo.provider import words
from weir_server.transport.serving import CannotListen

STOP = FinishReason.FINISH_REASON_STOP


@pytest.fixture
async def weir() -> AsyncIterator[Weir]:
    """A Weir whose only provider is the echo."""
    async with serving() as running:
        yield running


def script(*steps: dict[str, object]) -> str:
    return "/script " + json.dumps(steps)


@pytest.mark.parametrize(
    "text", ["", "one", " one  two\n", "\n\n", "ünï cödé 🙂 词 语", "a\tb\r\nc", " "]
)
async def test_an_echo_is_what_was_said(weir: Weir, text: str) -> None:
    """Byte for byte, streamed or whole; a word is a token."""
    heard = await weir.stream(text)
    reply = await weir.llm.Chat(chat_request(text))
    said = "".join(part.text for part in reply.message.parts)
    assert heard.text == said == text
    assert reply.usage.completion_tokens == len(words(text))
    assert "".join(words(text)) == text


async def test_the_last_message_with_a_text_is_said(weir: Weir) -> None:
    """As a chat goes on, and whatever came before."""
    request = chat_request(
        [
            user("first"),
            Message(role=Role.ROLE_ASSISTANT, parts=[Part(text="answer")]),
            Message(role=Role.ROLE_USER, parts=[Part(text="se"), Part(text="cond")]),
        ]
    )
    reply = await weir.llm.Chat(request)
    assert reply.message.parts[0].text == "second"


async def test_it_is_the_same_every_time(weir: Weir) -> None:
    """Events and all, apart from identities and times."""
    prompt = script(
        {"reasoning": "let me see"},
        {"text": "a b c"},
        {"tool_call": {"name": "f", "arguments_json": '{"x": [1, 2]}'}},
        {"tool_call": {"name": "g"}},
    )

    async def once() -> list[bytes]:
        heard = await weir.stream(prompt)
        kept = []
        for event in heard.events:
            plain = GenerationEvent()
            plain.CopyFrom(event)
            if plain.HasField("start"):
                plain.start.ClearField("response_id")
            if plain.HasField("end"):
                plain.end.ClearField("metadata")
            kept.append(plain.SerializeToString(deterministic=True))
        return kept

    assert await once() == await once()


async def test_steps_are_played_in_order(weir: Weir) -> None:
    """Text, reasoning and calls become parts of their kind; calls are numbered."""
    heard = await weir.stream(
        script(
            {"reasoning": "think"},
            {"text": "one", "times": 2},
            {"tool_call": {"name": "f", "id": "own"}},
            {"tool_call": {"name": "g", "arguments_json": '{"b": 1, "a": 2}'}},
        )
    )
    message = fold_chat(heard.events).message
    kinds = [part.WhichOneof("kind") for part in message.parts]
    assert kinds == ["reasoning", "text", "tool_call", "tool_call"]
    assert message.parts[1].text == "oneone"
    calls = [part.tool_call for part in message.parts[2:]]
    assert [(call.id, call.name) for call in calls] == [("own", "f"), ("call_2", "g")]
    assert calls[1].arguments_json == '{"b": 1, "a": 2}'
    assert heard.end.finish_reason == FinishReason.FINISH_REASON_TOOL_CALLS


async def test_a_refusal_is_a_refusal(weir: Weir) -> None:
    """Its own kind of part, and its own finish reason; the call is OK."""
    heard = await weir.stream(script({"refusal": "I will not"}))
    assert heard.code is grpc.StatusCode.OK
    assert heard.end.finish_reason == FinishReason.FINISH_REASON_REFUSAL
    assert fold_chat(heard.events).message.parts[0].refusal.text == "I will not"


@pytest.mark.parametrize("name", ["MAX_TOKENS", "CONTENT_FILTER", "OTHER"])
async def test_an_end_at_will(weir: Weir, name: str) -> None:
    """What comes after it is not said."""
    heard = await weir.stream(script({"text": "a"}, {"finish": name}, {"text": "never"}))
    assert heard.text == "a"
    assert FinishReason.Name(heard.end.finish_reason) == f"FINISH_REASON_{name}"


NO_TIME_S = 0.9
"""Less than the second that is waited before a call that was rate limited is tried again."""


@pytest.mark.parametrize("words_before", [0, 2])
@pytest.mark.parametrize("streaming", [True, False])
async def test_a_failure_at_any_point(weir: Weir, words_before: int, streaming: bool) -> None:
    """Before the first word or after the second."""
    steps: list[dict[str, object]] = [{"text": " word"}] * words_before
    prompt = script(*steps, {"fail": "UPSTREAM_RATE_LIMITED"})
    if streaming:
        heard = await weir.stream(prompt, timeout=NO_TIME_S)
        assert heard.text == " word" * words_before
        code, reason = heard.code.name, heard.failure.reason
    else:
        refusal = await refused(weir.llm.Chat(chat_request(prompt), timeout=NO_TIME_S))
        code, reason = refusal.verdict
    assert (code, reason) == ("RESOURCE_EXHAUSTED", "UPSTREAM_RATE_LIMITED")


async def test_a_delay_is_waited_for(weir: Weir) -> None:
    """And what was said before it is out."""
    begun_s = time.monotonic()
    call = weir.llm.StreamChat(stream_request(script({"text": "a"}, {"delay_s": 0.8})))
    await call.read()
    first_s = time.monotonic() - begun_s
    while await call.read() is not grpc.aio.EOF:
        pass
    assert first_s < 0.7
    assert 0.8 <= time.monotonic() - begun_s < 3.0


async def test_a_hang_ends_with_its_caller(weir: Weir) -> None:
    """Only a deadline or a cancel ends it."""
    heard = await hear(weir.llm.StreamChat(stream_request(script({"hang": True})), timeout=0.3))
    assert heard.code is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize(
    ("stops", "said", "matched"),
    [
        ([" c"], "a b", " c"),
        (["b c"], "a b", "b c"),
        (["nowhere"], "a b c d", ""),
        (["d", " c"], "a b", " c"),
        (["a"], "", "a"),
    ],
)
async def test_a_stop_sequence_ends_the_answer_before_it(
    weir: Weir, stops: list[str], said: str, matched: str
) -> None:
    """And the answer says which one it was; words that it begins in were said already."""
    reply = await weir.llm.Chat(chat_request("a b c d", stop_sequences=stops))
    text = "".join(part.text for part in reply.message.parts)
    assert reply.metadata.matched_stop_sequence == matched
    expected = FinishReason.FINISH_REASON_STOP_SEQUENCE if matched else STOP
    assert reply.finish_reason == expected
    assert text == said


@pytest.mark.parametrize(("most", "said"), [(1, "a"), (3, "a b c"), (4, "a b c d")])
async def test_a_limit_of_tokens_is_kept(weir: Weir, most: int, said: str) -> None:
    """MAX_TOKENS where something was left to say."""
    reply = await weir.llm.Chat(chat_request("a b c d", max_output_tokens=most))
    assert reply.message.parts[0].text == said
    assert reply.usage.completion_tokens == most
    short = FinishReason.FINISH_REASON_MAX_TOKENS
    assert reply.finish_reason == (STOP if most == 4 else short)


async def test_a_bad_script_is_refused_by_the_server(weir: Weir) -> None:
    """INVALID_ARGUMENT with the sentence that says where."""
    refusal = await refused(weir.llm.Chat(chat_request('/script [{"text": 1}]')))
    assert refusal.verdict == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert refusal.fields == ["messages"]


async def test_a_script_file_plays_by_the_words_of_the_prompt(tmp_path: Path) -> None:
    """YAML, for demos that look like a model."""
    file = tmp_path / "scenes.yaml"
    file.write_text(
        "- when: weather\n"
        "  steps:\n"
        '    - tool_call: {name: weather, arguments_json: \'{"city": "Oslo"}\'}\n'
        "- when: story\n"
        "  steps:\n"
        "    - text: 'Once upon'\n"
        "    - text: ' a time'\n"
        "      times: 2\n"
    )
    tree = {
        "providers": [{"id": "echo", "kind": "echo", "model": "echo", "script_file": str(file)}],
        "models": [{"name": "echo", "provider": "echo"}],
    }
    async with serving(tree) as weir:
        story = await weir.stream("tell me a story")
        weather = await weir.llm.Chat(chat_request("what is the weather?"))
        other = await weir.stream("hello")
    assert story.text == "Once upon a time a time"
    assert weather.message.parts[0].tool_call.arguments_json == '{"city": "Oslo"}'
    assert other.text == "hello"


@pytest.mark.parametrize("content", [None, "{", "- when: 1\n  steps: []\n", "a: b\n"])
async def test_a_script_file_that_cannot_be_played_stops_the_start(
    tmp_path: Path, content: str | None
) -> None:
    """The setting is named, and the file."""
    file = tmp_path / "scenes.yaml"
    if content is not None:
        file.write_text(content)
    provider = {"id": "echo", "kind": "echo", "model": "echo", "script_file": str(file)}
    with pytest.raises(ConfigInvalid) as refused_:
        async with serving({"providers": [provider]}):
            raise CannotListen("it started all the same")
    (violation,) = refused_.value.violations
    assert violation.field == "script_file"
    assert str(file) in violation.description


async def test_a_thousand_words_let_others_speak(weir: Weir) -> None:
    """A long echo yields between words, so that a short one is not behind it."""
    long = asyncio.ensure_future(weir.stream("word " * 4_000))
    await asyncio.sleep(0.05)
    await weir.llm.Chat(chat_request("short"))
    still_running = not long.done()
    heard = await long
    assert heard.code is grpc.StatusCode.OK
    assert still_running


async def test_other_parts_than_text_are_not_said(weir: Weir) -> None:
    """An empty conversation of texts is an empty answer."""
    request = ChatRequest(messages=[Message(role=Role.ROLE_USER, parts=[Part(text="")])])
    reply = await weir.llm.Chat(request)
    assert list(reply.message.parts) == []
    assert reply.finish_reason == STOP


IGNORED: dict[str, GenerationOptions] = {
    "temperature": GenerationOptions(temperature=0),
    "top_p": GenerationOptions(top_p=0.5),
    "top_k": GenerationOptions(top_k=5),
    "frequency_penalty": GenerationOptions(frequency_penalty=0.5),
    "presence_penalty": GenerationOptions(presence_penalty=0.5),
    "logit_bias": GenerationOptions(logit_bias={7: 1.0}),
    "output_format.grammar": GenerationOptions(
        output_format=OutputFormat(grammar=GrammarFormat(syntax="lark", definition="start: A"))
    ),
    "tools[0].server": GenerationOptions(tools=[Tool(server=ServerTool(type="web_search"))]),
    "extensions[0]": GenerationOptions(
        extensions=[ProviderExtension(provider_kind="echo", json="{}")]
    ),
    "reasoning": GenerationOptions(reasoning=ReasoningOptions(budget_tokens=100)),
}


@pytest.mark.parametrize("path", IGNORED)
async def test_an_option_that_it_would_ignore_is_refused(weir: Weir, path: str) -> None:
    """By its field, as any provider does for what it cannot do."""
    request = chat_request("hello")
    request.options.CopyFrom(IGNORED[path])
    whole = await refused(weir.llm.Chat(request))
    heard = await hear(weir.llm.StreamChat(StreamChatRequest(request=request)))
    bad_request = heard.failure.bad_request
    assert whole.verdict == ("INVALID_ARGUMENT", "UNSUPPORTED_OPTION")
    assert whole.fields == [f"options.{path}"]
    assert bad_request is not None
    assert [each.field for each in bad_request.field_violations] == [f"request.options.{path}"]


@pytest.mark.parametrize("path", IGNORED)
async def test_an_option_that_it_would_ignore_can_be_dropped(weir: Weir, path: str) -> None:
    """The caller who prefers an answer is told what was left out."""
    request = chat_request("hello")
    request.options.CopyFrom(IGNORED[path])
    request.options.unsupported_option_policy = (
        UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    )
    reply = await weir.llm.Chat(request)
    (warning,) = reply.metadata.warnings
    assert reply.message.parts[0].text == "hello"
    assert (warning.code, warning.field) == ("OPTION_DROPPED", f"options.{path}")


async def test_an_extension_that_must_be_honoured_is_never_dropped(weir: Weir) -> None:
    """Another kind's is passed over, unless it is required; then no policy helps."""
    request = chat_request("hello", seed=7)
    extension = request.options.extensions.add(provider_kind="openai", json="{}")
    reply = await weir.llm.Chat(request)
    extension.required = True
    request.options.unsupported_option_policy = (
        UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    )
    refusal = await refused(weir.llm.Chat(request))
    assert not reply.metadata.warnings
    assert refusal.verdict == ("INVALID_ARGUMENT", "UNSUPPORTED_OPTION")
    assert refusal.fields == ["options.extensions[0]"]


LATE: dict[str, list[dict[str, object]]] = {
    "a wait": [{"delay_s": 60}],
    "no end": [{"hang": True}],
    "many words": [{"text": "word ", "times": 1_000_000}],
}


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("case", LATE)
async def test_an_attempt_has_its_own_bound(weir: Weir, case: str, begun: bool) -> None:
    """A stream that said something is broken; an answer of which nothing came out is late."""
    first: list[dict[str, object]] = [{"text": "one"}] if begun or case == "many words" else []
    request = chat_request(script(*first, *LATE[case]))
    request.options.routing.attempt_timeout.FromMilliseconds(200)
    begun_s = time.monotonic()
    whole = await refused(weir.llm.Chat(request, timeout=20))
    heard = await hear(weir.llm.StreamChat(StreamChatRequest(request=request), timeout=20))
    assert time.monotonic() - begun_s < 5.0
    assert whole.verdict == ("UNAVAILABLE", "UPSTREAM_TIMEOUT")
    if first:
        assert heard.text.startswith("one")
        assert heard.failure.info is not None
        assert heard.failure.info.metadata["cause"] == "timeout"
        verdict = (heard.code.name, heard.failure.reason)
        assert verdict == ("ABORTED", "UPSTREAM_STREAM_BROKEN")
    else:
        assert (heard.code.name, heard.failure.reason) == ("UNAVAILABLE", "UPSTREAM_TIMEOUT")


async def test_timeout_s_bounds_an_attempt_too() -> None:
    """The operator's bound holds without the caller's."""
    tree = {
        "providers": [{"id": "echo", "kind": "echo", "timeout_s": 1}],
        "models": [{"name": "echo", "provider": "echo"}],
    }
    async with serving(tree) as weir:
        refusal = await refused(weir.llm.Chat(chat_request(script({"hang": True})), timeout=20))
    assert refusal.verdict == ("UNAVAILABLE", "UPSTREAM_TIMEOUT")
