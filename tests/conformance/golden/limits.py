"""How much fits? Messages of many megabytes and metadata, within limits that are told clearly."""

from tests.conformance.golden.row import (
    CHAT,
    HELLO,
    START,
    Json,
    Row,
    answer,
    closed,
    delta,
    end,
    error,
    one_by_one,
    opened,
)

MIB = 1024 * 1024
DEFAULT_MAX_BYTES = 32 * MIB
"""What a client takes unless it is told otherwise; the server sends no more."""


def _text(mebibytes: int) -> str:
    return f"@repeat:0123456789abcdef:{mebibytes * MIB // 16}"


def _request(mebibytes: int) -> Json:
    return {"messages": [{"role": "ROLE_USER", "parts": [{"text": _text(mebibytes)}]}]}


TOO_LARGE = error("RESOURCE_EXHAUSTED", kind="InvalidRequestError")


def rows() -> list[Row]:
    """Sizes of messages and of metadata."""
    return [
        Row(
            name="five_mebibytes",
            promise="An answer of 5 MiB is served: the default limit is 32 MiB.",
            method=CHAT,
            request=HELLO,
            attempts=[[{"send": answer({"text": _text(5)})}]],
        ),
        Row(
            name="five_mebibytes_streamed",
            promise="So is one event of 5 MiB.",
            attempts=[
                one_by_one(
                    START, opened(0, {"text": ""}), delta(0, text=_text(5)), closed(0), end()
                )
            ],
            shows={"folded": answer({"text": _text(5)})},
        ),
        Row(
            name="five_mebibytes_refused",
            promise="A client with a limit of 4 MiB refuses it, and says why.",
            method=CHAT,
            request=HELLO,
            client={"max_receive_bytes": 4 * MIB},
            attempts=[[{"send": answer({"text": _text(5)})}]],
            shows={"error": TOO_LARGE, "messages": {"at_most": 0}},
        ),
        Row(
            name="just_over_the_limit",
            promise="An answer of 31.5 MiB is refused where the limit is 31 MiB.",
            method=CHAT,
            request=HELLO,
            client={"max_receive_bytes": 31 * MIB},
            attempts=[[{"send": answer({"text": "@repeat:0123456789abcdef:2064384"})}]],
            shows={"error": TOO_LARGE, "messages": {"at_most": 0}},
        ),
        Row(
            name="a_question_of_five_mebibytes",
            promise="A request of 5 MiB reaches the server whole.",
            method=CHAT,
            request=_request(5),
            attempts=[[{"send": answer({"text": "Long."})}]],
        ),
        Row(
            name="metadata",
            promise="Metadata goes with the call, texts and bytes, next to what the client adds.",
            method=CHAT,
            request=HELLO,
            client={
                "metadata": [
                    ["weir-request-id", "req_of_the_caller"],
                    ["weir-priority", "background"],
                    ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
                ]
            },
            attempts=[[{"send": answer({"text": "Noted."})}]],
            journal={
                "metadata": {
                    "weir-request-id": "req_of_the_caller",
                    "weir-priority": "background",
                    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                },
                "metadata_names": ["weir-client", "user-agent"],
            },
            shows={"headers": {"weir-request-id": "req_of_the_caller"}},
        ),
        Row(
            name="large_metadata",
            promise="6 KiB of metadata are legal and arrive.",
            method=CHAT,
            request=HELLO,
            client={"metadata": [["x-large", "@repeat:0123456789abcdef:384"]]},
            attempts=[[{"send": answer({"text": "Noted."})}]],
            journal={"metadata": {"x-large": "@repeat:0123456789abcdef:384"}},
        ),
        Row(
            name="too_much_metadata",
            promise="20 KiB of metadata are refused with an error, at once, and nothing hangs.",
            method=CHAT,
            request=HELLO,
            client={"metadata": [["x-large", "@repeat:0123456789abcdef:1280"]], "timeout_ms": 5000},
            attempts=[[{"send": answer({"text": "Never."})}]],
            shows={
                "error": {"codes": ["RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE"]},
                "messages": {"at_most": 0},
                "within_ms": 3000,
            },
            journal={"attempts": 0},
        ),
    ]
