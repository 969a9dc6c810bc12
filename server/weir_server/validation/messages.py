"""Is the conversation well formed? Roles, parts, and tool results that answer earlier calls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from weir.v1.content_pb2 import Message, Part, Role, ToolCallPart, ToolResultPart
from weir_server.validation.checks import (
    FieldRules,
    anything,
    json_text,
    line,
    matching,
    text,
    too_many,
)
from weir_server.validation.findings import Findings, Rule
from weir_server.validation.media import check_media
from weir_server.validation.names import name_line, speaker

_ROLES = frozenset(value for value in Role.values() if value)
_TOOL = Role.ROLE_TOOL
_ASSISTANT = Role.ROLE_ASSISTANT

_BY_ANY_BUT_TOOL = _ROLES - {_TOOL}
WRITERS: dict[str, frozenset[int]] = {
    "text": frozenset(_BY_ANY_BUT_TOOL),
    "media": frozenset(_BY_ANY_BUT_TOOL),
    "tool_call": frozenset({_ASSISTANT}),
    "tool_result": frozenset({_TOOL}),
    "reasoning": frozenset({_ASSISTANT}),
    "refusal": frozenset({_ASSISTANT}),
    "server_tool_call": frozenset({_ASSISTANT}),
    "server_tool_result": frozenset({_ASSISTANT}),
    "compaction": frozenset({_ASSISTANT}),
    # Callers may write in a vendor's own words; a provider of another kind names them as refused.
    "unknown": frozenset(_BY_ANY_BUT_TOOL),
}
"""Whose messages hold which kinds of part."""

_any_text = text(32 * 1024 * 1024)
_any_json = json_text()
_cut_json = json_text(maybe_invalid=True)

TOOL_CALL = FieldRules(
    fields={
        "id": name_line,
        "name": name_line,
        "arguments_json": anything,  # checked with arguments_valid, see below
        "arguments_valid": anything,
    },
    required=("id", "name"),
)
TOOL_RESULT = FieldRules(
    fields={
        "tool_call_id": name_line,
        "name": name_line,
        "content": anything,  # checked part by part, see below
        "is_error": anything,
    },
    required=("tool_call_id",),
)
CACHE_HINT = FieldRules(
    fields={"ttl": matching(r"[A-Za-z0-9]{1,16}", 'Give a time to live such as "5m" or "1h".')}
)
PLAIN_KINDS: dict[str, FieldRules] = {
    "reasoning": FieldRules(fields={"text": _any_text, "is_summary": anything}),
    "refusal": FieldRules(fields={"text": _any_text}),
    "server_tool_call": FieldRules(
        fields={"id": name_line, "name": name_line, "arguments_json": _any_json}
    ),
    "server_tool_result": FieldRules(
        fields={
            "tool_call_id": name_line,
            "name": name_line,
            "result_json": _any_json,
            "is_error": anything,
        }
    ),
    "compaction": FieldRules(fields={"summary": _any_text}),
    "unknown": FieldRules(fields={"type": line(128), "json": _any_json}, required=("type",)),
}
"""Kinds that need no more than a look at their fields."""


@dataclass(slots=True)
class Conversation:
    """What was seen of a conversation on the way through it."""

    asks: bool = False
    """Whether it may need anything that some model lacks; see `core.needs`."""
    call_ids: set[str] = field(default_factory=set)


def check_messages(findings: Findings, messages: Sequence[Message]) -> Conversation:
    """Check a conversation, and say whether it needs anything of the model."""
    conversation = Conversation()
    count = len(messages)
    if not count:
        findings.add("messages", Rule.REQUIRED, "Give at least one message.")
        return conversation
    if too_many(findings, "messages", count, findings.limits.max_messages):
        return conversation
    parts_left = findings.limits.max_parts
    role = 0
    for index, message in enumerate(messages):
        role = message.role
        if role not in _ROLES:
            _refuse_role(findings, f"messages[{index}].role", role)
        if message.name:
            speaker(findings, f"messages[{index}].name", message.name)
        if message.id:
            name_line(findings, f"messages[{index}].id", message.id)
        parts = message.parts
        part_count = len(parts)
        parts_left -= part_count
        if not part_count:
            findings.add(f"messages[{index}].parts", Rule.REQUIRED, "Give at least one part.")
        elif parts_left < 0:
            findings.add(
                "messages", Rule.TOO_MANY, f"Give at most {findings.limits.max_parts} parts in all."
            )
            return conversation
        elif part_count > findings.limits.max_parts_per_message:
            too_many(
                findings,
                f"messages[{index}].parts",
                part_count,
                findings.limits.max_parts_per_message,
            )
        else:
            _check_parts(findings, index, role, parts, conversation)
    if role == _ASSISTANT:
        conversation.asks = True
    return conversation


def _refuse_role(findings: Findings, at: str, role: int) -> None:
    if role:
        findings.add(at, Rule.UNKNOWN_VALUE, "Give one of the roles that this server knows.")
    else:
        findings.add(at, Rule.REQUIRED, "Say who speaks.")


def _check_parts(
    findings: Findings, index: int, role: int, parts: Sequence[Part], conversation: Conversation
) -> None:
    for part_index, part in enumerate(parts):
        kind = part.WhichOneof("kind")
        # Plain text is nearly everything that is ever said: it costs one look.
        if kind != "text" or role == _TOOL:
            at = f"messages[{index}].parts[{part_index}]"
            _check_kind(findings, at, part, kind, role, conversation)
        if part.HasField("cache_hint"):
            at = f"messages[{index}].parts[{part_index}].cache_hint"
            CACHE_HINT.nested(findings, at, part.cache_hint)


def _check_kind(
    findings: Findings,
    at: str,
    part: Part,
    kind: str | None,
    role: int,
    conversation: Conversation,
) -> None:
    if kind is None:
        findings.add(f"{at}.kind", Rule.REQUIRED, "Set the part's kind, such as text.")
        return
    if role in _ROLES and role not in WRITERS[kind]:
        findings.add(
            f"{at}.{kind}", Rule.NOT_ALLOWED, "Move this kind of part to a message of another role."
        )
        return
    if kind in PLAIN_KINDS:
        PLAIN_KINDS[kind].nested(findings, f"{at}.{kind}", getattr(part, kind))
    elif kind != "text":
        _WITH_CONTEXT[kind](findings, f"{at}.{kind}", part, conversation)


def _check_medium(findings: Findings, at: str, part: Part, conversation: Conversation) -> None:
    check_media(findings, at, part.media)
    conversation.asks = True


def _check_tool_call(findings: Findings, at: str, part: Part, conversation: Conversation) -> None:
    call: ToolCallPart = part.tool_call
    TOOL_CALL.nested(findings, at, call)
    conversation.asks = True
    if call.arguments_json:
        # What Weir itself called invalid may go back as it came: the model should see its mistake.
        said_invalid = call.HasField("arguments_valid") and not call.arguments_valid
        check = _cut_json if said_invalid else _any_json
        check(findings, f"{at}.arguments_json", call.arguments_json)
    if call.id in conversation.call_ids:
        findings.add(f"{at}.id", Rule.DUPLICATE, "Give every tool call an id of its own.")
    conversation.call_ids.add(call.id)


def _check_tool_result(findings: Findings, at: str, part: Part, conversation: Conversation) -> None:
    result: ToolResultPart = part.tool_result
    TOOL_RESULT.nested(findings, at, result)
    conversation.asks = True
    if result.tool_call_id and result.tool_call_id not in conversation.call_ids:
        findings.add(
            f"{at}.tool_call_id",
            Rule.NO_SUCH_REFERENCE,
            "Name a tool call that stands earlier in the conversation.",
        )
    most = findings.limits.max_parts_per_message
    if too_many(findings, f"{at}.content", len(result.content), most):
        return
    for index, piece in enumerate(result.content):
        piece_at = f"{at}.content[{index}]"
        kind = piece.WhichOneof("kind")
        if kind == "media":
            _check_medium(findings, f"{piece_at}.media", piece, conversation)
        elif kind == "unknown":
            PLAIN_KINDS[kind].nested(findings, f"{piece_at}.{kind}", piece.unknown)
        elif kind is None:
            findings.add(f"{piece_at}.kind", Rule.REQUIRED, "Set text or media.")
        elif kind != "text":
            findings.add(f"{piece_at}.{kind}", Rule.NOT_ALLOWED, "Answer with text or media parts.")


_WITH_CONTEXT: dict[str, Callable[[Findings, str, Part, Conversation], None]] = {
    "media": _check_medium,
    "tool_call": _check_tool_call,
    "tool_result": _check_tool_result,
}
