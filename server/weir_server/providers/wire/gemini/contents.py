"""How is a conversation said to Gemini? Contents of parts, and the instructions apart from them.

The vendor's references "Content", "Part" and "Function calling".
"""

from collections.abc import Sequence

import msgspec

from weir.v1 import content_pb2
from weir.v1.content_pb2 import Message, Part, ToolCallPart, ToolResultPart
from weir_server.core.errors import InvalidRequest
from weir_server.providers.wire.crossing import arguments_object, words_of
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.gemini.dialect import Dialect, generation
from weir_server.providers.wire.gemini.extras import extras_of
from weir_server.providers.wire.gemini.media import Json, encode_media, sayable
from weir_server.providers.wire.gemini.server_tools import MADE_ID, encode_call, encode_result
from weir_server.providers.wire.state import opened

UNSIGNED = "skip_thought_signature_validator"
"""What the vendor's page "Thought signatures" has for calls that another model made: from the
third generation on, a call without a signature is refused."""
_SIGNED_SINCE = 3


class Conversation:
    """One conversation while it is said."""

    def __init__(self, draft: Draft, dialect: Dialect, model: str) -> None:
        self.contents: list[Json] = []
        self.instructions: list[Json] = []
        self._draft = draft
        self._dialect = dialect
        self._sends_ids = dialect.takes_call_ids(model)
        self._wants_signatures = generation(model) >= _SIGNED_SINCE
        self._names: dict[str, str] = {}
        """Names of the tools that were called, by the call's identity: answers go by name."""

    def say(self, messages: Sequence[Message]) -> None:
        """Say all messages; what cannot be said is named in the draft."""
        before = content_pb2.ROLE_UNSPECIFIED
        # A slice is a list of Python's own: that iterates much faster than the field itself.
        for index, message in enumerate(messages[:]):
            path = f"messages[{index}]"
            if message.name:
                self._draft.dropped(f"{path}.name")
            match message.role:
                case content_pb2.ROLE_SYSTEM | content_pb2.ROLE_DEVELOPER:
                    if self.contents:
                        self._draft.moved(path)
                    self.instructions += self._instructions(path, message)
                case content_pb2.ROLE_ASSISTANT:
                    if parts := self._assistant(path, message):
                        self.contents.append({"role": "model", "parts": parts})
                case content_pb2.ROLE_TOOL:
                    self._results(path, message, joined=before == content_pb2.ROLE_TOOL)
                case _:
                    self.contents.append({"role": "user", "parts": self._user(path, message)})
            before = message.role

    def _instructions(self, path: str, message: Message) -> list[Json]:
        parts: list[Json] = []
        for index, part in enumerate(message.parts):
            match part.WhichOneof("kind"):
                case "text":
                    parts.append({"text": part.text})
                case "media":
                    self._draft.unsupported_medium(f"{path}.parts[{index}].media")
                case kind:
                    self._draft.unsupported_part(f"{path}.parts[{index}].{kind}")
        return parts

    def _user(self, path: str, message: Message) -> list[Json]:
        parts: list[Json] = []
        for index, part in enumerate(message.parts[:]):
            at = f"{path}.parts[{index}]"
            match part.WhichOneof("kind"):
                case "text":
                    parts.append({"text": part.text})
                case "media":
                    parts.append(
                        encode_media(self._draft, f"{at}.media", part.media, self._dialect)
                    )
                case kind:
                    self._draft.unsupported_part(f"{at}.{kind}")
        return parts

    def _assistant(self, path: str, message: Message) -> list[Json]:
        parts: list[Json] = []
        for index, part in enumerate(message.parts):
            at = f"{path}.parts[{index}]"
            said = self._said(at, part)
            extras = extras_of(self._draft, self._dialect.kind, at, part)
            if said is not None and (extras or said.get("text") != "" or "thought" not in said):
                parts.append({**said, **extras})
        calls = [part for part in parts if "functionCall" in part]
        signed = any("thoughtSignature" in call for call in calls)
        if calls and self._wants_signatures and not signed:
            calls[0]["thoughtSignature"] = UNSIGNED
        return parts

    def _said(self, at: str, part: Part) -> Json | None:
        """Return what the model said earlier; None: it has no place here."""
        draft, kind = self._draft, self._dialect.kind
        match part.WhichOneof("kind"):
            case "text":
                return {"text": part.text}
            case "refusal":
                return {"text": part.refusal.text}
            case "reasoning":
                return {"text": part.reasoning.text, "thought": True}
            case "tool_call":
                return self._call(f"{at}.tool_call", part.tool_call)
            case "media" if sayable(part.media, self._dialect):
                return encode_media(draft, f"{at}.media", part.media, self._dialect)
            case "media":
                words = words_of(draft, f"{at}.media", part.media)
                return {"text": words} if words else None
            case "server_tool_call" if opened(kind, part.provider_state):
                return encode_call(draft, f"{at}.server_tool_call", part.server_tool_call)
            case "server_tool_result" if opened(kind, part.provider_state):
                return encode_result(draft, f"{at}.server_tool_result", part.server_tool_result)
            case "unknown" if part.unknown.type.startswith(f"{kind}/"):
                return _object(draft, f"{at}.unknown.json", part.unknown.json)
            case other:
                draft.dropped(f"{at}.{other}")
                return None

    def _call(self, at: str, call: ToolCallPart) -> Json:
        self._names[call.id] = call.name
        said: Json = {"name": call.name}
        if self._sends(call.id):
            said["id"] = call.id
        if call.arguments_json.strip():
            path = f"{at}.arguments_json"
            said["args"] = arguments_object(self._draft, path, call.arguments_json)
        return {"functionCall": said}

    def _sends(self, call_id: str) -> bool:
        """Tell whether a call's identity goes back: not where Weir made it."""
        return self._sends_ids and bool(call_id) and not call_id.startswith(MADE_ID)

    def _results(self, path: str, message: Message, *, joined: bool) -> None:
        """Say what tools answered. All answers to one turn's calls have to be in one content."""
        parts: list[Json] = []
        for index, part in enumerate(message.parts):
            at = f"{path}.parts[{index}]"
            kind = part.WhichOneof("kind")
            if kind == "tool_result":
                parts.append(self._result(f"{at}.tool_result", part.tool_result))
            else:
                self._draft.unsupported_part(f"{at}.{kind}")
        if joined:
            earlier = self.contents[-1]["parts"]
            assert isinstance(earlier, list)
            earlier += parts
        else:
            self.contents.append({"role": "user", "parts": parts})

    def _result(self, at: str, result: ToolResultPart) -> Json:
        name = result.name or self._names.get(result.tool_call_id, "")
        if not name:
            self._draft.refuse(
                f"{at}.name", "Name the tool: no earlier call has this id.", InvalidRequest, "NAME"
            )
        texts: list[str] = []
        media: list[Json] = []
        for index, part in enumerate(result.content):
            path = f"{at}.content[{index}]"
            match part.WhichOneof("kind"):
                case "text":
                    texts.append(part.text)
                case "media":
                    media.append(
                        encode_media(self._draft, f"{path}.media", part.media, self._dialect)
                    )
                case kind:
                    self._draft.unsupported_part(f"{path}.{kind}")
        key = "error" if result.is_error else "output"
        said: Json = {"name": name, "response": {key: texts[0] if len(texts) == 1 else texts}}
        if not texts:
            said["response"] = {key: ""}
        if self._sends(result.tool_call_id):
            said["id"] = result.tool_call_id
        if media:
            said["parts"] = media
        return {"functionResponse": said}


def _object(draft: Draft, path: str, text: str) -> Json | None:
    """Return a JSON object with its members as they are."""
    try:
        members: Json = dict(msgspec.json.decode(text, type=dict[str, msgspec.Raw]))
    except (ValueError, RecursionError):
        draft.refuse(path, "Give a JSON object.", InvalidRequest, "BAD_JSON")
        return None
    return members
