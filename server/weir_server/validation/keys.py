"""Is a request about keys well formed? One function for each; each raises what it finds."""

from collections.abc import Sequence

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from weir.admin.v1.key_admin_service_pb2 import (
    CreateKeyRequest,
    GetKeyRequest,
    KeyRole,
    ListKeysRequest,
    RevokeKeyRequest,
    RotateKeyRequest,
    UpdateKeyRequest,
)
from weir_server.validation.checks import (
    NANOS,
    Check,
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
from weir_server.validation.names import labels, name_line

CHANGEABLE = frozenset({"display_name", "models", "limits", "labels", "expire_time"})
"""What UpdateKey may change: whose a key is, and what it is, stays as it was made."""
OVERLAP_MAX_S = 30 * 86_400
MAX_MODELS = 100
PAGE_SIZE_MAX = 1000
_LIMIT_MAX = 10**12
_TIME_MAX_S = 253_402_300_799  # the last second of the year 9999, as google.protobuf.Timestamp says

_key_name = matching(r"keys/[a-z0-9-]{1,64}", 'Give a resource name such as "keys/4f1d8a".')
_tenant = matching(r"[A-Za-z0-9._-]{1,64}", 'Give 1 to 64 letters, digits, ".", "_" or "-".')
_model = matching(
    r"models/(\*|[A-Za-z0-9._:@/-]{1,200}\*?)",
    'Give resource names such as "models/fast", or "models/fast-*" for all that begin so.',
)


def _models(findings: Findings, at: str, value: Sequence[str]) -> None:
    if not too_many(findings, at, len(value), MAX_MODELS):
        for index, name in enumerate(value):
            _model(findings, f"{at}[{index}]", name)


def _moment(findings: Findings, at: str, value: Timestamp) -> None:
    if not (0 <= value.seconds <= _TIME_MAX_S and 0 <= value.nanos < NANOS):
        findings.add(at, Rule.OUT_OF_RANGE, "Give a time after 1970 and before the year 10000.")


def _mask(findings: Findings, at: str, value: FieldMask) -> None:
    if not CHANGEABLE.issuperset(value.paths):
        findings.add(at, Rule.UNKNOWN_VALUE, f"Name only {', '.join(sorted(CHANGEABLE))}.")


_limit = number(1, _LIMIT_MAX)
_LIMITS = FieldRules(
    fields={
        "requests_per_minute": _limit,
        "tokens_per_minute": _limit,
        "concurrent_calls": _limit,
    }
)
_MADE_BY_WEIR: dict[str, Check] = dict.fromkeys(
    ("create_time", "revoke_time", "state", "secret_prefix"),
    anything,  # ignored, so that a key which was read can be sent again
)
_KEY: dict[str, Check] = {
    "display_name": line(128),
    "role": known(KeyRole.DESCRIPTOR),
    "models": _models,
    "limits": _LIMITS.nested,
    "labels": labels,
    "expire_time": _moment,
    **_MADE_BY_WEIR,
}
NEW_KEY = FieldRules(fields={**_KEY, "name": anything, "tenant": _tenant}, required=("tenant",))
CHANGED_KEY = FieldRules(fields={**_KEY, "name": _key_name, "tenant": anything}, required=("name",))
CREATE_KEY = FieldRules(fields={"key": NEW_KEY.nested}, required=("key",))
GET_KEY = FieldRules(fields={"name": _key_name}, required=("name",))
LIST_KEYS = FieldRules(
    fields={"tenant": _tenant, "page_size": number(0, PAGE_SIZE_MAX), "page_token": name_line}
)
UPDATE_KEY = FieldRules(
    fields={"key": CHANGED_KEY.nested, "update_mask": _mask}, required=("key", "update_mask")
)
ROTATE_KEY = FieldRules(
    fields={"name": _key_name, "overlap": duration(0, OVERLAP_MAX_S)}, required=("name",)
)
REVOKE_KEY = FieldRules(fields={"name": _key_name}, required=("name",))


def validate_create_key(request: CreateKeyRequest, limits: ValidationLimits) -> None:
    """Check a key to be made. Raises InvalidRequest."""
    _check(CREATE_KEY, request, limits)


def validate_get_key(request: GetKeyRequest, limits: ValidationLimits) -> None:
    """Check a question for a key. Raises InvalidRequest."""
    _check(GET_KEY, request, limits)


def validate_list_keys(request: ListKeysRequest, limits: ValidationLimits) -> None:
    """Check a question for keys. Raises InvalidRequest."""
    _check(LIST_KEYS, request, limits)


def validate_update_key(request: UpdateKeyRequest, limits: ValidationLimits) -> None:
    """Check what is to change of a key. Raises InvalidRequest."""
    findings = Findings(limits)
    UPDATE_KEY.check(findings, "", request)
    if request.HasField("update_mask") and not request.update_mask.paths:
        findings.add("update_mask", Rule.REQUIRED, f"Name some of {', '.join(sorted(CHANGEABLE))}.")
    findings.raise_any()


def validate_rotate_key(request: RotateKeyRequest, limits: ValidationLimits) -> None:
    """Check which key is to get another secret. Raises InvalidRequest."""
    _check(ROTATE_KEY, request, limits)


def validate_revoke_key(request: RevokeKeyRequest, limits: ValidationLimits) -> None:
    """Check which key is to end. Raises InvalidRequest."""
    _check(REVOKE_KEY, request, limits)


def _check(rules: FieldRules, request: Message, limits: ValidationLimits) -> None:
    findings = Findings(limits)
    rules.check(findings, "", request)
    findings.raise_any()
