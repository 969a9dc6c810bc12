"""Is what is kept, and given again, what was given? To the byte, whatever it was."""

from hypothesis import given
from hypothesis import strategies as st

from weir.v1.generation_pb2 import GenerationEvent, PartDelta, StreamEnd
from weir.v1.provider_service_pb2 import StreamChatResponse
from weir_server.core import errors
from weir_server.core.errors import UnknownOutcome, WeirError
from weir_server.replay.record import Failure, Record, batches_of, error_of, joined, read

TEXTS = st.text(max_size=200)
BATCHES = st.lists(st.lists(TEXTS, min_size=1, max_size=4), min_size=1, max_size=30)


def batch(texts: list[str]) -> bytes:
    events = [GenerationEvent(part_delta=PartDelta(index=0, text=text)) for text in texts]
    raw: bytes = StreamChatResponse(events=events).SerializeToString()
    return raw


@given(batches=BATCHES, frame_bytes=st.integers(1, 2000))
def test_batches_join_to_the_same_events(batches: list[list[str]], frame_bytes: int) -> None:
    """In order, none lost, and no frame above the length but for one batch that is longer."""
    raw = [batch(texts) for texts in batches]
    end = StreamChatResponse(events=[GenerationEvent(end=StreamEnd())]).SerializeToString()
    frames = joined([*raw, end], frame_bytes)

    assert all(len(frame) <= frame_bytes or frame in {*raw, end} for frame in frames)
    *deltas, last = [
        event
        for given_again in batches_of(Record(answer_id="resp_1", events=frames))
        if isinstance(given_again, list)
        for event in given_again
    ]
    assert [event.part_delta.text for event in deltas] == [text for b in batches for text in b]
    assert dict(last.end.metadata.attributes) == {"replayed": "true"}


def test_every_class_of_errors_comes_again_as_itself() -> None:
    """By its name, with its facts, whatever its constructor wants."""
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    found = [each for each in kinds if issubclass(each, WeirError)]
    assert len(found) > 40
    for kind in found:
        again = error_of(Failure(kind=kind.__name__, metadata={"a": "b"}))
        assert type(again) is kind
        assert again.metadata == {"replayed": "true", "a": "b"}
        assert again.retry_after_s is None


def test_an_error_of_a_newer_version_is_an_unknown_outcome() -> None:
    """A server that shares Redis with a newer one does not know all of its errors."""
    assert type(error_of(Failure(kind="NotYetThoughtOf"))) is UnknownOutcome


def test_what_a_newer_version_adds_is_passed_over() -> None:
    """Its records can be read; what is not known of them is left out."""
    raw = b"\x82\xa9answer_id\xa6resp_1\xa6future\x01"
    assert read(raw) == Record(answer_id="resp_1")
