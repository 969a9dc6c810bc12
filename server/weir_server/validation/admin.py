"""Is an operator's request well formed? One function for each; each raises what it finds."""

from weir.admin.v1.admin_service_pb2 import (
    CircuitState,
    ExplainRouteRequest,
    ListTargetsRequest,
    SetCircuitStateRequest,
    WatchTargetsRequest,
)
from weir_server.validation.checks import FieldRules, anything, duration, line, matching, number
from weir_server.validation.findings import Findings, Rule
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.requests import check_chat

MAX_TARGET_NAME_BYTES = 512
INTERVAL_MIN_S, INTERVAL_MAX_S = 0.1, 60.0

_SETTABLE = frozenset(
    {
        CircuitState.CIRCUIT_STATE_FORCED_OPEN,
        CircuitState.CIRCUIT_STATE_FORCED_CLOSED,
        CircuitState.CIRCUIT_STATE_CLOSED,
    }
)
_PROVIDER = r"providers/[a-z][a-z0-9-]{0,62}"
_provider_name = matching(_PROVIDER, 'Give a resource name such as "providers/openai".')
_one_line = line(MAX_TARGET_NAME_BYTES)
_target_form = matching(
    rf"(?s){_PROVIDER}/targets/.+",
    'Give a resource name such as "providers/openai/targets/gpt-4o-mini".',
)


def _target_name(findings: Findings, at: str, value: str) -> None:
    before = len(findings.violations)
    _one_line(findings, at, value)
    if len(findings.violations) == before:
        _target_form(findings, at, value)


def _settable(findings: Findings, at: str, value: int) -> None:
    if value not in _SETTABLE:
        findings.add(
            at, Rule.UNKNOWN_VALUE, "Give FORCED_OPEN, FORCED_CLOSED, or CLOSED to give it back."
        )


LIST_TARGETS = FieldRules(fields={"provider": _provider_name})
WATCH_TARGETS = FieldRules(
    fields={"provider": _provider_name, "interval": duration(INTERVAL_MIN_S, INTERVAL_MAX_S)}
)
SET_CIRCUIT_STATE = FieldRules(
    fields={"name": _target_name, "circuit": _settable}, required=("name", "circuit")
)
EXPLAIN_ROUTE = FieldRules(
    fields={
        "request": anything,  # checked as a chat, see below
        "streaming": anything,
        "prompt_tokens": number(0, 2**63 - 1),
    },
    required=("request",),
)


def validate_list_targets(request: ListTargetsRequest, limits: ValidationLimits) -> None:
    """Check a question for targets. Raises InvalidRequest."""
    findings = Findings(limits)
    LIST_TARGETS.check(findings, "", request)
    findings.raise_any()


def validate_watch_targets(request: WatchTargetsRequest, limits: ValidationLimits) -> None:
    """Check a watch of targets. Raises InvalidRequest."""
    findings = Findings(limits)
    WATCH_TARGETS.check(findings, "", request)
    findings.raise_any()


def validate_set_circuit_state(request: SetCircuitStateRequest, limits: ValidationLimits) -> None:
    """Check what is to hold for a circuit. Raises InvalidRequest."""
    findings = Findings(limits)
    SET_CIRCUIT_STATE.check(findings, "", request)
    findings.raise_any()


def validate_explain_route(request: ExplainRouteRequest, limits: ValidationLimits) -> None:
    """Check a request whose way is asked for; its messages may be empty. Raises InvalidRequest."""
    findings = Findings(limits)
    EXPLAIN_ROUTE.check(findings, "", request)
    if request.HasField("request"):
        check_chat(findings.below("request."), request.request, may_be_empty=True)
    findings.raise_any()
