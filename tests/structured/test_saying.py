"""A schema is told in words to those that take none, and in its own field to all others."""

import pytest

from tests.structured.answering import SCHEMA, Next, call, heard, request, says, target
from weir.v1.content_pb2 import Message, Part, Role
from weir.v1.generation_pb2 import FunctionTool, GenerationOptions, Tool
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.handler import Request
from weir_server.core.target import Target
from weir_server.structured.saying import SayingStage
from weir_server.structured.wording import OR_CALL, SAY_JSON, asked_again

USER = Message(role=Role.ROLE_USER, parts=[Part(text="How old?")])


async def said_to(asked: Request, who: Target) -> Request:
    following = Next(says("{}"))
    await heard(SayingStage(following), call(who), asked)
    return following.asked[0][1]


@pytest.mark.parametrize("who", [target(json_schema=True), target(kind="weir")])
async def test_who_takes_schemas_gets_it_as_it_is(who: Target) -> None:
    """The very same request."""
    asked = request()

    assert await said_to(asked, who) is asked


async def test_without_repairs_nothing_is_told_in_words() -> None:
    """Nobody would judge the answer."""
    asked = request(0)

    assert await said_to(asked, target()) is asked


async def test_a_system_message_is_put_before_the_others() -> None:
    """Where there is none; the schema stands in it byte for byte."""
    sent = await said_to(request(), target())

    assert isinstance(sent, ChatRequest)
    assert [message.role for message in sent.messages] == [Role.ROLE_SYSTEM, Role.ROLE_USER]
    words = sent.messages[0].parts[0].text
    assert words.startswith(SAY_JSON)
    assert words.endswith(f"\n{SCHEMA}")
    assert not sent.options.HasField("output_format")


async def test_the_words_follow_what_the_system_says() -> None:
    """So that a beginning that a provider has cached stays the same."""
    system = Message(role=Role.ROLE_SYSTEM, parts=[Part(text="Be kind.")])

    sent = await said_to(request(1, system, USER), target())

    assert isinstance(sent, ChatRequest)
    assert [len(message.parts) for message in sent.messages] == [2, 1]
    assert sent.messages[0].parts[0].text == "Be kind."


@pytest.mark.parametrize(
    ("schema", "mode"), [(SCHEMA, "json_object"), ('{"type": "array"}', None), ("{}", None)]
)
async def test_json_mode_is_for_objects(schema: str, mode: str | None) -> None:
    """It would keep a list or a number from being said."""
    asked = request()
    asked.options.output_format.json_schema.schema_json = schema

    sent = await said_to(asked, target(json_object=True))

    assert isinstance(sent, ChatRequest)
    assert sent.options.output_format.WhichOneof("format") == mode


async def test_tools_stay_free_to_call() -> None:
    """The words are about the answer."""
    sent = await said_to(request(tools=[Tool(function=FunctionTool(name="f"))]), target())

    assert isinstance(sent, ChatRequest)
    assert OR_CALL in sent.messages[0].parts[0].text


async def test_a_completion_is_told_in_its_prompt() -> None:
    """And told there what was wrong."""
    asked = CompleteRequest(prompt="How old?")
    asked.options.CopyFrom(request().options)

    sent = await said_to(asked, target())
    again = asked_again(asked, '{"size": 1}', "- At $: no.")

    assert isinstance(sent, CompleteRequest)
    assert sent.prompt.startswith(f"How old?\n\n{SAY_JSON}")
    assert isinstance(again, CompleteRequest)
    assert again.prompt.startswith("How old?\n\n")
    assert '{"size": 1}' in again.prompt
    assert again.options == asked.options
    assert asked.prompt == "How old?"
    assert GenerationOptions() != asked.options
