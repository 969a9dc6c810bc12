"""What should the echo say? A script of steps, written in the prompt or in a file.

In a prompt, everything after `/script ` is a JSON list of steps:

    /script [{"text": "one two"}, {"delay_s": 0.5}, {"text": " three"}, {"fail": "UPSTREAM_ERROR"}]

A script file is YAML or JSON: a list of {when: "words in the prompt", steps: [...]}; the first
whose words occur in the prompt is played. Without a script the prompt itself is the answer.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from weir.v1.error_pb2 import FieldViolation
from weir.v1.generation_pb2 import FinishReason
from weir_server.core.errors import InvalidRequest, WeirError

MARK = "/script "
STEPS_MAX = 10_000

Text = Annotated[str, msgspec.Meta(max_length=1_000_000)]


class ScriptedCall(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A tool call to ask for; arguments are JSON text so that nothing is reordered."""

    name: str
    id: str = ""
    arguments_json: str = "{}"


class Step(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One thing to do; exactly one member is set, `times` apart."""

    text: Text | None = None
    """Say it, word by word."""
    reasoning: Text | None = None
    refusal: Text | None = None
    tool_call: ScriptedCall | None = None
    delay_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] | None = None
    """Wait."""
    hang: bool = False
    """Wait for ever: only a deadline or a cancel ends it."""
    fail: str | None = None
    """Fail with this reason, such as `UPSTREAM_OVERLOADED`."""
    finish: str | None = None
    """End with this finish reason, such as `MAX_TOKENS`."""
    times: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    """How often to do it."""


class Scene(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Steps for the prompts that hold certain words."""

    when: str
    steps: list[Step]


class ScriptInvalid(ValueError):
    """A script that cannot be played; the text says where and why."""


_decode_steps = msgspec.json.Decoder(list[Step]).decode


def failures() -> dict[str, type[WeirError]]:
    """Return every failure that a script may name, by its reason."""
    found: dict[str, type[WeirError]] = {}
    pending: list[type[WeirError]] = [WeirError]
    while pending:
        error = pending.pop()
        pending.extend(error.__subclasses__())
        # Reasons are inherited; the class that names one itself is the one meant.
        if "reason" in vars(error):
            found.setdefault(error.name(), error)
    return found


def scenes(tree: object) -> tuple[Scene, ...]:
    """Read the scenes of a script file that was parsed already. Raises ScriptInvalid."""
    try:
        read = msgspec.convert(tree, list[Scene])
    except msgspec.ValidationError as failure:
        raise ScriptInvalid(str(failure)) from failure
    for scene in read:
        _check(scene.steps)
    return tuple(read)


def steps_for(prompt: str, scenes: Sequence[Scene]) -> Sequence[Step]:
    """Return what to do for a prompt. Raises InvalidRequest for a script that cannot be played."""
    if prompt.startswith(MARK):
        try:
            steps = _decode_steps(prompt.removeprefix(MARK))
            _check(steps)
        except (msgspec.DecodeError, ScriptInvalid) as failure:
            # The text quotes the script's own structure, which the caller just sent.
            violation = FieldViolation(
                field="messages", rule="ECHO_SCRIPT", description=f"The script: {failure}."
            )
            raise InvalidRequest(violations=[violation]) from failure
        return steps
    for scene in scenes:
        if scene.when in prompt:
            return scene.steps
    return (Step(text=prompt),)


def _check(steps: Sequence[Step]) -> None:
    known = failures()
    if len(steps) > STEPS_MAX:
        raise ScriptInvalid(f"has more than {STEPS_MAX} steps")
    for number, step in enumerate(steps):
        given = [
            name
            for name in Step.__struct_fields__
            if name != "times" and getattr(step, name) not in (None, False)
        ]
        if len(given) != 1:
            raise ScriptInvalid(f"step {number} must do exactly one thing")
        if step.fail is not None and step.fail not in known:
            raise ScriptInvalid(f"step {number}: no failure is named {step.fail}")
        if step.finish is not None and step.finish not in FINISH_REASONS:
            raise ScriptInvalid(f"step {number}: no finish reason is named {step.finish}")


FINISH_REASONS = {
    name.removeprefix("FINISH_REASON_"): number
    for name, number in FinishReason.items()
    if number
    not in (
        FinishReason.FINISH_REASON_UNSPECIFIED,
        FinishReason.FINISH_REASON_ERROR,  # the end of a failed call alone; `fail` plays those
    )
}
