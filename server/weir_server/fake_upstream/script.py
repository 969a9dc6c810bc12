"""How does a file tell the fake upstream what to do? A list of rules; the first that fits answers.

script = Script.parse("- {match: {first: 2}, do: {status: 503}}")
async with FakeUpstream(script) as upstream:              # two failures, then answers
    ...
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from weir_server.fake_upstream.by_model import by_model
from weir_server.fake_upstream.doing import ACTIONS, read_action
from weir_server.fake_upstream.exchange import Behaviour, Exchange
from weir_server.fake_upstream.matching import CONDITIONS, Match, read_match
from weir_server.fake_upstream.reading import ScriptInvalid, Section, document

RULE_KEYS = ("name", "match", "do")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is done with the requests that fit. Names are in the journal, and differ."""

    name: str
    match: Match = field(default_factory=Match)
    do: Behaviour


@dataclass(frozen=True, slots=True)
class Script(Behaviour):
    """Rules in order. What none of them takes is answered by the model it names, as ever."""

    rules: Sequence[Rule]

    @override
    async def play(self, exchange: Exchange) -> None:
        for rule in self.rules:
            if rule.match.fits(exchange, ("rule", rule.name)):
                exchange.attempt.rule = rule.name
                await rule.do.play(exchange)
                return
        await by_model(exchange.attempt).play(exchange)

    @classmethod
    def load(cls, file: Path) -> "Script":
        """Read a file; raises OSError, or ScriptInvalid with every problem."""
        return cls.parse(file.read_bytes())

    @classmethod
    def parse(cls, text: str | bytes) -> "Script":
        """Read rules in YAML; raises ScriptInvalid with every problem."""
        read = document(text)
        if not isinstance(read, list) or not read:
            raise ScriptInvalid(
                ["a script is a list of rules, such as `- {match: {first: 2}, do: {status: 503}}`"]
            )
        problems: list[str] = []
        rules: dict[str, Rule] = {}
        for number, values in enumerate(read, start=1):
            rule = _rule(number, values, problems)
            if rule.name in rules:
                problems.append(f"rule {number}, name: {rule.name} is taken; choose another")
            rules[rule.name] = rule
        if problems:
            raise ScriptInvalid(problems)
        return cls(tuple(rules.values()))


def _rule(number: int, values: object, problems: list[str]) -> Rule:
    nameless = f"rule {number}"
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        problems.append(f"{nameless}: must be a mapping with {', '.join(RULE_KEYS)}")
        return Rule(name=nameless, do=Script(()))
    section = Section(where=nameless, values=values, problems=problems)
    name = section.text("name")
    where = nameless if name is None else f"{nameless} ({name})"
    section = Section(where=where, values=values, problems=problems)
    section.check_known(RULE_KEYS)
    match, do = section.section("match", CONDITIONS), section.section("do", ACTIONS)
    if not section.has("do"):
        section.refuse("do", "is missing; say what happens, such as `do: {status: 503}`")
    return Rule(
        name=name or nameless,
        match=Match() if match is None else read_match(match),
        do=Script(()) if do is None else read_action(do, name or nameless),
    )
