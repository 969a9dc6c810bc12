"""What did one attempt use, however it ended? The stage next to the provider that says so.

An answer that came whole carries the provider's usage, or Weir's estimate where that is missing or
cannot be believed. One that was cut short is charged for what went in and what had come out. All
counting here is synchronous and bounded: it also happens while a call is being cancelled.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from typing_extensions import override

from weir.v1.generation_pb2 import PartStart, Phase
from weir.v1.usage_pb2 import TokenUsage, UsageSource
from weir_server.accounting.tokens import Tokens
from weir_server.accounting.usage import believable, counted
from weir_server.accounting.written import Written
from weir_server.core.call import Call, Spent
from weir_server.core.errors import (
    UpstreamError,
    UpstreamProtocolError,
    UpstreamStreamBroken,
    UpstreamTimeout,
    WeirError,
)
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.prices import Prices
from weir_server.core.usage import summed

# Looking an enum's value up by name costs nearly a microsecond.
_PROVIDER = UsageSource.USAGE_SOURCE_PROVIDER
_PARTIAL = UsageSource.USAGE_SOURCE_PARTIAL
_ESTIMATED = UsageSource.USAGE_SOURCE_ESTIMATED
_SENT = frozenset({Phase.PHASE_WAITING_FIRST_TOKEN, Phase.PHASE_GENERATING})
"""Phases in which the provider has the request."""
_WORKED = frozenset({"malformed", "too_large"})
"""Causes of a senseless answer for which a model has worked."""


class MeterStage(Handler):
    """Gives every attempt its usage: in `end`, in the error, and in `call.progress`."""

    def __init__(self, next_handler: Handler, tokens: Tokens, prices: Prices) -> None:
        self._next = next_handler
        self._tokens = tokens
        self._prices = prices

    @override
    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Open the attempt, and note what it used by the time the block is left."""
        meter = _Meter(call, request, self._tokens, self._prices)
        call.progress.usage_now = meter.usage_so_far
        call.progress.attempt = call.progress.in_turn = None
        return _Attempt(self._next.open(call, request), call, meter)


class _Attempt(AbstractAsyncContextManager[AsyncIterator[Batch]]):
    """One attempt with its meter."""

    __slots__ = ("_call", "_meter", "_next")

    def __init__(
        self,
        next_attempt: AbstractAsyncContextManager[AsyncIterator[Batch]],
        call: Call,
        meter: "_Meter",
    ) -> None:
        self._next = next_attempt
        self._call = call
        self._meter = meter

    @override
    async def __aenter__(self) -> AsyncIterator[Batch]:
        try:
            return _Metered(await self._next.__aenter__(), self._meter)
        except BaseException as error:
            self._note(error)
            raise

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Leaving may fail itself, and with another error: what is told last is what counts.
        try:
            await self._next.__aexit__(kind, error, trace)
        except BaseException as later:
            self._note(later)
            raise
        self._note(error)

    def _note(self, error: BaseException | None) -> None:
        """Say what was used. The upstream is closed by now; nothing here waits."""
        usage = self._meter.close(error)
        if isinstance(error, WeirError):
            if error.usage is None:
                error.usage = usage
            else:
                usage = error.usage
                self._meter.price(usage)
        progress = self._call.progress
        progress.usage = usage
        self._meter.book(usage)
        # The meter knows the call: without this the two would wait for the garbage collector.
        progress.usage_now = progress.in_turn = None


class _Metered(AsyncIterator[Batch]):
    """The next stage's batches, each looked at once."""

    __slots__ = ("_meter", "_next")

    def __init__(self, batches: AsyncIterator[Batch], meter: "_Meter") -> None:
        self._next = batches.__anext__
        self._meter = meter

    @override
    async def __anext__(self) -> Batch:
        batch = await self._next()
        self._meter.look(batch)
        return batch


class _Meter:
    """What went through so far."""

    __slots__ = (
        "_call",
        "_prices",
        "_reasoning",
        "_request",
        "_said",
        "_thought",
        "_tokens",
        "_usage",
    )

    def __init__(self, call: Call, request: Request, tokens: Tokens, prices: Prices) -> None:
        self._call = call
        self._prices = prices
        self._request = request
        self._tokens = tokens
        self._said = Written()
        self._thought = Written()
        self._reasoning: set[int] = set()
        """Indexes of the parts that are reasoning."""
        self._usage: TokenUsage | None = None

    def look(self, batch: Batch) -> None:
        """Remember what a batch says, and complete the `end` or the reply that it may hold."""
        if not isinstance(batch, list):
            self._settle(batch.usage)
            return
        said: list[str] = []
        for event in batch:
            # The first look is at the deltas: nearly every event is one.
            delta = event.part_delta
            if text := delta.text or delta.arguments_json:
                if self._reasoning and delta.index in self._reasoning:
                    self._thought.add(text)
                else:
                    said.append(text)
            elif event.HasField("part_start"):
                self._begin(event.part_start)
        last = batch[-1]
        if last.HasField("end"):
            self._settle(last.end.usage, said)
        elif said:
            self._said.add("".join(said))

    def usage_so_far(self) -> TokenUsage:
        """Return an estimate of what was used until now."""
        return self._usage or self._cut_short(charged=True)

    def close(self, error: BaseException | None) -> TokenUsage:
        """Return what was used until now; `error` is what ended the attempt, if anything did."""
        if self._usage is None:
            self._usage = self._cut_short(charged=self._was_charged(error))
        return self._usage

    def book(self, usage: TokenUsage) -> None:
        """Keep what the attempt used, once; nothing where no provider was asked."""
        progress = self._call.progress
        if (attempt := progress.attempt) is not None:
            progress.spent.append(Spent(attempt=attempt, usage=usage))
            progress.attempt = None

    def _begin(self, start: PartStart) -> None:
        kind = start.part.WhichOneof("kind")
        if kind == "reasoning":
            self._reasoning.add(start.index)
        elif kind == "tool_call":
            self._said.add(start.part.tool_call.name)

    def _settle(self, usage: TokenUsage, said: Sequence[str] = ()) -> None:
        """Keep a believable usage; put an estimate in the place of any other.

        said: texts that came with it, which are remembered only if they are to be counted.
        """
        produced = bool(said or self._said.chars or self._thought.chars)
        if not believable(usage, produced=produced):
            if said:
                self._said.add("".join(said))
            usage.CopyFrom(self._counted(_ESTIMATED))
        else:
            if not usage.source:
                usage.source = _PROVIDER
            self.price(usage)
        self._usage = TokenUsage()
        self._usage.CopyFrom(usage)
        # Before the `end` goes on: whoever books the call on its way books its attempts, too.
        self.book(self._usage)

    def _was_charged(self, error: BaseException | None) -> bool:
        """Say whether the provider is likely to charge for what it has done."""
        if self._said.chars or self._thought.chars:
            return True
        if isinstance(error, UpstreamTimeout):
            # Silence after the request; a status of 408 says that nothing was done.
            return "httpStatus" not in error.metadata
        if isinstance(error, UpstreamProtocolError):
            return error.metadata.get("cause") in _WORKED
        if isinstance(error, UpstreamStreamBroken):
            return True
        if isinstance(error, UpstreamError):
            return False
        return self._call.progress.phase in _SENT

    def _cut_short(self, *, charged: bool) -> TokenUsage:
        """Return what was used so far. charged: also for what is under way."""
        in_turn = self._call.progress.in_turn
        if in_turn is None:
            if charged:
                return self._counted(_PARTIAL)
            usage = TokenUsage(source=_PARTIAL)
            self.price(usage)
            return usage
        rest = in_turn.uncounted(under_way=charged)
        tokens = self._tokens.estimate_prompt(self._call.target, rest) if rest.inputs else 0
        usage = summed(in_turn.told, counted(tokens, 0, 0, _PARTIAL))
        usage.source = _PARTIAL
        self.price(usage)
        return usage

    def _counted(self, source: UsageSource.ValueType) -> TokenUsage:
        target = self._call.target
        thought = self._thought.tokens(self._tokens, target)
        said = self._said.tokens(self._tokens, target)
        prompt = self._tokens.estimate_prompt(target, self._request)
        usage = counted(prompt, said + thought, thought, source)
        self.price(usage)
        return usage

    def price(self, usage: TokenUsage) -> None:
        """Say what a usage costs; a price that its decoder found there is the vendor's report."""
        target = self._call.target
        if target.is_gateway and usage.HasField("cost"):
            return  # it has a book of its own
        cost = self._prices.cost(target, usage)
        if cost is None:
            usage.ClearField("cost")
        else:
            usage.cost.CopyFrom(cost)
