"""Is a question to the ledger well formed, or a budget? One function for each request."""

from collections.abc import Sequence

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from weir.admin.v1.usage_admin_service_pb2 import (
    BudgetPeriod,
    DeleteBudgetRequest,
    ListBudgetsRequest,
    ListCallsRequest,
    QueryUsageRequest,
    SetBudgetRequest,
    UsageGroup,
    WatchBudgetsRequest,
    WatchUsageRequest,
)
from weir.v1.usage_service_pb2 import GetResponseUsageRequest
from weir_server.validation.admin import INTERVAL_MAX_S, INTERVAL_MIN_S
from weir_server.validation.checks import (
    NANOS,
    FieldRules,
    anything,
    duration,
    known,
    line,
    matching,
    number,
    too_many,
)
from weir_server.validation.findings import Findings, Rule
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.names import MAX_NAME_BYTES, labels, name_line

MAX_PAGE_SIZE = 1_000
MAX_TOKEN_BYTES = 1_024
MAX_WARNINGS = 16
LIMIT_MAX_NANOS = 10**18
"""A thousand million dollars: sums of such amounts still fit 64 bits."""

_key_name = matching(r"keys/[A-Za-z0-9_-]{1,64}", 'Give a resource name such as "keys/4f1d8a".')
_model_name = matching(r"models/[^\s]{1,250}", 'Give a resource name such as "models/fast".')
_provider_name = matching(
    r"providers/[a-z][a-z0-9-]{0,62}", 'Give a resource name such as "providers/openai".'
)
_budget_name = matching(
    r"budgets/[A-Za-z0-9._-]{1,64}",
    'Give a resource name such as "budgets/search-monthly": letters, digits, ".", "_", "-".',
)
_tenant = matching(
    r"[A-Za-z0-9._-]{1,64}", "Give up to 64 letters, digits or any of . _ - as the tenant."
)
_label = matching(
    r"(?s)[^=\x00-\x1f]{1,63}=[^\x00-\x1f]{0,256}", 'Give a label and its value: "team=search".'
)
_group = known(UsageGroup.DESCRIPTOR)
_share = number(0, 1)
_page_size = number(0, MAX_PAGE_SIZE)
_page_token = line(MAX_TOKEN_BYTES)


def _time(findings: Findings, at: str, value: Timestamp) -> None:
    # Year 1 to year 9999, as google.protobuf.Timestamp has it.
    if not (-62_135_596_800 <= value.seconds <= 253_402_300_799 and 0 <= value.nanos < NANOS):
        findings.add(at, Rule.OUT_OF_RANGE, "Give a time between the years 1 and 9999.")


def _groups(findings: Findings, at: str, value: Sequence[int]) -> None:
    if too_many(findings, at, len(value), len(UsageGroup.values()) - 1):
        return
    for index, group in enumerate(value):
        _group(findings, f"{at}[{index}]", group)
        if group in value[:index]:
            findings.add(f"{at}[{index}]", Rule.DUPLICATE, "Group by each thing once.")


def _shares(findings: Findings, at: str, value: Sequence[float]) -> None:
    if too_many(findings, at, len(value), MAX_WARNINGS):
        return
    for index, share in enumerate(value):
        _share(findings, f"{at}[{index}]", share)


_FILTER = FieldRules(
    fields={
        "start_time": _time,
        "end_time": _time,
        "tenant": _tenant,
        "key": _key_name,
        "model": _model_name,
        "provider": _provider_name,
        "labels": labels,
    }
)
_PAGED = {"page_size": _page_size, "page_token": _page_token}
GET_RESPONSE_USAGE = FieldRules(fields={"response_id": name_line}, required=("response_id",))
QUERY_USAGE = FieldRules(
    fields={
        "filter": _FILTER.nested,
        "group_by": _groups,
        "group_label": line(MAX_NAME_BYTES),
        **_PAGED,
    }
)
WATCH_USAGE = FieldRules(
    fields={
        "query": QUERY_USAGE.nested,
        "interval": duration(INTERVAL_MIN_S, INTERVAL_MAX_S),
    }
)
LIST_CALLS = FieldRules(fields={"filter": _FILTER.nested, **_PAGED})
BUDGET = FieldRules(
    fields={
        "name": _budget_name,
        "key": _key_name,
        "tenant": _tenant,
        "label": _label,
        "period": known(BudgetPeriod.DESCRIPTOR),
        "limit_nanos": number(0, LIMIT_MAX_NANOS),
        "hard": anything,
        "warn_at": _shares,
        # Only answers carry them.
        "spent_nanos": anything,
        "reserved_nanos": anything,
        "period_start_time": anything,
    },
    required=("name", "period"),
    oneofs={"scope": "key, tenant or label"},
)
SET_BUDGET = FieldRules(fields={"budget": BUDGET.nested}, required=("budget",))
LIST_BUDGETS = FieldRules(fields={"tenant": _tenant, **_PAGED})
DELETE_BUDGET = FieldRules(fields={"name": _budget_name}, required=("name",))
WATCH_BUDGETS = FieldRules(fields={"name": _budget_name, "start_time": _time})


def validate_get_response_usage(request: GetResponseUsageRequest, limits: ValidationLimits) -> None:
    """Check a question for one call. Raises InvalidRequest."""
    _check(GET_RESPONSE_USAGE, request, limits)


def validate_query_usage(request: QueryUsageRequest, limits: ValidationLimits) -> None:
    """Check a question for sums. Raises InvalidRequest."""
    findings = Findings(limits)
    QUERY_USAGE.check(findings, "", request)
    _check_query(findings, request, "")
    findings.raise_any()


def validate_watch_usage(request: WatchUsageRequest, limits: ValidationLimits) -> None:
    """Check a watch of sums. Raises InvalidRequest."""
    findings = Findings(limits)
    WATCH_USAGE.check(findings, "", request)
    _check_query(findings, request.query, "query.")
    findings.raise_any()


def validate_list_calls(request: ListCallsRequest, limits: ValidationLimits) -> None:
    """Check a question for calls. Raises InvalidRequest."""
    _check(LIST_CALLS, request, limits)


def validate_set_budget(request: SetBudgetRequest, limits: ValidationLimits) -> None:
    """Check a budget. Raises InvalidRequest."""
    _check(SET_BUDGET, request, limits)


def validate_list_budgets(request: ListBudgetsRequest, limits: ValidationLimits) -> None:
    """Check a question for budgets. Raises InvalidRequest."""
    _check(LIST_BUDGETS, request, limits)


def validate_delete_budget(request: DeleteBudgetRequest, limits: ValidationLimits) -> None:
    """Check which budget is to end. Raises InvalidRequest."""
    _check(DELETE_BUDGET, request, limits)


def validate_watch_budgets(request: WatchBudgetsRequest, limits: ValidationLimits) -> None:
    """Check which budgets are watched. Raises InvalidRequest."""
    _check(WATCH_BUDGETS, request, limits)


def _check(rules: FieldRules, request: Message, limits: ValidationLimits) -> None:
    findings = Findings(limits)
    rules.check(findings, "", request)
    findings.raise_any()


def _check_query(findings: Findings, query: QueryUsageRequest, at: str) -> None:
    """Check what no field can tell alone: a label to group by has a name."""
    by_label = UsageGroup.USAGE_GROUP_LABEL in query.group_by
    if by_label and not query.group_label:
        findings.add(f"{at}group_label", Rule.REQUIRED, "Name the label to group by.")
    if query.group_label and not by_label:
        findings.add(f"{at}group_by", Rule.CONFLICT, "Add LABEL to it, or leave group_label out.")
