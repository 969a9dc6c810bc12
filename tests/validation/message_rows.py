"""The rules of a conversation: ChatRequest.messages and the names around it."""

from tests.validation.rows import CALL, END, USER, Row, deep, quoted

MIB = 1024 * 1024
A = 'messages { role: ROLE_ASSISTANT parts { text: "a" } }'


def user(part: str) -> str:
    """Write a chat of one part by the user."""
    return f"messages {{ role: ROLE_USER parts {{ {part} }} }}"


def model(part: str) -> str:
    """Write a chat with one part by the model, and an answer to it."""
    return f"messages {{ role: ROLE_ASSISTANT parts {{ {part} }} }} {USER}"


def called(arguments: str, more: str = "") -> str:
    """Write a chat with a tool call of these arguments, and an answer to it."""
    call = f"id: 'c' name: 'f' arguments_json: {quoted(arguments)} {more}"
    return model(f"tool_call {{ {call} }}")


MESSAGE_ROWS = [
    Row(case="no messages", breaks="", keeps=USER, field="messages", rule="REQUIRED"),
    Row(
        case="too many messages",
        breaks=USER * 2_001,
        keeps=USER * 2_000,
        field="messages",
        rule="TOO_MANY",
    ),
    Row(
        case="too many parts in all",
        breaks=("messages { role: ROLE_USER " + 'parts { text: "" }' * 1_000 + "}") * 10 + USER,
        keeps=("messages { role: ROLE_USER " + 'parts { text: "" }' * 1_000 + "}") * 10,
        field="messages",
        rule="TOO_MANY",
    ),
    Row(
        case="too many parts in one message",
        breaks="messages { role: ROLE_USER " + 'parts { text: "" }' * 1_001 + "}",
        keeps="messages { role: ROLE_USER " + 'parts { text: "" }' * 1_000 + "}",
        field="messages[0].parts",
        rule="TOO_MANY",
    ),
    Row(
        case="no role",
        breaks='messages { parts { text: "hi" } }',
        keeps=USER,
        field="messages[0].role",
        rule="REQUIRED",
    ),
    Row(
        case="unknown role",
        breaks='messages { role: 99 parts { text: "hi" } }',
        keeps='messages { role: ROLE_DEVELOPER parts { text: "hi" } }',
        field="messages[0].role",
        rule="UNKNOWN_VALUE",
    ),
    Row(
        case="no parts",
        breaks=USER + " messages { role: ROLE_USER }",
        keeps=USER + USER,
        field="messages[1].parts",
        rule="REQUIRED",
    ),
    Row(
        case="name of a speaker with a space",
        breaks='messages { role: ROLE_USER name: "a b" parts { text: "hi" } }',
        keeps='messages { role: ROLE_USER name: "a_B-1" parts { text: "hi" } }',
        field="messages[0].name",
        rule="BAD_FORMAT",
    ),
    Row(
        case="name of a speaker too long",
        breaks="messages { role: ROLE_USER parts { text: 'hi' } name: " + quoted("n" * 65) + " }",
        keeps="messages { role: ROLE_USER parts { text: 'hi' } name: " + quoted("n" * 64) + " }",
        field="messages[0].name",
        rule="BAD_FORMAT",
    ),
    Row(
        case="message id with a line break",
        breaks="messages { role: ROLE_USER parts { text: 'hi' } id: " + quoted("a\n") + " }",
        keeps="messages { role: ROLE_USER id: 'Nachricht ä' parts { text: 'hi' } }",
        field="messages[0].id",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="part without a kind",
        breaks="messages { role: ROLE_USER parts { text: 'hi' } parts { } }",
        keeps="messages { role: ROLE_USER parts { text: 'hi' } parts { text: '' } }",
        field="messages[0].parts[1].kind",
        rule="REQUIRED",
    ),
    Row(
        case="time to live with a space",
        breaks="messages { role: ROLE_USER parts { text: 'hi' cache_hint { ttl: '1 h' } } }",
        keeps="messages { role: ROLE_USER parts { text: 'hi' cache_hint { ttl: '1h' } } }",
        field="messages[0].parts[0].cache_hint.ttl",
        rule="BAD_FORMAT",
    ),
    Row(
        case="model with an escape sequence",
        breaks=USER + " model: " + quoted("\x1b[31m"),
        keeps=USER + " model: 'models/fast'",
        field="model",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="model too long",
        breaks=USER + " model: " + quoted("m" * 257),
        keeps=USER + " model: " + quoted("m" * 256),
        field="model",
        rule="TOO_LONG",
    ),
    Row(
        case="model too long in bytes",
        breaks=USER + " model: " + quoted("é" * 129),
        keeps=USER + " model: " + quoted("é" * 128),
        field="model",
        rule="TOO_LONG",
    ),
    Row(
        case="provider with a line separator",
        breaks=USER + " provider: " + quoted("a\u2028b"),
        keeps=USER + " provider: 'providers/local'",
        field="provider",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="conversation that reads backwards",
        breaks=USER + " conversation: " + quoted("a\u202eb"),
        keeps=USER + " conversation: " + quoted("a\u200db 👩"),
        field="conversation",
        rule="CONTROL_CHARACTER",
    ),
]

KIND_ROWS = [
    Row(
        case="tool call by the user",
        breaks=user("tool_call { id: 'c' name: 'f' }"),
        keeps=model("tool_call { id: 'c' name: 'f' }"),
        field="messages[0].parts[0].tool_call",
        rule="NOT_ALLOWED",
    ),
    Row(
        case="tool result by the user",
        breaks=model("tool_call { id: 'c' name: 'f' }") + user("tool_result { tool_call_id: 'c' }"),
        keeps=CALL + END,
        field="messages[2].parts[0].tool_result",
        rule="NOT_ALLOWED",
    ),
    Row(
        case="text by a tool",
        breaks=USER + "messages { role: ROLE_TOOL parts { text: 'hi' } }",
        keeps=USER + A + USER,
        field="messages[1].parts[0].text",
        rule="NOT_ALLOWED",
    ),
    *(
        Row(
            case=f"{kind} by the user",
            breaks=user(f"{kind} {{ {inside} }}"),
            keeps=model(f"{kind} {{ {inside} }}"),
            field=f"messages[0].parts[0].{kind}",
            rule="NOT_ALLOWED",
        )
        for kind, inside in (
            ("reasoning", "text: 'hm'"),
            ("refusal", "text: 'no'"),
            ("server_tool_call", "id: 's' name: 'web_search'"),
            ("server_tool_result", "tool_call_id: 's' result_json: '[]'"),
            ("compaction", "summary: 'before'"),
        )
    ),
    Row(
        case="tool call without an id",
        breaks=model("tool_call { name: 'f' }"),
        keeps=model("tool_call { id: 'c' name: 'f' }"),
        field="messages[0].parts[0].tool_call.id",
        rule="REQUIRED",
    ),
    Row(
        case="tool call without a name",
        breaks=model("tool_call { id: 'c' }"),
        keeps=model("tool_call { id: 'c' name: 'what the model wrote' }"),
        field="messages[0].parts[0].tool_call.name",
        rule="REQUIRED",
    ),
    Row(
        case="tool call ids alike",
        breaks=model("tool_call { id: 'c' name: 'f' }") + model("tool_call { id: 'c' name: 'f' }"),
        keeps=model("tool_call { id: 'c' name: 'f' }") + model("tool_call { id: 'd' name: 'f' }"),
        field="messages[2].parts[0].tool_call.id",
        rule="DUPLICATE",
    ),
    Row(
        case="arguments that are no JSON",
        breaks=called("{"),
        keeps=called("{", "arguments_valid: false"),
        field="messages[0].parts[0].tool_call.arguments_json",
        rule="BAD_JSON",
    ),
    Row(
        case="arguments too deep",
        breaks=called(deep(65)),
        keeps=called(deep(64)),
        field="messages[0].parts[0].tool_call.arguments_json",
        rule="JSON_TOO_DEEP",
    ),
    Row(
        case="arguments cut off and too deep",
        breaks=called("[" * 65, "arguments_valid: false"),
        keeps=called("[" * 64, "arguments_valid: false"),
        field="messages[0].parts[0].tool_call.arguments_json",
        rule="JSON_TOO_DEEP",
    ),
    Row(
        case="arguments too long",
        breaks=called('"' + "x" * (MIB - 1) + '"'),
        keeps=called('"' + "x" * (MIB - 2) + '"'),
        field="messages[0].parts[0].tool_call.arguments_json",
        rule="TOO_LONG",
    ),
    Row(
        case="arguments with too many members",
        breaks=called("[" + "[]," * 249_999 + "[]]"),
        keeps=called("[" + "[]," * 249_998 + "[]]"),
        field="messages[0].parts[0].tool_call.arguments_json",
        rule="TOO_MANY",
    ),
    Row(
        case="result of no call",
        breaks=USER + "messages { role: ROLE_TOOL parts { tool_result { tool_call_id: 'c1' } } }",
        keeps=CALL + END,
        field="messages[1].parts[0].tool_result.tool_call_id",
        rule="NO_SUCH_REFERENCE",
    ),
    Row(
        case="result without an id",
        breaks=USER + "messages { role: ROLE_TOOL parts { tool_result { } } }",
        keeps=CALL + END,
        field="messages[1].parts[0].tool_result.tool_call_id",
        rule="REQUIRED",
    ),
    Row(
        case="name in a result with NUL",
        breaks=CALL + "name: " + quoted("f\0") + END,
        keeps=CALL + "name: 'f'" + END,
        field="messages[2].parts[0].tool_result.name",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="result that holds a call",
        breaks=CALL + "content { text: 'a' } content { tool_call { id: 'd' name: 'f' } }" + END,
        keeps=CALL + "content { text: 'a' } content { media { file_id: 'f' modality: 1 } }" + END,
        field="messages[2].parts[0].tool_result.content[1].tool_call",
        rule="NOT_ALLOWED",
    ),
    Row(
        case="result with an empty part",
        breaks=CALL + "content { }" + END,
        keeps=CALL + "content { text: '' }" + END,
        field="messages[2].parts[0].tool_result.content[0].kind",
        rule="REQUIRED",
    ),
    Row(
        case="result with too many parts",
        breaks=CALL + "content { text: '' }" * 1_001 + END,
        keeps=CALL + "content { text: '' }" * 1_000 + END,
        field="messages[2].parts[0].tool_result.content",
        rule="TOO_MANY",
    ),
    Row(
        case="server tool call with bad JSON",
        breaks=model("server_tool_call { arguments_json: '{]' }"),
        keeps=model("server_tool_call { arguments_json: '{}' }"),
        field="messages[0].parts[0].server_tool_call.arguments_json",
        rule="BAD_JSON",
    ),
    Row(
        case="server tool call with a bad id",
        breaks=model("server_tool_call { id: " + quoted("a\r") + " }"),
        keeps=model("server_tool_call { id: 'a' }"),
        field="messages[0].parts[0].server_tool_call.id",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="server tool call with a bad name",
        breaks=model("server_tool_call { name: " + quoted("a\x7f") + " }"),
        keeps=model("server_tool_call { name: 'a' }"),
        field="messages[0].parts[0].server_tool_call.name",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="server tool result with bad JSON",
        breaks=model("server_tool_result { result_json: 'NaN' }"),
        keeps=model("server_tool_result { result_json: 'null' }"),
        field="messages[0].parts[0].server_tool_result.result_json",
        rule="BAD_JSON",
    ),
    Row(
        case="server tool result with a bad name",
        breaks=model("server_tool_result { name: " + quoted("a\x85") + " }"),
        keeps=model("server_tool_result { name: 'a' }"),
        field="messages[0].parts[0].server_tool_result.name",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="server tool result with a bad id",
        breaks=model("server_tool_result { tool_call_id: " + quoted("a\u2066") + " }"),
        keeps=model("server_tool_result { tool_call_id: 'a' }"),
        field="messages[0].parts[0].server_tool_result.tool_call_id",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="unknown item without a type",
        breaks=model("unknown { json: '{}' }"),
        keeps=model("unknown { type: 't' json: '{}' }"),
        field="messages[0].parts[0].unknown.type",
        rule="REQUIRED",
    ),
    Row(
        case="unknown item by the user without a type",
        breaks=user("unknown { json: '{}' }"),
        keeps=user("unknown { type: 't' json: '{}' }"),
        field="messages[0].parts[0].unknown.type",
        rule="REQUIRED",
    ),
    Row(
        case="unknown item by a tool",
        breaks=USER + "messages { role: ROLE_TOOL parts { unknown { type: 't' json: '{}' } } }",
        keeps=USER + A + USER,
        field="messages[1].parts[0].unknown",
        rule="NOT_ALLOWED",
    ),
    Row(
        case="unknown item with bad JSON in a tool's answer",
        breaks=CALL + "content { unknown { type: 't' json: '{' } }" + END,
        keeps=CALL + "content { unknown { type: 't' json: '{}' } }" + END,
        field="messages[2].parts[0].tool_result.content[0].unknown.json",
        rule="BAD_JSON",
    ),
    Row(
        case="unknown item with bad JSON",
        breaks=model("unknown { type: 't' json: '{} {}' }"),
        keeps=model("unknown { type: 't' json: ' {} ' }"),
        field="messages[0].parts[0].unknown.json",
        rule="BAD_JSON",
    ),
]
