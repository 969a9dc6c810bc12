"""What can go wrong with a call, and what does a caller do next? One class per answer.

    WeirError
    ├── InvalidRequestError      change the request
    ├── UnauthenticatedError     send another key
    ├── PermissionDeniedError    ask for the right
    ├── NotFoundError            name something that exists
    ├── ConflictError            look at the state of things, then decide
    ├── UnsupportedError         this server does not do that
    ├── RateLimitedError         wait `retry_after_s`, then try again
    │   └── QuotaExceededError   waiting does not help: a budget or a quota is spent
    ├── UnavailableError         try again later; nothing of an answer was given
    ├── DeadlineExceededError    allow more time
    ├── CallCancelledError       the call was cancelled from this side
    ├── StreamBrokenError        the answer began and was cut; part of it may have been used
    ├── ServerError              report it, with `request_id`
    └── ProtocolError            the server broke the contract; report it

A class follows from the gRPC code and, where a code means several things, from the reason.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from weir.v1.error_pb2 import Attempt, ErrorReason, FieldViolation
from weir.v1.usage_pb2 import TokenUsage


class Code(IntEnum):
    """The gRPC status codes by number, for use without importing gRPC."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class QuotaViolation(NamedTuple):
    """A limit that is used up: its name, and what is said about it."""

    subject: str
    description: str


class WeirError(Exception):
    """A call failed.

    code: the gRPC status code.
    reason: why, as the contract names it without its prefix, such as "MODEL_NOT_FOUND"; "" where
        the failure did not come from Weir itself, such as a refused connection.
    message: a sentence for people.
    metadata: facts about the failure; the keys are named with each ErrorReason.
    retry_after_s: seconds after which trying again makes sense; None: not known, or never.
    field_violations: the request's fields that break a rule.
    quota_violations: the limits that are used up, by name.
    response_id: Weir's identity of the answer; "" where there is none.
    usage: what was used all the same; None: not told.
    attempts: the calls made to providers.
    last_sequence: of the last event that the server sent; None: it sent none, or does not say.
    request_id: identity of the call in the server's logs; "" where it never got there.
    """

    def __init__(
        self,
        message: str,
        *,
        code: Code = Code.UNKNOWN,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        retry_after_s: float | None = None,
        field_violations: Sequence[FieldViolation] = (),
        quota_violations: Sequence[QuotaViolation] = (),
        response_id: str = "",
        usage: TokenUsage | None = None,
        attempts: Sequence[Attempt] = (),
        last_sequence: int | None = None,
        request_id: str = "",
    ) -> None:
        said = [f"{reason or code.name}: {message}"]
        said += [f"[{violation.field}: {violation.description}]" for violation in field_violations]
        if retry_after_s is not None:
            said.append(f"(retry after {retry_after_s:g} s)")
        if request_id:
            said.append(f"(request {request_id})")
        super().__init__(" ".join(said))
        self.message = message
        self.code = code
        self.reason = reason
        self.metadata: dict[str, str] = dict(metadata or {})
        self.retry_after_s = retry_after_s
        self.field_violations = tuple(field_violations)
        self.quota_violations = tuple(quota_violations)
        self.response_id = response_id
        self.usage = usage
        self.attempts = tuple(attempts)
        self.last_sequence = last_sequence
        self.request_id = request_id

    @property
    def reason_number(self) -> ErrorReason.ValueType:
        """The reason as the enum's number; unspecified where these stubs do not know its name."""
        known: ErrorReason.ValueType | None = dict(ErrorReason.items()).get(
            f"ERROR_REASON_{self.reason}"
        )
        return ErrorReason.ERROR_REASON_UNSPECIFIED if known is None else known


class InvalidRequestError(WeirError):
    """The request breaks a rule, or asks for what the model cannot do; `field_violations` says."""


class UnauthenticatedError(WeirError):
    """The call carries no Weir key, or one that is not valid."""


class PermissionDeniedError(WeirError):
    """The key may not do this, or policy refuses the content."""


class NotFoundError(WeirError):
    """No such model, provider or response."""


class ConflictError(WeirError):
    """The state of things is in the way: taken, not ready, still running, or outcome unknown."""


class UnsupportedError(WeirError):
    """The method or feature does not exist here, or is switched off."""


class RateLimitedError(WeirError):
    """Too much at once; try again after `retry_after_s`."""


class QuotaExceededError(RateLimitedError):
    """A budget or a provider's quota is spent; waiting a moment does not help."""


class UnavailableError(WeirError):
    """Weir or every provider could not answer, and nothing of an answer was given."""


class DeadlineExceededError(WeirError):
    """The call's time ran out."""


class CallCancelledError(WeirError):
    """The call was cancelled from this side: `cancel()`, or its client was closed.

    A cancelled asyncio task raises asyncio.CancelledError as always, not this.
    """


class StreamBrokenError(WeirError):
    """An answer began and did not end: what was received is not the whole of it."""


class ServerError(WeirError):
    """A fault of the server's own, or one that has no name."""


class ProtocolError(WeirError):
    """The server's answer breaks the contract, so it cannot be trusted to be whole."""


_BY_CODE: dict[Code, type[WeirError]] = {
    Code.CANCELLED: CallCancelledError,
    Code.INVALID_ARGUMENT: InvalidRequestError,
    Code.DEADLINE_EXCEEDED: DeadlineExceededError,
    Code.NOT_FOUND: NotFoundError,
    Code.ALREADY_EXISTS: ConflictError,
    Code.PERMISSION_DENIED: PermissionDeniedError,
    Code.RESOURCE_EXHAUSTED: RateLimitedError,
    Code.FAILED_PRECONDITION: ConflictError,
    Code.ABORTED: ConflictError,
    Code.OUT_OF_RANGE: InvalidRequestError,
    Code.UNIMPLEMENTED: UnsupportedError,
    Code.UNAVAILABLE: UnavailableError,
    Code.UNAUTHENTICATED: UnauthenticatedError,
}

# Where the code alone would send the caller the wrong way.
_BY_REASON: dict[str, type[WeirError]] = {
    "MESSAGE_TOO_LARGE": InvalidRequestError,
    "BUDGET_EXCEEDED": QuotaExceededError,
    "UPSTREAM_QUOTA_EXHAUSTED": QuotaExceededError,
    "SLOW_CONSUMER": StreamBrokenError,
    "UPSTREAM_STREAM_BROKEN": StreamBrokenError,
}


def error_class(code: Code, reason: str = "", *, answered: bool = False) -> type[WeirError]:
    """The class for a code and a reason; a reason that is not known here leaves it to the code.

    answered: whether something of an answer was given: "unavailable" then means that it was cut,
        by a server that shuts down for one, and trying again is no free call.
    """
    if answered and code is Code.UNAVAILABLE:
        return StreamBrokenError
    return _BY_REASON.get(reason) or _BY_CODE.get(code, ServerError)
