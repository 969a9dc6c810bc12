"""How are things named? Patterns and bounds that several kinds of request share."""

from collections.abc import Mapping

from weir_server.validation.checks import Check, line, matching
from weir_server.validation.findings import Findings, Rule, keyed

MAX_NAME_BYTES = 256

name_line: Check = line(MAX_NAME_BYTES)
"""A model, a provider, an identity: one line that a log may carry."""

speaker: Check = matching(r"[A-Za-z0-9_-]{1,64}", 'Give up to 64 letters, digits, "_" or "-".')
function_name: Check = matching(
    r"[A-Za-z0-9_.-]{1,64}", 'Give 1 to 64 letters, digits, "_", "." or "-".'
)
kind_name: Check = matching(
    r"[a-z][a-z0-9_-]{0,62}",
    'Give 1 to 63 lower-case letters, digits, "_" or "-", beginning with a letter.',
)
provider_id: Check = matching(
    r"[a-z][a-z0-9-]{0,62}",
    'Give 1 to 63 lower-case letters, digits or "-", beginning with a letter.',
)


def labels(findings: Findings, at: str, value: Mapping[str, str]) -> None:
    """Check the caller's own labels."""
    limits = findings.limits
    if len(value) > limits.max_labels:
        findings.add(at, Rule.TOO_MANY, f"Give at most {limits.max_labels} labels.")
        return
    check_key = line(limits.max_label_key_bytes)
    check_value = line(limits.max_label_value_bytes)
    # A map has no order of its own; an answer should.
    for key, text in sorted(value.items()):
        entry = keyed(at, key)
        if not key:
            findings.add(entry, Rule.REQUIRED, "Give the label a key.")
        check_key(findings, entry, key)
        check_value(findings, entry, text)
