"""Why did the answer end? The vendor's word for it, as one of the contract's reasons."""

from collections.abc import Mapping

from weir.v1 import generation_pb2
from weir.v1.generation_pb2 import FinishReason

REASONS: Mapping[str, FinishReason.ValueType] = {
    "stop": generation_pb2.FINISH_REASON_STOP,
    "eos": generation_pb2.FINISH_REASON_STOP,
    "eos_token": generation_pb2.FINISH_REASON_STOP,
    "stop_sequence": generation_pb2.FINISH_REASON_STOP_SEQUENCE,
    "length": generation_pb2.FINISH_REASON_MAX_TOKENS,
    "max_tokens": generation_pb2.FINISH_REASON_MAX_TOKENS,
    "model_length": generation_pb2.FINISH_REASON_CONTEXT_LENGTH,
    "tool_calls": generation_pb2.FINISH_REASON_TOOL_CALLS,
    "function_call": generation_pb2.FINISH_REASON_TOOL_CALLS,
    "content_filter": generation_pb2.FINISH_REASON_CONTENT_FILTER,
    "sensitive": generation_pb2.FINISH_REASON_CONTENT_FILTER,
}
"""What vendors say, and what it means: OpenAI's words, then those of servers like it (Together and
TGI `eos`, Mistral `model_length`, Zhipu `sensitive`). Other words become OTHER."""

FAILURES = frozenset({"error", "abort", "insufficient_system_resource", "network_error"})
"""Words that say the answer failed, so it must not pass for complete: OpenRouter and Mistral
`error`, vLLM and SGLang `abort`, DeepSeek and Zhipu the last two."""


def reason_of(label: str, *, refused: bool, called: bool) -> FinishReason.ValueType:
    """Return the reason that `label` means, given what the answer holds.

    A forced tool call and a refusal both end with a plain `stop` at OpenAI.
    """
    reason = REASONS.get(label, generation_pb2.FINISH_REASON_OTHER)
    if reason == generation_pb2.FINISH_REASON_STOP:
        if called:
            return generation_pb2.FINISH_REASON_TOOL_CALLS
        if refused:
            return generation_pb2.FINISH_REASON_REFUSAL
    return reason
