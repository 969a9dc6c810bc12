"""What answer do the events of a stream add up to? The same that the unary RPC gives.

The server folds with this module too, so a unary answer cannot differ from its stream. Time and
memory grow with the total size of the events: a part's text is joined once, when the part ends.
"""

from collections.abc import Iterable
from typing import Final

from google.protobuf.unknown_fields import UnknownFieldSet

from weir._failure import error_from_end
from weir.errors import Code, ProtocolError, StreamBrokenError
from weir.v1.content_pb2 import ROLE_ASSISTANT, Message, Part
from weir.v1.generation_pb2 import GenerationEvent, PartDelta, PartEnd, PartStart, StreamEnd
from weir.v1.provider_service_pb2 import ChatResponse, CompleteResponse

# Which delta fills which kind of part; a kind that is not here comes whole.
_DELTA_OF: Final = {
    "text": "text",
    "reasoning": "text",
    "refusal": "text",
    "tool_call": "arguments_json",
    "server_tool_call": "arguments_json",
    "media": "inline_data",
}


class _Fold:
    """The parts and the end of one answer, gathered event by event."""

    def __init__(self, *, numbered: bool = True) -> None:
        self._numbered = numbered
        self._expected_sequence = 0
        self._started = False
        self._message = Message()
        # The constant of the module: its enum would search for the name, answer by answer.
        self._message.role = ROLE_ASSISTANT
        self._parts: list[_PartFold] = []
        self._open: dict[int, _PartFold] = {}
        self._end: StreamEnd | None = None

    @property
    def end(self) -> StreamEnd | None:
        """The event that ended the answer; None: it has not come yet. Read only."""
        return self._end

    @property
    def answered(self) -> bool:
        """Whether something of an answer was given: a part at least has begun."""
        return bool(self._parts)

    def add(self, event: GenerationEvent) -> None:
        """Take the next event; the fold keeps copies, never the event.

        Raises ProtocolError where the event cannot follow what came before.
        """
        kind = event.WhichOneof("event")
        if self._end is not None:
            raise _violation(f"an event ({kind}) after the end")
        if self._numbered:
            self._check_order(event.sequence, kind)
        if kind == "part_delta":
            delta = event.part_delta
            part = self._open.get(delta.index)
            if part is None:
                raise _violation(f"a delta for part {delta.index}, which is not open")
            part.add(delta)
        elif kind == "part_start":
            self._open_part(event.part_start)
        elif kind == "part_end":
            self._close_part(event.part_end)
        elif kind == "end":
            self._finish(event.end)

    def add_all(self, events: Iterable[GenerationEvent]) -> None:
        """Take events in order; raises ProtocolError like `add`."""
        for event in events:
            self.add(event)

    def _check_order(self, sequence: int, kind: str | None) -> None:
        if sequence != self._expected_sequence:
            raise _violation(f"event {sequence} where {self._expected_sequence} was due")
        self._expected_sequence += 1
        if (kind == "start") is self._started:
            raise _violation("a second start" if self._started else f"{kind} before the start")
        self._started = True

    def _open_part(self, start: PartStart) -> None:
        if start.index != len(self._parts):
            raise _violation(f"part {start.index} opened where {len(self._parts)} was due")
        kind = start.part.WhichOneof("kind")
        if kind is None and not len(UnknownFieldSet(start.part)):
            raise _violation(f"part {start.index} opened without a kind")
        part = self._message.parts.add()
        part.CopyFrom(start.part)
        opened = _PartFold(part, kind)
        self._parts.append(opened)
        self._open[start.index] = opened

    def _close_part(self, end: PartEnd) -> None:
        part = self._open.pop(end.index, None)
        if part is None:
            raise _violation(f"part {end.index} ended, which is not open")
        part.finish(end)

    def _finish(self, end: StreamEnd) -> None:
        if self._open and not end.HasField("error"):
            raise _violation(f"a successful end while parts {sorted(self._open)} are open")
        self._end = StreamEnd()
        self._end.CopyFrom(end)

    def successful_end(self) -> StreamEnd:
        """The end of a whole answer. Read only.

        Raises StreamBrokenError where it has not come, and the error that it carries, if any.
        """
        if self._end is None:
            raise StreamBrokenError("The stream stopped before its end.", code=Code.ABORTED)
        if self._end.HasField("error"):
            raise error_from_end(self._end, answered=self.answered)
        return self._end


class ChatFold(_Fold):
    """The answer of a chat, gathered event by event.

    numbered: whether the events carry their sequence and begin with `start`, as on the wire. False
        skips these two checks, for events that no stream has numbered yet.

    Heartbeats, usage updates, warnings and events of unknown kind add nothing: the end's usage and
    metadata are the authority.
    """

    def response(self) -> ChatResponse:
        """The whole answer; raises like `successful_end`."""
        end = self.successful_end()
        response = ChatResponse()
        response.message.CopyFrom(self._message)
        response.finish_reason = end.finish_reason
        for part in self._parts:
            if part.extras is not None:
                response.logprobs.MergeFrom(part.extras.logprobs)
        _copy_facts(end, response)
        return response


class CompleteFold(_Fold):
    """The answer of a completion, gathered event by event; see ChatFold.

    The text is that of the text parts. Reasoning and refusals have no place in a CompleteResponse.
    """

    def response(self) -> CompleteResponse:
        """The whole answer; raises like `successful_end`."""
        end = self.successful_end()
        parts = [part for part in self._parts if part.kind == "text"]
        text = "".join(part.part.text for part in parts)
        response = CompleteResponse(text=text, finish_reason=end.finish_reason)
        for part in parts:
            if part.extras is not None:
                response.logprobs.MergeFrom(part.extras.logprobs)
        _copy_facts(end, response)
        return response


def fold_chat(events: Iterable[GenerationEvent], *, numbered: bool = True) -> ChatResponse:
    """The answer that the events of a chat add up to; raises like ChatFold."""
    fold = ChatFold(numbered=numbered)
    fold.add_all(events)
    return fold.response()


def fold_complete(events: Iterable[GenerationEvent], *, numbered: bool = True) -> CompleteResponse:
    """The answer that the events of a completion add up to; raises like CompleteFold."""
    fold = CompleteFold(numbered=numbered)
    fold.add_all(events)
    return fold.response()


class _PartFold:
    """One part: what it began with, what its deltas say, and what its end adds."""

    __slots__ = ("_bytes", "_delta", "_texts", "extras", "kind", "part")

    def __init__(self, part: Part, kind: str | None) -> None:
        self.part = part
        self.kind = kind
        # What fills the part; None: a kind that these stubs do not know, filled by who knows what.
        self._delta = None if kind is None else _DELTA_OF.get(kind, "")
        self._texts: list[str] = []
        self._bytes: list[bytes] = []
        # Log probabilities and citations, in the order they came; None: no event has brought any.
        self.extras: PartDelta | None = (
            PartDelta(citations=part.citations) if part.citations else None
        )

    def add(self, delta: PartDelta) -> None:
        which = delta.WhichOneof("delta")
        if which is not None and self._delta is not None:
            if which != self._delta:
                raise _violation(f"a delta of {which} for part {delta.index}, a {self.kind}")
            if which == "text":
                self._texts.append(delta.text)
            elif which == "arguments_json":
                self._texts.append(delta.arguments_json)
            else:
                self._bytes.append(delta.inline_data)
        if delta.logprobs:
            self._more().logprobs.MergeFrom(delta.logprobs)
        if delta.citations:
            self._more().citations.MergeFrom(delta.citations)

    def _more(self) -> PartDelta:
        if self.extras is None:
            self.extras = PartDelta()
        return self.extras

    def finish(self, end: PartEnd) -> None:
        """Join the deltas onto the part, then let the end's part override."""
        self._join()
        if end.HasField("part"):
            self._override(end.part, end.index)
        if self.extras is not None and self.extras.citations:
            self._cite(self.extras)

    def _join(self) -> None:
        if self.kind is None or not (self._texts or self._bytes):
            return
        if self.kind == "text":
            self.part.text += self._texts[0] if len(self._texts) == 1 else "".join(self._texts)
            return
        inner = getattr(self.part, self.kind)
        if self._delta == "text":
            inner.text += "".join(self._texts)
        elif self._delta == "arguments_json":
            inner.arguments_json += "".join(self._texts)
        else:
            inner.inline_data += b"".join(self._bytes)

    def _override(self, final: Part, index: int) -> None:
        kind = final.WhichOneof("kind")
        if kind is not None and self.kind is not None and kind != self.kind:
            raise _violation(f"part {index} began as {self.kind} and ended as {kind}")
        if final.citations:
            self._more().citations.MergeFrom(final.citations)
        joined = self.part.text
        if kind is not None and self._delta == "":
            self.part.ClearField("kind")  # it comes whole: merging would double what repeats
        self.part.MergeFrom(final)
        if kind == "text" and not final.text:
            self.part.text = joined  # an empty text only names the kind

    def _cite(self, extras: PartDelta) -> None:
        """Give the part every source once: an end may repeat what deltas said."""
        unique = {
            citation.SerializeToString(deterministic=True): citation
            for citation in extras.citations
        }
        del self.part.citations[:]
        self.part.citations.extend(unique.values())


def _copy_facts(end: StreamEnd, response: ChatResponse | CompleteResponse) -> None:
    """Usage and metadata stay absent where the end has none."""
    if end.HasField("usage"):
        response.usage.CopyFrom(end.usage)
    if end.HasField("metadata"):
        response.metadata.CopyFrom(end.metadata)


def _violation(what: str) -> ProtocolError:
    return ProtocolError(f"The stream breaks the contract: {what}.", code=Code.INTERNAL)
