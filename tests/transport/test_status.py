"""Every failure has one status, one text that is fixed, and details within their bound."""

from collections.abc import Iterator

import pytest
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import (
    BadRequest,
    ErrorInfo,
    QuotaFailure,
    ResourceInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status

from weir.v1.error_pb2 import Attempt, ErrorReason, FailureInfo, FieldViolation
from weir.v1.usage_pb2 import TokenUsage
from weir_server.core import errors
from weir_server.core.errors import WeirError
from weir_server.transport import status

# The contract's table, 2.5: a reason has exactly one code.
CODES = {
    "INVALID_REQUEST": "INVALID_ARGUMENT",
    "MALFORMED_REQUEST": "INVALID_ARGUMENT",
    "UNSUPPORTED_OPTION": "INVALID_ARGUMENT",
    "UNSUPPORTED_MODALITY": "INVALID_ARGUMENT",
    "CONTEXT_LENGTH_EXCEEDED": "INVALID_ARGUMENT",
    "OUTPUT_SCHEMA_INVALID": "INVALID_ARGUMENT",
    "TOOL_SCHEMA_INVALID": "INVALID_ARGUMENT",
    "PAGE_TOKEN_INVALID": "INVALID_ARGUMENT",
    "CONFIG_INVALID": "INVALID_ARGUMENT",
    "REQUEST_TOO_LARGE": "INVALID_ARGUMENT",
    "MEDIA_FETCH_FAILED": "INVALID_ARGUMENT",
    "MESSAGE_TOO_LARGE": "RESOURCE_EXHAUSTED",
    "API_KEY_INVALID": "UNAUTHENTICATED",
    "API_KEY_DISABLED": "UNAUTHENTICATED",
    "MODEL_NOT_ALLOWED": "PERMISSION_DENIED",
    "KEY_NOT_FOUND": "NOT_FOUND",
    "BUDGET_NOT_FOUND": "NOT_FOUND",
    "RESPONSE_NOT_FOUND": "NOT_FOUND",
    "RATE_LIMITED": "RESOURCE_EXHAUSTED",
    "BUDGET_EXCEEDED": "RESOURCE_EXHAUSTED",
    "PRICE_UNKNOWN": "FAILED_PRECONDITION",
    "IDEMPOTENCY_KEY_REUSED": "INVALID_ARGUMENT",
    "IDEMPOTENCY_IN_PROGRESS": "ABORTED",
    "UNKNOWN_OUTCOME": "ABORTED",
    "LEDGER_UNAVAILABLE": "UNAVAILABLE",
    "PERMISSION_DENIED": "PERMISSION_DENIED",
    "FEATURE_DISABLED": "UNIMPLEMENTED",
    "MODEL_NOT_FOUND": "NOT_FOUND",
    "PROVIDER_NOT_FOUND": "NOT_FOUND",
    "RESOURCE_EXISTS": "ALREADY_EXISTS",
    "CONCURRENCY_LIMITED": "RESOURCE_EXHAUSTED",
    "PROVIDER_NOT_INITIALIZED": "FAILED_PRECONDITION",
    "DEADLINE_EXCEEDED": "DEADLINE_EXCEEDED",
    "DEADLINE_TOO_SHORT": "DEADLINE_EXCEEDED",
    "CLIENT_CANCELLED": "CANCELLED",
    "SLOW_CONSUMER": "RESOURCE_EXHAUSTED",
    "UPSTREAM_CREDENTIALS_REJECTED": "FAILED_PRECONDITION",
    "UPSTREAM_REJECTED_REQUEST": "INVALID_ARGUMENT",
    "UPSTREAM_MODEL_NOT_FOUND": "NOT_FOUND",
    "UPSTREAM_CONFLICT": "ABORTED",
    "UPSTREAM_RATE_LIMITED": "RESOURCE_EXHAUSTED",
    "UPSTREAM_QUOTA_EXHAUSTED": "RESOURCE_EXHAUSTED",
    "CIRCUIT_OPEN": "UNAVAILABLE",
    "UPSTREAM_CONNECT_FAILED": "UNAVAILABLE",
    "UPSTREAM_ERROR": "UNAVAILABLE",
    "UPSTREAM_OVERLOADED": "UNAVAILABLE",
    "UPSTREAM_TIMEOUT": "UNAVAILABLE",
    "UPSTREAM_STREAM_BROKEN": "ABORTED",
    "UPSTREAM_PROTOCOL_ERROR": "INTERNAL",
    "POLICY_BLOCKED": "PERMISSION_DENIED",
    "OUTPUT_SCHEMA_MISMATCH": "ABORTED",
    "GATEWAY_DRAINING": "UNAVAILABLE",
    "GATEWAY_OVERLOADED": "UNAVAILABLE",
    "INTERNAL": "INTERNAL",
}


def tree(error: type[WeirError] = WeirError) -> Iterator[type[WeirError]]:
    for child in error.__subclasses__():
        yield child
        yield from tree(child)


REASONED = [error for error in tree() if "reason" in vars(error)]


def unpack(details: bytes) -> dict[str, object]:
    found: dict[str, object] = {}
    for packed in Status.FromString(details).details:
        for kind in (ErrorInfo, RetryInfo, BadRequest, ResourceInfo, QuotaFailure, FailureInfo):
            if packed.Is(kind.DESCRIPTOR):
                detail = kind()
                packed.Unpack(detail)
                assert kind.__name__ not in found
                found[kind.__name__] = detail
    return found


@pytest.mark.parametrize("error", list(tree()), ids=lambda error: error.__name__)
def test_every_class_has_a_row_of_its_own(error: type[WeirError]) -> None:
    """No class falls back on an ancestor's row without somebody having decided so."""
    assert error in status.ROWS


def test_every_row_is_of_a_class_in_the_tree() -> None:
    """A row for what no longer exists is dead."""
    assert set(status.ROWS) == {WeirError, *tree()}


@pytest.mark.parametrize("error", REASONED, ids=lambda error: error.__name__)
def test_a_reason_has_the_contract_s_one_code(error: type[WeirError]) -> None:
    """Two classes with one reason agree, and both say what the contract says."""
    assert code_pb2.Code.Name(status.row_of(error).code) == CODES[error.name()]


def test_an_unforeseen_subclass_gets_its_parent_s_row() -> None:
    """The walk goes up the ancestry."""

    class Unforeseen(errors.UpstreamOverloaded):
        """Made by a provider that nobody has met."""

    assert status.row_of(Unforeseen) == status.ROWS[errors.UpstreamOverloaded]


def test_details_name_the_limit_that_is_used_up() -> None:
    """Whoever meets a limit is told which, in the detail that is made for it."""
    error = errors.BudgetExceeded(metadata={"budget": "budgets/search-monthly"})
    quota = unpack(status.to_details(error, response_id="r", last_sequence=None))["QuotaFailure"]
    assert isinstance(quota, QuotaFailure)
    assert [each.subject for each in quota.violations] == ["budgets/search-monthly"]


def test_details_carry_each_kind_once() -> None:
    """ErrorInfo exactly once; the others where there is something to say (AIP-193)."""
    error = errors.UpstreamRateLimited(
        metadata={"provider": "providers/a"},
        retry_after_s=1.5,
        violations=[FieldViolation(field="a.b", rule="R", description="Do so.")],
        usage=TokenUsage(prompt_tokens=3, total_tokens=3),
    )
    found = unpack(
        status.to_details(
            error, response_id="resp_1", last_sequence=7, attempts=[Attempt(provider="p")]
        )
    )
    info, retry, failure = found["ErrorInfo"], found["RetryInfo"], found["FailureInfo"]
    assert isinstance(info, ErrorInfo)
    assert (info.reason, info.domain) == ("UPSTREAM_RATE_LIMITED", "weir")
    assert dict(info.metadata) == {"provider": "providers/a"}
    assert isinstance(retry, RetryInfo)
    assert (retry.retry_delay.seconds, retry.retry_delay.nanos) == (1, 500_000_000)
    assert isinstance(failure, FailureInfo)
    assert (failure.response_id, failure.last_sequence) == ("resp_1", 7)
    assert failure.usage.prompt_tokens == 3
    bad_request = found["BadRequest"]
    assert isinstance(bad_request, BadRequest)
    assert bad_request.field_violations[0].field == "a.b"


def test_a_missing_model_is_named() -> None:
    """ResourceInfo says what was not found."""
    error = errors.ModelNotFound(metadata={"model": "gpt-9"})
    found = unpack(status.to_details(error, response_id="r", last_sequence=None))
    resource = found["ResourceInfo"]
    assert isinstance(resource, ResourceInfo)
    assert resource.resource_name == "gpt-9"


@pytest.mark.parametrize("error", list(tree()), ids=lambda error: error.__name__)
def test_details_stay_inside_their_bound(error: type[WeirError]) -> None:
    """However much there is to say, the trailer is at most 4 KiB and still names the reason."""
    much = error.__new__(error)
    errors.WeirError.__init__(
        much,
        metadata={f"{n}" * 500: "\U0001f600" * 5_000 for n in range(40)},
        retry_after_s=1e6,
        violations=[
            FieldViolation(field="f" * 500, rule="R" * 300, description="d" * 9_000)
            for _ in range(64)
        ],
        usage=TokenUsage(prompt_tokens=2**62),
    )
    attempts = [Attempt(provider="p" * 300, model="m" * 300) for _ in range(50)]
    details = status.to_details(much, response_id="r", last_sequence=1, attempts=attempts)
    assert len(details) <= status.DETAILS_MAX_BYTES
    info = unpack(details)["ErrorInfo"]
    assert isinstance(info, ErrorInfo)
    assert info.reason == much.name()


def test_the_end_of_a_stream_says_what_the_status_says() -> None:
    """Error in `end` and status are two writings of one failure."""
    error = errors.UpstreamStreamBroken(metadata={"cause": "cut"}, retry_after_s=0.25)
    message = status.to_message(error)
    row = status.row_of(type(error))
    assert (message.code, message.message) == (row.code, row.message)
    assert message.reason == ErrorReason.ERROR_REASON_UPSTREAM_STREAM_BROKEN
    assert message.metadata["cause"] == "cut"
    assert message.retry_after.nanos == 250_000_000


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.UpstreamError(), -1),
        (errors.UpstreamConnectFailed(), -1),
        (errors.UpstreamQuotaExhausted(), -1),
        (errors.GatewayDraining(), 1),
        (errors.UpstreamRateLimited(retry_after_s=0.0), 1),
        (errors.UpstreamRateLimited(retry_after_s=2.0), 2000),
        (errors.InvalidRequest(), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, WeirError) else "",
)
def test_pushback_tells_clients_when_to_come_again(error: WeirError, expected: int | None) -> None:
    """-1 where Weir used its attempts, else the wait or nothing; never 0, which hangs clients."""
    assert status.pushback_ms(error) == expected


def test_texts_are_sentences() -> None:
    """Every text is a whole sentence that a person can read."""
    for row in status.ROWS.values():
        assert row.message[0].isupper()
        assert row.message.endswith(".")
