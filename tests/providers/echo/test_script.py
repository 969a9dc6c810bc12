"""A script says what the echo does; one that cannot be played is refused with the place."""

import json
from collections.abc import Sequence

import pytest

from weir.v1.error_pb2 import ErrorReason
from weir.v1.generation_pb2 import FinishReason
from weir_server.core.errors import InvalidRequest, UpstreamOverloaded, WeirError
from weir_server.providers.echo.script import (
    FINISH_REASONS,
    STEPS_MAX,
    Scene,
    ScriptInvalid,
    Step,
    failures,
    scenes,
    steps_for,
)


def played(*steps: object) -> Sequence[Step]:
    return steps_for("/script " + json.dumps(steps), ())


def test_without_a_script_the_prompt_is_the_answer() -> None:
    """Whatever it says, and wherever else the mark stands in it."""
    for prompt in ("hello there", "", "please run /script []", "/scripted", "/script\n[]"):
        assert steps_for(prompt, ()) == (Step(text=prompt),)


def test_steps_are_read() -> None:
    """Each does one thing, as often as it says."""
    steps = played(
        {"text": "one", "times": 3},
        {"reasoning": "because"},
        {"refusal": "no"},
        {"tool_call": {"name": "look", "id": "c1", "arguments_json": '{"b": 1, "a": 2}'}},
        {"delay_s": 0.5},
        {"hang": True},
        {"fail": "UPSTREAM_OVERLOADED"},
        {"finish": "MAX_TOKENS"},
    )
    assert [step.times for step in steps] == [3, 1, 1, 1, 1, 1, 1, 1]
    call = steps[3].tool_call
    assert call is not None
    assert (call.name, call.id, call.arguments_json) == ("look", "c1", '{"b": 1, "a": 2}')


BAD = {
    "no JSON": ("/script [", "truncated"),
    "no list": ('/script {"text": "a"}', "array"),
    "an unknown member": ('/script [{"say": "a"}]', "unknown field"),
    "two things at once": ('/script [{"text": "a", "hang": true}]', "step 0"),
    "nothing to do": ('/script [{"text": "a"}, {}]', "step 1"),
    "nothing but often": ('/script [{"times": 3}]', "step 0"),
    "a failure there is not": ('/script [{"fail": "NOBODY"}]', "NOBODY"),
    "an end there is not": ('/script [{"finish": "UNSPECIFIED"}]', "UNSPECIFIED"),
    "an end that only failures have": ('/script [{"finish": "ERROR"}]', "ERROR"),
    "a wait backwards": ('/script [{"delay_s": -1}]', ">= 0"),
    "a wait without end": ('/script [{"delay_s": 1e9}]', "<= 3600"),
    "too often": ('/script [{"text": "a", "times": 1000001}]', "<= 1000000"),
    "never": ('/script [{"text": "a", "times": 0}]', ">= 1"),
    "a number for a text": ('/script [{"text": 1}]', "str"),
    "a call of nothing": ('/script [{"tool_call": {}}]', "name"),
    "too many steps": ("/script " + json.dumps([{"text": "a"}] * (STEPS_MAX + 1)), "10000"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_script_that_cannot_be_played_is_refused(case: str) -> None:
    """INVALID_REQUEST that says what is wrong and where."""
    prompt, word = BAD[case]
    with pytest.raises(InvalidRequest) as refused:
        steps_for(prompt, ())
    (violation,) = refused.value.violations
    assert (violation.field, violation.rule) == ("messages", "ECHO_SCRIPT")
    assert word in violation.description


def test_every_reason_of_the_contract_that_has_a_class_can_be_played() -> None:
    """Failures at will: the tests of callers need each of them."""
    known = failures()
    assert known["UPSTREAM_OVERLOADED"] is UpstreamOverloaded
    assert all(issubclass(error, WeirError) for error in known.values())
    assert all(error.name() == name for name, error in known.items())
    reasons = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()}  # noqa: SIM118
    assert set(known) <= reasons
    assert len(known) > 30


def test_every_finish_reason_can_be_played() -> None:
    """By the contract's name, unprefixed; not set is none of them, nor is a failed call's."""
    assert len(FINISH_REASONS) == len(FinishReason.keys()) - 2
    assert FINISH_REASONS["CONTENT_FILTER"] == FinishReason.FINISH_REASON_CONTENT_FILTER


def test_a_file_has_scenes_for_words_of_the_prompt() -> None:
    """The first whose words occur is played; else the prompt is echoed."""
    read = scenes(
        [
            {"when": "weather", "steps": [{"text": "sunny"}]},
            {"when": "weather in Oslo", "steps": [{"text": "snow"}]},
            {"when": "", "steps": [{"text": "anything"}]},
        ]
    )
    assert steps_for("the weather in Oslo", read) == [Step(text="sunny")]
    assert steps_for("hello", read) == [Step(text="anything")]
    assert steps_for("hello", read[:2]) == (Step(text="hello"),)


def test_a_prompt_s_own_script_wins_over_a_file() -> None:
    """A caller can always say what it wants to see."""
    file = (Scene(when="", steps=[Step(text="file")]),)
    assert steps_for('/script [{"text": "own"}]', file) == [Step(text="own")]


@pytest.mark.parametrize(
    "tree",
    [
        None,
        {"when": "a"},
        [{"steps": []}],
        [{"when": "a", "steps": [{}]}],
        [{"when": "a", "steps": [{"fail": "NOBODY"}]}],
        [{"when": "a", "steps": [], "extra": 1}],
    ],
)
def test_a_file_that_cannot_be_played_is_refused(tree: object) -> None:
    """Before the port opens, not when somebody asks."""
    with pytest.raises(ScriptInvalid):
        scenes(tree)
