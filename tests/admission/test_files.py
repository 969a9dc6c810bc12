"""Is it noticed in time that files run out, and cheaply?"""

import errno
import math
import os

import pytest

from weir_server.admission.files import FileWatch, file_limit, open_files


class Counter:
    """Says how many files are open, and how often it was asked."""

    def __init__(self, files: int) -> None:
        self.files = files
        self.failure: OSError | None = None
        self.asked = 0

    def __call__(self) -> int:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return self.files


@pytest.mark.parametrize(
    ("limit", "files", "short"),
    [
        (1000, 936, False),
        (1000, 937, True),
        (10_000, 9_500, False),
        (10_000, 9_501, True),
        (math.inf, 10**9, False),
    ],
)
def test_margin(limit: float, files: int, short: bool) -> None:
    """64 files, or a twentieth of all where that is more, are kept."""
    assert FileWatch(count=Counter(files), limit=limit).is_on(0.0) is short


def test_counts_once_a_second() -> None:
    """However many calls come, files are counted once a second."""
    counter = Counter(10)
    watch = FileWatch(count=counter, limit=1000)
    for step in range(1000):
        watch.is_on(step / 500)
    assert counter.asked == 2


def test_lasts_while_files_stay_short() -> None:
    """Two seconds without files are more than a moment, and pass when files are free again."""
    counter = Counter(990)
    watch = FileWatch(count=counter, limit=1000)
    assert [watch.is_on(second) and watch.lasts(second) for second in range(4)] == [
        False,
        False,
        True,
        True,
    ]
    counter.files = 10
    assert watch.is_on(4.0), "for as long as the last count holds"
    assert not watch.is_on(5.5)


@pytest.mark.parametrize(
    ("number", "short"), [(errno.EMFILE, True), (errno.ENFILE, True), (errno.ENOENT, False)]
)
def test_counting_that_fails(number: int, short: bool) -> None:
    """No file left to count with means none is left; no place to count at means nothing."""
    counter = Counter(0)
    counter.failure = OSError(number, os.strerror(number))
    assert FileWatch(count=counter, limit=1000).is_on(0.0) is short


def test_counts_this_process() -> None:
    """One more open file is one more, and all of them are under the limit."""
    before = open_files()
    reading, writing = os.pipe()
    try:
        assert open_files() == before + 2
    finally:
        os.close(reading)
        os.close(writing)
    assert before < file_limit()
