"""What the spool says it has outlives a crash; what it cannot take it refuses."""

import os
from pathlib import Path

import pytest

from weir_server.store.instances import Instance
from weir_server.store.spool import Spool, SpoolFull, records


def spool_of(folder: Path, max_bytes: int = 10_000) -> Spool:
    return Spool(folder, max_bytes=max_bytes)


def test_records_come_back_in_order(tmp_path: Path) -> None:
    """Whole, from all segments, the oldest first."""
    spool = spool_of(tmp_path)
    spool.add([b"one", b"two"])
    spool.seal()
    spool.add([b"three"])

    segments = spool.seal()

    assert [list(records(segment)) for segment in segments] == [[b"one", b"two"], [b"three"]]


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_cut_record_was_never_written(tmp_path: Path, cut: int) -> None:
    """A crash in the middle of a record leaves those before it."""
    spool = spool_of(tmp_path)
    spool.add([b"one", b"two"])
    (segment,) = spool.seal()

    os.truncate(segment, segment.stat().st_size - cut)

    assert list(records(segment)) == [b"one"]


def test_a_damaged_record_ends_the_segment(tmp_path: Path) -> None:
    """What does not fit its checksum is not booked."""
    spool = spool_of(tmp_path)
    spool.add([b"one", b"two", b"three"])
    (segment,) = spool.seal()
    data = segment.read_bytes()

    segment.write_bytes(data.replace(b"two", b"tow"))

    assert list(records(segment)) == [b"one"]


def test_a_full_spool_takes_all_or_nothing(tmp_path: Path) -> None:
    """It never holds more than it may, and has room again once a segment is booked."""
    spool = spool_of(tmp_path, max_bytes=40)
    spool.add([b"x" * 20])

    with pytest.raises(SpoolFull):
        spool.add([b"y", b"z" * 20])
    (segment,) = spool.seal()
    assert list(records(segment)) == [b"x" * 20]
    spool.remove(segment)
    spool.add([b"z" * 20])

    assert spool.held_bytes == 28


def test_what_was_left_counts(tmp_path: Path) -> None:
    """A new process goes on after the segments it finds."""
    first = spool_of(tmp_path)
    first.add([b"one"])

    second = spool_of(tmp_path)
    second.add([b"two"])

    assert second.held_bytes == first.held_bytes * 2
    assert [list(records(each)) for each in second.seal()] == [[b"one"], [b"two"]]


def test_a_failed_sync_ends_the_spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a sync that failed has written proves nothing: nothing more is taken."""
    spool = spool_of(tmp_path)

    def fails(file: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fails)
        with pytest.raises(OSError, match="Input/output"):
            spool.add([b"one"])
    with pytest.raises(SpoolFull):
        spool.add([b"two"])

    for segment in spool.seal():
        spool.remove(segment)
    spool.add([b"three"])


def test_the_dead_are_known_by_their_locks(tmp_path: Path) -> None:
    """A process that has closed or died is gone; one other has its spool until it is booked."""
    with Instance(tmp_path) as mine:
        other = Instance(tmp_path)
        spool_of(other.folder).add([b"left"])
        with mine.gone() as folders:
            assert folders == []

        other.close()

        assert mine.here() == {mine.name, other.name}
        spool = spool_of(mine.folder)
        with Instance(tmp_path) as third:
            for _ in range(2):
                with mine.gone() as folders:
                    assert folders == [other.folder]
                    spool.adopt(other.folder)
                with third.gone() as folders:
                    assert folders == []
            (segment,) = spool.seal()
            assert list(records(segment)) == [b"left"]
            spool.remove(segment)
            assert spool.held_bytes == 0
            with mine.gone() as folders:
                assert folders == [other.folder]
            with third.gone() as folders:
                assert folders == [other.folder]
