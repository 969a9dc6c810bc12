"""The rules of tools, of the choice among them, of answers' shapes and of extensions."""

from tests.validation.rows import Row, deep, options, quoted
from weir_server.core.errors import OutputSchemaInvalid, ToolSchemaInvalid

F = "tools { function { name: 'f' } }"


def function(inside: str) -> str:
    """Write a chat with one function `f`."""
    return options(f"tools {{ function {{ name: 'f' {inside} }} }}")


def named(name: str) -> str:
    """Write a chat with one function of this name."""
    return options("tools { function { name: " + quoted(name) + " } }")


def numbered(count: int) -> str:
    """Write a chat with so many functions."""
    return options(" ".join(f"tools {{ function {{ name: 'f{i}' }} }}" for i in range(count)))


def schema(inside: str) -> str:
    """Write a chat that asks for JSON by a schema."""
    return options(f"output_format {{ json_schema {{ {inside} }} }}")


def extension(json: str, kind: str = "openai") -> str:
    """Write a chat with one extension."""
    return options(f"extensions {{ provider_kind: '{kind}' json: {quoted(json)} }}")


TOOL_ROWS = [
    Row(
        case="too many tools",
        breaks=numbered(129),
        keeps=numbered(128),
        field="options.tools",
        rule="TOO_MANY",
    ),
    Row(
        case="tool of no kind",
        breaks=options(F + " tools { }"),
        keeps=options(F),
        field="options.tools[1].kind",
        rule="REQUIRED",
    ),
    Row(
        case="function without a name",
        breaks=options("tools { function { description: 'd' } }"),
        keeps=named("f"),
        field="options.tools[0].function.name",
        rule="REQUIRED",
    ),
    Row(
        case="function name too long",
        breaks=named("f" * 65),
        keeps=named("f" * 64),
        field="options.tools[0].function.name",
        rule="BAD_FORMAT",
    ),
    Row(
        case="function name with a space",
        breaks=named("get weather"),
        keeps=named("get_weather.v-2"),
        field="options.tools[0].function.name",
        rule="BAD_FORMAT",
    ),
    Row(
        case="function name with a line break at its end",
        breaks=named("f\n"),
        keeps=named("f"),
        field="options.tools[0].function.name",
        rule="BAD_FORMAT",
    ),
    Row(
        case="functions of one name",
        breaks=options(F + F),
        keeps=options(F + "tools { function { name: 'F' } }"),
        field="options.tools[1].function.name",
        rule="DUPLICATE",
    ),
    Row(
        case="description too long",
        breaks=function("description: " + quoted("d" * (16 * 1024 + 1))),
        keeps=function("description: " + quoted("d" * 16 * 1024)),
        field="options.tools[0].function.description",
        rule="TOO_LONG",
    ),
    Row(
        case="schema of a tool that is no JSON",
        breaks=function("parameters_json_schema: '{\"type\":'"),
        keeps=function('parameters_json_schema: \'{"type":"object"}\''),
        field="options.tools[0].function.parameters_json_schema",
        rule="BAD_JSON",
        error=ToolSchemaInvalid,
    ),
    Row(
        case="schema of a tool that is no object",
        breaks=function("parameters_json_schema: '[]'"),
        keeps=function("parameters_json_schema: ' {}'"),
        field="options.tools[0].function.parameters_json_schema",
        rule="BAD_JSON",
        error=ToolSchemaInvalid,
    ),
    Row(
        case="schema of a tool too deep",
        breaks=function("parameters_json_schema: " + quoted(deep(65))),
        keeps=function("parameters_json_schema: " + quoted(deep(64))),
        field="options.tools[0].function.parameters_json_schema",
        rule="JSON_TOO_DEEP",
        error=ToolSchemaInvalid,
    ),
    Row(
        case="server tool without a type",
        breaks=options("tools { server { config_json: '{}' } }"),
        keeps=options("tools { server { type: 'web_search' config_json: '{}' } }"),
        field="options.tools[0].server.type",
        rule="REQUIRED",
    ),
    Row(
        case="server tool with bad settings",
        breaks=options("tools { server { type: 'web_search' config_json: '1' } }"),
        keeps=options("tools { server { type: 'web_search' } }"),
        field="options.tools[0].server.config_json",
        rule="BAD_JSON",
        error=ToolSchemaInvalid,
    ),
    Row(
        case="no choice",
        breaks=options("tool_choice { }"),
        keeps=options("tool_choice { mode: TOOL_CHOICE_MODE_UNSPECIFIED }"),
        field="options.tool_choice.choice",
        rule="REQUIRED",
    ),
    Row(
        case="unknown mode of choice",
        breaks=options("tool_choice { mode: 77 }"),
        keeps=options("tool_choice { mode: TOOL_CHOICE_MODE_NONE }"),
        field="options.tool_choice.mode",
        rule="UNKNOWN_VALUE",
    ),
    Row(
        case="a tool required though there is none",
        breaks=options("tool_choice { mode: TOOL_CHOICE_MODE_REQUIRED }"),
        keeps=options(F + "tool_choice { mode: TOOL_CHOICE_MODE_REQUIRED }"),
        field="options.tool_choice.mode",
        rule="CONFLICT",
    ),
    Row(
        case="choice of a tool that is not there",
        breaks=options(F + "tool_choice { function_name: 'g' }"),
        keeps=options(F + "tool_choice { function_name: 'f' }"),
        field="options.tool_choice.function_name",
        rule="NO_SUCH_REFERENCE",
    ),
    Row(
        case="no tool allowed",
        breaks=options(F + "tool_choice { allowed { mode: TOOL_CHOICE_MODE_AUTO } }"),
        keeps=options(F + "tool_choice { allowed { mode: TOOL_CHOICE_MODE_AUTO names: 'f' } }"),
        field="options.tool_choice.allowed.names",
        rule="REQUIRED",
    ),
    Row(
        case="unknown mode among allowed tools",
        breaks=options(F + "tool_choice { allowed { mode: 77 names: 'f' } }"),
        keeps=options(F + "tool_choice { allowed { names: 'f' } }"),
        field="options.tool_choice.allowed.mode",
        rule="UNKNOWN_VALUE",
    ),
    Row(
        case="a tool allowed that is not there",
        breaks=options(F + "tool_choice { allowed { names: 'f' names: 'g' } }"),
        keeps=options(F + "tool_choice { allowed { names: 'f' names: 'f' } }"),
        field="options.tool_choice.allowed.names[1]",
        rule="NO_SUCH_REFERENCE",
    ),
    Row(
        case="too many tools allowed",
        breaks=options(F + "tool_choice { allowed { " + "names: 'f' " * 129 + "} }"),
        keeps=options(F + "tool_choice { allowed { " + "names: 'f' " * 128 + "} }"),
        field="options.tool_choice.allowed.names",
        rule="TOO_MANY",
    ),
]

FORMAT_ROWS = [
    Row(
        case="no format",
        breaks=options("output_format { }"),
        keeps=options("output_format { text { } }"),
        field="options.output_format.format",
        rule="REQUIRED",
    ),
    Row(
        case="schema without a name",
        breaks=schema("schema_json: '{}'"),
        keeps=schema("schema_json: '{}' name: 's'"),
        field="options.output_format.json_schema.name",
        rule="REQUIRED",
    ),
    Row(
        case="schema name with a dot",
        breaks=schema("schema_json: '{}' name: 's.t'"),
        keeps=schema("schema_json: '{}' name: 's-t_1'"),
        field="options.output_format.json_schema.name",
        rule="BAD_FORMAT",
    ),
    Row(
        case="no schema",
        breaks=schema("name: 's'"),
        keeps=schema("name: 's' schema_json: '{}'"),
        field="options.output_format.json_schema.schema_json",
        rule="REQUIRED",
        error=OutputSchemaInvalid,
    ),
    Row(
        case="schema that is no JSON",
        breaks=schema("name: 's' schema_json: '{\\'a\\': 1}'"),
        keeps=schema("name: 's' schema_json: '{\"a\": 1}'"),
        field="options.output_format.json_schema.schema_json",
        rule="BAD_JSON",
        error=OutputSchemaInvalid,
    ),
    Row(
        case="schema that is no object",
        breaks=schema("name: 's' schema_json: 'true'"),
        keeps=schema("name: 's' schema_json: '{}'"),
        field="options.output_format.json_schema.schema_json",
        rule="BAD_JSON",
        error=OutputSchemaInvalid,
    ),
    Row(
        case="schema too deep",
        breaks=schema("name: 's' schema_json: " + quoted(deep(65))),
        keeps=schema("name: 's' schema_json: " + quoted(deep(64))),
        field="options.output_format.json_schema.schema_json",
        rule="JSON_TOO_DEEP",
        error=OutputSchemaInvalid,
    ),
    Row(
        case="negative repairs",
        breaks=schema("name: 's' schema_json: '{}' max_repairs: -1"),
        keeps=schema("name: 's' schema_json: '{}' max_repairs: 0"),
        field="options.output_format.json_schema.max_repairs",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="too many repairs",
        breaks=schema("name: 's' schema_json: '{}' max_repairs: 11"),
        keeps=schema("name: 's' schema_json: '{}' max_repairs: 10"),
        field="options.output_format.json_schema.max_repairs",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="description of a schema too long",
        breaks=schema("name: 's' schema_json: '{}' description: " + quoted("d" * 16_385)),
        keeps=schema("name: 's' schema_json: '{}' description: " + quoted("d" * 16_384)),
        field="options.output_format.json_schema.description",
        rule="TOO_LONG",
    ),
    Row(
        case="grammar without a notation",
        breaks=options("output_format { grammar { definition: 'root ::= \"a\"' } }"),
        keeps=options("output_format { grammar { syntax: 'gbnf' definition: 'root ::= \"a\"' } }"),
        field="options.output_format.grammar.syntax",
        rule="REQUIRED",
    ),
    Row(
        case="notation of a grammar with a space",
        breaks=options("output_format { grammar { syntax: 'g bnf' definition: 'a' } }"),
        keeps=options("output_format { grammar { syntax: 'gbnf' definition: 'a' } }"),
        field="options.output_format.grammar.syntax",
        rule="BAD_FORMAT",
    ),
    Row(
        case="no grammar",
        breaks=options("output_format { grammar { syntax: 'gbnf' } }"),
        keeps=options("output_format { grammar { syntax: 'gbnf' definition: 'a' } }"),
        field="options.output_format.grammar.definition",
        rule="REQUIRED",
    ),
    Row(
        case="grammar too long",
        breaks=options(
            "output_format { grammar { syntax: 'g' definition: " + quoted("a" * 65_537) + "} }"
        ),
        keeps=options(
            "output_format { grammar { syntax: 'g' definition: " + quoted("a" * 65_536) + "} }"
        ),
        field="options.output_format.grammar.definition",
        rule="TOO_LONG",
    ),
]

EXTENSION_ROWS = [
    Row(
        case="too many extensions",
        breaks=options(
            " ".join(f"extensions {{ provider_kind: 'k{i}' json: '{{}}' }}" for i in range(17))
        ),
        keeps=options(
            " ".join(f"extensions {{ provider_kind: 'k{i}' json: '{{}}' }}" for i in range(16))
        ),
        field="options.extensions",
        rule="TOO_MANY",
    ),
    Row(
        case="extension for no provider",
        breaks=options("extensions { json: '{}' }"),
        keeps=extension("{}"),
        field="options.extensions[0].provider_kind",
        rule="REQUIRED",
    ),
    Row(
        case="extension for a strange provider",
        breaks=extension("{}", kind="Open AI"),
        keeps=extension("{}", kind="open-ai_2"),
        field="options.extensions[0].provider_kind",
        rule="BAD_FORMAT",
    ),
    Row(
        case="two extensions for one provider",
        breaks=options("extensions { provider_kind: 'openai' json: '{}' } " * 2),
        keeps=extension("{}"),
        field="options.extensions[1].provider_kind",
        rule="DUPLICATE",
    ),
    Row(
        case="empty extension",
        breaks=extension(""),
        keeps=extension("{}"),
        field="options.extensions[0].json",
        rule="REQUIRED",
    ),
    Row(
        case="extension that is no object",
        breaks=extension('"service_tier"'),
        keeps=extension('{"service_tier":"flex"}'),
        field="options.extensions[0].json",
        rule="BAD_JSON",
    ),
    Row(
        case="extension too long",
        breaks=extension('{"a":"' + "x" * 65_529 + '"}'),
        keeps=extension('{"a":"' + "x" * 65_528 + '"}'),
        field="options.extensions[0].json",
        rule="TOO_LONG",
    ),
    *(
        Row(
            case=f"extension that sets {member}",
            breaks=extension(f'{{"{member}":"x"}}'),
            keeps=extension(f'{{"service_tier":{{"{member}":"x"}}}}'),
            field="options.extensions[0].json",
            rule="RESERVED",
        )
        for member in ("model", "Messages", "stream", "n", "max_tokens", "base_url", "api_key")
    ),
    Row(
        case="extension that hides a reserved member behind an escape",
        breaks=extension('{"mod\\u0065l":"x"}'),
        keeps=extension('{"modal":"x"}'),
        field="options.extensions[0].json",
        rule="RESERVED",
    ),
]
