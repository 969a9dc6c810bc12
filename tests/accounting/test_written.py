"""The tokens of an answer that was cut are known within five percent, whatever was written."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

import pytest
import tiktoken

from tests.accounting.calls import target_of
from weir_server.accounting.encoder import INLINE_CHARS
from weir_server.accounting.tokens import Tokens
from weir_server.accounting.written import WINDOW_CHARS, WINDOWS_MAX, Written

ENGLISH = (
    "The committee met on Tuesday to consider the proposal, which had been revised twice since the "
    "spring. Several members thought that its costs were understated; others pointed to earlier "
    "projects, all of which were finished late. "
)
CODE = (
    "def settle(entry: CallEntry, *, now_ns: int) -> None:\n"
    "    if entry.hold.lease_until_ns < now_ns:\n"
    "        raise LeaseLost(entry.hold.response_id)\n"
    "    rows = [row for row in entry.rows if row.amount_nanos > 0]\n\n"
)
CHINESE = "委员会在星期二开会讨论这项提案。自春天以来已经修改了两次。有些成员认为费用被低估了。"
TABLE = "| 2026-11-25 | eu-west-3 | 1,204 | 0.00317 | ok |\n"

TEXTS: dict[str, Callable[[], str]] = {
    "prose": lambda: ENGLISH * 500,
    "prose, then code": lambda: ENGLISH * 120 + CODE * 500,
    "code, then prose": lambda: CODE * 100 + ENGLISH * 400,
    "prose, then Chinese": lambda: ENGLISH * 80 + CHINESE * 1_500,
    "a long table at the end": lambda: ENGLISH * 100 + TABLE * 2_000,
    "each in turn": lambda: (ENGLISH * 9 + CODE * 7 + CHINESE * 13 + TABLE * 11) * 30,
    "just beyond the beginning": lambda: ENGLISH * (INLINE_CHARS // len(ENGLISH)) + CHINESE * 40,
}


def pieces(text: str, seed: int) -> Iterator[str]:
    """Cut a text as streams do: mostly into words, now and then into more."""
    rng = random.Random(seed)
    at = 0
    while at < len(text):
        size = rng.choice((1, 3, 5, 8, 200, 5_000))
        yield text[at : at + size]
        at += size


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("vendor_model", ["gpt-4o", "gpt-4"])
def test_a_long_text_is_known_within_five_percent(
    tokens: Tokens,
    encodings: Mapping[str, tiktoken.Encoding],
    vendor_model: str,
    name: str,
) -> None:
    """At every cut of it: after a third, after most of it, and at its end."""
    text, target = TEXTS[name](), target_of(vendor_model)
    encoding = encodings["o200k_base" if vendor_model == "gpt-4o" else "cl100k_base"]
    written, said = Written(), ""
    marks = [len(text) // 3, len(text) * 9 // 10, len(text)]

    for piece in pieces(text, seed=7):
        written.add(piece)
        said += piece
        if len(said) >= marks[0]:
            marks.pop(0)
            truth = len(encoding.encode_ordinary(said))
            assert written.tokens(tokens, target) == pytest.approx(truth, rel=0.05)

    assert marks == []


def test_a_short_text_is_counted_whole(
    tokens: Tokens, encodings: Mapping[str, tiktoken.Encoding]
) -> None:
    """Up to the length that is counted at once the count is exact, however it came."""
    text = (ENGLISH + CHINESE + CODE) * 100
    text = text[:INLINE_CHARS]
    written = Written()
    for piece in pieces(text, seed=3):
        written.add(piece)
    assert written.tokens(tokens, target_of()) == len(encodings["o200k_base"].encode_ordinary(text))


@pytest.mark.parametrize("size", [1, 7, 1_000, 100_000])
def test_what_is_kept_is_of_the_text_and_bounded(size: int) -> None:
    """However a text comes, the windows are pieces of it at even distances, and few."""
    text = "".join(f"{number:08d}" for number in range(40_000))
    written = Written()
    for at in range(0, len(text), size):
        written.add(text[at : at + size])

    assert written.chars == len(text)
    windows = written._windows
    assert WINDOWS_MAX // 2 <= len(windows) < WINDOWS_MAX
    assert {len(window) for window in windows} == {WINDOW_CHARS}
    begins = [text.index(window) for window in windows]
    assert begins[0] == INLINE_CHARS
    assert {after - before for before, after in pairwise(begins)} == {written._every_chars}


def test_a_word_costs_next_to_nothing() -> None:
    """Remembering a stream's words takes less than two microseconds each."""
    words = [ENGLISH[at : at + 5] for at in range(0, len(ENGLISH) - 5, 5)] * 400
    best = 1.0
    for _ in range(5):
        written = Written()
        began = time.thread_time()
        for word in words:
            written.add(word)
        best = min(best, (time.thread_time() - began) / len(words))
    assert best < 2e-6
