"""What does every request to a provider carry? Credential, organization, and harmless extras."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from multidict import CIMultiDict
from typing_extensions import override

from weir.v1.error_pb2 import FieldViolation
from weir_server.core.errors import ConfigInvalid

ALWAYS = (
    ("accept", "application/json, text/event-stream"),
    # What is not compressed cannot be a bomb, and token streams gain nothing from it.
    ("accept-encoding", "identity"),
    ("user-agent", f"weir/{version('weir-server')}"),
)

REFUSED_NAMES = frozenset(
    # They steer the connection or the framing.
    {"host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
    | {"content-length", "content-encoding", "expect", "forwarded", "via"}
    # Weir writes them itself.
    | {"accept", "accept-encoding", "content-type", "user-agent", "traceparent", "tracestate"}
    # They hold credentials, which have their own place.
    | {"authorization", "cookie", "set-cookie", "api-key", "x-api-key", "x-goog-api-key"}
)
REFUSED_PREFIXES = ("proxy-", "x-forwarded-", "sec-", "weir-")

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What a header's name, or a method, may be."""
VALUE = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?")
"""What a header's value may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderHeaders:
    """The header fields of one provider. Its repr names them without their values.

    Raises ConfigInvalid, naming the field, for extras that carry a credential or steer the
    connection, and for values that no header can hold.
    """

    credential: Mapping[str, str] = field(default_factory=dict)
    """Such as `authorization`; the one place where a provider's key is."""
    organization: Mapping[str, str] = field(default_factory=dict)
    protocol: Mapping[str, str] = field(default_factory=dict)
    """What the provider's protocol wants instead of what every request carries, such as another
    `accept`."""
    extra: Mapping[str, str] = field(default_factory=dict)
    field_prefix: str = "config."
    """What stands before a field in a violation."""

    def __post_init__(self) -> None:
        violations = [
            *_unfit(self.credential, f"{self.field_prefix}api_key"),
            *_unfit(self.organization, f"{self.field_prefix}organization_id"),
        ]
        for name, value in self.extra.items():
            at = f'{self.field_prefix}headers["{name}"]'
            violations += _refused(name, at) or _unfit({name: value}, at)
        if violations:
            raise ConfigInvalid(violations=violations)

    @override
    def __repr__(self) -> str:
        names = ", ".join(sorted({*self.credential, *self.organization, *self.extra}))
        return f"ProviderHeaders({names})"

    def merged(self) -> CIMultiDict[str]:
        """Return all of them with what every request carries; credentials come last and win."""
        merged: CIMultiDict[str] = CIMultiDict(ALWAYS)
        for part in (self.protocol, self.extra, self.organization, self.credential):
            merged.update(part)
        return merged


def _unfit(headers: Mapping[str, str], at: str) -> list[FieldViolation]:
    return [
        FieldViolation(field=at, description="Use visible ASCII characters.", rule="BAD_FORMAT")
        for name, value in headers.items()
        if not TOKEN.fullmatch(name) or not VALUE.fullmatch(value)
    ]


def _refused(name: str, at: str) -> list[FieldViolation]:
    lower = name.lower()
    if lower not in REFUSED_NAMES and not lower.startswith(REFUSED_PREFIXES):
        return []
    why = "Leave out headers that carry credentials or steer the connection."
    return [FieldViolation(field=at, description=why, rule="RESERVED")]
