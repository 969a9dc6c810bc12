"""Who called, and how did it end? One line of the log for each RPC."""

import msgspec


class AccessLine(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One finished RPC. Counts, names and times; never content.

    Strings come from Weir itself or were checked on arrival; JSON escapes the rest, so that one
    call is one line whatever it carries.
    """

    time: str
    """When the RPC ended."""
    event: str
    """Always `rpc`."""
    method: str
    code: str
    """Name of the gRPC status code, such as `OK`."""
    reason: str = ""
    request_id: str = ""
    response_id: str = ""
    peer: str = ""
    client: str = ""
    tenant: str = ""
    """Who pays; empty: the call was refused before that was known."""
    key: str = ""
    """Name of the key it came with; empty: none was needed, or it was refused."""
    priority: str = ""
    trace_id: str = ""
    previous_attempts: str = ""
    duration_ms: float
    first_part_ms: float = 0.0
    provider: str = ""
    model: str = ""
    vendor_model: str = ""
    attempts: int = 0
    replayed: bool = False
    """Whether the answer was given before, to a call with the same idempotency key."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usage_source: str = ""
    cost_nanos: int | None = None
    """Billionths of a US dollar; absent: the price is not known."""
    events: int = 0
    """Events sent, for a stream; messages, for a watch."""
