"""What can the server do in a scenario? Send, wait, be silent, fail.

{"send": {…}}                       one message, proto JSON; "times": N sends it so often, and the
                                    events' sequence goes on
{"send_bytes": "CAES…"}             one message as bytes in base64, for what no stub here knows
{"wait_ms": 300}                    say nothing for so long
{"silence": true}                   say nothing until the caller leaves or its time is over
{"fail": {"error": "ModelNotFound", "metadata": {…}, "retry_after_ms": N, "violations": […],
          "usage": {…}, "attempts": […], "last_sequence": N, "reason": "…"}}
                                    end with an error of Weir, by the name of its class; another
                                    reason stands for a failure that the class is the nearest to
{"status": {"code": 14, "message": "…"}}
                                    end with a status that has no details, as a proxy would
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from weir.v1.error_pb2 import Attempt, ErrorReason, FieldViolation
from weir.v1.usage_pb2 import TokenUsage
from weir_server.core import errors
from weir_server.core.errors import WeirError

WAIT_MAX_S = 20.0
TIMES_MAX = 10_000


class StepInvalid(ValueError):
    """A step that cannot be done; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send a message, or several that are made of it, one after the other."""

    message: Message | None
    """None: the bytes below, which are sent once."""
    bare: bytes = b""
    times: int = 1

    def payloads(self) -> Iterator[bytes]:
        """Give the bytes of each message, the events' sequence rising through them."""
        if self.message is None:
            yield self.bare
            return
        copy = type(self.message)()
        copy.CopyFrom(self.message)
        events = getattr(copy, "events", ())
        for _ in range(self.times):
            yield copy.SerializeToString()
            for event in events:
                event.sequence += len(events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Say nothing for a while; None: until the caller leaves."""

    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """End with an error of Weir."""

    error: type[WeirError]
    metadata: Mapping[str, str]
    retry_after_s: float | None
    violations: Sequence[FieldViolation]
    usage: TokenUsage | None
    attempts: Sequence[Attempt]
    last_sequence: int | None

    def raised(self) -> WeirError:
        """Return the error."""
        return self.error(
            metadata=self.metadata,
            retry_after_s=self.retry_after_s,
            violations=self.violations,
            usage=self.usage,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BareStatus:
    """End with a status that has no details."""

    code: int
    message: str


Step = Send | Wait | Fail | BareStatus


def read_step(fields: Mapping[str, Any], response: type[Message]) -> Step:
    """Read a step of a method that gives `response`. Raises StepInvalid."""
    match fields:
        case {"send": message, **rest} if rest.keys() <= {"times"}:
            times = rest.get("times", 1)
            if not 1 <= times <= TIMES_MAX:
                raise StepInvalid(f"times must be 1 to {TIMES_MAX}, not {times}")
            return Send(message=json_format.ParseDict(message, response()), times=times)
        case {"send_bytes": text, **rest} if not rest:
            return Send(message=None, bare=base64.b64decode(text, validate=True))
        case {"wait_ms": milliseconds, **rest} if not rest:
            if not 0 < milliseconds <= WAIT_MAX_S * 1000:
                raise StepInvalid(f"wait_ms must be above 0, at most {WAIT_MAX_S * 1000:g}")
            return Wait(seconds=milliseconds / 1000)
        case {"silence": True, **rest} if not rest:
            return Wait(seconds=None)
        case {"fail": failure, **rest} if not rest:
            return _fail(failure)
        case {"status": {"code": int(code), "message": str(message)}, **rest} if not rest:
            return BareStatus(code=code, message=message)
    raise StepInvalid(f"no such step: {fields}")


def _fail(fields: Mapping[str, Any]) -> Fail:
    retry_after_ms = fields.get("retry_after_ms")
    usage = fields.get("usage")
    return Fail(
        error=error_class(fields["error"], fields.get("reason")),
        metadata=fields.get("metadata", {}),
        retry_after_s=None if retry_after_ms is None else retry_after_ms / 1000,
        violations=[
            json_format.ParseDict(violation, FieldViolation())
            for violation in fields.get("violations", ())
        ],
        usage=None if usage is None else json_format.ParseDict(usage, TokenUsage()),
        attempts=[
            json_format.ParseDict(attempt, Attempt()) for attempt in fields.get("attempts", ())
        ],
        last_sequence=fields.get("last_sequence"),
    )


def error_class(name: str, reason: str | None = None) -> type[WeirError]:
    """Return a class of errors by name; with a reason, one below it that has this reason.

    The status table gives the class below the row of the one above, as it does for any class that
    has none of its own. Raises StepInvalid.
    """
    found = getattr(errors, name, None)
    if not isinstance(found, type) or not issubclass(found, WeirError):
        raise StepInvalid(f"no error {name} in core.errors")
    if reason is None:
        return found
    number = dict(ErrorReason.items()).get(f"ERROR_REASON_{reason}", 0)
    told = classmethod(lambda _: reason)
    return type(name, (found,), {"reason": number, "name": told})
