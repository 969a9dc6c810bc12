"""How is said what can only be text? Instructions and what tools answered, in many protocols."""

from collections.abc import Iterator, Sequence

from weir.v1.content_pb2 import Message, Part, ToolResultPart
from weir_server.providers.wire.draft import Draft

FAILED = "Error: "
"""Before what a failed tool said: many protocols have no mark for one, so the content says it to
the model, be the tool's own words as they may."""
FAILED_SILENTLY = f"{FAILED}the tool failed without a message"


def texts_of(draft: Draft, path: str, parts: Sequence[Part]) -> list[str]:
    """Return parts that can only be text; what else they are is named in `draft`."""
    texts: list[str] = []
    for index, part in enumerate(parts):
        match part.WhichOneof("kind"):
            case "text":
                texts.append(part.text)
            case "media":
                draft.unsupported_medium(f"{path}[{index}].media")
            case kind:
                draft.unsupported_part(f"{path}[{index}].{kind}")
    return texts


def plainest(texts: list[str]) -> str | list[dict[str, object]]:
    """Say texts in the plainest form of OpenAI's chats: one as a string, more as a list."""
    if len(texts) > 1:
        return [{"type": "text", "text": text} for text in texts]
    return texts[0] if texts else ""


def results_of(draft: Draft, path: str, message: Message) -> Iterator[tuple[str, ToolResultPart]]:
    """Give the results in a tool's message, each with its path; what else is there is named."""
    for index, part in enumerate(message.parts):
        kind = part.WhichOneof("kind")
        if kind == "tool_result":
            yield f"{path}.parts[{index}].tool_result", part.tool_result
        else:
            draft.unsupported_part(f"{path}.parts[{index}].{kind}")
