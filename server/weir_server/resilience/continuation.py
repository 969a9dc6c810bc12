"""What if a stream is cut after output began? Where the caller asked for it, another goes on.

The next capable target is asked to go on from the text so far: by a last message of the assistant
where it can take one, else by a message that asks for the rest (docs/resilience.md). The caller
sees one stream: numbers stay dense, a warning names the switch, usage is summed, and there is one
end. If nobody can go on, the caller gets the error that cut the stream, never that of an attempt to
mend it.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from typing_extensions import override

from weir.v1.content_pb2 import Message, Part, Role
from weir.v1.error_pb2 import AttemptKind
from weir.v1.generation_pb2 import GenerationEvent
from weir.v1.generation_pb2 import Warning as WarningEvent
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir.v1.usage_pb2 import TokenUsage
from weir_server.core.call import Call
from weir_server.core.errors import UpstreamError, WeirError
from weir_server.core.handler import Batch, Request
from weir_server.core.target import Operation, Target
from weir_server.core.usage import add, summed
from weir_server.resilience.attempt import Attempt
from weir_server.resilience.story import Story
from weir_server.resilience.tries import Tries
from weir_server.resilience.verdicts import verdict_of

if TYPE_CHECKING:
    from weir_server.resilience.stage import Answer, ResilienceStage

_CONTINUATION = AttemptKind.ATTEMPT_KIND_CONTINUATION
PLEASE_GO_ON = (
    "Your answer was interrupted. Go on exactly where it stops: write only what follows its last "
    "character, without repeating any of it and without a word about the interruption."
)
"""What a model is asked that cannot go on from its own last message."""


def may_continue(call: Call, request: Request) -> bool:
    """Say whether an answer to this request could be gone on with: a stream of plain text."""
    if not call.streaming or not isinstance(request, ChatRequest | CompleteRequest):
        return False
    return request.options.output_format.WhichOneof("format") in (None, "text")


class Continuation(AsyncIterator[Batch]):
    """The batches of an answer, gone on with by other targets when they are cut."""

    __slots__ = ("_answer", "_blank", "_call", "_request", "_stage", "_story", "_tries")

    def __init__(
        self,
        stage: "ResilienceStage",
        call: Call,
        request: Request,
        answer: "Answer",
        tries: Tries | None,
    ) -> None:
        assert isinstance(request, ChatRequest | CompleteRequest)
        self._stage = stage
        self._call = call
        self._request = request
        self._answer = answer
        self._tries = tries
        self._story = Story()
        self._blank: _Blank | None = None
        """Set while the text so far ends in a blank that the next piece may repeat."""

    @override
    async def __anext__(self) -> Batch:
        between: list[GenerationEvent] = []
        while True:
            try:
                batch = await self._answer.__anext__()
            except UpstreamError as broken:
                between += await self._go_on(broken)
                continue
            assert isinstance(batch, list)
            told = between + self._told(batch)
            between = []
            if told:
                return told

    def _told(self, batch: list[GenerationEvent]) -> list[GenerationEvent]:
        story = self._story
        if self._blank is not None and self._blank.is_taken_off(batch):
            self._blank = None
        told = story.tell(batch)
        last = told[-1] if told else None
        if last is not None and last.HasField("end"):
            told[-1:] = [*story.finish(), last]
            if (spent := self._answer.spent) is not None:
                add(last.end.usage, spent)
        return told

    async def _go_on(self, broken: UpstreamError) -> list[GenerationEvent]:
        """Let another target go on; return what to tell between. Raises `broken` if none can."""
        answer, story = self._answer, self._story
        cut = answer.attempt
        if not story.is_text_alone:
            raise broken
        await cut.end(broken)
        tries = self._tries = self._tries or self._stage.tries(self._call)
        tries.note(cut.turn.target, verdict_of(broken))
        before = answer.spent
        if broken.usage is not None:
            # At once: who hangs up while the next target is silent pays for what was said.
            answer.spent = summed(broken.usage, before)
        try:
            attempt = await self._next_attempt(cut, tries, broken)
        except UpstreamError:
            # It carries its own usage, and the attempts to mend it used nothing.
            answer.spent = before
            self._call.progress.usage = broken.usage
            raise
        self._count_all(answer.spent)
        answer.go_on_with(attempt)
        self._blank = _Blank() if story.text != story.text.rstrip() else None
        warning = WarningEvent(
            code="CONTINUED",
            message=f"The answer of {cut.turn.target.provider} was cut; "
            f"{attempt.turn.target.provider} goes on with it.",
            field="options.routing.on_break",
        )
        self._call.progress.warnings.append(warning)
        return [*story.cut(), GenerationEvent(warning=warning)]

    def _count_all(self, spent: TokenUsage | None) -> None:
        """Let interim counts go on where those of the attempt that was cut stood."""
        progress = self._call.progress
        counted = progress.usage_now
        if spent is not None and counted is not None:
            progress.usage_now = lambda: summed(spent, counted())

    async def _next_attempt(self, cut: Attempt, tries: Tries, broken: UpstreamError) -> Attempt:
        stage, call = self._stage, self._call
        others = [t for t in call.targets if t.name != cut.turn.target.name]
        for target in (*others, cut.turn.target):
            if tries.left <= 0:
                break
            turn = stage.turns.take(call, target, _CONTINUATION)
            if turn is None:
                continue
            request = self._rest(target)
            aimed = _as_chat(call, turn.target)
            call.progress.route = turn.target
            try:
                return await stage.begin_aside(call, aimed, request, turn, tries)
            except WeirError as failure:
                tries.note(target, verdict_of(failure))
        call.progress.route = cut.turn.target
        raise broken

    def _rest(self, target: Target) -> ChatRequest:
        """Return the request for the rest of the answer, as the target can take it."""
        said = self._story.text.rstrip()
        request = _chat_of(self._request)
        if said:
            assistant = Message(role=Role.ROLE_ASSISTANT, parts=[Part(text=said)])
            request.messages.append(assistant)
            if not target.capabilities.assistant_prefill:
                ask = Message(role=Role.ROLE_USER, parts=[Part(text=PLEASE_GO_ON)])
                request.messages.append(ask)
        options = request.options
        if options.HasField("max_output_tokens"):
            spent = self._answer.spent
            used = spent.completion_tokens if spent is not None else 0
            options.max_output_tokens = max(1, options.max_output_tokens - used)
        return request


def _chat_of(request: ChatRequest | CompleteRequest) -> ChatRequest:
    """Return a copy of a request as a chat; the caller's own is never changed."""
    chat = ChatRequest()
    if isinstance(request, ChatRequest):
        chat.CopyFrom(request)
        return chat
    chat.messages.append(Message(role=Role.ROLE_USER, parts=[Part(text=request.prompt)]))
    chat.options.CopyFrom(request.options)
    return chat


def _as_chat(call: Call, target: Target) -> Call:
    """Return the call as a continuation, which is always asked for as a chat."""
    return call.aimed_at((target,), kind=_CONTINUATION, operation=Operation.CHAT)


class _Blank:
    """Takes blanks off the first text of an answer; what it thinks before is left as it is."""

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        self._texts: set[int] = set()
        """Indexes of the parts that are text."""

    def is_taken_off(self, batch: list[GenerationEvent]) -> bool:
        """Look at the next events; return whether the text has begun."""
        for event in batch:
            start, delta = event.part_start, event.part_delta
            if start.part.WhichOneof("kind") == "text":
                self._texts.add(start.index)
                if start.part.text:
                    start.part.text = start.part.text.lstrip()
                    if start.part.text:
                        return True
            elif delta.text and delta.index in self._texts:
                delta.text = delta.text.lstrip()
                if delta.text:
                    return True
        return False
