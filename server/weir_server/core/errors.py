"""What can go wrong? One tree: the caller's fault, the provider's, or Weir's own.

    WeirError
    ├── CallerError            the request, the credential or the caller's own time
    ├── UpstreamError          the provider
    └── GatewayError           Weir

An error carries facts, not prose. What the caller is told is fixed by its reason in
`transport/status.py`; the private cause travels as `__cause__` and goes to logs by type only.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from weir.v1.error_pb2 import ErrorReason, FieldViolation
from weir.v1.usage_pb2 import TokenUsage


class WeirError(Exception):
    """A failure with a reason of the contract.

    metadata: public facts, lowerCamel keys, safe to show to the caller.
    retry_after_s: seconds after which trying again makes sense; None: not known, or never.
    violations: the fields that break a rule.
    usage: what was used until the failure; accounting fills it in.
    replayed: whether it is one that a call with the same idempotency key met before.
    beyond: whether it happened beyond the provider, which is a gateway itself: the credential that
        it was asked with is not to blame, and it has asked again where that made sense.
    """

    reason: ClassVar[ErrorReason.ValueType] = ErrorReason.ERROR_REASON_INTERNAL

    def __init__(
        self,
        *,
        metadata: Mapping[str, str] | None = None,
        retry_after_s: float | None = None,
        violations: Sequence[FieldViolation] = (),
        usage: TokenUsage | None = None,
    ) -> None:
        super().__init__(self.name())
        self.metadata: dict[str, str] = dict(metadata or {})
        self.retry_after_s = retry_after_s
        self.violations = tuple(violations)
        self.usage = usage
        self.beyond = False
        self.replayed = False

    @classmethod
    def name(cls) -> str:
        """The reason as it stands on the wire, such as `MODEL_NOT_FOUND`."""
        return ErrorReason.Name(cls.reason).removeprefix("ERROR_REASON_")


# --- The caller's fault ---------------------------------------------------------------------------


class CallerError(WeirError):
    """The request, the credential or the caller's own time."""

    reason = ErrorReason.ERROR_REASON_INVALID_REQUEST


class InvalidRequest(CallerError):
    """A field breaks a rule; `violations` names each."""

    reason = ErrorReason.ERROR_REASON_INVALID_REQUEST


class UnsupportedOption(InvalidRequest):
    """The model does not support an option or a kind of part."""

    reason = ErrorReason.ERROR_REASON_UNSUPPORTED_OPTION


class UnsupportedModality(InvalidRequest):
    """The model does not take or make this kind of medium."""

    reason = ErrorReason.ERROR_REASON_UNSUPPORTED_MODALITY


class OutputSchemaInvalid(InvalidRequest):
    """The schema asked for is unusable."""

    reason = ErrorReason.ERROR_REASON_OUTPUT_SCHEMA_INVALID


class ToolSchemaInvalid(InvalidRequest):
    """A tool's schema is unusable."""

    reason = ErrorReason.ERROR_REASON_TOOL_SCHEMA_INVALID


class PageTokenInvalid(InvalidRequest):
    """The page token is not one that Weir gave for this list."""

    reason = ErrorReason.ERROR_REASON_PAGE_TOKEN_INVALID


class ConfigInvalid(InvalidRequest):
    """The configuration given to Initialize is unusable."""

    reason = ErrorReason.ERROR_REASON_CONFIG_INVALID


class MalformedRequest(CallerError):
    """The request's bytes are no such message."""

    reason = ErrorReason.ERROR_REASON_MALFORMED_REQUEST


class ContextLengthExceeded(CallerError):
    """The prompt does not fit the model's context window."""

    reason = ErrorReason.ERROR_REASON_CONTEXT_LENGTH_EXCEEDED


class MessageTooLarge(CallerError):
    """A message or an item is over Weir's limit."""

    reason = ErrorReason.ERROR_REASON_MESSAGE_TOO_LARGE


class PermissionDenied(CallerError):
    """The caller may not call this method."""

    reason = ErrorReason.ERROR_REASON_PERMISSION_DENIED


class ApiKeyInvalid(CallerError):
    """The call carries no Weir key, or one that is not known."""

    reason = ErrorReason.ERROR_REASON_API_KEY_INVALID


class ApiKeyDisabled(CallerError):
    """The Weir key was revoked or has expired."""

    reason = ErrorReason.ERROR_REASON_API_KEY_DISABLED


class ModelNotAllowed(CallerError):
    """The key may not use this model."""

    reason = ErrorReason.ERROR_REASON_MODEL_NOT_ALLOWED


class FeatureDisabled(CallerError):
    """The method or feature is switched off here."""

    reason = ErrorReason.ERROR_REASON_FEATURE_DISABLED


class ModelNotFound(CallerError):
    """No such model."""

    reason = ErrorReason.ERROR_REASON_MODEL_NOT_FOUND


class ProviderNotFound(CallerError):
    """No such provider."""

    reason = ErrorReason.ERROR_REASON_PROVIDER_NOT_FOUND


class KeyNotFound(CallerError):
    """No such key."""

    reason = ErrorReason.ERROR_REASON_KEY_NOT_FOUND


class BudgetNotFound(CallerError):
    """No such budget."""

    reason = ErrorReason.ERROR_REASON_BUDGET_NOT_FOUND


class ResponseNotFound(CallerError):
    """No such response, or not one of the caller's tenant."""

    reason = ErrorReason.ERROR_REASON_RESPONSE_NOT_FOUND


class ResourceExists(CallerError):
    """The id is taken by something that may not be replaced."""

    reason = ErrorReason.ERROR_REASON_RESOURCE_EXISTS


class TooManyProviders(CallerError):
    """Callers have brought in as many providers as this server takes. `limit`: the setting."""

    reason = ErrorReason.ERROR_REASON_CONCURRENCY_LIMITED


class RateLimited(CallerError):
    """A rate of the tenant, its key or the model is used up; `limit` names it."""

    reason = ErrorReason.ERROR_REASON_RATE_LIMITED


class ConcurrencyLimited(CallerError):
    """As many calls are open as the tenant, its key or the model may have."""

    reason = ErrorReason.ERROR_REASON_CONCURRENCY_LIMITED


class BudgetExceeded(CallerError):
    """The budget that `budget` names is spent, or this call could pass it."""

    reason = ErrorReason.ERROR_REASON_BUDGET_EXCEEDED


class PriceUnknown(CallerError):
    """A budget with a hard limit applies, and nobody knows what the model costs."""

    reason = ErrorReason.ERROR_REASON_PRICE_UNKNOWN


class IdempotencyKeyReused(CallerError):
    """The idempotency key was used with another body."""

    reason = ErrorReason.ERROR_REASON_IDEMPOTENCY_KEY_REUSED


class IdempotencyInProgress(CallerError):
    """The call with this idempotency key is still running."""

    reason = ErrorReason.ERROR_REASON_IDEMPOTENCY_IN_PROGRESS


class UnknownOutcome(CallerError):
    """An earlier run of this keyed call was interrupted; what came of it is not known."""

    reason = ErrorReason.ERROR_REASON_UNKNOWN_OUTCOME


class OutcomeNotKept(UnknownOutcome):
    """The keyed call has run, and its answer was not kept: too large, or against the tenant's wish.

    `responseId`: of that run, by which its usage can be asked for.
    """


class ProviderNotInitialized(CallerError):
    """The provider's handle has expired."""

    reason = ErrorReason.ERROR_REASON_PROVIDER_NOT_INITIALIZED


class DeadlineExceeded(CallerError):
    """The call's deadline passed."""

    reason = ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED


class DeadlineTooShort(DeadlineExceeded):
    """The deadline leaves no time to ask a provider."""

    reason = ErrorReason.ERROR_REASON_DEADLINE_TOO_SHORT


class ClientCancelled(CallerError):
    """The caller cancelled; only logs and ledger see this."""

    reason = ErrorReason.ERROR_REASON_CLIENT_CANCELLED


class SlowConsumer(CallerError):
    """The caller did not read its stream for too long."""

    reason = ErrorReason.ERROR_REASON_SLOW_CONSUMER


# --- The provider's fault -------------------------------------------------------------------------


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


# --- Weir's own -----------------------------------------------------------------------------------


class GatewayError(WeirError):
    """A fault or a state of Weir's own."""

    reason = ErrorReason.ERROR_REASON_INTERNAL


class InternalError(GatewayError):
    """A fault of Weir's own; the caller gets a fixed text and the request id."""


class GatewayDraining(GatewayError):
    """This Weir is shutting down."""

    reason = ErrorReason.ERROR_REASON_GATEWAY_DRAINING


class GatewayOverloaded(GatewayError):
    """Weir has too much to do."""

    reason = ErrorReason.ERROR_REASON_GATEWAY_OVERLOADED


class IdempotencyUnavailable(GatewayOverloaded):
    """Weir cannot ask now whether a keyed call has run already. `cause` is `idempotency`."""


class LedgerUnavailable(GatewayError):
    """Weir cannot book the call: the ledger and its spool are away."""

    reason = ErrorReason.ERROR_REASON_LEDGER_UNAVAILABLE
