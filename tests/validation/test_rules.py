"""Does every rule of the contract hold, and name the field that breaks it?"""

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from google.protobuf import text_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from tests.validation import (
    admin_rows,
    config_rows,
    key_rows,
    media_rows,
    message_rows,
    option_rows,
    query_rows,
    tool_rows,
    usage_rows,
)
from tests.validation.rows import Row, options
from weir.admin.v1.admin_service_pb2 import (
    ExplainRouteRequest,
    ListTargetsRequest,
    SetCircuitStateRequest,
    WatchTargetsRequest,
)
from weir.admin.v1.key_admin_service_pb2 import (
    CreateKeyRequest,
    GetKeyRequest,
    ListKeysRequest,
    RevokeKeyRequest,
    RotateKeyRequest,
    UpdateKeyRequest,
)
from weir.admin.v1.usage_admin_service_pb2 import (
    DeleteBudgetRequest,
    ListBudgetsRequest,
    ListCallsRequest,
    QueryUsageRequest,
    SetBudgetRequest,
    WatchBudgetsRequest,
    WatchUsageRequest,
)
from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.generation_pb2 import StreamOptions
from weir.v1.model_service_pb2 import GetModelRequest, ListModelsRequest
from weir.v1.provider_service_pb2 import (
    ChatRequest,
    CompleteRequest,
    CountTokensRequest,
    InitializeRequest,
    ProviderConfig,
    ValidateTokenCountRequest,
)
from weir.v1.usage_service_pb2 import GetResponseUsageRequest
from weir_server.core.errors import InvalidRequest
from weir_server.validation.admin import (
    validate_explain_route,
    validate_list_targets,
    validate_set_circuit_state,
    validate_watch_targets,
)
from weir_server.validation.config import validate_initialize, validate_provider_config
from weir_server.validation.keys import (
    validate_create_key,
    validate_get_key,
    validate_list_keys,
    validate_revoke_key,
    validate_rotate_key,
    validate_update_key,
)
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.requests import (
    validate_chat,
    validate_complete,
    validate_count_tokens,
    validate_embed,
    validate_get_model,
    validate_list_models,
    validate_stream_options,
    validate_token_count,
)
from weir_server.validation.usage import (
    validate_delete_budget,
    validate_get_response_usage,
    validate_list_budgets,
    validate_list_calls,
    validate_query_usage,
    validate_set_budget,
    validate_watch_budgets,
    validate_watch_usage,
)

LIMITS = ValidationLimits()
M = TypeVar("M", bound=Message)

CHAT_ROWS = [
    *message_rows.MESSAGE_ROWS,
    *message_rows.KIND_ROWS,
    *media_rows.MEDIA_ROWS,
    *option_rows.NUMBER_ROWS,
    *option_rows.TEXT_ROWS,
    *option_rows.MODE_ROWS,
    *tool_rows.TOOL_ROWS,
    *tool_rows.FORMAT_ROWS,
    *tool_rows.EXTENSION_ROWS,
]


def parsed(kind: type[M], text: str) -> M:
    """Read protobuf text, then bytes: what a call would carry."""
    message = kind()
    text_format.Parse(text, message)
    return kind.FromString(message.SerializeToString())


def prove(row: Row, kind: type[M], validate: Callable[[M], object]) -> None:
    """Prove one row: the breaking request is refused for just this, its neighbour passes."""
    breaking, keeping = parsed(kind, row.breaks), parsed(kind, row.keeps)
    before = breaking.SerializeToString(deterministic=True)

    with pytest.raises(InvalidRequest) as refusal:
        validate(breaking)
    validate(keeping)

    assert [(v.field, v.rule) for v in refusal.value.violations] == [(row.field, row.rule)]
    assert type(refusal.value) is row.error
    assert re.fullmatch(r"[A-Z][^\n]*\.", refusal.value.violations[0].description)
    assert breaking.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("row", CHAT_ROWS, ids=str)
def test_chat(row: Row) -> None:
    """A chat that breaks one rule is refused for that rule alone."""
    prove(row, ChatRequest, lambda request: validate_chat(request, LIMITS))


@pytest.mark.parametrize("row", query_rows.COMPLETE_ROWS, ids=str)
def test_complete(row: Row) -> None:
    """A completion that breaks one rule is refused for that rule alone."""
    prove(row, CompleteRequest, lambda request: validate_complete(request, LIMITS))


@pytest.mark.parametrize("row", query_rows.EMBED_ROWS, ids=str)
def test_embed(row: Row) -> None:
    """Inputs that break one rule are refused for that rule alone."""
    prove(row, EmbedRequest, lambda request: validate_embed(request, LIMITS))


@pytest.mark.parametrize("row", query_rows.COUNT_ROWS, ids=str)
def test_count_tokens(row: Row) -> None:
    """What cannot be counted is refused, with the path inside the chat."""
    prove(row, CountTokensRequest, lambda request: validate_count_tokens(request, LIMITS))


@pytest.mark.parametrize("row", query_rows.FIT_ROWS, ids=str)
def test_token_count(row: Row) -> None:
    """A question whether a text fits needs a number to fit."""
    prove(row, ValidateTokenCountRequest, lambda request: validate_token_count(request, LIMITS))


@pytest.mark.parametrize("row", query_rows.LIST_ROWS, ids=str)
def test_list_models(row: Row) -> None:
    """A page has a bounded size, a token and a filter that a log may carry."""
    prove(row, ListModelsRequest, lambda request: validate_list_models(request, LIMITS))


@pytest.mark.parametrize("row", query_rows.MODEL_ROWS, ids=str)
def test_get_model(row: Row) -> None:
    """A model is asked for by name."""
    prove(row, GetModelRequest, lambda request: validate_get_model(request, LIMITS))


@pytest.mark.parametrize("row", query_rows.STREAM_ROWS, ids=str)
def test_stream_options(row: Row) -> None:
    """Heartbeats and delays lie within the bounds that the contract states."""
    prove(row, StreamOptions, lambda request: validate_stream_options(request, LIMITS))


@pytest.mark.parametrize("row", admin_rows.LIST_ROWS, ids=str)
def test_list_targets(row: Row) -> None:
    """A provider is named as the contract names it."""
    prove(row, ListTargetsRequest, lambda request: validate_list_targets(request, LIMITS))


@pytest.mark.parametrize("row", admin_rows.WATCH_ROWS, ids=str)
def test_watch_targets(row: Row) -> None:
    """A watch is told something every 0.1 to 60 seconds at most."""
    prove(row, WatchTargetsRequest, lambda request: validate_watch_targets(request, LIMITS))


@pytest.mark.parametrize("row", admin_rows.CIRCUIT_ROWS, ids=str)
def test_set_circuit_state(row: Row) -> None:
    """A target is named, and its circuit is forced or given back: nothing else can be set."""
    prove(row, SetCircuitStateRequest, lambda request: validate_set_circuit_state(request, LIMITS))


@pytest.mark.parametrize("row", admin_rows.EXPLAIN_ROWS, ids=str)
def test_explain_route(row: Row) -> None:
    """The request is checked as a chat that may have no messages yet."""
    prove(row, ExplainRouteRequest, lambda request: validate_explain_route(request, LIMITS))


@pytest.mark.parametrize("row", key_rows.CREATE_ROWS, ids=str)
def test_create_key(row: Row) -> None:
    """A key has an owner, and nothing in it that a header, a log or a query would choke on."""
    prove(row, CreateKeyRequest, lambda request: validate_create_key(request, LIMITS))


@pytest.mark.parametrize("row", key_rows.LIST_ROWS, ids=str)
def test_list_keys(row: Row) -> None:
    """A page has a bounded size; tenant and token are what they look like."""
    prove(row, ListKeysRequest, lambda request: validate_list_keys(request, LIMITS))


@pytest.mark.parametrize("row", key_rows.UPDATE_ROWS, ids=str)
def test_update_key(row: Row) -> None:
    """The mask names what may change, and never whose a key is or what it may do as a role."""
    prove(row, UpdateKeyRequest, lambda request: validate_update_key(request, LIMITS))


@pytest.mark.parametrize("row", key_rows.NAME_ROWS, ids=str)
def test_name_of_a_key(row: Row) -> None:
    """Wherever a key is named, by its resource name."""
    prove(row, GetKeyRequest, lambda request: validate_get_key(request, LIMITS))
    prove(row, RotateKeyRequest, lambda request: validate_rotate_key(request, LIMITS))
    prove(row, RevokeKeyRequest, lambda request: validate_revoke_key(request, LIMITS))


@pytest.mark.parametrize("row", key_rows.ROTATE_ROWS, ids=str)
def test_rotate_key(row: Row) -> None:
    """Two secrets work for thirty days at most."""
    prove(row, RotateKeyRequest, lambda request: validate_rotate_key(request, LIMITS))


@pytest.mark.parametrize("row", usage_rows.RESPONSE_ROWS, ids=str)
def test_get_response_usage(row: Row) -> None:
    """One's own call is asked for by its identity."""
    prove(
        row, GetResponseUsageRequest, lambda request: validate_get_response_usage(request, LIMITS)
    )


@pytest.mark.parametrize("row", usage_rows.QUERY_ROWS, ids=str)
def test_query_usage(row: Row) -> None:
    """Sums are asked for by names of the contract, each group once."""
    prove(row, QueryUsageRequest, lambda request: validate_query_usage(request, LIMITS))


@pytest.mark.parametrize("row", usage_rows.WATCH_ROWS, ids=str)
def test_watch_usage(row: Row) -> None:
    """A watch asks as a query does, and is told every 0.1 to 60 seconds at most."""
    prove(row, WatchUsageRequest, lambda request: validate_watch_usage(request, LIMITS))


@pytest.mark.parametrize("row", usage_rows.CALLS_ROWS, ids=str)
def test_list_calls(row: Row) -> None:
    """Calls are filtered by names of the contract."""
    prove(row, ListCallsRequest, lambda request: validate_list_calls(request, LIMITS))


@pytest.mark.parametrize("row", usage_rows.BUDGET_ROWS, ids=str)
def test_set_budget(row: Row) -> None:
    """A budget says whose it is, for how long, and how much."""
    prove(row, SetBudgetRequest, lambda request: validate_set_budget(request, LIMITS))


@pytest.mark.parametrize("row", usage_rows.BUDGETS_ROWS, ids=str)
def test_list_budgets(row: Row) -> None:
    """Budgets are listed page by page."""
    prove(row, ListBudgetsRequest, lambda request: validate_list_budgets(request, LIMITS))


@pytest.mark.parametrize("row", usage_rows.DELETE_ROWS, ids=str)
def test_delete_budget(row: Row) -> None:
    """A budget that is to end is named."""
    prove(row, DeleteBudgetRequest, lambda request: validate_delete_budget(request, LIMITS))


@pytest.mark.parametrize("row", usage_rows.EVENTS_ROWS, ids=str)
def test_watch_budgets(row: Row) -> None:
    """Events are asked for by budget and time."""
    prove(row, WatchBudgetsRequest, lambda request: validate_watch_budgets(request, LIMITS))


@pytest.mark.parametrize("row", config_rows.INITIALIZE_ROWS, ids=str)
def test_initialize(row: Row) -> None:
    """A registration that breaks one rule is refused; CONFIG_INVALID is the configuration's."""
    prove(row, InitializeRequest, lambda request: validate_initialize(request, LIMITS))


@pytest.mark.parametrize("row", config_rows.CONFIG_ROWS, ids=str)
def test_config(row: Row) -> None:
    """A bad configuration is answered with its violations, under the caller's prefix."""
    bad = validate_provider_config(parsed(ProviderConfig, row.breaks), "config.")
    good = validate_provider_config(parsed(ProviderConfig, row.keeps), "config.")

    assert [(v.field, v.rule) for v in bad] == [(f"config.{row.field}", row.rule)]
    assert good == []


def test_all_violations_are_told() -> None:
    """One answer names everything that is wrong, in the order of the fields."""
    request = parsed(
        ChatRequest,
        "messages { parts { text: 'hi' } } options { temperature: 3 top_p: nan } model: '\\n'",
    )

    with pytest.raises(InvalidRequest) as refusal:
        validate_chat(request, LIMITS, "request.")

    assert [v.field for v in refusal.value.violations] == [
        "request.messages[0].role",
        "request.options.temperature",
        "request.options.top_p",
        "request.model",
    ]


def test_violations_are_bounded() -> None:
    """The search ends at the bound, however much is wrong."""
    request = parsed(ChatRequest, "messages { role: 77 }" * 2_000)

    with pytest.raises(InvalidRequest) as refusal:
        validate_chat(request, LIMITS)
    full = validate_provider_config(
        parsed(ProviderConfig, " ".join(config_rows.header(f"host {i}") for i in range(32))), ""
    )

    assert len(refusal.value.violations) == LIMITS.max_violations
    assert len(full) == LIMITS.max_violations


def test_violations_fit_status_details() -> None:
    """The longest list of violations stays below the 4 KiB that a status may carry."""
    longest = "k" * 200
    request = parsed(
        ChatRequest,
        options(
            " ".join(f"labels {{ key: '{longest}{i}' value: {'v' * 300!r} }}" for i in range(32))
        ),
    )

    with pytest.raises(InvalidRequest) as refusal:
        validate_chat(request, LIMITS, "request.")

    size = sum(v.ByteSize() + 3 for v in refusal.value.violations)
    assert size < 4_096


def test_mixed_kinds_are_a_plain_refusal() -> None:
    """A bad tool schema beside another fault is INVALID_REQUEST, not TOOL_SCHEMA_INVALID."""
    request = parsed(
        ChatRequest,
        tool_rows.function("parameters_json_schema: '['").replace(
            "options {", "options { temperature: 3"
        ),
    )

    with pytest.raises(InvalidRequest) as refusal:
        validate_chat(request, LIMITS)

    assert type(refusal.value) is InvalidRequest
    assert len(refusal.value.violations) == 2


FREE = {
    # Free text and bytes: the size of the message bounds them.
    *("messages.parts.text", "messages.parts.reasoning.text", "messages.parts.refusal.text"),
    *("messages.parts.compaction.summary", "messages.parts.media.transcript"),
    *("messages.parts.provider_state", "text", "chat"),
    # Flags.
    *("messages.parts.tool_call.arguments_valid", "messages.parts.tool_result.is_error"),
    *("messages.parts.reasoning.is_summary", "messages.parts.server_tool_result.is_error"),
    *("options.tools.function.strict", "options.parallel_tool_calls"),
    *("options.output_format.json_schema.strict", "options.extensions.required"),
    *("options.routing.allow_hedging", "options.routing.bypass_cache"),
    *("validate_only", "usage_updates", "streaming"),
    # Every number is a seed.
    "options.seed",
    # Only answers carry them; an answer that comes back as history may.
    *(f"messages.parts.citations.{name}" for name in ("start_byte", "end_byte", "uri", "title")),
    *(f"messages.parts.citations.{name}" for name in ("cited_text", "document_id")),
    # Weir makes them, whatever a caller says of them.
    *("key.name", "key.create_time", "key.revoke_time", "key.state", "key.secret_prefix"),
    *("budget.hard", "budget.spent_nanos", "budget.reserved_nanos", "budget.period_start_time"),
    # Has no fields.
    *("options.output_format.text", "options.output_format.json_object"),
}
"""Fields that have no rule, and why."""

SHARED = frozenset({"GenerationOptions", "MediaPart", "ChatRequest", "ProviderConfig", "Key"})
"""Messages whose fields are proven once, with the chat or the making of a key; elsewhere one row
shows the same check."""

COVERED: list[tuple[type[Message], list[Row]]] = [
    (ChatRequest, CHAT_ROWS),
    (CompleteRequest, query_rows.COMPLETE_ROWS),
    (EmbedRequest, query_rows.EMBED_ROWS),
    (CountTokensRequest, query_rows.COUNT_ROWS),
    (ValidateTokenCountRequest, query_rows.FIT_ROWS),
    (ListModelsRequest, query_rows.LIST_ROWS),
    (GetModelRequest, query_rows.MODEL_ROWS),
    (StreamOptions, query_rows.STREAM_ROWS),
    (ListTargetsRequest, admin_rows.LIST_ROWS),
    (WatchTargetsRequest, admin_rows.WATCH_ROWS),
    (SetCircuitStateRequest, admin_rows.CIRCUIT_ROWS),
    (ExplainRouteRequest, admin_rows.EXPLAIN_ROWS),
    (CreateKeyRequest, key_rows.CREATE_ROWS),
    (GetKeyRequest, key_rows.NAME_ROWS),
    (ListKeysRequest, key_rows.LIST_ROWS),
    (UpdateKeyRequest, key_rows.UPDATE_ROWS),
    (RotateKeyRequest, [*key_rows.NAME_ROWS, *key_rows.ROTATE_ROWS]),
    (RevokeKeyRequest, key_rows.NAME_ROWS),
    (GetResponseUsageRequest, usage_rows.RESPONSE_ROWS),
    (QueryUsageRequest, usage_rows.QUERY_ROWS),
    (WatchUsageRequest, usage_rows.WATCH_ROWS),
    (ListCallsRequest, usage_rows.CALLS_ROWS),
    (SetBudgetRequest, usage_rows.BUDGET_ROWS),
    (ListBudgetsRequest, usage_rows.BUDGETS_ROWS),
    (DeleteBudgetRequest, usage_rows.DELETE_ROWS),
    (WatchBudgetsRequest, usage_rows.EVENTS_ROWS),
    (InitializeRequest, config_rows.INITIALIZE_ROWS),
    (ProviderConfig, config_rows.CONFIG_ROWS),
]


def leaves(root: type[Message]) -> Iterator[str]:
    """Give the path of every field of `root` that a rule could speak of."""
    inside = SHARED - {"GenerationOptions", "MediaPart"} if root is ChatRequest else SHARED
    if root is CreateKeyRequest:
        inside = SHARED - {"Key"}
    assert isinstance(root.DESCRIPTOR, Descriptor)
    yield from _below(root.DESCRIPTOR, "", inside)


def _below(kind: Descriptor, at: str, closed: frozenset[str]) -> Iterator[str]:
    for field in kind.fields:
        path = f"{at}{field.name}"
        inner = field.message_type
        if (
            inner is None
            or inner.GetOptions().map_entry
            or inner.full_name.startswith("google.")
            or inner.name in closed
            or not inner.fields
        ):
            yield path
        else:
            # A part inside a part is looked at once.
            yield from _below(inner, f"{path}.", closed | {kind.name, inner.name})


@pytest.mark.parametrize("kind", COVERED, ids=lambda pair: pair[0].DESCRIPTOR.name)
def test_no_field_is_forgotten(kind: tuple[type[Message], list[Row]]) -> None:
    """Every field of every request has a row, or stands in the list of those that need none."""
    message, rows = kind
    proven = {re.sub(r"\[[^]]*\]", "", row.field).removeprefix("stream_options.") for row in rows}
    parents = {path[: match.start()] for path in proven for match in re.finditer(r"\.", path)}

    unproven = set(leaves(message)) - proven - parents - FREE

    assert unproven == set()


def test_no_path_is_invented() -> None:
    """The free fields exist: a renamed one leaves the list."""
    known = {path for message, _ in COVERED for path in leaves(message)}

    assert known >= FREE
