"""How is said what the model said earlier? As the items it put out, wherever their state is there.

Without state, as when another provider answered, text and calls are said plainly, and what only the
other provider could read is named as dropped.
"""

import msgspec
from msgspec import Raw

from weir.v1.content_pb2 import Message, Part
from weir_server.providers.wire.crossing import words_of
from weir_server.providers.wire.draft import Draft
from weir_server.providers.wire.responses.content import Json
from weir_server.providers.wire.responses.shapes import MEMBERS, filled, present
from weir_server.providers.wire.responses.state import KIND, Members, State, read_state, without

_UNKNOWN = f"{KIND}/"
_NOTHING = State()


class History:
    """Writes what the model said as items of one request, turn by turn."""

    __slots__ = ("_draft", "_items", "_run_tools", "_texts", "_texts_of", "_thoughts")

    def __init__(self, draft: Draft, items: list[Json]) -> None:
        self._draft = draft
        self._items = items
        self._thoughts: set[str] = set()
        """Identities of the reasoning that is sent back."""
        self._run_tools: set[str] = set()
        """Identities of the vendor's own tool calls, which are sent back with their results."""
        self._texts: list[Json] = []
        """The content of the message that is being written; empty: none is."""
        self._texts_of: Members = {}

    @property
    def has_reasoning(self) -> bool:
        """Whether reasoning is sent back."""
        return bool(self._thoughts)

    def add(self, path: str, message: Message) -> None:
        """Write one turn."""
        for index, part in enumerate(message.parts[:]):
            part_path = f"{path}.parts[{index}]"
            state = _NOTHING
            if part.provider_state:
                state = read_state(self._draft, part_path, part.provider_state) or _NOTHING
            kind = part.WhichOneof("kind")
            if kind in ("text", "refusal"):
                self._text(part, state)
                continue
            self._close_message()
            self._item(part_path, kind or "", part, state)
        self._close_message()
        if not message.parts:
            self._items.append({"role": "assistant", "content": ""})

    def _item(self, path: str, kind: str, part: Part, state: State) -> None:
        match kind:
            case "tool_call":
                self._call(part, state)
            case "reasoning":
                self._reasoning(path, state)
            case "server_tool_call" | "compaction" if state.item is not None:
                self._items.append({**state.item})
                self._run_tools.add(part.server_tool_call.id)
            case "server_tool_result" if part.server_tool_result.tool_call_id in self._run_tools:
                pass  # its call was sent back with it
            case "unknown" if part.unknown.type.startswith(_UNKNOWN):
                self._unknown(path, part)
            case "server_tool_call" | "server_tool_result" | "compaction" | "unknown":
                self._draft.dropped(f"{path}.{kind}")
            case "media":
                if words := words_of(self._draft, f"{path}.media", part.media):
                    self._items.append({"role": "assistant", "content": words})
            case _:
                self._draft.unsupported_part(f"{path}.{kind}")

    def _text(self, part: Part, state: State) -> None:
        message = self._known(state.message or {}, state)
        if self._texts and _identity(message) != _identity(self._texts_of):
            self._close_message()
        if part.WhichOneof("kind") == "text":
            piece: Json = {"type": "output_text", "text": part.text}
        else:
            piece = {"type": "refusal", "refusal": part.refusal.text}
        self._texts.append({**piece, **(state.content or {})})
        self._texts_of = {**self._texts_of, **message}

    def _close_message(self) -> None:
        texts, head = self._texts, self._texts_of
        self._texts, self._texts_of = [], {}
        if not texts:
            return
        plain = not head and len(texts) == 1 and set(texts[0]) == {"type", "text"}
        if plain:
            self._items.append({"role": "assistant", "content": texts[0]["text"]})
        else:
            self._items.append({"type": "message", "role": "assistant", **head, "content": texts})

    def _call(self, part: Part, state: State) -> None:
        call = part.tool_call
        self._items.append(
            {
                "type": "function_call",
                **self._known(state.call or {}, state),
                "call_id": call.id,
                "name": call.name,
                "arguments": call.arguments_json,
            }
        )

    def _reasoning(self, path: str, state: State) -> None:
        """Send reasoning back where it is all there: the vendor keeps none of it for us."""
        item = state.item
        if item is None:
            if not state.within:
                self._draft.dropped(f"{path}.reasoning")
            return
        if not (present(item.get("encrypted_content", Raw())) or _holds(item.get("content"))):
            self._draft.dropped(f"{path}.reasoning")
            return
        self._items.append({**item})
        self._thoughts.add(_identity(item))

    def _unknown(self, path: str, part: Part) -> None:
        try:
            item = MEMBERS.decode(part.unknown.json)
        except (ValueError, RecursionError):
            self._draft.dropped(f"{path}.unknown")
            return
        self._items.append({**item})

    def _known(self, members: Members, state: State) -> Members:
        """Return members of an item, without the identity where the vendor would not know it.

        An item that followed reasoning is refused by its identity if that reasoning is missing.
        """
        if state.after and state.after not in self._thoughts:
            return without(members, "id")
        return members


def _identity(members: Members) -> str:
    raw = members.get("id", Raw())
    return msgspec.json.decode(raw, type=str) if present(raw) else ""


def _holds(content: Raw | None) -> bool:
    return content is not None and filled(content)
