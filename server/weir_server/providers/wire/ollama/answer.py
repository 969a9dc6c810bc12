"""How does what a chat model says become events? The one way for lines and for whole answers."""

from collections.abc import Mapping

from weir.v1 import generation_pb2
from weir.v1.generation_pb2 import FinishReason, GenerationEvent
from weir_server.core.errors import UpstreamError, UpstreamProtocolError, UpstreamStreamBroken
from weir_server.providers.wire.ending import end_event
from weir_server.providers.wire.logprobs import Logprob, chars_of, token_logprobs
from weir_server.providers.wire.ollama.errors import explain_said
from weir_server.providers.wire.ollama.shapes import Chunk, ToolCall
from weir_server.providers.wire.ollama.usage import write_usage
from weir_server.providers.wire.parts import HELD_MAX_CHARS, PartWriter, TextKind, json_text

REASONS: Mapping[str, FinishReason.ValueType] = {
    "": generation_pb2.FINISH_REASON_STOP,  # servers before 0.1.38 do not tell
    "stop": generation_pb2.FINISH_REASON_STOP,
    "length": generation_pb2.FINISH_REASON_MAX_TOKENS,
}
"""What the server says, and what it means. `load` and `unload`, with which it answers a request
that only moves a model, and other words become OTHER."""

_DURATIONS = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")
# An enum searches for its members too: once is enough.
_TEXT = TextKind.TEXT
_REASONING = TextKind.REASONING


class OllamaAnswer:
    """One answer of a chat model, as far as it has come.

    `failure` is set when what has come breaks the answer, `done` when its last line has come.
    `hide_reasoning` leaves thoughts out, for callers that asked for none of it.
    """

    __slots__ = (
        "_calls",
        "_hide_reasoning",
        "_last",
        "_logprobs",
        "_waiting_chars",
        "done",
        "failure",
        "writer",
    )

    def __init__(self, *, hide_reasoning: bool) -> None:
        self.writer = PartWriter()
        self.failure: UpstreamError | None = None
        self.done = False
        self._calls = 0
        """Tool calls so far."""
        self._last = Chunk()
        self._logprobs: list[Logprob] = []
        """Of tokens whose text the server holds back, in case they are a tool call."""
        self._waiting_chars = 0
        """What they take."""
        self._hide_reasoning = hide_reasoning

    def take(self, chunk: Chunk) -> None:
        """Take a line of a stream, or a whole answer."""
        if chunk.error is not None:
            self.break_off(chunk.error)
            return
        said = chunk.message
        if said is not None:
            if chunk.logprobs:
                self._logprobs += chunk.logprobs
                self._waiting_chars += sum(map(chars_of, chunk.logprobs))
            if said.thinking:
                self._think(said.thinking, with_logprobs=not said.content)
            if said.content:
                self._say(_TEXT, said.content)
            for call in said.tool_calls or ():
                self._call(call, chunk.created_at or "")
        if self.writer.held_chars + self._waiting_chars > HELD_MAX_CHARS:
            self.failure = UpstreamProtocolError(metadata={"cause": "too_large"})
        self._last = chunk
        self.done = chunk.done is True

    def break_off(self, error: object) -> None:
        """Take an error instead of the rest of the answer."""
        if self.writer.produced:
            self.failure = UpstreamStreamBroken(metadata={"cause": "error_event"})
        else:
            self.failure = explain_said(error)

    def end(self) -> GenerationEvent:
        """Close all parts and return the `end` of a complete answer."""
        writer, last = self.writer, self._last
        writer.close()
        label = last.done_reason or ""
        reason = REASONS.get(label, generation_pb2.FINISH_REASON_OTHER)
        if reason == generation_pb2.FINISH_REASON_STOP and writer.called:
            reason = generation_pb2.FINISH_REASON_TOOL_CALLS
        event = end_event(
            reason=reason,
            label=label,
            stop_sequence="",
            model=last.model or "",
            attributes=(
                ("ollama.remote_model", last.remote_model),
                *((f"ollama.{name}_ns", _number(getattr(last, name))) for name in _DURATIONS),
            ),
        )
        write_usage(
            event.end.usage, last.prompt_eval_count, last.eval_count, produced=writer.produced
        )
        return event

    def _think(self, text: str, *, with_logprobs: bool) -> None:
        if self._hide_reasoning:
            self._logprobs.clear()
            self._waiting_chars = 0
        elif with_logprobs:
            self._say(_REASONING, text)
        else:
            self.writer.text(_REASONING, text)

    def _say(self, kind: TextKind, text: str) -> None:
        """Write text, with the log probabilities that came with it or before it."""
        if self._logprobs:
            self.writer.text_with_logprobs(kind, text, token_logprobs(self._logprobs))
            self._logprobs.clear()
            self._waiting_chars = 0
        else:
            self.writer.text(kind, text)

    def _call(self, said: ToolCall, created_at: str) -> None:
        """Write a tool call, which comes whole.

        The contract promises an id; one made from the line's own time and the call's place in the
        answer is unique in a conversation, and the same whenever the same bytes are read.
        """
        moment = "".join(filter(str.isalnum, created_at))
        call_id = said.id or f"call_{moment}_{self._calls}"
        self._calls += 1
        function = said.function
        name = function.name if function is not None else None
        call = self.writer.open_call(call_id, name or "")
        self.writer.arguments(call, _arguments(function.arguments if function else None))
        self.writer.close_call(call)


def _arguments(said: object) -> str:
    """Return the arguments as JSON text; some servers give them as such already."""
    if isinstance(said, str):
        return said
    return json_text({} if said is None else said)


def _number(said: object) -> str:
    return str(said) if type(said) is int and said > 0 else ""
