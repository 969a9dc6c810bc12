"""How does every failure look to a client? Each reason of the contract, with all its details."""

from tests.conformance.golden.row import (
    CHAT,
    HELLO,
    METADATA,
    START,
    USAGE,
    Json,
    Row,
    delta,
    end,
    error,
    fail,
    one_by_one,
    opened,
    proto,
    send,
    text_events,
)
from weir.errors import Code, error_class
from weir.v1.error_pb2 import ErrorReason
from weir.v1.provider_service_pb2 import StreamChatResponse
from weir_server.conformance import steps
from weir_server.core.errors import WeirError
from weir_server.transport.status import ROWS, pushback_ms, row_of, to_message
from weir_server.transport.status import Row as StatusRow

NEAREST = {
    "SIGNATURE_INVALID": "ApiKeyInvalid",
    "BATCH_NOT_FOUND": "ResponseNotFound",
    "SESSION_NOT_FOUND": "ResponseNotFound",
    "BATCH_STATE_CONFLICT": "ProviderNotInitialized",
    "SESSION_PROTOCOL_VIOLATION": "ProviderNotInitialized",
    "SESSION_NOT_RESUMABLE": "ProviderNotInitialized",
    "ETAG_MISMATCH": "UnknownOutcome",
    "CANCELLED_BY_ADMIN": "UnknownOutcome",
    "SESSION_SUPERSEDED": "UnknownOutcome",
}
"""Reasons that the contract names and no server of today gives, and whose rows they will share."""

ATTEMPT: Json = {
    "provider": "providers/golden",
    "model": "golden-1",
    "startOffset": "0.010s",
    "duration": "1.500s",
    "reason": "ERROR_REASON_UPSTREAM_ERROR",
    "kind": "ATTEMPT_KIND_FIRST",
}
VIOLATIONS: list[Json] = [
    {"field": "messages[0].parts", "description": "needs one part", "rule": "REQUIRED"},
    {"field": "options.temperature", "description": "is 0 to 2", "rule": "OUT_OF_RANGE"},
]
RETRY_AFTER_MS = 1500
SOON_MS = 20
"""For what clients repeat by themselves: they wait so long, twice."""


def by_reason() -> dict[str, type[WeirError]]:
    """Every reason, and the class of errors that has it; nearest ones for those of the future."""
    classes: dict[str, type[WeirError]] = {}
    for each in ROWS:
        classes.setdefault(each.name(), each)
    for reason, nearest in NEAREST.items():
        classes[reason] = steps.error_class(nearest, reason)
    return classes


def shown(kind: type[WeirError], failure: Json) -> Json:
    """What a client shows of a failure as the step `fail` gives it."""
    row = row_of(kind)
    reason = kind.name()
    facts: Json = {
        "message": row.message,
        "metadata": failure.get("metadata", {}),
        "retry_after_ms": failure.get("retry_after_ms"),
        "field_violations": [
            {"field": violation["field"], "description": violation["description"]}
            for violation in failure.get("violations", [])
        ],
        "response_id": METADATA["responseId"],
        "usage": failure.get("usage"),
        "attempts": failure.get("attempts", []),
        "kind": error_class(Code(row.code), reason).__name__,
    }
    if row.quota:
        subject = failure.get("metadata", {}).get(row.quota, "")
        facts["quota_violations"] = [{"subject": subject, "description": row.message}]
    return {**error(Code(row.code).name, reason), **facts}


def _each(reason: str, kind: type[WeirError]) -> Row:
    row = row_of(kind)
    name = next(base.__name__ for base in kind.__mro__ if base in ROWS)
    failure: Json = {
        "error": name,
        "metadata": _metadata(row),
        "retry_after_ms": SOON_MS if row.code == Code.UNAVAILABLE else RETRY_AFTER_MS,
        "violations": VIOLATIONS,
        "usage": USAGE,
        "attempts": [ATTEMPT],
    }
    if row.code == Code.UNAVAILABLE and pushback_ms(kind()) == -1:
        del failure["retry_after_ms"]
    if reason in NEAREST:
        failure["reason"] = reason
    return Row(
        name=reason.lower(),
        promise=f"{reason} is told with everything that is known of it.",
        method=CHAT,
        request=HELLO,
        attempts=[[{"fail": failure}]],
        shows={"error": shown(kind, failure), "messages": {"at_most": 0}},
        journal={"outcome": "failed"},
    )


def _metadata(row: StatusRow) -> dict[str, str]:
    named = {key: f"{key}/golden" for key in (row.resource, row.quota) if key}
    return {**named, "provider": "providers/golden", "bytes": "9007199254740993"}


def _error_of(step: Json) -> WeirError:
    read = steps.read_step(step, StreamChatResponse)
    assert isinstance(read, steps.Fail)
    return read.raised()


def _others() -> list[Row]:
    new = fail("ModelNotFound", reason="SOMETHING_NEW", metadata={"model": "models/golden"})
    kind = steps.error_class("ModelNotFound", "SOMETHING_NEW")
    broken = fail(
        "UpstreamStreamBroken",
        metadata={"provider": "providers/golden", "cause": "cut"},
        usage=USAGE,
        attempts=[ATTEMPT],
        last_sequence=3,
    )
    failed_end = end(
        "FINISH_REASON_ERROR",
        error=proto(to_message(_error_of(broken))),
    )
    begun = one_by_one(START, opened(0, {"text": ""}), delta(0, text="Once"))
    broken_shown = shown(steps.error_class("UpstreamStreamBroken"), broken["fail"])
    return [
        Row(
            name="a_reason_of_the_future",
            promise="A reason that the stubs do not know is told by name; the code says the rest.",
            method=CHAT,
            request=HELLO,
            attempts=[[new]],
            shows={
                "error": shown(kind, new["fail"]),
                "messages": {"at_most": 0},
            },
        ),
        Row(
            name="before_the_stream",
            promise="A stream that fails before it begins has no message and a whole error.",
            attempts=[[fail("ModelNotFound", metadata={"model": "models/golden"})]],
            shows={
                "error": shown(
                    steps.error_class("ModelNotFound"), {"metadata": {"model": "models/golden"}}
                ),
                "messages": {"at_most": 0},
            },
        ),
        Row(
            name="end_then_status",
            promise="A stream that broke: its end says so, the status says the same.",
            attempts=[[*begun, send({"sequence": "3", **failed_end}), broken]],
            shows={"error": {**broken_shown, "last_sequence": "3", "complete": False}},
        ),
        Row(
            name="status_after_events",
            promise="A status after events, without an end, is an error with its details.",
            attempts=[
                [
                    *begun,
                    {"fail": {**broken["fail"], "last_sequence": 2}},
                ]
            ],
            shows={"error": {**broken_shown, "last_sequence": "2", "complete": False}},
        ),
        Row(
            name="cut_by_a_proxy",
            promise="A bare UNAVAILABLE after events is a broken stream, not a call to repeat.",
            attempts=[[*begun, {"status": {"code": 14, "message": "upstream reset"}}]],
            shows={
                "error": error("UNAVAILABLE", kind="StreamBrokenError", complete=False),
            },
            journal={"attempts": 1},
        ),
        Row(
            name="without_details",
            promise="A bare status is told by its code and its text.",
            method=CHAT,
            request=HELLO,
            attempts=[[{"status": {"code": 7, "message": "the proxy says no"}}]],
            shows={
                "error": error(
                    "PERMISSION_DENIED",
                    message="the proxy says no",
                    kind="PermissionDeniedError",
                    metadata={},
                    field_violations=[],
                    attempts=[],
                    usage=None,
                    retry_after_ms=None,
                ),
                "messages": {"at_most": 0},
            },
        ),
        Row(
            name="no_end",
            promise="A stream that stops without its end is no whole answer, even with status OK.",
            attempts=[begun],
            shows={"error": error("ABORTED", kind="StreamBrokenError", complete=False)},
        ),
        Row(
            name="no_end_after_the_parts",
            promise="Nor if every part was complete.",
            attempts=[one_by_one(*text_events("Whole?")[:-1])],
            shows={"error": error("ABORTED", kind="StreamBrokenError", complete=False)},
        ),
        Row(
            name="a_gap",
            promise="A missing event is noticed.",
            attempts=[[send(START), send({"sequence": "2", **opened(0, {"text": ""})})]],
            shows={"error": error("INTERNAL", kind="ProtocolError", complete=False)},
        ),
    ]


def rows() -> list[Row]:
    """A scenario for every reason of the enum, and for failures that have none."""
    classes = by_reason()
    reasons = [name.removeprefix("ERROR_REASON_") for name, _ in ErrorReason.items()]
    return [
        *(_each(reason, classes[reason]) for reason in reasons if reason != "UNSPECIFIED"),
        *_others(),
    ]
