"""How does the echo answer? Step by step, like a model: streaming, stopping and failing on cue."""

import asyncio
import hashlib
import re
import struct
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager

from weir.v1.embedding_service_pb2 import (
    EmbeddingEncoding,
    EmbedRequest,
    EmbedResponse,
)
from weir.v1.error_pb2 import Attempt, FieldViolation
from weir.v1.generation_pb2 import FinishReason, GenerationEvent, GenerationOptions, Phase
from weir.v1.model_pb2 import ModelCapabilities
from weir.v1.provider_service_pb2 import ChatRequest
from weir.v1.usage_pb2 import TokenUsage, UsageSource
from weir_server.core.call import Call
from weir_server.core.errors import (
    UnsupportedOption,
    UpstreamStreamBroken,
    UpstreamTimeout,
    WeirError,
)
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.target import Target
from weir_server.core.tokens import ProviderTokenCounter, TokenCount
from weir_server.providers.echo.options import refuse_ignored
from weir_server.providers.echo.script import FINISH_REASONS, Scene, Step, failures, steps_for
from weir_server.providers.wire.parts import PartWriter, TextKind

DIMENSIONS_DEFAULT = 16
DIMENSIONS_MAX = 1024
TOKENIZER = "echo:words"

_WORD = re.compile(r"\s*\S+|\s+\Z")


def capabilities() -> ModelCapabilities:
    """Return what the echo can do; it reasons only as a script says, never as options ask."""
    return ModelCapabilities(
        chat=True,
        complete=True,
        embed=True,
        streaming=True,
        tools=True,
        parallel_tool_calls=True,
        seed=True,
    )


def words(text: str) -> list[str]:
    """Cut a text into words, each with the space before it; joined they are the text.

    A word is the echo's token.
    """
    return _WORD.findall(text)


class EchoProvider(Handler, ProviderTokenCounter):
    """Says what the script says, or the prompt itself; the same every time."""

    def __init__(self, scenes: Sequence[Scene] = ()) -> None:
        self._scenes = scenes
        self._failures = failures()

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        """Answer. Raises InvalidRequest for a script that cannot be played.

        Raises UnsupportedOption for options that it would ignore.
        """
        if not isinstance(request, EmbedRequest) and request.HasField("options"):
            refuse_ignored(call, request.options)
        target = call.target
        attempt = Attempt(provider=target.provider, model=target.vendor_model, kind=call.kind)
        call.progress.attempts.append(attempt)
        call.progress.attempt = attempt
        call.progress.phase = Phase.PHASE_WAITING_FIRST_TOKEN
        call.progress.sent()
        if isinstance(request, EmbedRequest):
            yield _once(_embed(request))
            return
        prompt = _prompt(request)
        performance = _Performance(
            call,
            request.options,
            _input_tokens(request),
            steps_for(prompt, self._scenes),
            self._failures,
        )
        yield performance.streamed() if call.streaming else performance.whole()

    async def count_text(self, call: Call, target: Target, text: str) -> TokenCount:
        """Count the words."""
        return TokenCount(tokens=len(words(text)), exact=True, tokenizer=TOKENIZER)

    async def count_chat(self, call: Call, target: Target, request: ChatRequest) -> TokenCount:
        """Count the words of all messages."""
        return TokenCount(tokens=_input_tokens(request), exact=True, tokenizer=TOKENIZER)

    async def probe(self, call: Call) -> None:
        """Succeed: there is nothing to reach."""

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


class _Performance:
    """One answer while it is given."""

    def __init__(
        self,
        call: Call,
        options: GenerationOptions,
        input_tokens: int,
        steps: Sequence[Step],
        failures: dict[str, type[WeirError]],
    ) -> None:
        self._call = call
        timeout_s = call.target.attempt_timeout_s
        self._until_s = None if timeout_s is None else _now_s() + timeout_s
        """When the attempt has taken too long, on the loop's clock; None: whenever the call has."""
        self._steps = steps
        self._failures = failures
        self._input_tokens = input_tokens
        self._most_tokens = (
            options.max_output_tokens if options.HasField("max_output_tokens") else None
        )
        self._stops = tuple(options.stop_sequences)
        self._writer = PartWriter()
        self._tail = ""
        """End of what was said, as long as a stop sequence may begin in it."""
        self._tokens = 0
        self._calls = 0
        self._finish: FinishReason.ValueType | None = None
        self._matched_stop = ""

    async def streamed(self) -> AsyncIterator[Batch]:
        """Give each word as it is said."""
        async for _ in self._perform():
            self._call.progress.phase = Phase.PHASE_GENERATING
            events = self._writer.take()
            if events:
                yield events
            # Words come at once; without this a long echo would hold the event loop.
            await asyncio.sleep(0)
        yield self._ending()

    async def whole(self) -> AsyncIterator[Batch]:
        """Give everything in one batch."""
        async for _ in self._perform():
            self._call.progress.phase = Phase.PHASE_GENERATING
        yield self._ending()

    async def _perform(self) -> AsyncIterator[None]:
        for step in self._steps:
            for _ in range(step.times):
                for _ in self._say(step):
                    yield
                    if self._finish is not None:
                        return
                    if self._until_s is not None and _now_s() >= self._until_s:
                        raise self._too_late()
                if step.delay_s is not None:
                    await self._wait(asyncio.sleep(step.delay_s))
                if step.hang:
                    await self._wait(asyncio.Event().wait())
                if step.fail is not None:
                    raise self._failures[step.fail]
                if step.finish is not None:
                    self._finish = FINISH_REASONS[step.finish]
                    return

    async def _wait(self, pause: Awaitable[object]) -> None:
        # Around the wait alone: a timeout around a `yield` would cancel the reader.
        try:
            async with asyncio.timeout_at(self._until_s):
                await pause
        except TimeoutError:
            raise self._too_late() from None

    def _too_late(self) -> WeirError:
        provider = self._call.target.provider
        if self._call.streaming and self._tokens:
            return UpstreamStreamBroken(metadata={"provider": provider, "cause": "timeout"})
        return UpstreamTimeout(metadata={"provider": provider})

    def _say(self, step: Step) -> Iterator[None]:
        if step.text is not None:
            yield from self._say_text(step.text)
        elif step.reasoning is not None:
            yield from self._say_words(TextKind.REASONING, step.reasoning)
        elif step.refusal is not None:
            yield from self._say_words(TextKind.REFUSAL, step.refusal)
        elif step.tool_call is not None:
            self._calls += 1
            call_id = step.tool_call.id or f"call_{self._calls}"
            part = self._writer.open_call(call_id, step.tool_call.name)
            for fragment in words(step.tool_call.arguments_json):
                self._writer.arguments(part, fragment)
                self._tokens += 1
                yield

    def _say_words(self, kind: TextKind, text: str) -> Iterator[None]:
        for word in words(text):
            if self._is_enough():
                return
            self._writer.text(kind, word)
            self._tokens += 1
            yield

    def _say_text(self, text: str) -> Iterator[None]:
        for word in words(text):
            if self._is_enough():
                return
            said = self._until_stop(word)
            if said:
                self._writer.text(TextKind.TEXT, said)
            self._tokens += 1
            yield
            if self._finish is not None:
                return

    def _is_enough(self) -> bool:
        if self._most_tokens is not None and self._tokens >= self._most_tokens:
            self._finish = FinishReason.FINISH_REASON_MAX_TOKENS
        return self._finish is not None

    def _until_stop(self, word: str) -> str:
        """Return what of `word` comes before the first stop sequence that it completes.

        What was said before it stays said, as with a provider that streams.
        """
        if not self._stops:
            return word
        heard = self._tail + word
        for stop in self._stops:
            at = heard.find(stop)
            if at >= 0:
                self._finish = FinishReason.FINISH_REASON_STOP_SEQUENCE
                self._matched_stop = stop
                return word[: max(0, at - len(self._tail))]
        self._tail = heard[1 - max(map(len, self._stops)) or len(heard) :]
        return word

    def _ending(self) -> list[GenerationEvent]:
        if self._finish is not None:
            reason = self._finish
        elif self._calls:
            reason = FinishReason.FINISH_REASON_TOOL_CALLS
        elif self._writer.refused:
            reason = FinishReason.FINISH_REASON_REFUSAL
        else:
            reason = FinishReason.FINISH_REASON_STOP
        self._writer.close()
        event = GenerationEvent()
        event.end.finish_reason = reason
        event.end.metadata.matched_stop_sequence = self._matched_stop
        event.end.usage.CopyFrom(
            TokenUsage(
                prompt_tokens=self._input_tokens,
                completion_tokens=self._tokens,
                total_tokens=self._input_tokens + self._tokens,
                source=UsageSource.USAGE_SOURCE_PROVIDER,
            )
        )
        self._writer.add(event)
        return self._writer.take()


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _prompt(request: Request) -> str:
    if isinstance(request, ChatRequest):
        for message in reversed(request.messages):
            text = "".join(part.text for part in message.parts)
            if text:
                return text
        return ""
    assert not isinstance(request, EmbedRequest)
    return request.prompt


def _input_tokens(request: Request) -> int:
    if isinstance(request, ChatRequest):
        return sum(len(words(part.text)) for m in request.messages for part in m.parts)
    assert not isinstance(request, EmbedRequest)
    return len(words(request.prompt))


async def _once(batch: Batch) -> AsyncIterator[Batch]:
    yield batch


def _embed(request: EmbedRequest) -> EmbedResponse:
    """Make a vector of each text's hash: equal texts are equal, others are unrelated."""
    dimensions = request.dimensions if request.HasField("dimensions") else DIMENSIONS_DEFAULT
    packed = request.encoding == EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT32_LE_BYTES
    if not packed and request.encoding > EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT32:
        raise _unsupported("encoding", "The echo makes vectors of 32-bit floats only.")
    if dimensions > DIMENSIONS_MAX:
        raise _unsupported("dimensions", f"The echo makes at most {DIMENSIONS_MAX} dimensions.")
    if request.task:
        raise _unsupported("task", "The echo makes one kind of vector only.")
    response = EmbedResponse(
        dimensions=dimensions,
        encoding=request.encoding or EmbeddingEncoding.EMBEDDING_ENCODING_FLOAT32,
    )
    tokens = 0
    for index, item in enumerate(request.inputs):
        data = item.text.encode() if item.HasField("text") else item.media.inline_data
        tokens += len(words(item.text))
        vector = _vector(data, dimensions)
        embedding = response.embeddings.add(index=index)
        if packed:
            embedding.packed_values = struct.pack(f"<{dimensions}f", *vector)
        else:
            embedding.values.extend(vector)
    response.usage.prompt_tokens = response.usage.total_tokens = tokens
    response.usage.source = UsageSource.USAGE_SOURCE_PROVIDER
    return response


def _unsupported(field: str, description: str) -> UnsupportedOption:
    violation = FieldViolation(field=field, rule="UNSUPPORTED", description=description)
    return UnsupportedOption(violations=[violation])


def _vector(data: bytes, dimensions: int) -> list[float]:
    digest = hashlib.shake_256(data).digest(dimensions)
    raw = [byte - 127.5 for byte in digest]
    length = sum(value * value for value in raw) ** 0.5
    return [value / length for value in raw]
