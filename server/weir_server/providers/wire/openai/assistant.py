"""How is what the model said earlier said again? An assistant's message, states and all."""

from typing import TypeVar

from msgspec import Raw
from msgspec.json import decode

from weir.v1.content_pb2 import Message, Part
from weir_server.core.errors import InvalidRequest
from weir_server.providers.wire.crossing import words_of
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.openai.call_ids import call_id
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.sounds import known_sound
from weir_server.providers.wire.openai.sources import ANNOTATION
from weir_server.providers.wire.openai.thoughts import revealed
from weir_server.providers.wire.openai.tool_calls import CUSTOM
from weir_server.providers.wire.state import opened, own_state

Json = dict[str, object]
T = TypeVar("T")


def encode_assistant(
    draft: Draft, path: str, message: Message, quirks: Quirks, *, last: bool
) -> Json:
    """Return a message of the assistant; what the vendor has no place for is named in `draft`.

    last: whether it is the last message, which is to be gone on with.
    """
    said = _Said(draft, quirks)
    for index, part in enumerate(message.parts):
        said.add(f"{path}.parts[{index}]", part)
    encoded = said.message()
    if last:
        if quirks.prefill_field:
            encoded[quirks.prefill_field] = True
        draft.body |= quirks.prefill_options
    return encoded


class _Said:
    """One message while it is written."""

    __slots__ = (
        "_annotations",
        "_calls",
        "_content",
        "_details",
        "_draft",
        "_quirks",
        "_reasoning",
        "_sound",
    )

    def __init__(self, draft: Draft, quirks: Quirks) -> None:
        self._draft = draft
        self._quirks = quirks
        self._content: list[object] = []
        self._reasoning: list[str] = []
        self._details: list[Raw] = []
        """What OpenRouter wants back of its reasoning, as it came."""
        self._calls: list[Json] = []
        self._annotations: list[Raw] = []
        """What the vendor annotated that are no sources, such as files that it has read."""
        self._sound = ""
        """Identity of what the model said aloud."""

    def add(self, path: str, part: Part) -> None:
        """Add one part at `path`."""
        match part.WhichOneof("kind"):
            case "text":
                self._own_state(path, part)
                self._content.append({"type": "text", "text": part.text})
            case "refusal":
                self._own_state(path, part)
                self._content.append({"type": "refusal", "refusal": part.refusal.text})
            case "reasoning":
                self._add_reasoning(path, part)
            case "tool_call":
                self._add_call(path, part)
            case "unknown" if self._is_own(part.unknown.type):
                where = f"{path}.unknown.json"
                raw = self._draft.raw(where, part.unknown.json, InvalidRequest)
                annotated = part.unknown.type.partition("/")[2].startswith(f"{ANNOTATION}.")
                (self._annotations if annotated else self._content).append(raw)
            case "server_tool_call" | "server_tool_result" | "compaction" | "unknown" as kind:
                self._draft.dropped(f"{path}.{kind}")  # another vendor's: it cannot cross
            case "media" if not self._sound and (
                sound := known_sound(part.provider_state, self._quirks)
            ):
                self._sound = sound
            case "media":
                if words := words_of(self._draft, f"{path}.media", part.media):
                    self._content.append({"type": "text", "text": words})
            case kind:
                self._draft.unsupported_part(f"{path}.{kind}")

    def message(self) -> Json:
        """Return the message."""
        quirks = self._quirks
        encoded: Json = {"role": "assistant", **self._contents()}
        if self._details:
            encoded["reasoning_details"] = self._details
        elif self._reasoning:
            encoded[quirks.reasoning_history_field] = "".join(self._reasoning)
        if self._calls:
            encoded["tool_calls"] = self._calls
        if self._sound:
            encoded["audio"] = {"id": self._sound}
        if self._annotations:
            encoded["annotations"] = self._annotations
        return encoded

    def _own_state(self, path: str, part: Part) -> bytes:
        """Return the state that the vendor gave with a part; another's is named as dropped."""
        if not part.provider_state:
            return b""
        return own_state(self._draft, self._quirks.state_kind, path, part.provider_state)

    def _is_own(self, unknown_type: str) -> bool:
        kind = self._quirks.state_kind
        return bool(kind) and unknown_type.startswith(f"{kind}/")

    def _add_reasoning(self, path: str, part: Part) -> None:
        quirks, text = self._quirks, part.reasoning.text
        hidden = revealed(part.provider_state)
        if hidden is not None:
            text = hidden.text
            part = Part(provider_state=hidden.state.encode())
        if quirks.reasoning_in_content:
            state = self._own_state(path, part)
            self._content.append(_thinking(text, state))
            return
        if quirks.state_kind and part.provider_state:
            details = self._json(path, opened(quirks.state_kind, part.provider_state), list[Raw])
            if details is not None:
                self._details += details
                return
        if not quirks.reasoning_history_field:
            self._draft.dropped(f"{path}.reasoning")
            return
        self._own_state(path, part)
        self._reasoning.append(text)

    def _json(self, path: str, state: bytes, kind: type[T]) -> T | None:
        """Return what a state of ours holds; None where a caller has changed it."""
        if not state:
            return None
        try:
            return decode(state, type=kind)
        except (ValueError, RecursionError):
            self._draft.dropped(f"{path}.provider_state")
            return None

    def _add_call(self, path: str, part: Part) -> None:
        call = part.tool_call
        if part.provider_state == CUSTOM:
            said: Json = {"name": call.name, "input": call.arguments_json}
            told = call_id(call.id, self._quirks)
            self._calls.append({"id": told, "type": "custom", "custom": said})
            return
        encoded: Json = {
            "id": call_id(call.id, self._quirks),
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments_json},
        }
        if state := self._own_state(path, part):
            extra = self._json(path, state, dict[str, Raw])
            if extra is not None:
                encoded["extra_content"] = extra
        self._calls.append(encoded)

    def _contents(self) -> Json:
        """Say text and refusal in the plainest form, which every server understands."""
        content = self._content
        if not content:
            return {"content": None if self._calls or self._sound else ""}
        only = content[0]
        if len(content) > 1 or not isinstance(only, dict):
            return {"content": content}
        if "refusal" in only:
            return {"content": None, "refusal": only["refusal"]}
        if "text" in only:
            return {"content": only["text"]}
        return {"content": content}


def _thinking(text: str, signature: bytes) -> Json:
    """Return reasoning as Mistral has it: a closed chunk, with its signature if there was one."""
    chunk: Json = {"type": "thinking", "thinking": [{"type": "text", "text": text}]}
    if signature:
        chunk["signature"] = signature.decode(errors="replace")
    chunk["closed"] = True
    return chunk
