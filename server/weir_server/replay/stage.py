"""Have I done this very call? The stage that runs a call with an idempotency key once.

The first call with a key runs; equal ones that come meanwhile wait for it, and those that come
later get what it got, failures included. Only a run that never reached a provider leaves the key
free. One whose end nobody knows is never repeated: its callers are told so.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NoReturn

from typing_extensions import override

from weir_server.core.call import Call, Keyed
from weir_server.core.clock import Clock
from weir_server.core.deadline import ATTEMPT_MIN_S
from weir_server.core.errors import (
    ClientCancelled,
    DeadlineExceeded,
    FeatureDisabled,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    OutcomeNotKept,
    UnknownOutcome,
    UpstreamStreamBroken,
    WeirError,
)
from weir_server.core.handler import Batch, Handler, Request
from weir_server.core.replays import (
    FREE,
    NOT_KEPT,
    Claim,
    Replay,
    ReplayBook,
    ReplayStore,
    Standing,
    State,
)
from weir_server.replay import record
from weir_server.replay.recording import Recording
from weir_server.replay.seal import Seal, SealBroken, slot_of
from weir_server.settings.idempotency import IdempotencySettings
from weir_server.telemetry.log import Log

AGAIN_AFTER_S = 1.0
"""After how long a caller may ask again whose time ended before the run that it waited for."""


class ReplayStage(Handler):
    """Runs each keyed call once; calls without a key pass untouched.

    store: None: keys are refused, for nothing here could honour them.
    """

    def __init__(
        self,
        next_stage: Handler,
        settings: IdempotencySettings,
        *,
        store: ReplayStore | None,
        seal: Seal,
        book: ReplayBook,
        clock: Clock,
        log: Log,
        new_owner: Callable[[], str],
        frame_bytes: int = record.FRAME_BYTES,
    ) -> None:
        """`frame_bytes`: how much of an answer a replay gives at a time."""
        self._next = next_stage
        self._settings = settings
        self._store = store
        self._seal = seal
        self._book = book
        self._clock = clock
        self._log = log
        self._new_owner = new_owner
        self._frame_bytes = frame_bytes

    @override
    def open(
        self, call: Call, request: Request
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Open the call, or give the answer again that an equal one has had.

        Raises what an equal call has failed with, and besides FeatureDisabled,
        IdempotencyKeyReused, IdempotencyInProgress, UnknownOutcome, OutcomeNotKept and
        IdempotencyUnavailable.
        """
        if not call.idempotency_key:
            return self._next.open(call, request)
        if self._store is None:
            raise FeatureDisabled(metadata={"feature": "idempotency"})
        return self._keyed(self._store, call, request)

    @asynccontextmanager
    async def _keyed(
        self, store: ReplayStore, call: Call, request: Request
    ) -> AsyncIterator[AsyncIterator[Batch]]:
        claim = self._claim(call, request)
        call.progress.keyed = keyed = Keyed(answer_id=call.response_id)
        standing = await self._standing(store, call, claim)
        if standing.state is State.CLAIMED:
            keyed.answer_id = call.response_id
            async with self._running(store, call, request, claim) as batches:
                yield batches
        else:
            keyed.answer_id = standing.answer_id
            yield await self._again(call, request, claim, standing)

    def _claim(self, call: Call, request: Request) -> Claim:
        tenant, method = call.caller.tenant, call.method
        slot = slot_of(tenant=tenant, method=method, key=call.idempotency_key)
        lease_s = call.deadline.at_s - self._clock.monotonic_s() + self._settings.lease_margin_s
        return Claim(
            slot=slot,
            print=self._seal.fingerprint(slot, request.SerializeToString(deterministic=True)),
            owner=self._new_owner(),
            answer_id=call.response_id,
            lease_s=lease_s,
        )

    async def _standing(self, store: ReplayStore, call: Call, claim: Claim) -> Standing:
        """Claim the key, or wait until whoever has it is done with it."""
        standing = await store.claim(claim)
        self._compare(call, claim, standing)
        if standing.state is not State.RUNNING:
            return standing
        if call.progress.keyed is not None:
            call.progress.keyed.answer_id = standing.answer_id  # for a `start` that goes out alone
        wait_s = call.deadline.remaining_s(self._clock.monotonic_s()) - ATTEMPT_MIN_S
        try:
            async with asyncio.timeout(wait_s):
                standing = await store.settled(claim)
        except TimeoutError:
            raise IdempotencyInProgress(
                metadata={"key": call.idempotency_key}, retry_after_s=AGAIN_AFTER_S
            ) from None
        self._compare(call, claim, standing)
        return standing

    def _compare(self, call: Call, claim: Claim, standing: Standing) -> None:
        """Raise IdempotencyKeyReused if the key was used for another request."""
        if standing.state is State.CLAIMED or standing.print == claim.print:
            return
        facts = {"key": call.idempotency_key}
        if self._seal.made(standing.print):
            raise IdempotencyKeyReused(metadata=facts)
        # Another secret made it, so nobody can say whether the two are equal.
        raise UnknownOutcome(metadata={**facts, "cause": "seal_key"})

    # --- the run ----------------------------------------------------------------------------------

    @asynccontextmanager
    async def _running(
        self, store: ReplayStore, call: Call, request: Request, claim: Claim
    ) -> AsyncIterator[AsyncIterator[Batch]]:
        recording: Recording | None = None

        async def keep(plain: bytes) -> None:
            await store.settle(claim, self._sealed(claim, plain))

        try:
            async with self._next.open(call, request) as batches:
                recording = Recording(
                    batches,
                    call,
                    self._clock,
                    limit_bytes=self._limit_bytes(call),
                    frame_bytes=self._frame_bytes,
                    keep=keep,
                )
                yield recording
        except BaseException as error:
            if recording is None or not recording.ended:
                # Posted, for there may be no time to wait: the caller may have hung up.
                store.settle(claim, self._outcome(call, claim, _told(call, error)))
            raise
        if not recording.ended:
            cut = UpstreamStreamBroken(metadata={"cause": "cut"}, usage=call.progress.usage)
            await store.settle(claim, self._outcome(call, claim, cut))

    def _limit_bytes(self, call: Call) -> int:
        settings = self._settings
        return 0 if call.caller.tenant in settings.guard_only_tenants else settings.max_reply_bytes

    def _outcome(self, call: Call, claim: Claim, error: WeirError) -> bytes | None:
        """Return what is kept of a failure; FREE where no provider has seen the request."""
        if not call.progress.reached:
            return FREE
        return self._sealed(claim, record.record_of(call, error=error))

    def _sealed(self, claim: Claim, plain: bytes) -> bytes:
        if not plain:
            return NOT_KEPT
        return self._seal.close(plain, slot=claim.slot, fingerprint=claim.print)

    # --- the replay -------------------------------------------------------------------------------

    async def _again(
        self, call: Call, request: Request, claim: Claim, standing: Standing
    ) -> AsyncIterator[Batch]:
        """Return the answer again, or raise the failure again, once that is booked."""
        facts = {"key": call.idempotency_key, "responseId": standing.answer_id}
        if standing.state is State.LOST:
            raise UnknownOutcome(metadata={**facts, "cause": "lost"})
        if not standing.sealed:
            raise OutcomeNotKept(metadata={**facts, "cause": "not_kept"})
        try:
            plain = self._seal.open(standing.sealed, slot=claim.slot, fingerprint=claim.print)
        except SealBroken:
            self._unreadable(call, facts)
        kept = record.read(plain)
        record.tell(call, kept)
        error = None if kept.failure is None else record.error_of(kept.failure)
        call.progress.keyed = Keyed(answer_id=kept.answer_id, replayed=True)
        replay = Replay(
            answer_id=kept.answer_id,
            provider=kept.provider,
            vendor_model=kept.vendor_model,
            error=error,
        )
        await self._book.book(call, request, replay)
        if error is not None:
            raise error
        return _given(kept)

    def _unreadable(self, call: Call, facts: dict[str, str]) -> NoReturn:
        self._log.event("replay_unreadable", request_id=call.request_id)
        raise UnknownOutcome(metadata={**facts, "cause": "unreadable"})


async def _given(kept: record.Record) -> AsyncIterator[Batch]:
    for batch in record.batches_of(kept):
        yield batch


def _told(call: Call, error: BaseException) -> WeirError:
    """Return what equal calls are told of a run that ended so.

    A provider's failure is theirs too. The deadline of the caller that ran, its hang-up or a
    server's end are not: of those they are told that nobody knows what would have come of it.
    """
    usage = call.progress.usage
    if isinstance(error, WeirError) and not isinstance(error, DeadlineExceeded):
        if error.usage is None:
            error.usage = usage
        return error
    if not isinstance(error, WeirError):
        interrupted = call.progress.interrupted
        cause = interrupted() if interrupted is not None else None
        if cause is not None:
            error = cause
        elif isinstance(error, asyncio.CancelledError):
            error = ClientCancelled()
    facts = {
        "key": call.idempotency_key,
        "responseId": call.response_id,
        "cause": error.name().lower() if isinstance(error, WeirError) else "interrupted",
    }
    return UnknownOutcome(metadata=facts, usage=usage)
