"""How is a conversation written down? As messages, one helper for each role."""

from collections.abc import Sequence

from weir.v1.content_pb2 import Message, Part, Role, ToolCallPart, ToolResultPart
from weir.v1.embedding_service_pb2 import EmbedInput


def system(*content: str | Part) -> Message:
    """Instructions from the application: texts, or parts for anything else."""
    return Message(role=Role.ROLE_SYSTEM, parts=_parts(content))


def user(*content: str | Part) -> Message:
    """What the person asks: texts, or parts for images and files.

    Example: user("What is this?", Part(media=MediaPart(mime_type="image/png", inline_data=png))).
    """
    return Message(role=Role.ROLE_USER, parts=_parts(content))


def assistant(*content: str | Part) -> Message:
    """What the model said before. An answer's own `response.message` serves as it is, and keeps
    what the provider wants back.
    """
    return Message(role=Role.ROLE_ASSISTANT, parts=_parts(content))


def tool_result(call: ToolCallPart, *content: str | Part, is_error: bool = False) -> Message:
    """What a tool answered to the model's `call`; with is_error, how it failed."""
    result = ToolResultPart(
        tool_call_id=call.id, name=call.name, content=_parts(content), is_error=is_error
    )
    return Message(role=Role.ROLE_TOOL, parts=[Part(tool_result=result)])


def as_messages(messages: str | Sequence[Message]) -> Sequence[Message]:
    """A lone text is the user's one message."""
    return [user(messages)] if isinstance(messages, str) else messages


def _parts(content: Sequence[str | Part]) -> list[Part]:
    return [Part(text=piece) if isinstance(piece, str) else piece for piece in content]


def as_inputs(inputs: str | Sequence[str | EmbedInput]) -> list[EmbedInput]:
    """A lone text is the one input of Embed."""
    several = [inputs] if isinstance(inputs, str) else inputs
    return [EmbedInput(text=each) if isinstance(each, str) else each for each in several]
