"""Why did the answer end? The vendor's word for it, as one of the contract's reasons."""

from collections.abc import Mapping

from weir.v1 import generation_pb2
from weir.v1.generation_pb2 import FinishReason

UNFINISHED = frozenset({"", "FINISH_REASON_UNSPECIFIED"})
"""Words that say nothing."""

_FILTERED = generation_pb2.FINISH_REASON_CONTENT_FILTER

REASONS: Mapping[str, FinishReason.ValueType] = {
    "STOP": generation_pb2.FINISH_REASON_STOP,
    "MAX_TOKENS": generation_pb2.FINISH_REASON_MAX_TOKENS,
    "CONTINUATION": generation_pb2.FINISH_REASON_PAUSED,
    "SAFETY": _FILTERED,
    "RECITATION": _FILTERED,
    "BLOCKLIST": _FILTERED,
    "PROHIBITED_CONTENT": _FILTERED,
    "SPII": _FILTERED,
    "MODEL_ARMOR": _FILTERED,
    "IMAGE_SAFETY": _FILTERED,
    "IMAGE_PROHIBITED_CONTENT": _FILTERED,
    "IMAGE_RECITATION": _FILTERED,
}
"""The vendor's reference "FinishReason". What is not here becomes OTHER: LANGUAGE, OTHER,
MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL, TOO_MANY_TOOL_CALLS, NO_IMAGE and their kin."""


def reason_of(label: str, *, blocked: bool, called: bool) -> FinishReason.ValueType:
    """Return the reason that `label` means. blocked: the prompt was, and `label` says why.

    An answer that asks for tools ends with STOP, as every other.
    """
    if blocked:
        return _FILTERED
    reason = REASONS.get(label, generation_pb2.FINISH_REASON_OTHER)
    if reason == generation_pb2.FINISH_REASON_STOP and called:
        return generation_pb2.FINISH_REASON_TOOL_CALLS
    return reason
