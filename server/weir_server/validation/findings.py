"""What did the checks find? Violations are collected, so that one answer tells a caller all."""

import json
from enum import StrEnum

from weir.v1.error_pb2 import FieldViolation
from weir_server.core.errors import InvalidRequest
from weir_server.validation.limits import ValidationLimits

MAX_KEY_CHARS = 64


class Rule(StrEnum):
    """Stable identities of the rules: a client may branch on them."""

    REQUIRED = "REQUIRED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    NOT_FINITE = "NOT_FINITE"
    TOO_LONG = "TOO_LONG"
    TOO_MANY = "TOO_MANY"
    BAD_FORMAT = "BAD_FORMAT"
    UNKNOWN_VALUE = "UNKNOWN_VALUE"
    CONTROL_CHARACTER = "CONTROL_CHARACTER"
    DUPLICATE = "DUPLICATE"
    BAD_JSON = "BAD_JSON"
    JSON_TOO_DEEP = "JSON_TOO_DEEP"
    NO_SUCH_REFERENCE = "NO_SUCH_REFERENCE"
    NOT_ALLOWED = "NOT_ALLOWED"
    RESERVED = "RESERVED"
    CONFLICT = "CONFLICT"
    UNSUPPORTED = "UNSUPPORTED"


class Findings:
    """The violations of one request, in the order they were found.

    prefix: what stands before every path, such as `request.` for the streaming methods.
    error: what to raise unless a violation names its own.
    """

    __slots__ = ("_error", "_errors", "_prefix", "json_containers", "limits", "violations")

    def __init__(
        self,
        limits: ValidationLimits,
        prefix: str = "",
        error: type[InvalidRequest] = InvalidRequest,
    ) -> None:
        self.limits = limits
        self.violations: list[FieldViolation] = []
        self.json_containers = 0
        self._prefix = prefix
        self._error = error
        self._errors: set[type[InvalidRequest]] = set()

    def below(self, prefix: str, error: type[InvalidRequest] = InvalidRequest) -> "Findings":
        """Return findings for a message inside this one; what it finds is found here too."""
        inner = Findings(self.limits, self._prefix + prefix, error)
        inner.violations = self.violations
        inner._errors = self._errors
        return inner

    def add(
        self,
        field: str,
        rule: Rule,
        description: str,
        error: type[InvalidRequest] | None = None,
    ) -> None:
        """Note a violation; the last one that is collected raises at once.

        field: path from the request's root, without the prefix.
        description: a sentence with the way to keep the rule; never the offending value.
        error: what to raise if every violation is of this kind; None: the usual.
        """
        self.violations.append(
            FieldViolation(field=self._prefix + field, rule=rule, description=description)
        )
        self._errors.add(error or self._error)
        if len(self.violations) >= self.limits.max_violations:
            raise self.error()

    def error(self) -> InvalidRequest:
        """Return the error that names them all: the common kind, or InvalidRequest for a mix."""
        kind = next(iter(self._errors)) if len(self._errors) == 1 else InvalidRequest
        return kind(violations=self.violations)

    def raise_any(self) -> None:
        """Raise the error if anything was found."""
        if self.violations:
            raise self.error()


def keyed(field: str, key: str) -> str:
    """Return the path of a map's entry: `labels["team"]`, safe to log and not too long."""
    shown = key if len(key) <= MAX_KEY_CHARS else key[:MAX_KEY_CHARS] + "…"
    return f"{field}[{json.dumps(shown)}]"
