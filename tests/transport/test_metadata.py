"""What callers say in metadata is read by name; the rest is dropped, forgeries are refused."""

import pytest

from weir_server.core.errors import InvalidRequest
from weir_server.transport import metadata
from weir_server.transport.exchange import Metadata

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def read(*pairs: tuple[str, str | bytes]) -> metadata.CallMetadata:
    return metadata.read(pairs, lambda: "req_minted")


def test_nothing_said_has_defaults() -> None:
    """A bare call gets an identity and the standard priority."""
    said = read(("user-agent", "grpc-python"))
    assert (said.request_id, said.priority, said.trace.traceparent) == (
        "req_minted",
        "standard",
        "",
    )


def test_what_is_said_is_taken() -> None:
    """Request id, trace, priority and client name arrive."""
    said = read(
        ("weir-request-id", "abc-1"),
        ("traceparent", TRACE),
        ("tracestate", "vendor=1"),
        ("weir-priority", "background"),
        ("weir-client", "weir-client/0.1.0"),
        ("grpc-previous-rpc-attempts", "2"),
        ("weir-hops", "3"),
    )
    assert said.request_id == "abc-1"
    assert (said.trace.traceparent, said.trace.tracestate) == (TRACE, "vendor=1")
    assert said.trace.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert (said.priority, said.client) == ("background", "weir-client/0.1.0")
    assert (said.previous_attempts, said.hops) == ("2", 3)


@pytest.mark.parametrize(
    "value",
    [
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "garbage",
        TRACE + "\r\nx: y",
    ],
)
def test_a_malformed_trace_is_as_none(value: str) -> None:
    """The W3C rule: ignore a traceparent that is not one, and its tracestate with it."""
    said = read(("traceparent", value), ("tracestate", "vendor=1"))
    assert said.trace.traceparent == ""
    assert said.trace.tracestate == ""


REFUSED: list[Metadata] = [
    [("weir-priority", "urgent")],
    *[[("weir-idempotency-key", key)] for key in ("", "a b", "x" * 65, "\u00fc")],
    [("weir-tenant", "")],
    [("weir-tenant", "x" * 65)],
    [("weir-tenant", "a tenant")],
    [("weir-tenant", "../etc")],
    [("weir-hops", "-1")],
    [("weir-hops", "100")],
    [("weir-request-id", "")],
    [("weir-request-id", "x" * 65)],
    [("weir-request-id", "a b")],
    [("weir-request-id", "a\u2028b")],
    *[[(name, "x")] for name in sorted(metadata.RESPONSE_ONLY)],
]


@pytest.mark.parametrize("pairs", REFUSED, ids=lambda pairs: f"{pairs[0][0]}={pairs[0][1]!r:.12}")
def test_bad_values_and_forgeries_name_their_key(pairs: Metadata) -> None:
    """INVALID_REQUEST says which key and what to write."""
    with pytest.raises(InvalidRequest) as refused:
        metadata.read(pairs, lambda: "")
    (violation,) = refused.value.violations
    assert violation.field == f"metadata[{pairs[0][0]}]"
    assert violation.description.endswith(".")


@pytest.mark.parametrize("key", ["k", "~" * 64, "a/b:c=d"])
def test_an_idempotency_key_is_visible_ascii(key: str) -> None:
    """What a caller names its call by comes through as it is."""
    assert read(("weir-idempotency-key", key)).idempotency_key == key


def test_who_calls_is_read_and_not_shown() -> None:
    """The credential and the tenant arrive; no representation of them holds the credential."""
    said = read(("authorization", "Bearer weir_sk_canary"), ("weir-tenant", "search.eu-1"))
    assert (said.authorization, said.tenant) == ("Bearer weir_sk_canary", "search.eu-1")
    assert "canary" not in repr(said)


def test_two_credentials_are_none() -> None:
    """What stands there twice is no key that anybody holds, whichever of the two would be."""
    said = read(("authorization", "Bearer a"), ("authorization", "Bearer b"))
    assert said.authorization == "Bearer a, Bearer b"


def test_unknown_names_are_dropped() -> None:
    """A base URL, a proxy or a provider header in metadata reaches nothing."""
    said = read(("x-portkey-custom-host", "http://169.254.169.254"), ("api-base", "http://evil"))
    assert "evil" not in repr(said)
    assert "169" not in repr(said)
