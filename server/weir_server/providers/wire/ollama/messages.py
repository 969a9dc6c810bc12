"""How is a conversation said to Ollama? Messages as the vendor's reference has them.

A message's content is one text, and its images stand beside it. Texts of a user or of instructions
are joined by a line's end; the model's own are joined as they were.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence

from weir.v1 import content_pb2
from weir.v1.content_pb2 import Message, ToolCallPart
from weir_server.core.needs import modality_of
from weir_server.providers.wire.crossing import arguments_object, words_of
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.plain_text import FAILED, FAILED_SILENTLY, results_of, texts_of
from weir_server.providers.wire.state import own_state

KIND = "ollama"

Json = dict[str, object]

_CHOSEN = (content_pb2.MEDIA_DETAIL_LOW, content_pb2.MEDIA_DETAIL_HIGH)
"""Ways to look that differ from the vendor's own."""


def encode_messages(draft: Draft, messages: Sequence[Message]) -> list[Json]:
    """Return the conversation in the vendor's words; what cannot be said is named in `draft`."""
    encoded: list[Json] = []
    names: dict[str, str] = {}
    # A slice is a list of Python's own: that iterates much faster than the field itself.
    for index, message in enumerate(messages[:]):
        path = f"messages[{index}]"
        match message.role:
            case content_pb2.ROLE_SYSTEM | content_pb2.ROLE_DEVELOPER:
                _refuse_name(draft, path, message)
                text = "\n".join(texts_of(draft, f"{path}.parts", message.parts))
                encoded.append(_message("system", text))
            case content_pb2.ROLE_ASSISTANT:
                if message.name:
                    draft.dropped(f"{path}.name")
                encoded.append(_assistant(draft, path, message, names))
            case content_pb2.ROLE_TOOL:
                encoded.extend(_tool_results(draft, path, message, names))
            case _:
                _refuse_name(draft, path, message)
                encoded.append(_user(draft, path, message))
    return encoded


def _message(role: str, text: str) -> Json:
    """Return a message; no text at all is left out, as the vendor's SDK does."""
    return {"role": role, "content": text} if text else {"role": role}


def _refuse_name(draft: Draft, path: str, message: Message) -> None:
    if message.name:
        draft.unsupported_field(f"{path}.name")


def _user(draft: Draft, path: str, message: Message) -> Json:
    texts: list[str] = []
    images: list[str] = []
    for index, part in enumerate(message.parts):
        part_path = f"{path}.parts[{index}]"
        match part.WhichOneof("kind"):
            case "text":
                texts.append(part.text)
            case "media":
                media = part.media
                is_image = modality_of(media) == content_pb2.MODALITY_IMAGE
                if is_image and media.WhichOneof("source") == "inline_data":
                    images.append(b64encode(media.inline_data).decode())
                    if media.detail in _CHOSEN:
                        draft.unsupported_field(f"{part_path}.media.detail")
                else:  # The server fetches nothing.
                    draft.unsupported_medium(f"{part_path}.media")
            case kind:
                draft.unsupported_part(f"{part_path}.{kind}")
    encoded = _message("user", "\n".join(texts))
    if images:
        encoded["images"] = images
    return encoded


def _assistant(draft: Draft, path: str, message: Message, names: dict[str, str]) -> Json:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[Json] = []
    for index, part in enumerate(message.parts):
        part_path = f"{path}.parts[{index}]"
        own_state(draft, KIND, part_path, part.provider_state)
        match part.WhichOneof("kind"):
            case "text":
                texts.append(part.text)
            case "refusal":  # The protocol has no such part; what was said is said.
                texts.append(part.refusal.text)
            case "reasoning" if part.reasoning.text:
                thoughts.append(part.reasoning.text)
            case "tool_call":
                call = part.tool_call
                names[call.id] = call.name
                calls.append(_call(draft, f"{part_path}.tool_call", call))
            case "media":
                texts.append(words_of(draft, f"{part_path}.media", part.media))
            case kind:
                draft.dropped(f"{part_path}.{kind}")
    encoded = _message("assistant", "".join(texts))
    if thoughts:
        encoded["thinking"] = "".join(thoughts)
    if calls:
        encoded["tool_calls"] = calls
    return encoded


def _call(draft: Draft, path: str, call: ToolCallPart) -> Json:
    """Return a tool call. Its arguments are an object."""
    arguments = arguments_object(draft, f"{path}.arguments_json", call.arguments_json)
    return {"id": call.id, "function": {"name": call.name, "arguments": arguments}}


def _tool_results(
    draft: Draft, path: str, message: Message, names: dict[str, str]
) -> Iterator[Json]:
    """Say each result as a message of its own."""
    for where, result in results_of(draft, path, message):
        text = "\n".join(texts_of(draft, f"{where}.content", result.content))
        if result.is_error:
            text = FAILED + text if text else FAILED_SILENTLY
        encoded = _message("tool", text)
        name = result.name or names.get(result.tool_call_id, "")
        if name:
            encoded["tool_name"] = name
        encoded["tool_call_id"] = result.tool_call_id
        yield encoded
