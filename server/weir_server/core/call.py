"""What does a stage know of the call it serves? Who asked, until when, and how far it has come."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from weir.v1.error_pb2 import Attempt, AttemptKind
from weir.v1.generation_pb2 import Phase
from weir.v1.generation_pb2 import Warning as WarningEvent
from weir.v1.usage_pb2 import TokenUsage
from weir_server.core.caller import NOBODY, Caller
from weir_server.core.counters import Standing
from weir_server.core.deadline import Deadline
from weir_server.core.errors import WeirError
from weir_server.core.in_turn import InTurn
from weir_server.core.needs import NO_NEEDS, Needs
from weir_server.core.priority import Priority
from weir_server.core.route import DEFAULT_POLICY, RoutePolicy
from weir_server.core.target import Operation, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceContext:
    """W3C trace context of the call, passed on to providers. Empty: the caller sent none."""

    traceparent: str = ""
    tracestate: str = ""

    @property
    def trace_id(self) -> str:
        """The 32 hexadecimal digits of the trace, or an empty string."""
        return self.traceparent[3:35]


# Looking an enum's value up by name costs more than a microsecond.
_FIRST = AttemptKind.ATTEMPT_KIND_FIRST

NO_TRACE = TraceContext()
"""The trace context of a call that came without one."""


@dataclass(slots=True, kw_only=True)
class Spent:
    """What one attempt used, once it has ended."""

    attempt: Final[Attempt]
    usage: Final[TokenUsage]
    """With its cost, where the price is known."""


@dataclass(slots=True, kw_only=True)
class Keyed:
    """What an idempotency key has to do with the answer of its call."""

    answer_id: str
    """Weir's identity of the answer: this call's own, or that of the one that was run for it."""
    replayed: bool = False
    """Whether the answer is one that was given before."""


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a call has come: the one thing stages write to, for heartbeats, errors and logs."""

    phase: Phase.ValueType = Phase.PHASE_QUEUED
    route: Target | None = None
    """The target asked first, then the one that answered."""
    attempts: list[Attempt] = field(default_factory=list)
    """Calls made to providers, in order."""
    attempt: Attempt | None = None
    """The last of them that was made for this progress."""
    spent: list[Spent] = field(default_factory=list)
    """What each of them used, in the order of their ends."""
    warnings: list[WarningEvent] = field(default_factory=list)
    """What the caller should know though the call succeeds."""
    usage: TokenUsage | None = None
    """What was used, once it is known; partial when the call was cut short."""
    usage_now: Callable[[], TokenUsage] | None = None
    """Counts what was used so far, while an attempt runs; an estimate."""
    prompt_tokens: int | None = None
    """What goes in, as first counted or estimated; None: nobody has."""
    rates: Sequence[Standing] = ()
    """How far the limits that the call comes under are used up, as it was let in or refused."""
    interrupted: Callable[[], WeirError | None] | None = None
    """Tells what ended the call from outside, if something of Weir's own did."""
    in_turn: InTurn | None = None
    """What has come of an attempt whose request is asked in pieces; None: it is asked whole."""
    on_sent: Callable[[], None] | None = None
    """Is told once, when a provider has first been sent the request or is being waited for."""
    reached: bool = False
    """Whether a provider may have seen anything of the request."""
    whole: "Progress | None" = None
    """That of the call, where this is one of several attempts at once."""
    keyed: Keyed | None = None
    """Is there only if the call has an idempotency key."""

    def sent(self) -> None:
        """Say that a provider has been sent the request; saying it again changes nothing."""
        self.reached = True
        if self.whole is not None:
            self.whole.reached = True
        self.waits()

    def waits(self) -> None:
        """Say that the call waits for a provider, as it does once it has been sent the request."""
        if (told := self.on_sent) is not None:
            self.on_sent = None
            told()


# One for each call, or more: a frozen dataclass takes four times as long to make, so here it is the
# type checker alone that holds the fields.
@dataclass(slots=True, kw_only=True)
class Call:
    """One call, from arrival to its end. Stages pass on a changed copy, never write to it."""

    request_id: Final[str]
    """The caller's `weir-request-id`, or one that Weir made."""
    response_id: Final[str]
    """Weir's identity of the answer."""
    method: Final[str]
    """Name of the RPC, such as `StreamChat`."""
    operation: Final[Operation]
    streaming: Final[bool]
    """Whether the provider is asked for a stream."""
    arrived_s: Final[float]
    """When the call arrived, on the clock's monotonic scale."""
    deadline: Final[Deadline]
    caller: Final[Caller] = NOBODY
    """Who asks, and pays."""
    trace: Final[TraceContext] = NO_TRACE
    progress: Final[Progress] = field(default_factory=Progress)
    targets: Final[tuple[Target, ...]] = ()
    """Who may be asked, in order. Routing fills it; resilience narrows it to the one asked."""
    policy: Final[RoutePolicy] = DEFAULT_POLICY
    """How resilience may go about it."""
    kind: Final[AttemptKind.ValueType] = _FIRST
    """Why this attempt is made."""
    needs: Final[Needs] = NO_NEEDS
    """What the request needs of a model, found out by validation."""
    priority: Final[Priority] = Priority.STANDARD
    """Who goes first, and is turned away last, where not all can be served."""
    retried: Final[bool] = False
    """Whether the caller's library asks again after a failure: it does not wait in line."""
    hops: Final[int] = 0
    """How many Weirs have handed the call on before it came here."""
    idempotency_key: Final[str] = ""
    """The caller's name for the call, under which it is not run twice; empty: it has none."""

    def aimed_at(
        self,
        targets: tuple[Target, ...],
        *,
        policy: RoutePolicy | None = None,
        progress: Progress | None = None,
        kind: AttemptKind.ValueType = _FIRST,
        operation: Operation | None = None,
    ) -> "Call":
        """Return this call with other targets, and another policy if one is given.

        progress: that of one attempt among several at once; None: shared with this call.
        """
        if progress is not None and progress.on_sent is None:
            progress.on_sent = self.progress.on_sent
            progress.whole = self.progress.whole or self.progress
        return Call(
            request_id=self.request_id,
            response_id=self.response_id,
            method=self.method,
            operation=self.operation if operation is None else operation,
            streaming=self.streaming,
            arrived_s=self.arrived_s,
            deadline=self.deadline,
            caller=self.caller,
            trace=self.trace,
            progress=self.progress if progress is None else progress,
            targets=targets,
            policy=self.policy if policy is None else policy,
            kind=kind,
            needs=self.needs,
            priority=self.priority,
            retried=self.retried,
            hops=self.hops,
            idempotency_key=self.idempotency_key,
        )

    def needing(self, needs: Needs) -> "Call":
        """Return this call with what its request needs."""
        return Call(
            request_id=self.request_id,
            response_id=self.response_id,
            method=self.method,
            operation=self.operation,
            streaming=self.streaming,
            arrived_s=self.arrived_s,
            deadline=self.deadline,
            caller=self.caller,
            trace=self.trace,
            progress=self.progress,
            targets=self.targets,
            policy=self.policy,
            kind=self.kind,
            needs=needs,
            priority=self.priority,
            retried=self.retried,
            hops=self.hops,
            idempotency_key=self.idempotency_key,
        )

    def asked_by(self, caller: Caller) -> "Call":
        """Return this call with who asks, once that has been found out."""
        return Call(
            request_id=self.request_id,
            response_id=self.response_id,
            method=self.method,
            operation=self.operation,
            streaming=self.streaming,
            arrived_s=self.arrived_s,
            deadline=self.deadline,
            caller=caller,
            trace=self.trace,
            progress=self.progress,
            targets=self.targets,
            policy=self.policy,
            kind=self.kind,
            needs=self.needs,
            priority=self.priority,
            retried=self.retried,
            hops=self.hops,
            idempotency_key=self.idempotency_key,
        )

    @property
    def answer_id(self) -> str:
        """Weir's identity of the answer, which is another call's where that one is replayed."""
        keyed = self.progress.keyed
        return self.response_id if keyed is None else keyed.answer_id

    @property
    def target(self) -> Target:
        """The one target of this attempt."""
        return self.targets[0]
