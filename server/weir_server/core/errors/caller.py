"""What can be the caller's fault? The request, the credential, or the time and money it has."""

from weir.v1.error_pb2 import ErrorReason
from weir_server.core.errors.base import WeirError


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
