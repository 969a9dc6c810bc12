"""How is a server reached? TLS, mTLS, a key, and connections that go away."""

from tests.conformance.golden.row import (
    CHAT,
    HELLO,
    METADATA,
    START,
    Row,
    answer,
    closed,
    delta,
    end,
    error,
    one_by_one,
    opened,
    send,
    text_events,
    wait,
)

KEY = "weir_golden_key"
GOOD = one_by_one(*text_events("Hi"))
FOLDED = answer({"text": "Hi"})
UNREACHABLE = {"error": {"code": "UNAVAILABLE", "reason": ""}, "messages": {"at_most": 0}}


def rows() -> list[Row]:
    """Ports and keys."""
    return [
        Row(
            name="tls",
            promise="TLS with an authority of one's own.",
            client={"port": "tls"},
            attempts=[GOOD],
            shows={"folded": FOLDED},
        ),
        Row(
            name="tls_of_a_stranger",
            promise="A server whose authority is not trusted is not spoken to.",
            client={"port": "tls", "trust": False, "timeout_ms": 5000},
            attempts=[GOOD],
            shows={
                "error": {"codes": ["UNAVAILABLE", "DEADLINE_EXCEEDED"], "reason": ""},
                "messages": {"at_most": 0},
            },
            journal={"attempts": 0},
            alone=True,
        ),
        Row(
            name="mtls",
            promise="TLS with a certificate of the client's own.",
            client={"port": "mtls"},
            attempts=[GOOD],
            shows={"folded": FOLDED},
        ),
        Row(
            name="mtls_without_certificate",
            promise="Without one the server does not listen.",
            client={"port": "mtls", "certificate": False, "timeout_ms": 5000},
            attempts=[GOOD],
            shows={
                "error": {"codes": ["UNAVAILABLE", "DEADLINE_EXCEEDED"], "reason": ""},
                "messages": {"at_most": 0},
            },
            journal={"attempts": 0},
            alone=True,
        ),
        Row(
            name="key",
            promise="A key is sent as a bearer token.",
            client={"api_key": KEY},
            key=KEY,
            attempts=[GOOD],
            shows={"folded": FOLDED},
            journal={"metadata": {"authorization": f"Bearer {KEY}"}},
        ),
        Row(
            name="key_over_tls",
            promise="Over TLS, too.",
            client={"api_key": KEY, "port": "tls"},
            key=KEY,
            method=CHAT,
            request=HELLO,
            attempts=[[{"send": FOLDED}]],
            journal={"metadata": {"authorization": f"Bearer {KEY}"}},
        ),
        Row(
            name="key_refused",
            promise="A wrong key is refused, with the reason.",
            client={"api_key": "weir_wrong_key"},
            key=KEY,
            attempts=[GOOD],
            shows={
                "error": error("UNAUTHENTICATED", "API_KEY_INVALID", kind="UnauthenticatedError"),
                "messages": {"at_most": 0},
            },
        ),
        Row(
            name="key_missing",
            promise="So is none.",
            method=CHAT,
            request=HELLO,
            key=KEY,
            attempts=[[{"send": FOLDED}]],
            shows={
                "error": error("UNAUTHENTICATED", "API_KEY_INVALID", kind="UnauthenticatedError"),
                "messages": {"at_most": 0},
            },
        ),
        Row(
            name="going_away",
            promise="A connection that is told to go away carries its stream to the end.",
            client={"port": "aging"},
            attempts=[
                [
                    send(START, {"sequence": "1", **opened(0, {"text": ""})}),
                    wait(600),
                    send({"sequence": "2", **delta(0, text="Still ")}),
                    wait(600),
                    send(
                        {"sequence": "3", **delta(0, text="here.")},
                        {"sequence": "4", **closed(0)},
                        {"sequence": "5", **end()},
                    ),
                ]
            ],
            shows={"folded": answer({"text": "Still here."})},
            journal={"attempts": 1, "outcome": "completed"},
        ),
        Row(
            name="nobody_there",
            promise="A port where nobody listens is UNAVAILABLE, soon, and without a reason.",
            client={"port": "closed", "timeout_ms": 10_000},
            attempts=[GOOD],
            shows={
                **UNREACHABLE,
                "within_ms": 8000,
                "error": {"code": "UNAVAILABLE", "reason": "", "kind": "UnavailableError"},
            },
            journal={"attempts": 0},
            alone=True,
        ),
        Row(
            name="headers",
            promise="The identity of the call is there from the first message on.",
            attempts=[GOOD],
            shows={
                "folded": {**FOLDED, "metadata": METADATA},
                "headers": {"weir-contract-version": "0.1.0"},
            },
        ),
    ]
