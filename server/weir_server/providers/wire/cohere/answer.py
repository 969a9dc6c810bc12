"""How does what a chat model says become events? The one way for streams and for whole answers.

A content block becomes a part: text, or reasoning where it is `thinking`. The plan that a model
makes before it calls tools is reasoning too, marked with a state so that it goes back as a plan.
"""

from typing import TypeVar

from msgspec.structs import asdict

from weir.v1.content_pb2 import Part, UnknownPart
from weir.v1.generation_pb2 import GenerationEvent, TokenLogprob
from weir_server.core.errors import UpstreamError, UpstreamProtocolError
from weir_server.providers.wire.cohere.citations import (
    PLAN,
    Stretch,
    belongs,
    citation_json,
    citations_of,
    speaks_of_reasoning,
)
from weir_server.providers.wire.cohere.errors import explain_said
from weir_server.providers.wire.cohere.finish import failure_of, reason_of
from weir_server.providers.wire.cohere.shapes import (
    Citation,
    Content,
    Delta,
    LogprobItem,
    Said,
    ToolCall,
    Whole,
)
from weir_server.providers.wire.cohere.usage import billed_attributes, write_usage
from weir_server.providers.wire.ending import end_event
from weir_server.providers.wire.parts import (
    HELD_MAX_CHARS,
    OpenCall,
    PartWriter,
    TextKind,
    json_text,
    whole,
)
from weir_server.providers.wire.state import sealed

KIND = "cohere"
PLAN_STATE = sealed(KIND, b"tool_plan")
"""Marks reasoning that was a plan of tool calls."""
CITATION = f"{KIND}/citation"
"""The type of an UnknownPart that holds a citation of a part which had ended."""
BLOCK_TYPES = frozenset({"text", "thinking"})
BLOCKS_MAX = 1024
"""More blocks than any answer has."""
# An enum searches for its members too: once is enough.
_TEXT = TextKind.TEXT
_REASONING = TextKind.REASONING


class CohereAnswer:
    """One answer of a chat model, as far as it has come.

    `failure` is set when what has come breaks the answer. `hide_reasoning` leaves thoughts and
    plans out, for callers that asked for none of it.
    """

    __slots__ = (
        "_calls",
        "_finish_reason",
        "_hides_reasoning",
        "_late",
        "_started",
        "_stretch",
        "_usage",
        "failure",
        "response_id",
        "writer",
    )

    def __init__(self, *, hide_reasoning: bool) -> None:
        self.writer = PartWriter()
        self.failure: UpstreamError | None = None
        self.response_id = ""
        self._calls: dict[int, OpenCall] = {}
        self._started = 0
        """Tool calls so far."""
        self._stretch: Stretch | None = None
        """The part of text that is open."""
        self._late: list[str] = []
        """Citations of parts that had ended, told at the end of the answer."""
        self._finish_reason: str | None = None
        self._usage: object = None
        self._hides_reasoning = hide_reasoning

    @property
    def cut(self) -> bool:
        """Whether an end now would leave something out: the vendor has not said why it ended."""
        return self._finish_reason is None

    def take_whole(self, said: Whole) -> None:
        """Take a whole answer: its blocks, its plan, its calls, in the order of a stream."""
        self.response_id = said.id or ""
        message = said.message
        citations = [each for each in as_list(message.citations) if not self._hides(each)]
        logprobs = said.logprobs or []
        blocks = _blocks(message)
        if len(blocks) > BLOCKS_MAX:
            self.failure = UpstreamProtocolError(metadata={"cause": "too_large"})
            return
        for index, block in enumerate(blocks):
            if not isinstance(block, dict) or _str(block.get("type")) not in BLOCK_TYPES:
                self.keep(block)
                continue
            content = Content(text=_str(block.get("text")), thinking=_str(block.get("thinking")))
            if logprobs and content.text:
                # A whole answer does not tell which block they are of; what is said has them.
                self._say_with_logprobs(index, _TEXT, content.text, logprobs)
                logprobs = []
            else:
                self.content(index, content, None)
            citations = self._cite_here(citations)
        if message.tool_plan:
            self.plan(message.tool_plan)
            citations = self._cite_here(citations)
        self._late += map(citation_json, citations)
        for number, call in enumerate(as_list(message.tool_calls)):
            self.open_call(number, call)
            self.close_call(number)
        self.finish(said.finish_reason, said.usage, None)

    def content(self, index: int, content: Content, logprobs: LogprobItem | None) -> None:
        """Write a piece of a block."""
        if content.thinking:
            self._say(index, _REASONING, content.thinking, logprobs)
        if content.text:
            self._say(index, _TEXT, content.text, logprobs)

    def plan(self, text: str) -> None:
        """Write a piece of the plan of tool calls."""
        if text:
            self._say(PLAN, _REASONING, text, None)

    def cite(self, said: Citation) -> None:
        """Write a citation, with the part that it speaks of while that is open."""
        if self._hides(said):
            return
        stretch = self._stretch
        if stretch is not None and belongs(said, stretch):
            self.writer.cite(citations_of(said, stretch), stretch.kind)
            return
        late = citation_json(said)
        self._late.append(late)
        self.hold(len(late))

    def open_call(self, index: int, said: ToolCall) -> None:
        """Begin a tool call."""
        self._leave()
        self.close_call(index)
        function = said.function
        # The contract promises an id; one made from the answer's own is unique in a conversation.
        call_id = said.id or f"call_{self.response_id}_{self._started}"
        self._started += 1
        name = function.name if function is not None else None
        self._calls[index] = self.writer.open_call(call_id, name or "")
        self.arguments(index, said)

    def arguments(self, index: int, said: ToolCall) -> None:
        """Write a piece of a tool call's arguments."""
        call = self._calls.get(index)
        if call is None:
            self.failure = UpstreamProtocolError(metadata={"cause": "malformed"})
        elif said.function is not None and said.function.arguments:
            self.writer.arguments(call, said.function.arguments)
            self.hold(0)

    def close_call(self, index: int) -> None:
        """End a tool call, if it is open."""
        call = self._calls.pop(index, None)
        if call is not None:
            self.writer.close_call(call)

    def keep(self, block: object) -> None:
        """Write a block of a type that Weir does not know, whole."""
        self._leave()
        named = block.get("type") if isinstance(block, dict) else None
        unknown = UnknownPart(type=f"{KIND}/{_name(named)}", json=json_text(block))
        self.writer.add_part(Part(unknown=unknown))

    def finish(self, reason: str | None, usage: object, error: object) -> None:
        """Take why the answer ended, and what it used."""
        self._finish_reason = reason
        self._usage = usage
        if self.failure is None:
            self.failure = failure_of(reason or "", error, produced=self.writer.produced)

    def finish_with(self, delta: Delta) -> None:
        """Take the end of a stream."""
        self.finish(delta.finish_reason, delta.usage, delta.error)

    def break_off(self, error: object) -> None:
        """Take an error instead of the rest of the answer."""
        if self.failure is None:
            self.failure = failure_of("ERROR", error, produced=self.writer.produced)

    def end(self) -> GenerationEvent:
        """Close all parts and return the `end` of a complete answer."""
        writer = self.writer
        self._leave()
        writer.close()
        for late in self._late:
            writer.add_part(Part(unknown=UnknownPart(type=CITATION, json=late)))
        label = self._finish_reason or ""
        event = end_event(
            reason=reason_of(label, called=writer.called),
            label=label,
            stop_sequence="",
            model="",  # The vendor does not name it; what was asked for answered.
            attributes=(("cohere.id", self.response_id), *billed_attributes(self._usage)),
        )
        write_usage(event.end.usage, self._usage, produced=writer.produced)
        return event

    def _say(self, key: int | str, kind: TextKind, text: str, logprobs: LogprobItem | None) -> None:
        if kind is _REASONING and self._hides_reasoning:
            return
        stretch = self._enter(key, kind)
        stretch.add(text)
        self.hold(len(text))
        if logprobs is not None and logprobs.logprobs:
            self.writer.text_with_logprobs(kind, text, [_logprob(logprobs, text)])
        else:
            self.writer.text(kind, text)

    def _say_with_logprobs(
        self, key: int, kind: TextKind, text: str, logprobs: list[LogprobItem]
    ) -> None:
        self._enter(key, kind).add(text)
        tokens = [_logprob(item, item.text or "") for item in logprobs]
        self.writer.text_with_logprobs(kind, text, tokens)

    def _enter(self, key: int | str, kind: TextKind) -> Stretch:
        """Return the stretch of a block; a part begins with the first word of it."""
        stretch = self._stretch
        if stretch is None or stretch.key != key or stretch.kind is not kind:
            self._leave()
            self.writer.open_text(kind)
            stretch = self._stretch = Stretch(key, kind)
        return stretch

    def _leave(self) -> None:
        """End the open part of text, if there is one."""
        if self._stretch is not None:
            self.writer.close_text(state=PLAN_STATE if self._stretch.key == PLAN else b"")
            self._stretch = None

    def _cite_here(self, citations: list[Citation]) -> list[Citation]:
        """Write those citations that speak of the open part; return the others."""
        stretch = self._stretch
        if stretch is None:
            return citations
        others = []
        for citation in citations:
            if belongs(citation, stretch):
                self.writer.cite(citations_of(citation, stretch), stretch.kind)
            else:
                others.append(citation)
        return others

    def _hides(self, said: Citation) -> bool:
        """Tell whether a citation speaks of reasoning that the caller does not want to hear."""
        return self._hides_reasoning and speaks_of_reasoning(said)

    def hold(self, chars: int) -> None:
        """Count what is held until the answer ends: no answer is that long."""
        self.writer.held_chars += chars
        if self.writer.held_chars > HELD_MAX_CHARS:
            self.failure = UpstreamProtocolError(metadata={"cause": "too_large"})


def not_an_answer(said: object) -> UpstreamError:
    """Return what something means that came in place of an answer with status 200."""
    if isinstance(said, dict) and (said.get("message") or said.get("error") or said.get("data")):
        return explain_said(said)
    return UpstreamProtocolError(metadata={"cause": "malformed"})


def _blocks(message: Said) -> list[object]:
    """Return the blocks of a whole message; one that stands alone is a list of one."""
    content = message.content
    return [asdict(content)] if isinstance(content, Content) else content or []


def _logprob(said: LogprobItem, text: str) -> TokenLogprob:
    """Return the log probability of a piece of text: its tokens' together, mostly of just one."""
    return TokenLogprob(token=whole(said.text or text), logprob=sum(said.logprobs or ()))


def _name(said: object) -> str:
    return whole(said) if isinstance(said, str) and said else "content"


def _str(said: object) -> str | None:
    return said if isinstance(said, str) else None


T = TypeVar("T")


def as_list(said: T | list[T] | None) -> list[T]:
    """Return what a whole answer says in a list and an event on its own."""
    if said is None:
        return []
    return said if isinstance(said, list) else [said]


def message_of(delta: Delta | None) -> Said:
    """Return the message of an event, an empty one where it has none."""
    message = delta.message if delta is not None else None
    return message if message is not None else Said()
