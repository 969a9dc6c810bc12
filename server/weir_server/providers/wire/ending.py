"""How does a good answer end? The `end` event with what the vendor said of it."""

from collections.abc import Iterable

from weir.v1.generation_pb2 import FinishReason, GenerationEvent
from weir_server.providers.wire.parts import whole


def end_event(
    *,
    reason: FinishReason.ValueType,
    label: str,
    stop_sequence: str,
    model: str,
    attributes: Iterable[tuple[str, str | None]],
) -> GenerationEvent:
    """Return the `end` of a good answer; empty texts are left out."""
    event = GenerationEvent()
    end = event.end
    end.finish_reason = reason
    metadata = end.metadata
    metadata.model = whole(model)
    if label:
        metadata.raw_finish_reason = whole(label)
    if stop_sequence:
        metadata.matched_stop_sequence = whole(stop_sequence)
    for name, value in attributes:
        if value:
            metadata.attributes[name] = whole(value)
    return event
