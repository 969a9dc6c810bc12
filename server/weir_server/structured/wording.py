"""How is a schema told to a model that takes none, and its breach to the one that broke it?"""

from copy import deepcopy
from typing import Final

import msgspec

from weir.v1.content_pb2 import Message, Part, Role
from weir.v1.generation_pb2 import JsonObjectFormat, JsonSchemaFormat
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest

Asked = ChatRequest | CompleteRequest
"""A request whose answer may have a schema."""

SAY_JSON: Final = (
    "Answer with one JSON value that follows this JSON Schema, and with nothing else: no words "
    "before or after it, no code fence."
)
OR_CALL: Final = "This holds for your answer; to call a tool is free to you as ever."
WRONG: Final = "Your answer does not follow the JSON Schema that was asked for:"
AGAIN: Final = (
    "Give the whole answer again, put right: one JSON value and nothing else, without a word about "
    "the mistake."
)
EARLIER: Final = "An earlier answer to this was:"


def in_words(request: Asked, *, takes_json_object: bool) -> Asked:
    """Return a copy of a request that tells its schema in words.

    takes_json_object: whether the model can be held to some JSON object at least.
    """
    said = request.options.output_format.json_schema
    copy = deepcopy(request)
    words = _instruction(said, has_tools=bool(request.options.tools))
    if isinstance(copy, ChatRequest):
        _tell(copy, words)
    else:
        copy.prompt = f"{copy.prompt}\n\n{words}"
    output_format = copy.options.output_format
    if takes_json_object and _is_of_object(said.schema_json):
        output_format.json_object.CopyFrom(JsonObjectFormat())
    else:
        copy.options.ClearField("output_format")
    return copy


def asked_again(request: Asked, wrong: str, complaint: str) -> Asked:
    """Return a copy of a request that asks for an answer in the place of a wrong one."""
    copy = deepcopy(request)
    if isinstance(copy, ChatRequest):
        if wrong.strip():
            assistant = Message(role=Role.ROLE_ASSISTANT, parts=[Part(text=wrong.rstrip())])
            copy.messages.append(assistant)
        words = f"{WRONG}\n{complaint}\n{AGAIN}"
        copy.messages.append(Message(role=Role.ROLE_USER, parts=[Part(text=words)]))
    else:
        copy.prompt += f"\n\n{EARLIER}\n{wrong}\n\n{WRONG}\n{complaint}\n{AGAIN}"
    return copy


def _instruction(said: JsonSchemaFormat, *, has_tools: bool) -> str:
    lines = [SAY_JSON]
    if has_tools:
        lines.append(OR_CALL)
    lines.append(f"Name of the schema: {said.name}")
    if said.description:
        lines.append(f"What it describes: {said.description}")
    lines.append(said.schema_json)
    return "\n".join(lines)


def _tell(copy: ChatRequest, words: str) -> None:
    """Put the words after what the system says first, so that a cached beginning stays one."""
    leading = 0
    for message in copy.messages:
        if message.role != Role.ROLE_SYSTEM:
            break
        leading += 1
    if leading:
        copy.messages[leading - 1].parts.append(Part(text=words))
    else:
        copy.messages.insert(0, Message(role=Role.ROLE_SYSTEM, parts=[Part(text=words)]))


class _Root(msgspec.Struct):
    type: object = None


def _is_of_object(schema_json: str) -> bool:
    return msgspec.json.decode(schema_json, type=_Root).type == "object"
