"""How does a call end before its answer does? Cancelled, abandoned, out of time; or it goes on."""

from tests.conformance.golden.row import (
    CHAT,
    HELLO,
    SILENCE,
    START,
    Row,
    answer,
    closed,
    delta,
    end,
    error,
    fail,
    one_by_one,
    opened,
    send,
    text_events,
    wait,
)

BEGUN = one_by_one(START, opened(0, {"text": ""}), delta(0, text="Once"))
CANCELLED = error("CANCELLED", kind="CallCancelledError", complete=False)
KIB_64 = "@repeat:0123456789abcdef:4096"
SOON_MS = 1000
"""Within this the server must know that a caller left."""


def rows() -> list[Row]:
    """Cancelling, leaving, deadlines, silence, slow readers."""
    return [
        Row(
            name="cancel_after_begin",
            promise="A call cancelled while the server is silent ends on both sides at once.",
            client={"cancel_after_ms": 300, "timeout_ms": 20_000},
            attempts=[[SILENCE]],
            shows={"error": CANCELLED, "messages": {"at_most": 0}, "within_ms": 300 + SOON_MS},
            journal={
                "attempts": 1,
                "outcome": "cancelled",
                "lasted_within_ms": 300 + SOON_MS,
            },
        ),
        Row(
            name="cancel_after_first_event",
            promise="A call cancelled after its first message ends on both sides at once.",
            client={"cancel_after_messages": 1, "timeout_ms": 20_000},
            attempts=[[*BEGUN, SILENCE]],
            shows={
                "error": CANCELLED,
                "messages": {"at_least": 1, "at_most": 3},
                "within_ms": SOON_MS,
            },
            journal={"attempts": 1, "outcome": "cancelled", "lasted_within_ms": SOON_MS},
        ),
        Row(
            name="cancel_at_once",
            promise="A call cancelled as soon as it was sent ends at once.",
            client={"cancel_after_messages": 0, "timeout_ms": 20_000},
            attempts=[[SILENCE]],
            shows={"error": CANCELLED, "messages": {"at_most": 0}, "within_ms": SOON_MS},
            journal={"outcome": "cancelled", "lasted_within_ms": SOON_MS, "optional": True},
        ),
        Row(
            name="cancel_unary",
            promise="A unary call can be cancelled, too.",
            method=CHAT,
            request=HELLO,
            client={"cancel_after_ms": 300, "timeout_ms": 20_000},
            attempts=[[SILENCE]],
            shows={"error": CANCELLED, "messages": {"at_most": 0}, "within_ms": 300 + SOON_MS},
            journal={
                "attempts": 1,
                "outcome": "cancelled",
                "lasted_within_ms": 300 + SOON_MS,
            },
        ),
        Row(
            name="abandoned",
            promise="A stream that its reader just leaves is cancelled at once.",
            client={"abandon_after_messages": 1, "timeout_ms": 20_000},
            attempts=[[*BEGUN, SILENCE]],
            shows={"messages": {"at_least": 1, "at_most": 3}, "error": "any"},
            journal={"attempts": 1, "outcome": "cancelled", "lasted_within_ms": SOON_MS},
        ),
        Row(
            # Right after the one before: were that cancelled by the process's end alone, it would
            # be too late.
            name="deadline_on_a_silent_server",
            promise="The deadline ends a call that nobody answers, and the server knows it.",
            client={"timeout_ms": 1500},
            attempts=[[SILENCE]],
            shows={
                "error": error("DEADLINE_EXCEEDED", kind="DeadlineExceededError", complete=False),
                "messages": {"at_most": 0},
                "within_ms": 1500 + SOON_MS,
            },
            journal={
                "attempts": 1,
                "outcome": ["deadline", "cancelled"],
                "time_remaining_ms": [500, 1500],
                "lasted_within_ms": 1500 + SOON_MS,
            },
        ),
        Row(
            name="deadline_in_a_stream",
            promise="The deadline ends a stream that fell silent; what came is not whole.",
            client={"timeout_ms": 700},
            attempts=[[*BEGUN, SILENCE]],
            shows={
                "error": error("DEADLINE_EXCEEDED", kind="DeadlineExceededError", complete=False),
                "messages": {"at_least": 3},
                "within_ms": 700 + SOON_MS,
            },
            journal={"attempts": 1, "outcome": ["deadline", "cancelled"]},
        ),
        Row(
            name="default_deadline",
            promise="A stream has a deadline though its caller named none: 300 s.",
            client={"timeout_ms": 0},
            attempts=[one_by_one(*text_events("Hi"))],
            shows={"folded": answer({"text": "Hi"})},
            journal={"time_remaining_ms": [290_000, 300_000]},
        ),
        Row(
            name="default_deadline_unary",
            promise="So has a unary call: 60 s.",
            method=CHAT,
            request=HELLO,
            client={"timeout_ms": 0},
            attempts=[[{"send": answer({"text": "Hi"})}]],
            journal={"time_remaining_ms": [50_000, 60_000]},
        ),
        Row(
            name="exit_with_open_stream",
            promise="A process that ends with a stream open ends within 2 s, and the server knows.",
            client={"do": "exit_with_open_stream", "timeout_ms": 20_000},
            attempts=[[*BEGUN, SILENCE]],
            journal={"attempts": 1, "outcome": "cancelled"},
            alone=True,
        ),
        Row(
            name="deadline_told_by_the_server",
            promise="A deadline that the server noticed first is the same error, with its details.",
            method=CHAT,
            request=HELLO,
            attempts=[[fail("DeadlineExceeded", metadata={"phase": "queued"})]],
            shows={
                "error": error(
                    "DEADLINE_EXCEEDED",
                    "DEADLINE_EXCEEDED",
                    kind="DeadlineExceededError",
                    metadata={"phase": "queued"},
                ),
                "messages": {"at_most": 0},
            },
        ),
        Row(
            name="heartbeat_gap",
            promise="Heartbeats that stop for a while are no reason to give up.",
            client={"timeout_ms": 20_000},
            attempts=[
                [
                    send(START),
                    *_heartbeats(1, 2, 3),
                    wait(3000),
                    send(
                        {"sequence": "4", **opened(0, {"text": ""})},
                        {"sequence": "5", **delta(0, text="Still here.")},
                        {"sequence": "6", **closed(0)},
                        {"sequence": "7", **end()},
                    ),
                ]
            ],
            shows={"folded": answer({"text": "Still here."})},
            journal={"attempts": 1, "outcome": "completed"},
        ),
        Row(
            name="slow_start",
            promise="A server that thinks for long before its first message is waited for.",
            client={"timeout_ms": 20_000},
            attempts=[[wait(2000), *one_by_one(*text_events("At last."))]],
            shows={"folded": answer({"text": "At last."})},
            journal={"attempts": 1, "outcome": "completed"},
        ),
        Row(
            name="slow_reader",
            promise="A reader that pauses misses nothing.",
            client={"pause_after_messages": {"count": 1, "ms": 1500}, "timeout_ms": 50_000},
            attempts=[
                [
                    send(START, {"sequence": "1", **opened(0, {"text": ""})}),
                    send(
                        {"sequence": "2", **delta(0, text=KIB_64)},
                        times=128,
                    ),
                    send({"sequence": "130", **closed(0)}, {"sequence": "131", **end()}),
                ]
            ],
            shows={"folded": answer({"text": "@repeat:0123456789abcdef:524288"})},
            journal={"attempts": 1, "outcome": "completed"},
        ),
        Row(
            name="held_back",
            promise="A reader that pauses holds back a server that has more than any buffer takes.",
            client={
                "pause_after_messages": {"count": 1, "ms": 1500},
                "abandon_after_messages": 2,
                "timeout_ms": 50_000,
            },
            attempts=[
                [
                    send(START, {"sequence": "1", **opened(0, {"text": ""})}),
                    send({"sequence": "2", **delta(0, text=KIB_64)}, times=8192),
                    SILENCE,
                ]
            ],
            shows={"messages": {"at_least": 2, "at_most": 3}, "error": "any"},
            journal={"attempts": 1, "outcome": "cancelled", "held_back_ms": 500},
        ),
    ]


def _heartbeats(*sequences: int) -> list[dict[str, object]]:
    steps: list[dict[str, object]] = []
    for sequence in sequences:
        steps.append(wait(200))
        steps.append(send({"sequence": str(sequence), "heartbeat": {"phase": "PHASE_QUEUED"}}))
    return steps
