"""Why did the answer end? The vendor's word for it, as one of the contract's reasons."""

from collections.abc import Mapping

from weir.v1 import generation_pb2
from weir.v1.generation_pb2 import FinishReason
from weir_server.core.errors import UpstreamError, UpstreamStreamBroken, UpstreamTimeout
from weir_server.providers.wire.cohere.errors import explain_said

REASONS: Mapping[str, FinishReason.ValueType] = {
    "COMPLETE": generation_pb2.FINISH_REASON_STOP,
    "STOP_SEQUENCE": generation_pb2.FINISH_REASON_STOP_SEQUENCE,
    "MAX_TOKENS": generation_pb2.FINISH_REASON_MAX_TOKENS,
    "TOOL_CALL": generation_pb2.FINISH_REASON_TOOL_CALLS,
    "ERROR_TOXIC": generation_pb2.FINISH_REASON_CONTENT_FILTER,
    "ERROR_LIMIT": generation_pb2.FINISH_REASON_CONTEXT_LENGTH,
}
"""What the vendor says, and what it means; the last two are those of API v1, which some
deployments still say. Other words become OTHER."""

_ERROR, _TIMEOUT = "ERROR", "TIMEOUT"


def reason_of(label: str, *, called: bool) -> FinishReason.ValueType:
    """Return the reason that `label` means, given what the answer holds."""
    reason = REASONS.get(label, generation_pb2.FINISH_REASON_OTHER)
    if reason == generation_pb2.FINISH_REASON_STOP and called:
        return generation_pb2.FINISH_REASON_TOOL_CALLS
    return reason


def failure_of(label: str, error: object, *, produced: bool) -> UpstreamError | None:
    """Return what broke an answer that ended with this word and this error; None: it is good."""
    if label == _TIMEOUT:
        if produced:
            return UpstreamStreamBroken(metadata={"cause": "timeout"})
        return UpstreamTimeout()
    if label == _ERROR or error:
        if produced:
            return UpstreamStreamBroken(metadata={"cause": "error_event"})
        return explain_said(error)
    return None
