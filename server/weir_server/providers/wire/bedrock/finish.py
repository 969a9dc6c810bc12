"""Why did the answer end? Converse's `StopReason`, as one of the contract's reasons."""

from collections.abc import Mapping

from weir.v1 import generation_pb2
from weir.v1.generation_pb2 import FinishReason

REASONS: Mapping[str, FinishReason.ValueType] = {
    "end_turn": generation_pb2.FINISH_REASON_STOP,
    "tool_use": generation_pb2.FINISH_REASON_TOOL_CALLS,
    "max_tokens": generation_pb2.FINISH_REASON_MAX_TOKENS,
    "stop_sequence": generation_pb2.FINISH_REASON_STOP_SEQUENCE,
    "guardrail_intervened": generation_pb2.FINISH_REASON_CONTENT_FILTER,
    "content_filtered": generation_pb2.FINISH_REASON_CONTENT_FILTER,
    "model_context_window_exceeded": generation_pb2.FINISH_REASON_CONTEXT_LENGTH,
    # What the model wrote could not be read as an answer; what there is of it was told and paid.
    "malformed_model_output": generation_pb2.FINISH_REASON_OTHER,
    "malformed_tool_use": generation_pb2.FINISH_REASON_OTHER,
}
"""What the vendor says, and what it means. Other words become OTHER."""

INTERVENED = "guardrail_intervened"


def reason_of(label: str, *, called: bool) -> FinishReason.ValueType:
    """Return the reason that `label` means; `called`: the answer holds calls of tools."""
    reason = REASONS.get(label, generation_pb2.FINISH_REASON_OTHER)
    if called and reason == generation_pb2.FINISH_REASON_STOP:
        return generation_pb2.FINISH_REASON_TOOL_CALLS  # some models end a call with `end_turn`
    return reason
