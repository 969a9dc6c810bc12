"""A caller's pattern means what JSON Schema says, and costs what is known before."""

import time

import pytest

from weir_server.structured.patterns import MAX_EFFORT, Pattern, PatternRefused, weight_of


@pytest.mark.parametrize(
    ("pattern", "has", "lacks"),
    [
        (r"^\w{3,20}$", "abc_9", "abcé"),
        (r"^\d{3}-\d{4}$", "123-4567", "١٢٣-4567"),
        (r"^[\w-]+$", "a-b", "a b"),
        (r"^[^\W\d]+$", "ab", "a1"),
        (r"[[]", "a[b", "ab"),
        (r"^[a&&b]+$", "a&b", "c"),
        (r"\bcat\b", "a cat.", "scat"),
        (r"cat", "scatter", "dog"),
        (r"^a\/b$", "a/b", "a/b\n"),
        (r"^([0-9]{1,3}\.){3}[0-9]{1,3}$", "10.0.0.1", "10.0.0"),
        (r"^\p{L}+$", "été", "4"),
    ],
)
def test_what_a_pattern_means(pattern: str, has: str, lacks: str) -> None:
    """As in ECMA-262: found anywhere, and of ASCII alone where it names a class by its letter."""
    made = Pattern(pattern)

    assert made.is_in(has)
    assert not made.is_in(lacks)


@pytest.mark.parametrize("pattern", ["(?=a)b", "(?<!a)b", r"(a)\1", "(", "a{2,1}"])
def test_what_cannot_be_judged_in_time_is_refused(pattern: str) -> None:
    """So is what is no pattern at all."""
    with pytest.raises(PatternRefused, match="look-around"):
        Pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["([ab]{1,30}){1,30}x", "(a|b)*a(a|b){400}$", "((((a{1,5}){1,5}){1,5}){1,5})x", "a{99999}"],
)
def test_a_pattern_that_grows_too_large_is_refused(pattern: str) -> None:
    """Its counted repetitions are written out before anything is built."""
    with pytest.raises(PatternRefused, match="maxLength"):
        Pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "weight"),
    [("abc", 3), ("a{3}", 3), ("(ab){2,5}", 10), ("a{3,}", 4), ("(a{2}b){2}", 24), ("[a-z]+", 2)],
)
def test_the_weight_of_a_pattern(pattern: str, weight: int) -> None:
    """Every atom one, times its count, and more where a count lies within a count."""
    assert weight_of(pattern) == weight


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*$", "(x|y|a)*[ab].{0,150}z", ".{0,198}x", r"^(\w+\s?)*$"]
)
def test_no_text_stalls_a_pattern(pattern: str) -> None:
    """Those that hang engines that track back take milliseconds at the longest text allowed."""
    made = Pattern(pattern)
    text = "a" * (MAX_EFFORT // made.weight - 1) + "!"
    assert made.can_judge(text)

    fastest_s = min(_taken_s(made, text) for _ in range(3))

    assert fastest_s < 0.05
    assert not made.can_judge(text * 2)


def _taken_s(made: Pattern, text: str) -> float:
    begun_s = time.perf_counter()
    made.is_in(text)
    return time.perf_counter() - begun_s
