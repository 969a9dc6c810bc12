"""What surrounds every RPC? Decoding, identity, deadline, cancellation, the status and the log."""

import asyncio
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2

from weir.v1.error_pb2 import FieldViolation
from weir.v1.usage_pb2 import TokenUsage, UsageSource
from weir_server.core.call import NO_TRACE, Call
from weir_server.core.caller import NOBODY, Caller, Identity, Role
from weir_server.core.clock import Clock
from weir_server.core.deadline import ATTEMPT_MIN_S, Deadline
from weir_server.core.errors import (
    ClientCancelled,
    DeadlineExceeded,
    DeadlineTooShort,
    InternalError,
    MalformedRequest,
    MessageTooLarge,
    PermissionDenied,
    WeirError,
)
from weir_server.core.priority import priority_of
from weir_server.telemetry.access import AccessLine
from weir_server.telemetry.log import Log, timestamp
from weir_server.transport import facts, metadata, status
from weir_server.transport.events import EventStream
from weir_server.transport.exchange import CallerGone, Exchange, Finish
from weir_server.transport.ids import Ids, TimedIds
from weir_server.transport.interruption import Interruption
from weir_server.transport.methods import Method, Rpc
from weir_server.transport.open_calls import OpenCalls
from weir_server.transport.watching import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long a call may take that says nothing, and at most. In seconds."""

    unary_default_s: float = 300.0
    stream_default_s: float = 900.0
    maximum_s: float = 3600.0


class Edge:
    """Takes an RPC's bytes, lets a servicer answer, and says how it ended.

    `serve` never raises anything but the cancellation of its own task: every failure becomes a
    status from the one table, and no text of an exception reaches the caller.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        log: Log,
        open_calls: OpenCalls,
        deadlines: Deadlines,
        identity: Identity,
        new_id: Ids | None = None,
        access_log: bool = True,
        max_reply_bytes: int = 32 * 1024 * 1024,
        slow_consumer_limit_s: float = 60.0,
    ) -> None:
        """new_id: makes identities; None: random ones, in the order of time.
        slow_consumer_limit_s: how long a message of a watch may wait for its reader."""
        self._clock = clock
        self._log = log
        self._open_calls = open_calls
        self._deadlines = deadlines
        self._identity = identity
        self._new_id = new_id or TimedIds(clock)
        self._access_log = access_log
        self._max_reply_bytes = max_reply_bytes
        self._slow_consumer_limit_s = slow_consumer_limit_s

    async def serve(self, method: Method, exchange: Exchange, payload: bytes) -> Finish:
        """Serve one RPC from its request bytes to its status.

        Raises CancelledError when the caller or the server library cancelled, and only then.
        """
        task = asyncio.current_task()
        assert task is not None
        interruption = Interruption(task)
        refused: WeirError | None = None
        said = _NOTHING_SAID
        caller: Caller | None = None
        try:
            said = metadata.read(exchange.metadata(), self._new_request_id)
            self._open_calls.enter(interruption, is_watch=method.watch is not None)
            caller = self._identity.caller(said.authorization)
            if caller is not None:
                caller = _admitted(caller, method, said)
        except WeirError as refusal:
            refused = refusal
            if said is _NOTHING_SAID:
                said = metadata.identity(exchange.metadata())
        run = _Run(
            call=self._call(method, said, exchange.time_remaining_s(), caller or NOBODY), said=said
        )
        run.call.progress.interrupted = interruption.cause
        try:
            if refused is not None:
                raise refused
            await self._run(run, method, exchange, payload, interruption)
        except (Exception, asyncio.CancelledError) as raised:  # noqa: BLE001  the last guard
            # For the log, should this turn out to be a true cancellation and be raised on.
            run.error = _cancelled_by_caller(exchange)
            run.error = self._explain(raised, run.call, task, interruption)
        finally:
            interruption.work_over()
            self._open_calls.leave(interruption)
            if self._access_log:
                self._log.record(self._access_line(run, method, exchange))
        return self._finish(run)

    async def _run(
        self,
        run: "_Run",
        method: Method,
        exchange: Exchange,
        payload: bytes,
        interruption: Interruption,
    ) -> None:
        call = run.call
        if call.deadline.remaining_s(call.arrived_s) < ATTEMPT_MIN_S:
            raise DeadlineTooShort
        interruption.at_deadline(self._clock, call.deadline)
        if call.caller is NOBODY:
            authorization = run.said.authorization
            caller = await self._identity.resolve(authorization, exchange.peer())
            # For the log, should it not be admitted.
            run.call = call.asked_by(caller)
            call = run.call = call.asked_by(_admitted(caller, method, run.said))
        request = _decode(method, payload)
        rpc = Rpc(call=call)
        if method.unary is not None:
            reply = await method.unary(rpc, request)
            run.reply = reply.SerializeToString()
            if len(run.reply) > self._max_reply_bytes:
                # The library would refuse it too, after the log had said OK.
                raise MessageTooLarge(metadata={"maxBytes": str(self._max_reply_bytes)})
            return
        if method.watch is not None:
            run.watch = Watch(
                exchange=exchange,
                interruption=interruption,
                headers=facts.headers(call),
                max_message_bytes=self._max_reply_bytes,
                slow_consumer_limit_s=self._slow_consumer_limit_s,
            )
            await run.watch.send_all(method.watch(rpc, request))
            return
        assert method.stream is not None
        assert method.frame is not None
        stream = run.stream = EventStream(
            exchange=exchange,
            call=call,
            clock=self._clock,
            interruption=interruption,
            frame=method.frame,
            headers=facts.headers(call),
            max_message_bytes=self._max_reply_bytes,
        )
        try:
            async with stream.kept_alive():
                await method.stream(rpc, request, stream)
        except (Exception, asyncio.CancelledError) as raised:  # noqa: BLE001  as in serve
            task = asyncio.current_task()
            assert task is not None
            error = self._explain(raised, call, task, interruption)
            interruption.work_over()
            if stream.ended and not isinstance(raised, CallerGone):
                # A good `end` is out or under way: a status that denies it would be a lie.
                return
            _name_fields_of_stream(error)
            run.error = error
            if stream.started and not interruption.reader_stopped:
                await stream.send_error_end(error)
        finally:
            stream.close()

    def _explain(
        self,
        raised: BaseException,
        call: Call,
        task: asyncio.Task[Any],
        interruption: Interruption,
    ) -> WeirError:
        """Return the failure that the caller is told; raise a true cancellation on."""
        error: WeirError
        if isinstance(raised, WeirError):
            error = raised
        elif isinstance(raised, CallerGone):
            error = interruption.error or ClientCancelled()
        elif isinstance(raised, asyncio.CancelledError):
            noted = interruption.absorb()
            if noted is None and task.cancelling() > 0:
                raise raised
            if noted is None:
                # A task of our own was cancelled, not the RPC: without a status the caller would
                # wait until its deadline (grpc/grpc 29248).
                self._log.event("stray_cancellation", request_id=call.request_id)
                noted = InternalError()
            error = noted
        else:
            self._log.fault("internal_error", raised, request_id=call.request_id)
            error = InternalError(metadata={"requestId": call.request_id})
        if error.usage is None:
            error.usage = call.progress.usage
        return error

    def _call(
        self,
        method: Method,
        said: metadata.CallMetadata,
        time_remaining_s: float | None,
        caller: Caller,
    ) -> Call:
        now_s = self._clock.monotonic_s()
        streaming = method.streaming
        if time_remaining_s is None:
            limits = self._deadlines
            timeout_s = limits.stream_default_s if streaming else limits.unary_default_s
        else:
            timeout_s = min(time_remaining_s, self._deadlines.maximum_s)
        return Call(
            request_id=said.request_id or self._new_request_id(),
            response_id=self._new_id("resp_"),
            method=method.name,
            operation=method.operation,
            streaming=streaming,
            arrived_s=now_s,
            deadline=Deadline.after(now_s, timeout_s),
            caller=caller,
            trace=said.trace,
            priority=priority_of(said.priority),
            retried=said.previous_attempts not in ("", "0"),
            hops=said.hops,
            idempotency_key=said.idempotency_key,
        )

    def _new_request_id(self) -> str:
        return self._new_id("req_")

    def _finish(self, run: "_Run") -> Finish:
        call, error = run.call, run.error
        trailers = facts.trailers(call)
        if error is None:
            return Finish(code=_OK, trailers=trailers, reply=run.reply)
        return status.failed(
            error,
            trailers=trailers,
            response_id=call.answer_id,
            last_sequence=run.stream.last_sequence if run.stream is not None else None,
            attempts=call.progress.attempts,
        )

    def _access_line(self, run: "_Run", method: Method, exchange: Exchange) -> AccessLine:
        call, said, stream, error = run.call, run.said, run.stream, run.error
        progress = call.progress
        route = progress.route
        usage = progress.usage or TokenUsage()
        first_part_s = stream.first_part_s if stream is not None else None
        replayed = progress.keyed is not None and progress.keyed.replayed
        return AccessLine(
            time=timestamp(self._clock.wall_ns()),
            event="rpc",
            method=method.name,
            code=_CODE_NAMES[status.row_of(type(error)).code] if error else "OK",
            reason=error.name() if error else "",
            request_id=call.request_id,
            response_id=call.response_id,
            peer=exchange.peer(),
            client=said.client,
            tenant=call.caller.tenant if call.caller is not NOBODY else "",
            key=call.caller.key,
            priority=said.priority,
            trace_id=call.trace.trace_id,
            previous_attempts=said.previous_attempts,
            duration_ms=_ms(self._clock.monotonic_s() - call.arrived_s),
            first_part_ms=_ms(first_part_s - call.arrived_s) if first_part_s else 0.0,
            provider=route.provider if route else "",
            model=route.model if route else "",
            vendor_model=route.vendor_model if route else "",
            attempts=0 if replayed else len(progress.attempts),
            replayed=replayed,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            usage_source=_USAGE_SOURCES[usage.source],
            cost_nanos=usage.cost.total_nanos if usage.HasField("cost") else None,
            events=_sent(run),
        )


@dataclass(slots=True)
class _Run:
    """What is known of one RPC while it runs."""

    call: Call
    said: metadata.CallMetadata
    stream: EventStream | None = None
    watch: Watch | None = None
    reply: bytes = b""
    error: WeirError | None = None


def _sent(run: _Run) -> int:
    """Return how many events a stream, or messages a watch, has sent."""
    if run.stream is not None:
        return run.stream.sequence
    return run.watch.sent if run.watch is not None else 0


def _name_fields_of_stream(error: WeirError) -> None:
    """Name fields as the caller of a stream knows them: there the request is wrapped.

    Stages that see only the request inside name its fields from there.
    """
    error.violations = tuple(
        violation
        if violation.field.startswith(_STREAM_FIELDS)
        else FieldViolation(
            field=f"request.{violation.field}",
            description=violation.description,
            rule=violation.rule,
        )
        for violation in error.violations
    )


def _cancelled_by_caller(exchange: Exchange) -> WeirError:
    """Tell a hang-up from the caller's own deadline: both arrive as a cancellation."""
    remaining_s = exchange.time_remaining_s()
    if remaining_s is not None and remaining_s <= 0:
        return DeadlineExceeded()
    return ClientCancelled()


def _ms(seconds: float) -> float:
    """Return milliseconds to the nearest microsecond; `round` would cost as much as the line."""
    return int(seconds * 1e6 + 0.5) / 1e3


_NOTHING_SAID = metadata.CallMetadata(request_id="", trace=NO_TRACE)

_STREAM_FIELDS = ("request", "stream_options", "metadata[")
_OK = code_pb2.OK
_CODE_NAMES = {number: name for name, number in code_pb2.Code.items()}
_USAGE_SOURCES = {
    number: "" if number == 0 else name.removeprefix("USAGE_SOURCE_")
    for name, number in UsageSource.items()
}


def _admitted(caller: Caller, method: Method, said: metadata.CallMetadata) -> Caller:
    """Return who asks, as one of the tenant that is named. Raises PermissionDenied.

    Operators may call for any tenant; of others the tenant they name has to be their own.
    """
    if method.role is Role.OPERATOR and caller.role is not Role.OPERATOR:
        raise PermissionDenied(metadata={"method": method.name})
    if not said.tenant or said.tenant == caller.tenant:
        return caller
    if caller.role is not Role.OPERATOR:
        raise PermissionDenied(metadata={"method": method.name, "cause": "weir-tenant"})
    return caller.acting_for(said.tenant)


def _decode(method: Method, payload: bytes) -> Message:
    """Read the request. Raises MalformedRequest for bad UTF-8, a cut message or deep nesting."""
    try:
        return method.decode(payload)
    except DecodeError as failure:
        raise MalformedRequest from failure
