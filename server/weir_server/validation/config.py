"""Is a provider configuration well formed? Its shape only: addresses are the endpoint guard's."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from weir.v1.error_pb2 import FieldViolation
from weir.v1.provider_service_pb2 import InitializeRequest, ProviderConfig
from weir_server.core.errors import ConfigInvalid, InvalidRequest
from weir_server.validation.checks import (
    FieldRules,
    anything,
    duration,
    line,
    matching,
    number,
    too_many,
)
from weir_server.validation.findings import Findings, Rule, keyed
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.names import kind_name, name_line, provider_id

MAX_HEADERS = 32
MAX_HEADER_NAME_BYTES = 128
MAX_HEADER_VALUE_BYTES = 4_096
MAX_ENDPOINT_BYTES = 2_048

# RFC 9110, section 5.6.2: what a header's name is made of.
_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
# RFC 9110, section 5.5, without the obsolete bytes above ASCII.
_is_field_value = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?").fullmatch

RESERVED_HEADERS = frozenset(
    # What steers the connection or the framing: RFC 9110, section 7.6.1, and its kin.
    {"host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
    | {"content-length", "content-encoding", "content-type", "accept", "accept-encoding"}
    | {"expect", "max-forwards", "via", "forwarded", "x-real-ip", "x-original-url"}
    | {"x-rewrite-url", "x-http-method-override"}
    # What Weir itself writes.
    | {"traceparent", "tracestate", "baggage", "user-agent", "openai-organization"}
    # What carries a credential under a name of its own.
    | {"api-key", "x-api-key", "apikey", "x-apikey", "x-goog-api-key"}
    | {"ocp-apim-subscription-key", "x-functions-key"}
)
RESERVED_PREFIXES = ("proxy-", "x-forwarded-", "x-amz-", "sec-", "grpc-", "weir-")
CREDENTIAL_WORDS = frozenset(
    {"auth", "authorization", "authentication", "token", "secret", "password", "passwd"}
    | {"credential", "credentials", "cookie", "cookie2", "bearer", "signature", "jwt"}
)
"""A header is refused if one of its words, parted by "-" or "_", is among these."""


def reserved_header(name: str) -> bool:
    """Say whether a header carries a credential or steers the connection."""
    lower = name.lower()
    if lower in RESERVED_HEADERS or lower.startswith(RESERVED_PREFIXES):
        return True
    return not CREDENTIAL_WORDS.isdisjoint(lower.replace("_", "-").split("-"))


def _headers(findings: Findings, at: str, value: Mapping[str, str]) -> None:
    if too_many(findings, at, len(value), MAX_HEADERS):
        return
    seen: set[str] = set()
    # A map has no order of its own; an answer should.
    for name, content in sorted(value.items()):
        entry = keyed(at, name)
        if len(name) > MAX_HEADER_NAME_BYTES:
            findings.add(entry, Rule.TOO_LONG, f"Give names of {MAX_HEADER_NAME_BYTES} bytes.")
        elif _is_token(name) is None:
            findings.add(entry, Rule.BAD_FORMAT, 'Give header names such as "x-team".')
        elif reserved_header(name):
            findings.add(
                entry,
                Rule.RESERVED,
                "Leave out headers that carry credentials or steer the connection; "
                "set the key by api_key.",
            )
        elif name.lower() in seen:
            findings.add(entry, Rule.DUPLICATE, "Name a header once, whatever its case.")
        seen.add(name.lower())
        if len(content) > MAX_HEADER_VALUE_BYTES:
            findings.add(entry, Rule.TOO_LONG, f"Give at most {MAX_HEADER_VALUE_BYTES} bytes.")
        elif _is_field_value(content) is None:
            findings.add(
                entry,
                Rule.BAD_FORMAT,
                "Give a value of visible ASCII characters, without line breaks.",
            )


def _endpoint(findings: Findings, at: str, value: str) -> None:
    if len(value) > MAX_ENDPOINT_BYTES:
        findings.add(at, Rule.TOO_LONG, f"Give at most {MAX_ENDPOINT_BYTES} bytes.")
        return
    if not _is_base_address(value):
        findings.add(
            at,
            Rule.BAD_FORMAT,
            "Give an address such as https://api.example.com/v1: "
            "no user, query, fragment, space or backslash.",
        )


def _is_base_address(value: str) -> bool:
    # urlsplit drops tabs and line breaks silently, and takes a backslash for a letter.
    if not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        return False
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in {"https", "http"} or not parts.hostname or port == 0:
        return False
    return "@" not in parts.netloc and "?" not in value and "#" not in value


CONFIG = FieldRules(
    fields={
        "api_key": matching(
            r"[\x21-\x7e]{1,4096}", "Give up to 4096 visible ASCII characters, without spaces."
        ),
        "model": name_line,
        "organization_id": matching(
            r"[\x21-\x7e]{1,256}", "Give 1 to 256 visible ASCII characters, without spaces."
        ),
        "endpoint": _endpoint,
        "timeout": duration(1, 3_600),
        "max_retries": number(0, 10),
        "provider_kind": kind_name,
        "headers": _headers,
        "api_key_secret_ref": matching(
            r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", 'Give a secret\'s name, such as "openai-prod".'
        ),
    }
)
INITIALIZE = FieldRules(
    fields={
        "config": anything,  # checked by the table above
        "provider_id": provider_id,
        "validate_only": anything,
        "request_id": line(64),
    },
    required=("provider_id",),
)


def validate_provider_config(
    config: ProviderConfig, field_prefix: str, limits: ValidationLimits | None = None
) -> list[FieldViolation]:
    """Return the fields of a configuration that break a rule; at most `limits.max_violations`.

    field_prefix: what stands before every path, such as `config.`.
    """
    findings = Findings(limits or ValidationLimits(), field_prefix)
    try:
        _check_config(findings, config)
    except InvalidRequest:
        # The list is full: what is in it will do.
        return findings.violations
    return findings.violations


def validate_initialize(request: InitializeRequest, limits: ValidationLimits) -> None:
    """Check a registration. Raises ConfigInvalid if only the configuration is wrong."""
    findings = Findings(limits)
    INITIALIZE.check(findings, "", request)
    if request.HasField("config"):
        _check_config(findings.below("config.", ConfigInvalid), request.config)
    else:
        findings.add("config", Rule.REQUIRED, "Say how to reach the provider.", ConfigInvalid)
    findings.raise_any()


def _check_config(findings: Findings, config: ProviderConfig) -> None:
    CONFIG.check(findings, "", config)
    if config.api_key and config.api_key_secret_ref:
        findings.add(
            "api_key_secret_ref", Rule.CONFLICT, "Give api_key or api_key_secret_ref, not both."
        )
