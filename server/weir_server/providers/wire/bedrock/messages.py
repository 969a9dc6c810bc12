"""How is a conversation said? Instructions beside it, and turns of blocks by two speakers."""

from collections.abc import Sequence

from weir.v1 import content_pb2
from weir.v1.content_pb2 import Message
from weir_server.providers.wire.bedrock.blocks import BlockWriter
from weir_server.providers.wire.bedrock.families import Family
from weir_server.providers.wire.draft import Draft

Json = dict[str, object]


def add_conversation(draft: Draft, messages: Sequence[Message], family: Family) -> bool:
    """Write the conversation; what cannot be said is named in `draft`.

    Neighbouring turns of one speaker are one message: the vendor wants the speakers to alternate,
    and the results of all tools of a turn together. Return whether tools were used.
    """
    writer = BlockWriter(draft, family)
    system: list[Json] = []
    turns: list[tuple[str, list[Json]]] = []
    for index, message in enumerate(messages[:]):
        path = f"messages[{index}]"
        if message.name:
            draft.unsupported_field(f"{path}.name")
        match message.role:
            case content_pb2.ROLE_SYSTEM | content_pb2.ROLE_DEVELOPER:
                if turns:
                    draft.moved(path)
                system += writer.instructions(path, message.parts)
                continue
            case content_pb2.ROLE_ASSISTANT:
                role, blocks = "assistant", writer.of_model(path, message.parts)
            case _:
                role, blocks = "user", writer.of_user(path, message.parts)
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        elif blocks:  # an empty answer of an earlier turn has nothing to say
            turns.append((role, blocks))
    if system:
        draft.body["system"] = system
    draft.body["messages"] = [{"role": role, "content": blocks} for role, blocks in turns]
    return writer.tools_used
