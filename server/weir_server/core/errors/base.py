"""What is every failure? A reason of the contract, with facts and what was used until then."""

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
