"""May this caller ask now? The stage that holds calls against limits of rates.

A call takes one request, its tokens and one lease of each limit that it comes under, or nothing.
Tokens are what goes in and what may come out; when the call ends, they are what was really used. A
call that asked nobody after all, whoever refused it, has used nothing.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from typing_extensions import override

from weir.v1.embedding_service_pb2 import EmbedRequest
from weir_server.admission.limits import LimitBook, LimitPlan, scope_of
from weir_server.admission.planning import PromptEstimate
from weir_server.core.call import Call
from weir_server.core.catalogue import Catalogue
from weir_server.core.clock import Clock
from weir_server.core.counters import Counters, Grant, Limit, Measure, Refusal, amount_of
from weir_server.core.errors import CallerError, ConcurrencyLimited, RateLimited
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.route import ModelRoute
from weir_server.telemetry.log import Log


class RatesStage(Handler):
    """Lets calls through within their limits; else raises RateLimited or ConcurrencyLimited.

    `limit` names the limit and `scope` its kind; without a time to come again it can never be.
    """

    def __init__(
        self,
        next_stage: Handler,
        book: LimitBook,
        *,
        counters: Counters,
        catalogue: Catalogue,
        tokens: PromptEstimate,
        clock: Clock,
        log: Log,
    ) -> None:
        self._next = next_stage
        self._counters = counters
        self._catalogue = catalogue
        self._tokens = tokens
        self._clock = clock
        self._log = log
        self._book = book

    @override
    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Open the call once it is within its limits. Raises what resolving raises."""
        book = self._book
        plan = book.plan(call.caller, self._route(call, request).model if book.names_models else "")
        if not plan.limits:
            return self._next.open(call, request)
        return _Limited(self, call, request, plan)

    def go_on(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Open the next stage."""
        return self._next.open(call, request)

    async def take(self, call: Call, request: Request, plan: LimitPlan) -> Grant | None:
        """Take what the call needs; None: it may pass though a limit is used up.

        Raises RateLimited, ConcurrencyLimited.
        """
        tokens = 0
        if plan.token_limit is not None:
            tokens = self._needed(call, request, plan.token_limit)
        for limit in plan.limits:
            if amount_of(limit, tokens) > limit.most:
                self._refuse(call, limit, None, tokens)
                return None
        now_s = self._clock.monotonic_s()
        got = await self._counters.take(
            plan.limits,
            tokens=tokens,
            holder=call.response_id,
            lease_s=max(0.0, call.deadline.at_s - now_s) + self._book.lease_beyond_s,
        )
        call.progress.rates = got.standings
        if isinstance(got, Refusal):
            self._refuse(call, got.limit, got.wait_s, tokens)
            return None
        return got

    def give_back(self, call: Call, grant: Grant) -> None:
        """End what was taken; called once, however the call has ended."""
        progress = call.progress
        if not progress.attempts:
            self._counters.give_back(grant, tokens_used=0, refund=True)
            return
        used = progress.usage
        tokens = grant.tokens if used is None else used.prompt_tokens + used.completion_tokens
        self._counters.give_back(grant, tokens_used=tokens, refund=False)

    def _needed(self, call: Call, request: Request, most: int) -> int:
        """Return the tokens to reserve: what goes in, and what may come out."""
        progress = call.progress
        target = self._route(call, request).targets[0]
        if progress.prompt_tokens is None:
            progress.prompt_tokens = self._tokens.estimate_prompt(target, request)
        prompt = progress.prompt_tokens
        if isinstance(request, EmbedRequest):
            return prompt
        wanted = request.options.max_output_tokens
        # An answer without a bound reserves no more than could ever be had.
        output = wanted or min(self._book.step_tokens, max(0, most - prompt))
        if target.max_output_tokens:
            output = min(output, target.max_output_tokens)
        return prompt + output

    def _route(self, call: Call, request: Request) -> ModelRoute:
        return self._catalogue.resolve(
            model=request.model,
            provider=request.provider,
            operation=call.operation,
            streaming=call.streaming,
            caller=call.caller,
        )

    def _refuse(self, call: Call, limit: Limit, wait_s: float | None, tokens: int) -> None:
        """Raise the refusal, or log it where limits are only being tried out."""
        if self._book.shadow:
            self._log.event(
                "rate_limit_passed",
                limit=limit.name,
                scope=scope_of(limit),
                tenant=call.caller.tenant,
                key=call.caller.key,
                request_id=call.request_id,
                retry_after_s=wait_s,
            )
            return
        kind: type[CallerError] = RateLimited
        metadata = {"limit": limit.name, "scope": scope_of(limit), "limitValue": str(limit.most)}
        if limit.measure is Measure.CALLS:
            kind = ConcurrencyLimited
        elif limit.measure is Measure.TOKENS:
            metadata["tokens"] = str(tokens)
        raise kind(metadata=metadata, retry_after_s=wait_s)


class _Limited(AbstractAsyncContextManager[AsyncIterator[Batch]]):
    """One call with what it took; the batches it gives are the next stage's own."""

    __slots__ = ("_call", "_grant", "_inner", "_plan", "_request", "_stage")

    _inner: AbstractAsyncContextManager[AsyncIterator[Batch]]
    _grant: Grant | None

    def __init__(self, stage: RatesStage, call: Call, request: Request, plan: LimitPlan) -> None:
        self._stage = stage
        self._call = call
        self._request = request
        self._plan = plan

    @override
    async def __aenter__(self) -> AsyncIterator[Batch]:
        stage, call = self._stage, self._call
        self._grant = await stage.take(call, self._request, self._plan)
        try:
            self._inner = stage.go_on(call, self._request)
            return await self._inner.__aenter__()
        except BaseException:
            self._end()
            raise

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        try:
            return await self._inner.__aexit__(kind, error, trace)
        finally:
            self._end()

    def _end(self) -> None:
        if self._grant is not None:
            self._stage.give_back(self._call, self._grant)
