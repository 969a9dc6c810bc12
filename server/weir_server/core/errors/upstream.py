"""What can be the provider's fault?"""

from weir.v1.error_pb2 import ErrorReason
from weir_server.core.errors.base import WeirError


class UpstreamError(WeirError):
    """The provider failed or refused. `provider` is in the metadata."""

    reason = ErrorReason.ERROR_REASON_UPSTREAM_ERROR


class UpstreamCredentialsRejected(UpstreamError):
    """The provider refuses the credential that Weir holds."""

    reason = ErrorReason.ERROR_REASON_UPSTREAM_CREDENTIALS_REJECTED


class UpstreamRejectedRequest(UpstreamError):
    """The provider finds the request invalid."""

    reason = ErrorReason.ERROR_REASON_UPSTREAM_REJECTED_REQUEST


class UpstreamContextLengthExceeded(UpstreamRejectedRequest):
    """The provider finds the prompt longer than the model's context window."""

    reason = ErrorReason.ERROR_REASON_CONTEXT_LENGTH_EXCEEDED


class UpstreamRequestTooLarge(UpstreamRejectedRequest):
    """The provider finds the request too large."""

    reason = ErrorReason.ERROR_REASON_REQUEST_TOO_LARGE


class UpstreamMediaFetchFailed(UpstreamRejectedRequest):
    """The provider could not fetch a media address."""

    reason = ErrorReason.ERROR_REASON_MEDIA_FETCH_FAILED


class UpstreamPolicyBlocked(UpstreamRejectedRequest):
    """The policy of a gateway that Weir asks has blocked the content."""

    reason = ErrorReason.ERROR_REASON_POLICY_BLOCKED


class UpstreamModelNotFound(UpstreamError):
    """The provider does not know the model."""

    reason = ErrorReason.ERROR_REASON_UPSTREAM_MODEL_NOT_FOUND


class UpstreamConflict(UpstreamError):
    """The provider reports a conflict."""

    reason = ErrorReason.ERROR_REASON_UPSTREAM_CONFLICT


class UpstreamRateLimited(UpstreamError):
    """The provider limits Weir's rate."""

    reason = ErrorReason.ERROR_REASON_UPSTREAM_RATE_LIMITED


class UpstreamQuotaExhausted(UpstreamError):
    """Weir's quota or credit at the provider is used up."""

    reason = ErrorReason.ERROR_REASON_UPSTREAM_QUOTA_EXHAUSTED


class UpstreamOverloaded(UpstreamError):
    """The provider has too much to do.

    `cause`, where it is a Weir: what GATEWAY_OVERLOADED tells, draining, circuit_open, ledger.
    """

    reason = ErrorReason.ERROR_REASON_UPSTREAM_OVERLOADED


class CircuitOpen(UpstreamError):
    """Every target failed lately and is being left alone. `model` is in the metadata."""

    reason = ErrorReason.ERROR_REASON_CIRCUIT_OPEN


class UpstreamTimeout(UpstreamError):
    """The provider did not answer in time, though the caller has time left."""

    reason = ErrorReason.ERROR_REASON_UPSTREAM_TIMEOUT


class UpstreamSilent(UpstreamTimeout):
    """It was silent for as long as the server lets any attempt be, whoever its caller is."""


class UpstreamConnectFailed(UpstreamError):
    """The provider could not be reached; nothing was sent.

    `cause`: dns, refused, tls, timeout, guard, stale, loop.
    """

    reason = ErrorReason.ERROR_REASON_UPSTREAM_CONNECT_FAILED


class UpstreamStreamBroken(UpstreamError):
    """The provider's answer was cut after it began.

    `cause`: cut, stalled, timeout, error_event.
    """

    reason = ErrorReason.ERROR_REASON_UPSTREAM_STREAM_BROKEN


class UpstreamProtocolError(UpstreamError):
    """The provider's answer makes no sense.

    `cause`: malformed, redirect, too_large, content_type, unimplemented.
    """

    reason = ErrorReason.ERROR_REASON_UPSTREAM_PROTOCOL_ERROR


class OutputSchemaMismatch(UpstreamError):
    """The answer does not fit the schema that was asked for, and asking again did not help."""

    reason = ErrorReason.ERROR_REASON_OUTPUT_SCHEMA_MISMATCH
