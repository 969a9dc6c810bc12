"""What is tried again, and when? UNAVAILABLE alone, before anything came, as the server asks."""

from tests.conformance.golden.row import (
    CHAT,
    HELLO,
    START,
    Row,
    answer,
    delta,
    error,
    fail,
    one_by_one,
    opened,
    text_events,
)

OVERLOADED = fail("GatewayOverloaded")
GOOD = one_by_one(*text_events("At last."))
FOLDED = answer({"text": "At last."})
BEGUN = one_by_one(START, opened(0, {"text": ""}), delta(0, text="Once"))


def rows() -> list[Row]:
    """Each in a process of its own: gRPC's budget of retries is the whole process's in some."""
    return [
        Row(
            name="before_the_first_event",
            promise="A stream that was refused twice before it began is asked for a third time.",
            attempts=[[OVERLOADED], [OVERLOADED], GOOD],
            shows={"folded": FOLDED},
            journal={"attempts": 3},
            alone=True,
        ),
        Row(
            name="unary",
            promise="So is a unary call.",
            method=CHAT,
            request=HELLO,
            attempts=[[OVERLOADED], [OVERLOADED], [{"send": FOLDED}]],
            journal={"attempts": 3},
            alone=True,
        ),
        Row(
            name="bare_unavailable",
            promise="So is a call that a proxy calls unavailable.",
            attempts=[[{"status": {"code": 14, "message": "no healthy upstream"}}], GOOD],
            shows={"folded": FOLDED},
            journal={"attempts": 2},
            alone=True,
        ),
        Row(
            name="given_up",
            promise="After three attempts the error is the caller's.",
            method=CHAT,
            request=HELLO,
            attempts=[[OVERLOADED]],
            shows={
                "error": error("UNAVAILABLE", "GATEWAY_OVERLOADED", kind="UnavailableError"),
                "messages": {"at_most": 0},
            },
            journal={"attempts": 3},
            alone=True,
        ),
        Row(
            name="never_after_the_first_event",
            promise="A stream that began is not asked for again, whatever ends it.",
            attempts=[[*BEGUN, OVERLOADED], GOOD],
            shows={
                "error": error(
                    "UNAVAILABLE", "GATEWAY_OVERLOADED", kind="StreamBrokenError", complete=False
                )
            },
            journal={"attempts": 1},
            alone=True,
        ),
        Row(
            name="never_other_codes",
            promise="Nothing else is repeated.",
            method=CHAT,
            request=HELLO,
            attempts=[[fail("UpstreamConflict")], [{"send": FOLDED}]],
            shows={
                "error": error("ABORTED", "UPSTREAM_CONFLICT", kind="ConflictError"),
                "messages": {"at_most": 0},
            },
            journal={"attempts": 1},
            alone=True,
        ),
        Row(
            name="pushback",
            promise="A server that names a time is asked again after it, not before.",
            attempts=[[fail("GatewayOverloaded", retry_after_ms=1200)], GOOD],
            shows={"folded": FOLDED},
            journal={"attempts": 2, "apart_ms": 1100},
            alone=True,
        ),
        Row(
            name="pushback_at_once",
            promise="A server that is leaving is asked again at once.",
            attempts=[[fail("GatewayDraining")], [fail("GatewayDraining")], GOOD],
            shows={"folded": FOLDED},
            journal={"attempts": 3},
            alone=True,
        ),
        Row(
            name="pushback_never",
            promise="A server that says never is not asked again.",
            attempts=[[fail("UpstreamError", metadata={"provider": "providers/golden"})], GOOD],
            shows={
                "error": error("UNAVAILABLE", "UPSTREAM_ERROR", kind="UnavailableError"),
                "messages": {"at_most": 0},
            },
            journal={"attempts": 1},
            alone=True,
        ),
    ]
