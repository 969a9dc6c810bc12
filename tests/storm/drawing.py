"""What does an upstream of the storm do with each attempt? Drawn by chance, from one seed."""

from collections import Counter
from random import Random

from tests.service.test_upstream_faults import ODDITIES
from weir_server.fake_upstream import openai_wire as wire
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.fake_upstream.exchange import Behaviour, Ending
from weir_server.fake_upstream.faults import FAULTS, TEXT, USAGE, Asked
from weir_server.fake_upstream.journal import Attempt

GOOD = "good"
GOOD_SHARE = 0.5
"""Of the attempts; the others get a fault, each as likely as the next."""
CUT_AGAIN = "cut again"
EMPTY = frozenset({"no_choices", "no_content", "filtered", "no_choices_stream", "empty_answer"})
"""Whole answers without a word."""
WHOLE: dict[str, str] = {GOOD: TEXT} | {name: "" if name in EMPTY else TEXT for name in ODDITIES}
"""What a caller may be given as a whole answer, by the name of what was drawn."""

_WORDLESS = sorted(
    name for name, fault in FAULTS.items() if fault.asked is Asked.ANY and name not in WHOLE
)
"""Faults that say nothing of an answer."""
_FITTING = {
    streaming: sorted(
        name
        for name, fault in FAULTS.items()
        if fault.asked in (Asked.ANY, Asked.STREAM if streaming else Asked.UNARY)
    )
    for streaming in (True, False)
}


class Draws:
    """What was drawn for each call; what a call gets depends on nothing but it and the seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.by_call: dict[int, list[str]] = {}
        self.names: Counter[str] = Counter()

    def __call__(self, attempt: Attempt) -> Behaviour:
        """Draw what the upstream does: a step of its script."""
        asked, *rest = attempt.json["messages"]
        number = int(asked["content"].rpartition(" ")[2])
        drawn = self.by_call.setdefault(number, [])
        rng = Random(f"{self._seed} {number} {len(drawn)}")
        if rest:
            name, behaviour = _going_on(rng, rest[0]["content"])
        else:
            name, behaviour = _beginning(rng, streaming=attempt.is_stream)
        drawn.append(name)
        self.names[name] += 1
        return behaviour


def _beginning(rng: Random, *, streaming: bool) -> tuple[str, Behaviour]:
    if rng.random() < GOOD_SHARE:
        return GOOD, _good(TEXT, streaming=streaming)
    name = rng.choice(_FITTING[streaming])
    return name, FAULTS[name].behaviour


def _going_on(rng: Random, said: str) -> tuple[str, Behaviour]:
    """Draw for an attempt that has to go on from what was said so far."""
    assert TEXT.startswith(said), "what was said so far is the beginning of the answer"
    left = TEXT.removeprefix(said)
    dice = rng.random()
    if dice < GOOD_SHARE:
        return GOOD, _good(left, streaming=True)
    if dice < 0.75:
        events = wire.encode_events(
            wire.ChatChunks().text([left[: len(left) // 2]])[:2], done=False
        )
        return CUT_AGAIN, Sse(events=events, ending=Ending.EOF)
    name = rng.choice(_WORDLESS)
    return name, FAULTS[name].behaviour


def _good(text: str, *, streaming: bool) -> Behaviour:
    if not streaming:
        return Reply(body=wire.chat_completion(text, usage_=USAGE))
    return Sse(events=wire.encode_events(wire.ChatChunks().text([text], usage_=USAGE)))
