"""What can a person do about a failed call? One sentence for each reason of the contract."""

from typing import Final

from weir.errors import Code, StreamBrokenError, WeirError

_LATER: Final = "Try again in a moment."
_REPORT: Final = "Tell whoever runs this Weir, with the request id: its log has the cause."
_OPERATOR: Final = "Whoever runs this Weir must mend that; the request itself is fine."
_MODELS: Final = "`weir models` lists what this server offers."
_RUN_AGAIN: Final = "What came is not the whole answer. Ask again if asking twice does no harm."
_KEY: Final = "Give a valid key in WEIR_API_KEY."
_FIELDS: Final = "Change what the lines above name."
_STATE: Final = "Look at its state first, then decide."
_SMALLER: Final = "Send less at once."

BY_REASON: Final = {
    "API_KEY_INVALID": _KEY,
    "API_KEY_DISABLED": "Ask whoever runs this Weir for a new key, and give it in WEIR_API_KEY.",
    "SIGNATURE_INVALID": "Sign the very bytes that are sent, with the key's own secret.",
    "PERMISSION_DENIED": "Ask whoever runs this Weir for the right, or use another key.",
    "MODEL_NOT_ALLOWED": f"Use a model that your key may use: {_MODELS}",
    "POLICY_BLOCKED": "The gateway's policy refuses this content; say it differently.",
    "INVALID_REQUEST": _FIELDS,
    "MALFORMED_REQUEST": "Do client and server have the same version? `weir --version` tells.",
    "UNSUPPORTED_OPTION": f"Leave the option out, or use a model that takes it: {_MODELS}",
    "UNSUPPORTED_MODALITY": f"Leave it out, or use a model that takes it: {_MODELS}",
    "CONTEXT_LENGTH_EXCEEDED": "Shorten the prompt; `weir count` tells its tokens.",
    "OUTPUT_SCHEMA_INVALID": _FIELDS,
    "TOOL_SCHEMA_INVALID": _FIELDS,
    "PAGE_TOKEN_INVALID": "Begin the list again.",
    "CONFIG_INVALID": _FIELDS,
    "REQUEST_TOO_LARGE": _SMALLER,
    "MEDIA_FETCH_FAILED": "Make the address reachable for the provider, or send the bytes.",
    "MESSAGE_TOO_LARGE": _SMALLER,
    "IDEMPOTENCY_KEY_REUSED": "Use a new key for a new request.",
    "IDEMPOTENCY_IN_PROGRESS": "The same call is still running; ask for it again in a moment.",
    "UNKNOWN_OUTCOME": "An earlier run may have been charged; use a new key to run it again.",
    "MODEL_NOT_FOUND": _MODELS,
    "PROVIDER_NOT_FOUND": f"{_MODELS} Their providers are in the same list.",
    "BATCH_NOT_FOUND": "Check the batch's name.",
    "SESSION_NOT_FOUND": "Open a new session.",
    "RESPONSE_NOT_FOUND": "Check the response's id; only your own can be seen.",
    "KEY_NOT_FOUND": "`weir keys list` tells the keys there are.",
    "BUDGET_NOT_FOUND": "`weir budgets` tells the budgets there are.",
    "PRICE_UNKNOWN": "Whoever runs this Weir can set the model's price under `prices`.",
    "RESOURCE_EXISTS": "Choose another id.",
    "PROVIDER_NOT_INITIALIZED": "Initialize the provider again, then use the new handle.",
    "BATCH_STATE_CONFLICT": _STATE,
    "ETAG_MISMATCH": "Read it again and repeat the change.",
    "FEATURE_DISABLED": "This server has it switched off; ask whoever runs it.",
    "RATE_LIMITED": "Wait, then try again; or ask for a higher rate.",
    "CONCURRENCY_LIMITED": "Let some of what is open end first: calls, or providers brought in.",
    "BUDGET_EXCEEDED": "Allow a shorter answer with --max-tokens, or ask whoever runs this Weir "
    "for a larger budget.",
    "SLOW_CONSUMER": "Read the answer as it comes: what reads this command's output is too slow.",
    "GATEWAY_OVERLOADED": _LATER,
    "GATEWAY_DRAINING": "This server is shutting down; try again when it is back, or another one.",
    "CIRCUIT_OPEN": "The model's providers failed lately; try again in a moment, or another model.",
    "LEDGER_UNAVAILABLE": _LATER,
    "DEADLINE_EXCEEDED": "Allow more time with --deadline SECONDS, or ask for less with "
    "--max-tokens.",
    "DEADLINE_TOO_SHORT": "Allow more time with --deadline SECONDS.",
    "CLIENT_CANCELLED": "Ask again when you like.",
    "CANCELLED_BY_ADMIN": "An operator ended the call; ask whoever runs this Weir.",
    "INTERNAL": _REPORT,
    "UPSTREAM_CREDENTIALS_REJECTED": f"The provider refuses Weir's key for it. {_OPERATOR}",
    "UPSTREAM_REJECTED_REQUEST": "The provider refuses the request; change its options or content.",
    "UPSTREAM_MODEL_NOT_FOUND": f"The provider does not know the model. {_OPERATOR}",
    "UPSTREAM_CONFLICT": _LATER,
    "UPSTREAM_RATE_LIMITED": "The provider limits Weir's rate; wait, or use another model.",
    "UPSTREAM_QUOTA_EXHAUSTED": f"Weir's credit at the provider is used up. {_OPERATOR}",
    "UPSTREAM_CONNECT_FAILED": "The provider cannot be reached; try again, or another model.",
    "UPSTREAM_ERROR": "The provider failed; try again in a moment, or another model.",
    "UPSTREAM_OVERLOADED": "The provider has too much to do; try again, or another model.",
    "UPSTREAM_TIMEOUT": "The provider took too long; try again, or another model.",
    "UPSTREAM_STREAM_BROKEN": _RUN_AGAIN,
    "UPSTREAM_PROTOCOL_ERROR": f"The provider's answer made no sense. {_REPORT}",
    "OUTPUT_SCHEMA_MISMATCH": "Make the schema simpler, or use a stronger model.",
    "SESSION_SUPERSEDED": "Another stream took the session over; go on there.",
    "SESSION_PROTOCOL_VIOLATION": "Open a new session.",
    "SESSION_NOT_RESUMABLE": "Open a new session.",
}

_BY_CODE: Final = {
    Code.INVALID_ARGUMENT: _FIELDS,
    Code.NOT_FOUND: "Check the name.",
    Code.UNAUTHENTICATED: _KEY,
    Code.PERMISSION_DENIED: "Ask whoever runs this Weir for the right, or use another key.",
    Code.RESOURCE_EXHAUSTED: "Wait, then try again.",
    Code.FAILED_PRECONDITION: _STATE,
    Code.ABORTED: _RUN_AGAIN,
    Code.DEADLINE_EXCEEDED: "Check the address, or allow more time with --deadline SECONDS.",
    Code.UNIMPLEMENTED: "Check that a Weir answers at this address, and that it is new enough.",
}


def next_step(error: WeirError) -> str:
    """Return what to do about an error; where the reason is not known here, the code decides."""
    if error.reason == "UNSUPPORTED_OPTION" and _is_about_the_model(error):
        return f"Use a model that does this: {_MODELS}"
    if error.reason in BY_REASON:
        return BY_REASON[error.reason]
    if isinstance(error, StreamBrokenError):
        return _RUN_AGAIN
    if error.code is Code.UNAVAILABLE:
        return _unreachable(error)
    return _BY_CODE.get(error.code, _REPORT)


def _is_about_the_model(error: WeirError) -> bool:
    """Say whether the model itself, rather than an option, is what does not fit the call."""
    return any(violation.field.endswith("model") for violation in error.field_violations)


def _unreachable(error: WeirError) -> str:
    """Tell apart, by gRPC's own words, a server that is not there and one that TLS keeps away."""
    said = error.message.lower()
    if "wrong_version_number" in said:
        return "It speaks plain text, not TLS: write the address as http://host:port."
    if "certificate" in said or "handshake" in said or "ssl" in said:
        return (
            "TLS failed: name the certificate to trust with --tls-ca, and your own with --tls-cert."
        )
    if "socket closed" in said or "reset" in said:
        return "Does it speak TLS? Then write the address as https://host:port."
    return "Start it with `weir serve`, or name where it is with --address HOST:PORT."
