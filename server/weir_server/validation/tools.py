"""Are tools and shapes usable? What a request lets the model call, and asks it to write."""

from collections.abc import Sequence

from weir.v1.generation_pb2 import (
    AllowedTools,
    GenerationOptions,
    OutputFormat,
    ProviderExtension,
    Tool,
    ToolChoice,
    ToolChoiceMode,
)
from weir_server.core.errors import OutputSchemaInvalid, ToolSchemaInvalid
from weir_server.validation.checks import (
    FieldRules,
    anything,
    json_text,
    known,
    line,
    matching,
    number,
    text,
    too_many,
)
from weir_server.validation.findings import Findings, Rule
from weir_server.validation.json_text import member_names
from weir_server.validation.names import function_name, kind_name, speaker

MAX_DESCRIPTION_BYTES = 16 * 1024
MAX_REPAIRS = 10
MAX_GRAMMAR_BYTES = 64 * 1024
MAX_EXTENSION_BYTES = 64 * 1024

_known_mode = known(ToolChoiceMode.DESCRIPTOR, zero=True)

FUNCTION_TOOL = FieldRules(
    fields={
        "name": function_name,
        "description": text(MAX_DESCRIPTION_BYTES),
        "parameters_json_schema": json_text(is_object=True, error=ToolSchemaInvalid),
        "strict": anything,
    },
    required=("name",),
)
SERVER_TOOL = FieldRules(
    fields={"type": line(128), "config_json": json_text(is_object=True, error=ToolSchemaInvalid)},
    required=("type",),
)
TOOL = FieldRules(
    fields={"function": FUNCTION_TOOL.nested, "server": SERVER_TOOL.nested},
    oneofs={"kind": "function or server"},
)
JSON_SCHEMA = FieldRules(
    fields={
        "name": speaker,
        "schema_json": json_text(is_object=True, error=OutputSchemaInvalid),
        "strict": anything,
        "max_repairs": number(0, MAX_REPAIRS),
        "description": text(MAX_DESCRIPTION_BYTES),
    },
    required=("name",),
)
GRAMMAR = FieldRules(
    fields={
        "syntax": matching(r"[a-z][a-z0-9_-]{0,31}", 'Name the notation, such as "gbnf".'),
        "definition": text(MAX_GRAMMAR_BYTES),
    },
    required=("syntax", "definition"),
)


def output_format(findings: Findings, at: str, value: OutputFormat) -> None:
    """Check the shape of the answer."""
    OUTPUT_FORMAT.nested(findings, at, value)
    if value.HasField("json_schema") and not value.json_schema.schema_json:
        findings.add(
            f"{at}.json_schema.schema_json",
            Rule.REQUIRED,
            "Give the schema that the answer must follow.",
            OutputSchemaInvalid,
        )


OUTPUT_FORMAT = FieldRules(
    fields={
        "text": anything,
        "json_object": anything,
        "json_schema": JSON_SCHEMA.nested,
        "grammar": GRAMMAR.nested,
    },
    oneofs={"format": "text, json_object, json_schema or grammar"},
)


def tools(findings: Findings, at: str, value: Sequence[Tool]) -> None:
    """Check the tools that the model may ask for."""
    if too_many(findings, at, len(value), findings.limits.max_tools):
        return
    names: set[str] = set()
    for index, tool in enumerate(value):
        TOOL.check(findings, f"{at}[{index}].", tool)
        if not tool.HasField("function"):
            continue
        name = tool.function.name
        if name and name in names:
            findings.add(
                f"{at}[{index}].function.name",
                Rule.DUPLICATE,
                "Give every tool a name of its own.",
            )
        names.add(name)


def _allowed(findings: Findings, at: str, value: AllowedTools) -> None:
    if value.mode:
        _known_mode(findings, f"{at}.mode", value.mode)
    if not value.names:
        findings.add(f"{at}.names", Rule.REQUIRED, "Name the tools that are allowed.")
    too_many(findings, f"{at}.names", len(value.names), findings.limits.max_tools)


TOOL_CHOICE = FieldRules(
    fields={"mode": _known_mode, "function_name": anything, "allowed": _allowed},
    oneofs={"choice": "mode, function_name or allowed"},
)


def check_choice(findings: Findings, options: GenerationOptions) -> None:
    """Check that the tool choice speaks of tools that the request has."""
    choice: ToolChoice = options.tool_choice
    at = "options.tool_choice"
    named = choice.WhichOneof("choice")
    if named == "mode":
        if choice.mode == ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED and not options.tools:
            findings.add(f"{at}.mode", Rule.CONFLICT, "Give tools, or do not require one.")
        return
    names = {tool.function.name for tool in options.tools if tool.HasField("function")}
    missing = "Name a function among options.tools."
    if named == "function_name" and choice.function_name not in names:
        findings.add(f"{at}.function_name", Rule.NO_SUCH_REFERENCE, missing)
    if named == "allowed":
        for index, name in enumerate(choice.allowed.names[: findings.limits.max_tools]):
            if name not in names:
                findings.add(f"{at}.allowed.names[{index}]", Rule.NO_SUCH_REFERENCE, missing)


EXTENSION = FieldRules(
    fields={
        "provider_kind": kind_name,
        "json": json_text(is_object=True, max_bytes=MAX_EXTENSION_BYTES),
        "required": anything,
    },
    required=("provider_kind", "json"),
)

RESERVED_MEMBERS = frozenset(
    # What Weir itself writes, routes, prices and bounds by.
    {"model", "models", "messages", "prompt", "input", "stream", "stream_options", "n"}
    | {"max_tokens", "max_completion_tokens", "max_output_tokens"}
    # What some clients read as an address, a credential or a header rather than as a member.
    | {"api_key", "api_base", "api_version", "api_type", "base_url", "endpoint", "host", "proxy"}
    | {"headers", "extra_headers", "default_headers", "extra_query", "authorization"}
)
"""Members of a provider's request that no extension may set."""


def extensions(findings: Findings, at: str, value: Sequence[ProviderExtension]) -> None:
    """Check the provider-specific settings."""
    if too_many(findings, at, len(value), findings.limits.max_extensions):
        return
    kinds: set[str] = set()
    for index, extension in enumerate(value):
        before = len(findings.violations)
        EXTENSION.check(findings, f"{at}[{index}].", extension)
        if extension.provider_kind and extension.provider_kind in kinds:
            findings.add(
                f"{at}[{index}].provider_kind",
                Rule.DUPLICATE,
                "Join the settings of one kind of provider in one extension.",
            )
        kinds.add(extension.provider_kind)
        if len(findings.violations) > before:
            continue
        if not RESERVED_MEMBERS.isdisjoint(name.lower() for name in member_names(extension.json)):
            findings.add(
                f"{at}[{index}].json",
                Rule.RESERVED,
                "Leave out members that name a model, a size, an address or a credential.",
            )
