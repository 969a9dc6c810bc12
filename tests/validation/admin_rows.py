"""The rules of operators' requests: lists, watches, circuits and the way of a call."""

from tests.validation.rows import Row, quoted

NAME = "name: 'providers/openai/targets/gpt-4o' "
FORCED = "circuit: CIRCUIT_STATE_FORCED_OPEN"

LIST_ROWS = [
    Row(
        case="provider without its collection",
        breaks="provider: 'openai'",
        keeps="provider: 'providers/openai'",
        field="provider",
        rule="BAD_FORMAT",
    ),
]

WATCH_ROWS = [
    Row(
        case="provider with more behind it",
        breaks="provider: 'providers/openai/targets/x'",
        keeps="provider: 'providers/openai'",
        field="provider",
        rule="BAD_FORMAT",
    ),
    Row(
        case="interval too short",
        breaks="interval { nanos: 99999999 }",
        keeps="interval { nanos: 100000000 }",
        field="interval",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="interval too long",
        breaks="interval { seconds: 60 nanos: 1 }",
        keeps="interval { seconds: 60 }",
        field="interval",
        rule="OUT_OF_RANGE",
    ),
]

CIRCUIT_ROWS = [
    Row(case="no name", breaks=FORCED, keeps=NAME + FORCED, field="name", rule="REQUIRED"),
    Row(
        case="short name",
        breaks="name: 'openai/gpt-4o' " + FORCED,
        keeps="name: 'providers/openai/targets/org/model:free' " + FORCED,
        field="name",
        rule="BAD_FORMAT",
    ),
    Row(
        case="name with a line break",
        breaks="name: " + quoted("providers/openai/targets/a\nb") + FORCED,
        keeps=NAME + FORCED,
        field="name",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="name too long",
        breaks="name: " + quoted("providers/openai/targets/" + "x" * 488) + FORCED,
        keeps="name: " + quoted("providers/openai/targets/" + "x" * 487) + FORCED,
        field="name",
        rule="TOO_LONG",
    ),
    Row(
        case="no circuit",
        breaks=NAME,
        keeps=NAME + "circuit: CIRCUIT_STATE_CLOSED",
        field="circuit",
        rule="REQUIRED",
    ),
    Row(
        case="circuit that only a breaker opens",
        breaks=NAME + "circuit: CIRCUIT_STATE_OPEN",
        keeps=NAME + FORCED,
        field="circuit",
        rule="UNKNOWN_VALUE",
    ),
    Row(
        case="circuit that is none",
        breaks=NAME + "circuit: 77",
        keeps=NAME + "circuit: CIRCUIT_STATE_FORCED_CLOSED",
        field="circuit",
        rule="UNKNOWN_VALUE",
    ),
]

EXPLAIN_ROWS = [
    Row(case="no request", breaks="", keeps="request { }", field="request", rule="REQUIRED"),
    Row(
        case="request with a bad option",
        breaks="request { options { temperature: 3 } }",
        keeps="request { options { temperature: 2 } }",
        field="request.options.temperature",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="request with a message of nobody",
        breaks="request { messages { parts { text: 'a' } } }",
        keeps="request { messages { role: ROLE_USER parts { text: 'a' } } }",
        field="request.messages[0].role",
        rule="REQUIRED",
    ),
    Row(
        case="prompt of less than nothing",
        breaks="request { } prompt_tokens: -1",
        keeps="request { } prompt_tokens: 0",
        field="prompt_tokens",
        rule="OUT_OF_RANGE",
    ),
]
