"""What can be Weir's own fault?"""

from weir.v1.error_pb2 import ErrorReason
from weir_server.core.errors.base import WeirError


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
