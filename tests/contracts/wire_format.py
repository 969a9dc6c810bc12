"""What must every wire format do with a stream, however its bytes are cut?

A format inherits `WireFormatSuite`, says which wire it is and which good streams it has, and gets
these tests on its first day.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from weir.fold import fold_chat
from weir.v1.generation_pb2 import GenerationEvent
from weir.v1.model_pb2 import ModelCapabilities
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import UpstreamStreamBroken, WeirError
from weir_server.core.target import Target
from weir_server.providers.wire.base import Decoder, Wire

TARGET = Target(
    provider="providers/test",
    model="models/test",
    vendor_model="test-1",
    capabilities=ModelCapabilities(),
)

RANDOM_CUTS = 1000
SEED = 20261122


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a decoder made of one body."""

    events: list[GenerationEvent]
    done: bool
    failure: WeirError | None

    def normal(self) -> list[tuple[str, int, bytes]]:
        """Return the events with neighbouring deltas of a part joined, to compare with others.

        Cutting may change how deltas are merged and nothing else.
        """
        joined: list[GenerationEvent] = []
        for event in self.events:
            if joined and _continues(joined[-1], event):
                _join(joined[-1], event)
            else:
                joined.append(GenerationEvent())
                joined[-1].CopyFrom(event)
        said = [_comparable(event) for event in joined]
        return [*said, ("failure", int(self.done), _failure_facts(self.failure))]


def _continues(before: GenerationEvent, event: GenerationEvent) -> bool:
    return (
        before.WhichOneof("event") == event.WhichOneof("event") == "part_delta"
        and before.part_delta.index == event.part_delta.index
    )


def _join(before: GenerationEvent, event: GenerationEvent) -> None:
    first, second = before.part_delta, event.part_delta
    match second.WhichOneof("delta"):
        case "arguments_json":
            first.arguments_json += second.arguments_json
        case "inline_data":
            first.inline_data += second.inline_data
        case _:
            first.text += second.text
    first.logprobs.extend(second.logprobs)
    first.citations.extend(second.citations)


def _comparable(event: GenerationEvent) -> tuple[str, int, bytes]:
    kind = event.WhichOneof("event")
    index = getattr(event, kind).index if kind and kind.startswith("part") else -1
    return kind or "", index, event.SerializeToString(deterministic=True)


def _failure_facts(failure: WeirError | None) -> bytes:
    if failure is None:
        return b""
    return f"{failure.name()} {sorted(failure.metadata.items())}".encode()


def decode(decoder: Decoder, pieces: Iterable[bytes]) -> Decoded:
    """Feed the pieces and the end of the body; hold the decoder to its promises on the way."""
    events: list[GenerationEvent] = []
    for piece in pieces:
        closed = decoder.done or decoder.failure is not None
        got = decoder.feed(piece)
        assert not (closed and got), "events after the end"
        events.extend(got)
    closed = decoder.done or decoder.failure is not None
    last = decoder.finish()
    assert not (closed and last), "events after the end"
    if last is not None:
        assert isinstance(last, list), "a generation gave another reply"
        assert last, "an empty batch"
        events.extend(last)
    assert decoder.done != (decoder.failure is not None), "neither done nor failed, or both"
    return Decoded(events=events, done=decoder.done, failure=decoder.failure)


def cut(body: bytes, offsets: Sequence[int]) -> list[bytes]:
    """Cut `body` at the offsets, which rise."""
    edges = [0, *offsets, len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


class WireFormatSuite(ABC):
    """The promises of a streaming decoder."""

    @abstractmethod
    def wire(self) -> Wire:
        """Return the wire format."""

    @abstractmethod
    def streams(self) -> Mapping[str, bytes]:
        """Return whole, good streams by name; some of them with text beyond ASCII."""

    def terminal_at(self, body: bytes) -> int:
        """Return where the terminal event of a good stream begins: cut there, it is no answer."""
        return body.rstrip(b"\n").rindex(b"\n\n") + 2

    def _decode(self, pieces: Iterable[bytes]) -> Decoded:
        return decode(self.wire().decoder(ChatRequest(), TARGET, stream=True), pieces)

    def test_a_good_stream_folds_and_ends_once(self) -> None:
        """Parts are dense, ordered and closed, and `end` is the last event."""
        for name, body in self.streams().items():
            decoded = self._decode([body])
            assert decoded.done, name
            fold_chat(decoded.events, numbered=False)
            ends = [e for e in decoded.events if e.WhichOneof("event") == "end"]
            assert ends == decoded.events[-1:], name

    def test_a_cut_anywhere_changes_nothing(self) -> None:
        """Every stream, cut in two at every byte offset, gives the same events."""
        for name, body in self.streams().items():
            whole = self._decode([body]).normal()
            for offset in range(1, len(body)):
                assert self._decode(cut(body, [offset])).normal() == whole, (name, offset)

    def test_random_cuts_change_nothing(self) -> None:
        """At least a thousand streams, each cut at random places, give the same events."""
        dice = random.Random(SEED)
        streams = list(self.streams().items())
        whole = {name: self._decode([body]).normal() for name, body in streams}
        for _ in range(RANDOM_CUTS):
            name, body = dice.choice(streams)
            offsets = sorted(dice.sample(range(1, len(body)), dice.randint(2, 40)))
            assert self._decode(cut(body, offsets)).normal() == whole[name], (name, offsets)

    def test_byte_by_byte_changes_nothing(self) -> None:
        """Every stream, one byte at a time, gives the same events."""
        for name, body in self.streams().items():
            pieces = [body[i : i + 1] for i in range(len(body))]
            assert self._decode(pieces).normal() == self._decode([body]).normal(), name

    def test_a_stream_that_stops_early_is_never_complete(self) -> None:
        """Whatever is missing before the terminal event, the answer is broken, not done."""
        for name, body in self.streams().items():
            for length in range(self.terminal_at(body) + 1):
                decoded = self._decode([body[:length]])
                assert not decoded.done, (name, length)
                assert isinstance(decoded.failure, UpstreamStreamBroken), (name, length)
                assert decoded.failure.metadata["cause"] == "cut", (name, length)

    def test_what_follows_the_end_is_ignored(self) -> None:
        """Bytes after the terminal event give nothing and break nothing."""
        for name, body in self.streams().items():
            extra = self._decode([body, body, b"nonsense"])
            assert extra.normal() == self._decode([body]).normal(), name
