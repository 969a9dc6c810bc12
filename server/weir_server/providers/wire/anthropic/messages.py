"""How is a conversation said? Instructions apart, then turns of user and assistant that alternate.

The vendor's reference, "Messages": what a user and tools say one after the other is one turn, in
which the answers of tools come first. Instructions before the first turn are the `system` of the
request; later ones stand where they were said, as messages of the role `system`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from weir.v1 import content_pb2
from weir.v1.content_pb2 import Message
from weir_server.providers.wire.anthropic.content import (
    Block,
    assistant_block,
    instruction_block,
    plainest,
    result_block,
    toolset_of,
    user_block,
)
from weir_server.providers.wire.draft import Draft

Json = dict[str, object]


@dataclass(slots=True, kw_only=True)
class _Turn:
    """What one side says before the other does."""

    role: str
    results: list[Block] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.results or self.blocks)

    def said(self) -> Json:
        return {"role": self.role, "content": plainest([*self.results, *self.blocks])}


class Conversation:
    """A conversation in the vendor's words; what cannot be said is named in `draft`."""

    def __init__(self, draft: Draft, messages: Sequence[Message]) -> None:
        self._draft = draft
        self._system: list[Block] = []
        self._turns: list[_Turn] = []
        self._toolsets: dict[str, msgspec.Raw] = {}
        # A slice is a list of Python's own: that iterates much faster than the field itself.
        for index, message in enumerate(messages[:]):
            path = f"messages[{index}]"
            if message.name:
                draft.unsupported_field(f"{path}.name")
            self._add(path, message)

    @property
    def system(self) -> str | list[Block]:
        """What the application says before all; empty: nothing."""
        return plainest(self._system)

    @property
    def messages(self) -> list[Json]:
        """The turns."""
        return [turn.said() for turn in self._turns if not turn.is_empty]

    def _add(self, path: str, message: Message) -> None:
        draft, parts = self._draft, message.parts[:]
        match message.role:
            case content_pb2.ROLE_SYSTEM | content_pb2.ROLE_DEVELOPER:
                blocks = self._system if not self._turns else self._turn("system").blocks
                for index, part in enumerate(parts):
                    _append(blocks, instruction_block(draft, f"{path}.parts[{index}]", part))
            case content_pb2.ROLE_ASSISTANT:
                blocks = self._turn("assistant").blocks
                for index, part in enumerate(parts):
                    block = assistant_block(draft, f"{path}.parts[{index}]", part)
                    _append(blocks, block)
                    if (toolset := toolset_of(block)) is not None:
                        self._toolsets[part.tool_call.id] = toolset
            case content_pb2.ROLE_TOOL:
                blocks = self._turn("user").results
                for index, part in enumerate(parts):
                    part_path = f"{path}.parts[{index}]"
                    _append(blocks, result_block(draft, part_path, part, self._toolsets))
            case _:
                blocks = self._turn("user").blocks
                for index, part in enumerate(parts):
                    _append(blocks, user_block(draft, f"{path}.parts[{index}]", part))

    def _turn(self, role: str) -> _Turn:
        """Return the turn that is going on; one of another role ends it, unless it was empty."""
        turns = self._turns
        if turns and turns[-1].is_empty:
            turns.pop()
        if not turns or turns[-1].role != role:
            turns.append(_Turn(role=role))
        return turns[-1]


def _append(blocks: list[Block], block: Block | None) -> None:
    if block is not None:
        blocks.append(block)
