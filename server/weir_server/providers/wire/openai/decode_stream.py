"""What does a streamed chat or completion say? Events, from chunks in server-sent events.

The vendor's reference, "The chat completion chunk object": chunks, the last of them with usage and
no choices, then `[DONE]`.
"""

from weir.v1.generation_pb2 import GenerationEvent
from weir_server.core.errors import UpstreamProtocolError, UpstreamStreamBroken, WeirError
from weir_server.core.handler import Batch
from weir_server.providers.wire.openai.answer import ChatAnswer
from weir_server.providers.wire.openai.decode_unary import UnaryDecoder
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.shapes import ANYTHING, CHUNK, Choice, decode
from weir_server.providers.wire.sse import SseSplitter

DONE = b"[DONE]"


class StreamDecoder:
    """Decodes one streamed chat or completion; see base.Decoder."""

    __slots__ = ("_answer", "_begun", "_done_required", "_splitter", "_whole", "done", "failure")

    def __init__(self, quirks: Quirks, *, hide_reasoning: bool = False) -> None:
        self.done = False
        self.failure: WeirError | None = None
        self._answer = ChatAnswer(quirks, hide_reasoning=hide_reasoning)
        self._splitter = SseSplitter()
        self._done_required = quirks.done_required
        self._begun = False
        self._whole: UnaryDecoder | None = UnaryDecoder(quirks, hide_reasoning=hide_reasoning)
        """Decodes what is no stream: an error, or an answer of a server that cannot stream."""

    def feed(self, data: bytes) -> list[GenerationEvent]:
        """Take more bytes; return the events they complete."""
        if self.done or self.failure is not None or not data:
            return []
        if not self._begun:
            self._begun = True
            if not data.startswith(b"{"):
                self._whole = None
        if self._whole is not None:
            self._whole.feed(data)
            self.failure = self._whole.failure
            return []
        for name, said in self._splitter.feed(data):
            if self._ended_by(name, said):
                break
        else:
            self.failure = self._splitter.failure
        return self._answer.writer.take()

    def finish(self) -> Batch | None:
        """Take the end of the body: a good one only after `[DONE]`, unless the quirks say so."""
        if self.done or self.failure is not None:
            return None
        if self._begun and self._whole is not None:
            batch = self._whole.finish()
            self.done, self.failure = self._whole.done, self._whole.failure
            return batch
        rest = self._splitter.rest()
        # Some servers leave out the blank line after the last event; nothing can follow this one.
        if (rest is not None and rest[1] == DONE) or (
            rest is None and self._answer.finished and not self._done_required
        ):
            self._complete()
        else:
            self.failure = UpstreamStreamBroken(metadata={"cause": "cut"})
        return self._answer.writer.take() or None

    def _ended_by(self, name: bytes, said: bytes) -> bool:
        """Take an event; return whether it ends the answer, well or badly."""
        if said == DONE:
            self._complete()
            return True
        if said:
            self._take(name, said)
        return self.failure is not None

    def _take(self, name: bytes, said: bytes) -> None:
        # The standard of server-sent events replaces what is not UTF-8.
        chunk = decode(CHUNK, said, utf8_errors="replace")
        if chunk is None:
            self.failure = UpstreamProtocolError(metadata={"cause": "malformed"})
            return
        answer = self._answer
        answer.note(chunk)
        choices = chunk.choices
        if chunk.error is not None:
            self.failure = answer.broken_off(chunk.error)
        elif choices:
            self._take_choice(choices[0] if choices[0].index == 0 else _first(choices))
        elif choices is None:
            self._take_other(name, said)

    def _take_choice(self, choice: Choice) -> None:
        answer = self._answer
        if choice.delta is not None:
            answer.say(choice.delta, choice.logprobs)
        elif choice.text is not None:
            answer.complete(choice.text, choice.logprobs)
        if choice.finish_reason or answer.writer.held_chars:
            answer.finish(choice)
            self.failure = answer.fault()

    def _take_other(self, name: bytes, said: bytes) -> None:
        """Take an event that is no chunk: vLLM's bare error, or one to skip, such as a ping."""
        other = decode(ANYTHING, said, utf8_errors="replace")
        if name == b"error" or (isinstance(other, dict) and other.get("object") == "error"):
            self.failure = self._answer.broken_off(other)

    def _complete(self) -> None:
        answer = self._answer
        if not answer.finished and (answer.begun or not answer.noted):
            # Proxies close a stream politely though the server behind them was cut off.
            self.failure = UpstreamStreamBroken(metadata={"cause": "cut"})
            return
        answer.writer.add(answer.end())
        self.done = True


def _first(choices: list[Choice]) -> Choice:
    """Return the choice with index 0; a request never asks for others."""
    return next((choice for choice in choices if choice.index == 0), Choice())
