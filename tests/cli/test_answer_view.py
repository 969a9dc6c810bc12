"""Does the line of facts tell the truth, and are times and money exact?"""

import pytest

from weir.v1.content_pb2 import Part
from weir.v1.generation_pb2 import (
    FinishReason,
    GenerationEvent,
    PartDelta,
    PartStart,
    StreamEnd,
    StreamStart,
)
from weir.v1.usage_pb2 import Cost, TokenUsage, UsageSource
from weir_server.cli.answer import AnswerView, finish_words, money
from weir_server.cli.terminal import Terminal, visible


class Hands:
    """A clock that stands until the test moves it."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_times_are_those_of_this_side(capsys: pytest.CaptureFixture[str]) -> None:
    """The first token is timed from the call to the first piece, the total to the end."""
    clock = Hands()
    view = AnswerView(Terminal(), clock_s=clock)
    view.take(GenerationEvent(start=StreamStart()))
    view.take(GenerationEvent(part_start=PartStart(part=Part(text=""))))
    clock.now_s += 0.25
    view.take(GenerationEvent(part_delta=PartDelta(text="a")))
    clock.now_s += 1.0
    view.take(GenerationEvent(part_delta=PartDelta(text=" b")))
    usage = TokenUsage(
        prompt_tokens=3,
        completion_tokens=2,
        total_tokens=5,
        source=UsageSource.USAGE_SOURCE_ESTIMATED,
        cost=Cost(currency_code="USD", total_nanos=1_250_000),
    )
    view.take(
        GenerationEvent(end=StreamEnd(finish_reason=FinishReason.FINISH_REASON_STOP, usage=usage))
    )
    view.finish()

    said = capsys.readouterr()
    assert said.out == "a b\n"
    assert said.err == (
        "stop · 3 + 2 tokens, counted by Weir, as an estimate · 0.00125 USD · "
        "first token 0.25 s · total 1.25 s\n"
    )
    assert view.text == "a b"


def test_answer_without_an_end_has_no_facts(capsys: pytest.CaptureFixture[str]) -> None:
    """What broke off ends its line and claims nothing."""
    view = AnswerView(Terminal())
    view.take(GenerationEvent(part_start=PartStart(part=Part(text="half"))))
    view.finish()

    said = capsys.readouterr()
    assert (said.out, said.err) == ("half\n", "")


@pytest.mark.parametrize(
    ("nanos", "said"),
    [
        (0, "0.00 USD"),
        (1, "0.000000001 USD"),
        (10_000_000, "0.01 USD"),
        (1_500_000_000, "1.50 USD"),
        (12_345_678_901, "12.345678901 USD"),
        (-1_500_000_000, "-1.50 USD"),
    ],
)
def test_money_is_exact(nanos: int, said: str) -> None:
    """Billionths are written out, without a float between."""
    assert money(Cost(currency_code="USD", total_nanos=nanos)) == said


def test_finish_reason_from_the_future() -> None:
    """A number without a name is `other`, as the contract says."""
    assert finish_words(FinishReason.FINISH_REASON_MAX_TOKENS) == "max tokens"
    assert finish_words(FinishReason.ValueType(99)) == "other"


def test_control_characters_are_written_out() -> None:
    """What could move the cursor or set a title at a terminal is shown instead."""
    assert visible("a\x1b]0;title\x07\tb\r\nc\x9b1m") == "a\\x1b]0;title\\x07\tb\nc\\x9b1m"
