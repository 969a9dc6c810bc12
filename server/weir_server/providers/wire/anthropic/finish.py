"""Why did the answer end? The vendor's `stop_reason`, as one of the contract's reasons."""

from collections.abc import Mapping

from weir.v1 import generation_pb2
from weir.v1.generation_pb2 import FinishReason

_REASONS: Mapping[str, FinishReason.ValueType] = {
    "end_turn": generation_pb2.FINISH_REASON_STOP,
    "stop_sequence": generation_pb2.FINISH_REASON_STOP_SEQUENCE,
    "max_tokens": generation_pb2.FINISH_REASON_MAX_TOKENS,
    "model_context_window_exceeded": generation_pb2.FINISH_REASON_CONTEXT_LENGTH,
    "tool_use": generation_pb2.FINISH_REASON_TOOL_CALLS,
    "pause_turn": generation_pb2.FINISH_REASON_PAUSED,
    "compaction": generation_pb2.FINISH_REASON_PAUSED,
    # Not the model's own refusal, which it words and ends like any answer: the vendor's classifiers
    # stopped it.
    "refusal": generation_pb2.FINISH_REASON_CONTENT_FILTER,
}


def reason_of(label: str, *, stop_sequence: str) -> FinishReason.ValueType:
    """Return the reason that `label` means; other words become OTHER.

    llama.cpp says `end_turn` where a stop sequence ended the answer, and names the sequence.
    """
    reason = _REASONS.get(label, generation_pb2.FINISH_REASON_OTHER)
    if reason == generation_pb2.FINISH_REASON_STOP and stop_sequence:
        return generation_pb2.FINISH_REASON_STOP_SEQUENCE
    return reason
