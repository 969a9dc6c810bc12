"""Does any answer of a far Weir crash the reader of it, hang it, or get past the contract?

    python -m tests.fuzz.fuzz_weir_answers --seconds 60

Bounded by `--executions` or `--seconds`, else by WEIR_FUZZ_SECONDS, else ten seconds.
"""

import random
import time

from tests.fuzz.bodies import SLOWEST_S, run
from tests.providers.weir.test_relay import (
    BEAT,
    CLOSED,
    END,
    FAILED,
    NEWER,
    OPENED,
    SAID,
    START,
    USED,
    WARNED,
    numbered,
)
from tests.providers.weir.test_unfold import METADATA, PARTS, USAGE
from weir.fold import fold_chat
from weir.v1.content_pb2 import Message
from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.error_pb2 import ErrorReason
from weir.v1.generation_pb2 import GenerationEvent
from weir.v1.provider_service_pb2 import ChatRequest, ChatResponse, CompleteRequest
from weir_server.core.errors import UpstreamProtocolError, WeirError
from weir_server.providers.weir.failures import of_end, of_status, to_error
from weir_server.providers.weir.relay import Relay
from weir_server.providers.weir.unfold import unfolded

_EVENTS = (START, OPENED, SAID, CLOSED, END, BEAT, WARNED, USED, FAILED, NEWER)
_GOOD = (START, BEAT, OPENED, SAID, WARNED, SAID, CLOSED, END)
_REPLY = ChatResponse(
    message=Message(parts=PARTS), usage=USAGE, metadata=METADATA
).SerializeToString()
_REQUESTS = (ChatRequest(), CompleteRequest(), EmbedRequest())


def fuzz(*, seconds: float, seed: int = 0, executions: int | None = None) -> int:
    """Throw answers at the readers; return how many. Raises on a hole."""
    dice = random.Random(seed)
    until_s = time.monotonic() + seconds
    done = 0
    while time.monotonic() < until_s and (executions is None or done < executions):
        begun_s = time.process_time()  # however busy the machine is
        _stream(dice)
        _unary(dice)
        _status(dice)
        took_s = time.process_time() - begun_s
        assert took_s < SLOWEST_S, f"seed {seed}, execution {done} took {took_s:.1f} s"
        done += 1
    return done


def _stream(dice: random.Random) -> None:
    """What is told keeps the law of streams, and a good end is told once or not at all."""
    relay, told = Relay(ChatRequest()), list[GenerationEvent]()
    try:
        for message in _messages(dice):
            told += relay.feed(message)
    except UpstreamProtocolError:
        return
    ends = sum(event.HasField("end") for event in told)
    assert ends == (relay.end is not None), told
    assert not any(event.sequence for event in told), told
    if ends:
        fold_chat(told, numbered=False)
    if relay.failed is not None:
        assert isinstance(
            to_error(of_end(relay.failed), answered=True, ends_at_deadline=True), WeirError
        )


def _messages(dice: random.Random) -> list[bytes]:
    events = list(_GOOD)
    for _ in range(dice.randrange(4)):
        place = dice.randrange(len(events) + 1)
        events[place : place + dice.randrange(2)] = [dice.choice(_EVENTS)]
    messages: list[bytes] = []
    sequence = 0
    while events:
        size = dice.randrange(1, 5)
        frame, events = events[:size], events[size:]
        messages.append(numbered(*frame, first=sequence))
        sequence += len(frame)
    if dice.random() < 0.5:
        place = dice.randrange(len(messages))
        messages[place] = _spoiled(dice, messages[place])
    return messages


def _unary(dice: random.Random) -> None:
    try:
        batch = unfolded(dice.choice(_REQUESTS), _spoiled(dice, _REPLY))
    except UpstreamProtocolError:
        return
    if isinstance(batch, list):
        fold_chat(batch, numbered=False)


def _status(dice: random.Random) -> None:
    details = dice.randbytes(dice.randrange(60))
    far = of_status(dice.randrange(1, 20), "", [("grpc-status-details-bin", details)])
    error = to_error(far, answered=dice.random() < 0.5, ends_at_deadline=dice.random() < 0.5)
    assert error.reason != ErrorReason.ERROR_REASON_INTERNAL, "that is a fault of this side's own"


def _spoiled(dice: random.Random, body: bytes) -> bytes:
    for _ in range(dice.randrange(1, 4)):
        start = dice.randrange(len(body) + 1)
        end = min(len(body), start + dice.choice((0, 1, 3, 20)))
        body = body[:start] + dice.randbytes(dice.randrange(4)) + body[end:]
    return body


if __name__ == "__main__":
    run("answers of a far Weir", fuzz)
