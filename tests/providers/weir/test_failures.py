"""Every reason and every bare status of a far Weir has a meaning here, and it is the right one."""

import pytest
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from weir.v1.error_pb2 import ErrorReason
from weir_server.core import errors
from weir_server.core.errors import UpstreamCredentialsRejected, WeirError
from weir_server.providers.weir.failures import BEYOND, NEAR, FarFailure, of_status, to_error
from weir_server.resilience.verdicts import Rest, verdict_of

BY_TIME = {"DEADLINE_EXCEEDED", "DEADLINE_TOO_SHORT"}
NEVER_ASKED = {
    *("PAGE_TOKEN_INVALID", "CONFIG_INVALID", "RESOURCE_EXISTS", "ETAG_MISMATCH"),
    *("IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_IN_PROGRESS", "UNKNOWN_OUTCOME"),
    *("BATCH_NOT_FOUND", "SESSION_NOT_FOUND", "RESPONSE_NOT_FOUND", "BATCH_STATE_CONFLICT"),
    *("KEY_NOT_FOUND", "BUDGET_NOT_FOUND"),
    *("SESSION_SUPERSEDED", "SESSION_PROTOCOL_VIOLATION", "SESSION_NOT_RESUMABLE"),
}
"""Reasons of methods and metadata that this provider does not use; their code tells enough."""


def meaning(far: FarFailure, *, answered: bool = False) -> WeirError:
    return to_error(far, answered=answered, ends_at_deadline=True)


def trailers(reason: str, *, domain: str = "weir") -> list[tuple[str, str | bytes]]:
    status = Status()
    status.details.add().Pack(ErrorInfo(reason=reason, domain=domain))
    return [("grpc-status-details-bin", status.SerializeToString())]


def test_no_reason_of_the_contract_was_forgotten() -> None:
    """A new one has to be given its meaning."""
    names = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()}  # noqa: SIM118
    assert names - {"UNSPECIFIED"} == {*BEYOND, *NEAR, *BY_TIME, *NEVER_ASKED}
    assert not BEYOND.keys() & NEAR.keys()


OWN = {
    "API_KEY_INVALID": ("UNAUTHENTICATED", "UPSTREAM_CREDENTIALS_REJECTED", Rest.PARK),
    "API_KEY_DISABLED": ("UNAUTHENTICATED", "UPSTREAM_CREDENTIALS_REJECTED", Rest.PARK),
    "SIGNATURE_INVALID": ("UNAUTHENTICATED", "UPSTREAM_CREDENTIALS_REJECTED", Rest.PARK),
    "MODEL_NOT_ALLOWED": ("PERMISSION_DENIED", "UPSTREAM_MODEL_NOT_FOUND", Rest.NONE),
    "RATE_LIMITED": ("RESOURCE_EXHAUSTED", "UPSTREAM_RATE_LIMITED", Rest.COOL),
    "BUDGET_EXCEEDED": ("RESOURCE_EXHAUSTED", "UPSTREAM_QUOTA_EXHAUSTED", Rest.PARK),
    "LEDGER_UNAVAILABLE": ("UNAVAILABLE", "UPSTREAM_OVERLOADED", Rest.NONE),
    "CANCELLED_BY_ADMIN": ("ABORTED", "UPSTREAM_REJECTED_REQUEST", Rest.NONE),
    "POLICY_BLOCKED": ("PERMISSION_DENIED", "POLICY_BLOCKED", Rest.NONE),
    "OUTPUT_SCHEMA_MISMATCH": ("ABORTED", "OUTPUT_SCHEMA_MISMATCH", Rest.NONE),
    "A_REASON_OF_LATER": ("NOT_FOUND", "UPSTREAM_MODEL_NOT_FOUND", Rest.NONE),
}


@pytest.mark.parametrize("reason", OWN)
def test_this_side_s_key_and_rate_are_not_the_caller_s(reason: str) -> None:
    """They get the name that they have at any provider, and this side's credential rests."""
    code, name, rest = OWN[reason]
    error = meaning(of_status(code_pb2.Code.Value(code), "", trailers(reason)))
    assert error.name() == name
    assert verdict_of(error).rest is rest
    assert error.usage is not None, "it was told that nothing was used"


@pytest.mark.parametrize("name", sorted(BEYOND))
def test_what_failed_beyond_is_not_repeated_and_rests_nothing_here(name: str) -> None:
    """The far Weir's own credentials and places are its own to manage."""
    error = meaning(of_status(code_pb2.UNAVAILABLE, "", trailers(name)))
    verdict = verdict_of(error)
    assert error.beyond
    assert error.name() == name
    assert (verdict.repeats, verdict.rest, verdict.overload) == (0, Rest.NONE, False)
    assert verdict.elsewhere is verdict_of(BEYOND[name]()).elsewhere


NOWHERE = "connections to all backends failing; last error: UNKNOWN: ipv4:127.0.0.1:1: "
BARE = {
    "refused": ("UNAVAILABLE", NOWHERE + "Connection refused", "UPSTREAM_CONNECT_FAILED"),
    "tls": ("UNAVAILABLE", NOWHERE + "Tls handshake failed", "UPSTREAM_CONNECT_FAILED"),
    "timeout": (
        "UNAVAILABLE",
        NOWHERE + "connect timed out",
        "UPSTREAM_CONNECT_FAILED",
    ),
    "cut": ("UNAVAILABLE", "Socket closed", "UPSTREAM_ERROR"),
    "too_large": (
        "RESOURCE_EXHAUSTED",
        "CLIENT: Received message larger than max (9 vs. 2)",
        "UPSTREAM_PROTOCOL_ERROR",
    ),
    "": (
        "RESOURCE_EXHAUSTED",
        "SERVER: Received message larger than max (9 vs. 2)",
        "REQUEST_TOO_LARGE",
    ),
    "unimplemented": ("UNIMPLEMENTED", "Method not found!", "UPSTREAM_PROTOCOL_ERROR"),
}


@pytest.mark.parametrize("cause", BARE)
def test_a_status_that_no_weir_made_is_read_by_its_code(cause: str) -> None:
    """By gRPC's words only where a code means several things."""
    code, text, name = BARE[cause]
    error = meaning(of_status(code_pb2.Code.Value(code), text, ()))
    assert error.name() == name
    assert error.metadata.get("cause", "") == cause
    assert error.usage is None, "nobody has told; it is counted here"


@pytest.mark.parametrize("details", [b"\xff\xff", b""])
def test_details_of_something_else_leave_the_code(details: bytes) -> None:
    """A proxy's refusal of the credential is one too."""
    far = of_status(code_pb2.UNAUTHENTICATED, "", [("grpc-status-details-bin", details)])
    assert type(meaning(far)) is UpstreamCredentialsRejected
    other = of_status(code_pb2.UNAUTHENTICATED, "", trailers("EXPIRED", domain="proxy.example"))
    assert type(meaning(other)) is UpstreamCredentialsRejected


def test_what_is_cut_within_an_answer_is_not_to_be_run_again() -> None:
    """UNAVAILABLE would invite that (contract 2.5)."""
    error = meaning(of_status(code_pb2.UNAVAILABLE, "Socket closed", ()), answered=True)
    assert type(error) is errors.UpstreamStreamBroken
    assert error.metadata == {"cause": "cut"}
    draining = meaning(
        of_status(code_pb2.UNAVAILABLE, "", trailers("GATEWAY_DRAINING")), answered=True
    )
    assert type(draining) is errors.UpstreamStreamBroken
    assert draining.metadata["cause"] == "draining"


@pytest.mark.parametrize(
    ("answered", "ends_at_deadline", "expected"),
    [
        (False, True, errors.DeadlineExceeded),
        (True, True, errors.DeadlineExceeded),
        (False, False, errors.UpstreamTimeout),
        (True, False, errors.UpstreamStreamBroken),
    ],
)
def test_a_far_deadline_is_the_caller_s_or_the_attempt_s(
    answered: bool, ends_at_deadline: bool, expected: type[WeirError]
) -> None:
    """The far Weir cannot know which of the two it was given."""
    far = of_status(code_pb2.DEADLINE_EXCEEDED, "", trailers("DEADLINE_EXCEEDED"))
    error = to_error(far, answered=answered, ends_at_deadline=ends_at_deadline)
    assert type(error) is expected
