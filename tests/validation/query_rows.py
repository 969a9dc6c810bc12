"""The rules of the requests beside the chat: completions, embeddings, counts, lists, streams."""

from tests.validation.rows import USER, Row, quoted

COMPLETE_ROWS = [
    Row(case="no prompt", breaks="", keeps="prompt: ' '", field="prompt", rule="REQUIRED"),
    Row(
        case="option of a completion",
        breaks="prompt: 'a' options { temperature: 3 }",
        keeps="prompt: 'a' options { temperature: 2 }",
        field="options.temperature",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="model of a completion",
        breaks="prompt: 'a' model: " + quoted("\n"),
        keeps="prompt: 'a' model: 'm'",
        field="model",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="provider of a completion",
        breaks="prompt: 'a' provider: " + quoted("p" * 257),
        keeps="prompt: 'a' provider: " + quoted("p" * 256),
        field="provider",
        rule="TOO_LONG",
    ),
]

INPUT = "inputs { text: 'a' } "

EMBED_ROWS = [
    Row(case="no inputs", breaks="", keeps=INPUT, field="inputs", rule="REQUIRED"),
    Row(
        case="too many inputs",
        breaks=INPUT * 2_049,
        keeps=INPUT * 2_048,
        field="inputs",
        rule="TOO_MANY",
    ),
    Row(
        case="input without a kind",
        breaks=INPUT + "inputs { }",
        keeps=INPUT + INPUT,
        field="inputs[1].kind",
        rule="REQUIRED",
    ),
    Row(
        case="empty input",
        breaks="inputs { text: '' }",
        keeps="inputs { text: ' ' }",
        field="inputs[0].text",
        rule="REQUIRED",
    ),
    Row(
        case="medium without a type",
        breaks="inputs { media { inline_data: 'x' } }",
        keeps="inputs { media { inline_data: 'x' mime_type: 'image/png' } }",
        field="inputs[0].media.mime_type",
        rule="REQUIRED",
    ),
    Row(
        case="no dimensions",
        breaks=INPUT + "dimensions: 0",
        keeps=INPUT + "dimensions: 1",
        field="dimensions",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="too many dimensions",
        breaks=INPUT + "dimensions: 65537",
        keeps=INPUT + "dimensions: 65536",
        field="dimensions",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="unknown encoding",
        breaks=INPUT + "encoding: 77",
        keeps=INPUT + "encoding: EMBEDDING_ENCODING_BINARY",
        field="encoding",
        rule="UNKNOWN_VALUE",
    ),
    Row(
        case="unknown task",
        breaks=INPUT + "task: 77",
        keeps=INPUT + "task: EMBEDDING_TASK_CLUSTERING",
        field="task",
        rule="UNKNOWN_VALUE",
    ),
    Row(
        case="model of an embedding",
        breaks=INPUT + "model: " + quoted("\x1b"),
        keeps=INPUT + "model: 'm'",
        field="model",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="provider of an embedding",
        breaks=INPUT + "provider: " + quoted("\x1b"),
        keeps=INPUT + "provider: 'p'",
        field="provider",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="end user of an embedding",
        breaks=INPUT + "end_user_id: " + quoted("\n"),
        keeps=INPUT + "end_user_id: 'u'",
        field="end_user_id",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="label of an embedding",
        breaks=INPUT + "labels { key: 'team' value: " + quoted("\n") + " }",
        keeps=INPUT + "labels { key: 'team' value: 'v' }",
        field='labels["team"]',
        rule="CONTROL_CHARACTER",
    ),
]

COUNT_ROWS = [
    Row(case="nothing to count", breaks="", keeps="text: ''", field="input", rule="REQUIRED"),
    Row(
        case="chat to count without messages",
        breaks="chat { }",
        keeps=f"chat {{ {USER} }}",
        field="chat.messages",
        rule="REQUIRED",
    ),
    Row(
        case="model to count by",
        breaks="text: 'a' model: " + quoted("\n"),
        keeps="text: 'a' model: 'm'",
        field="model",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="provider to count by",
        breaks="text: 'a' provider: " + quoted("\n"),
        keeps="text: 'a' provider: 'p'",
        field="provider",
        rule="CONTROL_CHARACTER",
    ),
]

FIT_ROWS = [
    Row(
        case="no room",
        breaks="text: 'a'",
        keeps="text: 'a' max_tokens: 1",
        field="max_tokens",
        rule="REQUIRED",
    ),
    Row(
        case="negative room",
        breaks="text: 'a' max_tokens: -1",
        keeps=f"text: 'a' max_tokens: {2**63 - 1}",
        field="max_tokens",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="model to fit",
        breaks="max_tokens: 1 model: " + quoted("\n"),
        keeps="max_tokens: 1 model: 'm'",
        field="model",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="provider to fit",
        breaks="max_tokens: 1 provider: " + quoted("\n"),
        keeps="max_tokens: 1 provider: 'p'",
        field="provider",
        rule="CONTROL_CHARACTER",
    ),
]

LIST_ROWS = [
    Row(
        case="negative page",
        breaks="page_size: -1",
        keeps="page_size: 0",
        field="page_size",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="page too large",
        breaks="page_size: 1001",
        keeps="page_size: 1000",
        field="page_size",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="page token with NUL",
        breaks="page_token: " + quoted("\0"),
        keeps="page_token: 'abc'",
        field="page_token",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="filter too long",
        breaks="filter: " + quoted("f" * 2_049),
        keeps="filter: " + quoted("f" * 2_048),
        field="filter",
        rule="TOO_LONG",
    ),
]

MODEL_ROWS = [
    Row(case="no model", breaks="", keeps="name: 'models/m'", field="name", rule="REQUIRED"),
    Row(
        case="model name with a line break",
        breaks="name: " + quoted("m\n"),
        keeps="name: 'm'",
        field="name",
        rule="CONTROL_CHARACTER",
    ),
]

STREAM_ROWS = [
    Row(
        case="heartbeat too fast",
        breaks="heartbeat_interval { seconds: 4 nanos: 999999999 }",
        keeps="heartbeat_interval { seconds: 5 }",
        field="stream_options.heartbeat_interval",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="heartbeat too slow",
        breaks="heartbeat_interval { seconds: 60 nanos: 1 }",
        keeps="heartbeat_interval { seconds: 60 }",
        field="stream_options.heartbeat_interval",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="negative delay",
        breaks="max_coalesce_delay { nanos: -1 }",
        keeps="max_coalesce_delay { }",
        field="stream_options.max_coalesce_delay",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="delay too long",
        breaks="max_coalesce_delay { seconds: 1 nanos: 1 }",
        keeps="max_coalesce_delay { seconds: 1 }",
        field="stream_options.max_coalesce_delay",
        rule="OUT_OF_RANGE",
    ),
]
