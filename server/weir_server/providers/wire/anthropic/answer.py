"""How does what the vendor says become events? The one way for streams and for whole answers."""

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamError, UpstreamProtocolError, UpstreamStreamBroken
from weir_server.providers.wire.anthropic.blocks import Blocks
from weir_server.providers.wire.anthropic.errors import explain_said
from weir_server.providers.wire.anthropic.finish import reason_of
from weir_server.providers.wire.anthropic.shapes import Delta, Event, Message
from weir_server.providers.wire.anthropic.usage import Usage
from weir_server.providers.wire.ending import end_event
from weir_server.providers.wire.parts import HELD_MAX_CHARS, PartWriter

_VENDORS_OWN = "msg_"


class MessageAnswer:
    """One answer, as far as it has come. `failure` is set when what has come breaks it."""

    __slots__ = ("_blocks", "_message", "_stop", "_usage", "failure", "writer")

    def __init__(self, *, hide_reasoning: bool) -> None:
        self.writer = PartWriter()
        self.failure: UpstreamError | None = None
        self._blocks = Blocks(self.writer, hide_reasoning=hide_reasoning)
        self._message = Message()
        """What the answer began with, or all of it."""
        self._stop: Message | Delta | None = None
        """What said why the answer ended; the first one wins."""
        self._usage = Usage()

    @property
    def cut(self) -> bool:
        """Whether an end now would leave something out: the reason of the answer."""
        return self._stop is None

    def take(self, event: Event, said: bytes) -> None:
        """Take an event of a stream; `said` is its JSON. What Weir does not know is no loss."""
        label, delta = event.type, event.delta
        if label == "content_block_delta":
            if delta is not None:
                if delta.text:
                    self._blocks.text(event.index, delta.text, said)
                else:
                    self._blocks.add(event.index, delta, said)
        elif label == "content_block_start":
            self._start(event)
        elif label == "content_block_stop":
            self._blocks.stop(event.index)
        elif label == "message_start" and event.message is not None:
            self._message = event.message
            self._usage.take(event.message.usage)
        elif label == "message_delta":
            self._usage.take(event.usage)
            if delta is not None and delta.stop_reason and self._stop is None:
                self._stop = delta
        if self.writer.held_chars > HELD_MAX_CHARS:
            self.failure = UpstreamProtocolError(metadata={"cause": "too_large"})

    def take_whole(self, message: Message, *, echo: str) -> None:
        """Take a whole answer. `echo`: what it goes on from.

        The vendor, whose ids begin with `msg_`, says what is new; llama.cpp repeats what was there,
        as it does not in a stream.
        """
        if not (message.id or "").startswith(_VENDORS_OWN):
            self._blocks.echo = echo
        self._message = message
        self._usage.take(message.usage)
        for index, raw in enumerate(message.content or ()):
            if not self._blocks.start(index, raw, response_id=message.id or ""):
                self.failure = UpstreamProtocolError(metadata={"cause": "malformed"})
                return
            self._blocks.stop(index)
        if message.stop_reason:
            self._stop = message

    def break_off(self, error: object) -> None:
        """Take an error instead of the rest of the answer."""
        if self.writer.produced:
            self.failure = UpstreamStreamBroken(metadata={"cause": "error_event"})
        else:
            self.failure = explain_said(error)

    def end(self) -> GenerationEvent:
        """Close all parts and return the `end` of a complete answer."""
        self._blocks.close()
        self.writer.close()
        stop, usage, message = self._stop or Message(), self._usage, self._message
        label, stop_sequence = stop.stop_reason or "", stop.stop_sequence or ""
        event = end_event(
            reason=reason_of(label, stop_sequence=stop_sequence),
            label=label,
            stop_sequence=stop_sequence,
            model=message.model or "",
            attributes=(
                ("anthropic.id", message.id),
                ("anthropic.service_tier", usage.text("service_tier")),
                ("anthropic.container", _member(stop.container or message.container, "id")),
                ("anthropic.stop_category", _member(stop.stop_details, "category")),
                ("anthropic.stop_explanation", _member(stop.stop_details, "explanation")),
                (
                    "anthropic.cache_write_1h_tokens",
                    usage.text("cache_creation", "ephemeral_1h_input_tokens"),
                ),
                (
                    "anthropic.web_search_requests",
                    usage.text("server_tool_use", "web_search_requests"),
                ),
                (
                    "anthropic.web_fetch_requests",
                    usage.text("server_tool_use", "web_fetch_requests"),
                ),
            ),
        )
        usage.write(event.end.usage, produced=self.writer.produced)
        return event

    def _start(self, event: Event) -> None:
        message_id = self._message.id or ""
        if not self._blocks.start(event.index, event.content_block, response_id=message_id):
            self.failure = UpstreamProtocolError(metadata={"cause": "malformed"})


def _member(said: object, name: str) -> str:
    """Return a member that is a text; empty: there is none."""
    value = said.get(name) if isinstance(said, dict) else None
    return value if isinstance(value, str) else ""
