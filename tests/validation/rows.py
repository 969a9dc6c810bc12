"""How is a rule put to the test? A row: one request that breaks it, and one that just keeps it.

Requests are written as protobuf text: it is short, and says NaN, unknown enum numbers and missing
members as easily as anything else.
"""

from dataclasses import dataclass

from weir_server.core.errors import InvalidRequest

USER = 'messages { role: ROLE_USER parts { text: "hi" } }'
"""The smallest conversation."""

CALL = (
    USER + ' messages { role: ROLE_ASSISTANT parts { tool_call { id: "c1" name: "f" } } }'
    ' messages { role: ROLE_TOOL parts { tool_result { tool_call_id: "c1" '
)
"""A conversation up to the inside of a tool result; `END` closes it."""

END = " } } }"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One rule.

    breaks: a request with exactly this one violation. keeps: the nearest one without any.
    field, rule: what the violation names. error: the error it is raised as.
    """

    case: str
    breaks: str
    keeps: str
    field: str
    rule: str
    error: type[InvalidRequest] = InvalidRequest

    def __str__(self) -> str:
        return self.case


def quoted(text: str) -> str:
    """Write `text` as a string of protobuf text, every byte escaped."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'


def options(inside: str) -> str:
    """Write a chat with these options."""
    return f"{USER} options {{ {inside} }}"


def deep(levels: int) -> str:
    """Write JSON that is nested so deep: an object around lists."""
    return '{"a":' + "[" * (levels - 1) + "]" * (levels - 1) + "}"
