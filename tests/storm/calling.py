"""What does one caller of the storm ask, and may it be given what it got?"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import grpc
import grpc.aio

from tests.service.weir import Failure, Heard, Weir, chat_request, failure_of, hear, stream_request
from tests.storm.drawing import WHOLE
from weir.v1.error_pb2 import Attempt, AttemptKind
from weir.v1.generation_pb2 import BreakPolicy, FinishReason, RoutingOptions

ATTEMPTS = 3
"""What a call may take that does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One call of the storm."""

    number: int
    model: str
    streaming: bool
    timeout_s: float
    cancel_after_s: float | None
    routing: RoutingOptions

    @classmethod
    def draw(cls, seed: int, number: int, model: str) -> "Wish":
        """Draw how a call is made: half are streams, a tenth is short of time or given up."""
        rng = Random(f"{seed} wish {number}")
        routing = RoutingOptions(allow_hedging=rng.random() < 0.3)
        routing.attempt_timeout.FromMilliseconds(rng.randrange(200, 500))
        if rng.random() < 0.5:
            routing.on_break = BreakPolicy.BREAK_POLICY_CONTINUE
        if rng.random() < 0.5:
            routing.max_attempts = rng.randrange(1, 6)
        return cls(
            number=number,
            model=model,
            streaming=rng.random() < 0.5,
            timeout_s=rng.uniform(0.03, 0.4) if rng.random() < 0.1 else 5.0,
            cancel_after_s=rng.uniform(0.0, 0.1) if rng.random() < 0.1 else None,
            routing=routing,
        )

    @property
    def prompt(self) -> str:
        """What is said to the model; the upstream reads the number in it."""
        return f"call {self.number}"

    @property
    def request_id(self) -> str:
        """The identity that the log tells."""
        return f"storm-{self.number}"

    @property
    def attempts_at_most(self) -> int:
        """How many attempts it may take."""
        asked: int = self.routing.max_attempts
        return asked if self.routing.HasField("max_attempts") else ATTEMPTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How a call ended, as its caller saw it."""

    wish: Wish
    code: str
    text: str
    finish: FinishReason.ValueType
    ends: int
    """How many ends its stream had, of which `finish` is the last one's reason."""
    begun: bool
    """Whether anything of an answer came."""
    attempts: Sequence[Attempt]
    failure: Failure | None
    """What Weir said of a failure; None where the caller's own library ended the call."""

    @property
    def is_ok(self) -> bool:
        """Whether the caller was told that the answer is whole."""
        return self.code == "OK"

    @property
    def kinds(self) -> list[str]:
        """Why each attempt was made, such as `RETRY`."""
        names = map(AttemptKind.Name, [each.kind for each in self.attempts])
        return [name.removeprefix("ATTEMPT_KIND_") for name in names]

    def check(self, drawn: Sequence[str]) -> None:
        """Hold a call to what was promised. drawn: what the upstream did to its attempts."""
        said = f"call {self.wish.number}: {self.code}, {self.text!r}, drawn {drawn}"
        assert len(drawn) <= self.wish.attempts_at_most, said
        assert len(self.attempts) <= self.wish.attempts_at_most, said
        if self.is_ok:
            assert self.text in [WHOLE[name] for name in drawn if name in WHOLE], said
            assert self.finish != FinishReason.FINISH_REASON_ERROR, said
            assert self.ends == 1, said
        elif self.failure is not None:
            assert self.failure.info is not None, said
            assert self.ends == int(self.begun), said
            if self.begun:
                assert self.finish == FinishReason.FINISH_REASON_ERROR, said
        else:
            # Its own library gave the call up; an end may have been on its way.
            assert self.code in ("CANCELLED", "DEADLINE_EXCEEDED"), said
            assert self.ends <= 1, said


async def ask(weir: Weir, wish: Wish) -> Answered:
    """Make a call and read it to its end, whatever that is."""
    options: dict[str, Any] = {
        "timeout": wish.timeout_s,
        "metadata": (("weir-request-id", wish.request_id),),
    }
    fields: dict[str, Any] = {"model": wish.model, "routing": wish.routing}
    call: Any
    if wish.streaming:
        call = weir.llm.StreamChat(stream_request(wish.prompt, **fields), **options)
    else:
        call = weir.llm.Chat(chat_request(wish.prompt, **fields), **options)
    giving_up = None
    if wish.cancel_after_s is not None:
        giving_up = asyncio.get_running_loop().call_later(wish.cancel_after_s, call.cancel)
    try:
        return await (_streamed(wish, call) if wish.streaming else _unary(wish, call))
    finally:
        if giving_up is not None:
            giving_up.cancel()


async def _streamed(wish: Wish, call: Any) -> Answered:
    try:
        heard = await hear(call)
    except asyncio.CancelledError:
        if not call.cancelled():
            raise
        heard = Heard(code=grpc.StatusCode.CANCELLED)
    failure = _failure(heard.trailers)
    ends = [event.end for event in heard.events if event.HasField("end")]
    attempts: Sequence[Attempt] = ends[-1].metadata.attempts if ends else ()
    if failure is not None and failure.failure is not None:
        attempts = failure.failure.attempts
    return Answered(
        wish=wish,
        code=heard.code.name,
        text=heard.text,
        finish=ends[-1].finish_reason if ends else FinishReason.FINISH_REASON_UNSPECIFIED,
        ends=len(ends),
        begun=bool(heard.events),
        attempts=attempts,
        failure=failure,
    )


async def _unary(wish: Wish, call: Any) -> Answered:
    finish, attempts, text = FinishReason.FINISH_REASON_UNSPECIFIED, [], ""
    failure = None
    try:
        reply = await call
        finish, attempts = reply.finish_reason, list(reply.metadata.attempts)
        text = "".join(part.text for part in reply.message.parts)
    except asyncio.CancelledError:
        if not call.cancelled():
            raise
    except grpc.aio.AioRpcError as error:
        failure = _failure(dict(error.trailing_metadata() or ()))
        if failure is not None and failure.failure is not None:
            attempts = list(failure.failure.attempts)
    code = await call.code()
    return Answered(
        wish=wish,
        code=code.name,
        text=text,
        finish=finish,
        ends=int(code is grpc.StatusCode.OK),
        begun=False,
        attempts=attempts,
        failure=failure,
    )


def _failure(trailers: dict[str, str | bytes]) -> Failure | None:
    return failure_of(trailers) if "grpc-status-details-bin" in trailers else None
