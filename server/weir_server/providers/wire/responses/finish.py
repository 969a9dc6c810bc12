"""Why did the answer end, and what did it take? In the vendor's words, and the contract's."""

from collections.abc import Mapping

from weir.v1 import generation_pb2
from weir.v1.generation_pb2 import FinishReason, GenerationEvent
from weir_server.providers.wire.ending import end_event
from weir_server.providers.wire.openai.finish import reason_of
from weir_server.providers.wire.openai.quirks import OPENAI
from weir_server.providers.wire.openai.usage import write_usage
from weir_server.providers.wire.responses.shapes import Response

_INCOMPLETE: Mapping[str, FinishReason.ValueType] = {
    "max_output_tokens": generation_pb2.FINISH_REASON_MAX_TOKENS,
    "content_filter": generation_pb2.FINISH_REASON_CONTENT_FILTER,
    "steered": generation_pb2.FINISH_REASON_INTERRUPTED,
}
"""What keeps an answer from being complete. Other words become OTHER."""

_AS_CHATS_SAY = (
    ("prompt_tokens", "input_tokens"),
    ("completion_tokens", "output_tokens"),
    ("total_tokens", "total_tokens"),
    ("prompt_tokens_details", "input_tokens_details"),
    ("completion_tokens_details", "output_tokens_details"),
)


def end_of(response: Response, *, called: bool, refused: bool, produced: bool) -> GenerationEvent:
    """Return the `end` of a good answer. `called`: it asks the caller to run tools."""
    details = response.incomplete_details
    if response.status == "incomplete":
        label = (details.reason if details is not None else None) or "incomplete"
        reason = _INCOMPLETE.get(label, generation_pb2.FINISH_REASON_OTHER)
    else:
        label = response.status or ""
        reason = reason_of("stop", refused=refused, called=called)
    event = end_event(
        reason=reason,
        label=label,
        stop_sequence="",
        model=response.model or "",
        attributes=(("openai.id", response.id), ("openai.service_tier", response.service_tier)),
    )
    said = response.usage
    if isinstance(said, dict):
        counts = {name: said.get(theirs) for name, theirs in _AS_CHATS_SAY}
        write_usage(event.end.usage, counts, produced=produced, quirks=OPENAI)
    return event
