"""Which kinds of rule are there? Small checks, from which the tables of the other modules are made.

A check is called with the findings, the path of a field and the field's value, and adds what it
finds. Only fields that are set reach a check: an absent field costs nothing.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message as ProtoMessage

from weir_server.core.errors import InvalidRequest
from weir_server.validation.findings import Findings, Rule
from weir_server.validation.json_text import JsonFault, containers, json_fault

NANOS = 1_000_000_000

# The value is what `ListFields` gives for the field, which has no narrower type.
Check = Callable[[Findings, str, Any], None]

# C0 and C1 controls, line and paragraph separators, and what reorders or hides text.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRules:
    """The rules of one message type.

    fields: a check for every field. required: text, list and message fields that must be set.
    oneofs: groups of which one must be set, with the names to choose from.
    """

    fields: Mapping[str, Check]
    required: tuple[str, ...] = ()
    oneofs: Mapping[str, str] = field(default_factory=dict)

    def check(self, findings: Findings, at: str, message: ProtoMessage) -> None:
        """Check `message`, whose fields have paths beginning with `at`."""
        present = set()
        for descriptor, value in message.ListFields():
            name = descriptor.name
            present.add(name)
            self.fields[name](findings, at + name, value)
        for name in self.required:
            if name not in present:
                findings.add(at + name, Rule.REQUIRED, "Set this field; it is required.")
        for name, choices in self.oneofs.items():
            if message.WhichOneof(name) is None:
                findings.add(at + name, Rule.REQUIRED, f"Set one of {choices}.")

    def nested(self, findings: Findings, at: str, message: ProtoMessage) -> None:
        """Check a message that is itself a field."""
        self.check(findings, f"{at}.", message)


def anything(findings: Findings, at: str, value: object) -> None:
    """Allow every value: a flag, or something that only answers carry."""


def number(low: float, high: float) -> Check:
    """Allow numbers from `low` to `high`, both included."""
    description = f"Give a number from {low} to {high}."

    def check(findings: Findings, at: str, value: float) -> None:
        if low <= value <= high:
            return
        if isfinite(value):
            findings.add(at, Rule.OUT_OF_RANGE, description)
        else:
            findings.add(at, Rule.NOT_FINITE, description)

    return check


def duration(low_s: float, high_s: float) -> Check:
    """Allow durations from `low_s` to `high_s`, both included."""
    low_nanos, high_nanos = int(low_s * NANOS), int(high_s * NANOS)
    description = f"Give a duration from {low_s:g} s to {high_s:g} s."

    def check(findings: Findings, at: str, value: Duration) -> None:
        if abs(value.nanos) >= NANOS or value.seconds * value.nanos < 0:
            findings.add(
                at,
                Rule.BAD_FORMAT,
                "Give nanos below one second, with the same sign as the seconds.",
            )
        elif not low_nanos <= value.seconds * NANOS + value.nanos <= high_nanos:
            findings.add(at, Rule.OUT_OF_RANGE, description)

    return check


def known(enum: EnumDescriptor, *, zero: bool = False) -> Check:
    """Allow the enum's values. zero: also the unspecified one, where setting it has a meaning."""
    numbers = frozenset(value for value in enum.values_by_number if value or zero)
    description = f"Give one of the values of {enum.name} that this server knows."

    def check(findings: Findings, at: str, value: int) -> None:
        if value not in numbers:
            findings.add(at, Rule.UNKNOWN_VALUE, description)

    return check


def longer_than(value: str, max_bytes: int) -> bool:
    """Say whether a text is longer than `max_bytes` in UTF-8."""
    chars = len(value)
    if chars * 4 <= max_bytes:
        return False
    return chars > max_bytes or (not value.isascii() and len(value.encode()) > max_bytes)


def text(max_bytes: int) -> Check:
    """Allow texts of any characters, up to `max_bytes` in UTF-8."""
    description = f"Give at most {max_bytes} bytes."

    def check(findings: Findings, at: str, value: str) -> None:
        if longer_than(value, max_bytes):
            findings.add(at, Rule.TOO_LONG, description)

    return check


def line(max_bytes: int) -> Check:
    """Allow what may stand in a header or a log: one line without control characters."""
    description = f"Give at most {max_bytes} bytes."

    def check(findings: Findings, at: str, value: str) -> None:
        if longer_than(value, max_bytes):
            findings.add(at, Rule.TOO_LONG, description)
        elif not value.isprintable() and _CONTROL.search(value):
            findings.add(
                at,
                Rule.CONTROL_CHARACTER,
                "Remove control characters, line breaks and marks that reorder or hide text.",
            )

    return check


def matching(pattern: str, description: str) -> Check:
    """Allow texts that `pattern` matches as a whole; `description` says the same in words."""
    matches = re.compile(pattern).fullmatch

    def check(findings: Findings, at: str, value: str) -> None:
        if matches(value) is None:
            findings.add(at, Rule.BAD_FORMAT, description)

    return check


def json_text(
    *,
    is_object: bool = False,
    maybe_invalid: bool = False,
    max_bytes: int | None = None,
    error: type[InvalidRequest] | None = None,
) -> Check:
    """Allow JSON texts within the limits of size and depth.

    maybe_invalid: hold a text that is no JSON to the limits too, but let it pass.
    max_bytes: a bound below the limits' own; None: that one.
    error: what to raise if nothing but such texts is wrong with a request.
    """

    def check(findings: Findings, at: str, value: str) -> None:
        limits = findings.limits
        most = max_bytes or limits.max_json_bytes
        if longer_than(value, most):
            findings.add(at, Rule.TOO_LONG, f"Give at most {most} bytes of JSON.", error)
            return
        findings.json_containers += containers(value)
        if findings.json_containers > limits.max_json_containers:
            findings.add(
                at,
                Rule.TOO_MANY,
                f"Give at most {limits.max_json_containers} objects and lists in all.",
                error,
            )
            return
        fault = json_fault(value, max_depth=limits.max_json_depth, is_object=is_object)
        if fault is JsonFault.MALFORMED and not maybe_invalid:
            findings.add(at, Rule.BAD_JSON, "Give valid JSON text.", error)
        elif fault is JsonFault.NOT_OBJECT:
            findings.add(at, Rule.BAD_JSON, "Give a JSON object.", error)
        elif fault is JsonFault.TOO_DEEP:
            findings.add(
                at, Rule.JSON_TOO_DEEP, f"Nest at most {limits.max_json_depth} levels.", error
            )

    return check


def too_many(findings: Findings, at: str, count: int, most: int) -> bool:
    """Say whether there are more than `most`, and note it."""
    if count <= most:
        return False
    findings.add(at, Rule.TOO_MANY, f"Give at most {most}.")
    return True
