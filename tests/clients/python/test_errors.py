"""Does a failure arrive with everything the server said about it, as the class that helps?"""

import socket

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo

import weir
from tests.clients.python import answers
from tests.clients.python.scripted_server import Failure, ScriptedServer
from weir.v1.error_pb2 import Attempt, Error, ErrorReason, FailureInfo, FieldViolation
from weir.v1.usage_pb2 import TokenUsage

Status = grpc.StatusCode


def info(reason: str, domain: str = "weir", **metadata: str) -> ErrorInfo:
    return ErrorInfo(reason=reason, domain=domain, metadata=metadata)


async def failure_of(
    server: ScriptedServer, client: weir.AsyncClient, failure: Failure
) -> weir.WeirError:
    """The error that a call raises when the server fails so."""
    server.play(failure)
    with pytest.raises(weir.WeirError) as caught:
        await client.chat("Hi")
    return caught.value


async def test_every_detail(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """Each kind of detail ends up in its own attribute."""
    attempt = Attempt(
        provider="providers/openai", reason=ErrorReason.ERROR_REASON_UPSTREAM_RATE_LIMITED
    )
    failure = Failure(
        code=Status.RESOURCE_EXHAUSTED,
        message="The provider limits the rate.",
        details=[
            info("UPSTREAM_RATE_LIMITED", provider="providers/openai"),
            RetryInfo(retry_delay=Duration(seconds=2, nanos=500_000_000)),
            FailureInfo(response_id="resp_9", usage=TokenUsage(total_tokens=5), attempts=[attempt]),
        ],
        trailers=[("weir-request-id", "req-1")],
    )

    error = await failure_of(server, client, failure)

    assert type(error) is weir.RateLimitedError
    assert error.code is weir.Code.RESOURCE_EXHAUSTED
    assert error.reason == "UPSTREAM_RATE_LIMITED"
    assert error.reason_number == ErrorReason.ERROR_REASON_UPSTREAM_RATE_LIMITED
    assert error.message == "The provider limits the rate."
    assert error.metadata == {"provider": "providers/openai"}
    assert error.retry_after_s == 2.5
    assert error.response_id == "resp_9"
    assert error.usage == TokenUsage(total_tokens=5)
    assert error.attempts == (attempt,)
    assert error.request_id == "req-1"


async def test_field_violations(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """The fields that break a rule are named, in the error and in its text."""
    broken = BadRequest.FieldViolation(
        field="options.temperature", description="Must be 0 to 2.", reason="OUT_OF_RANGE"
    )
    failure = Failure(
        code=Status.INVALID_ARGUMENT,
        details=[info("INVALID_REQUEST"), BadRequest(field_violations=[broken])],
    )

    error = await failure_of(server, client, failure)

    assert type(error) is weir.InvalidRequestError
    assert error.field_violations == (
        FieldViolation(
            field="options.temperature", description="Must be 0 to 2.", rule="OUT_OF_RANGE"
        ),
    )
    assert "options.temperature: Must be 0 to 2." in str(error)


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (Status.INVALID_ARGUMENT, "INVALID_REQUEST", weir.InvalidRequestError),
        (Status.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", weir.InvalidRequestError),
        (Status.UNAUTHENTICATED, "API_KEY_INVALID", weir.UnauthenticatedError),
        (Status.PERMISSION_DENIED, "MODEL_NOT_ALLOWED", weir.PermissionDeniedError),
        (Status.NOT_FOUND, "MODEL_NOT_FOUND", weir.NotFoundError),
        (Status.ALREADY_EXISTS, "RESOURCE_EXISTS", weir.ConflictError),
        (Status.FAILED_PRECONDITION, "PROVIDER_NOT_INITIALIZED", weir.ConflictError),
        (Status.ABORTED, "UNKNOWN_OUTCOME", weir.ConflictError),
        (Status.ABORTED, "UPSTREAM_STREAM_BROKEN", weir.StreamBrokenError),
        (Status.RESOURCE_EXHAUSTED, "SLOW_CONSUMER", weir.StreamBrokenError),
        (Status.RESOURCE_EXHAUSTED, "RATE_LIMITED", weir.RateLimitedError),
        (Status.RESOURCE_EXHAUSTED, "BUDGET_EXCEEDED", weir.QuotaExceededError),
        (Status.DEADLINE_EXCEEDED, "DEADLINE_TOO_SHORT", weir.DeadlineExceededError),
        (Status.UNIMPLEMENTED, "FEATURE_DISABLED", weir.UnsupportedError),
        (Status.INTERNAL, "INTERNAL", weir.ServerError),
        (Status.CANCELLED, "", weir.CallCancelledError),
        (Status.UNKNOWN, "", weir.ServerError),
        (Status.DATA_LOSS, "", weir.ServerError),
        (Status.OUT_OF_RANGE, "", weir.InvalidRequestError),
    ],
)
async def test_the_class(
    server: ScriptedServer,
    client: weir.AsyncClient,
    code: grpc.StatusCode,
    reason: str,
    expected: type[weir.WeirError],
) -> None:
    """The class says what to do next."""
    details = [info(reason)] if reason else []

    error = await failure_of(server, client, Failure(code=code, details=details))

    assert type(error) is expected
    assert (error.code.name, error.reason) == (code.name, reason)


async def test_without_details(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """A bare status is decoded by its code alone."""
    error = await failure_of(server, client, Failure(code=Status.NOT_FOUND, message="none such"))

    assert type(error) is weir.NotFoundError
    assert (error.reason, error.message) == ("", "none such")
    assert error.reason_number == ErrorReason.ERROR_REASON_UNSPECIFIED
    assert error.retry_after_s is None
    assert str(error) == "NOT_FOUND: none such"


async def test_a_reason_of_a_newer_server(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """A reason that these stubs do not know keeps its name; the code decides the class."""
    failure = Failure(code=Status.RESOURCE_EXHAUSTED, details=[info("MOON_PHASE", phase="full")])

    error = await failure_of(server, client, failure)

    assert type(error) is weir.RateLimitedError
    assert error.reason == "MOON_PHASE"
    assert error.reason_number == ErrorReason.ERROR_REASON_UNSPECIFIED
    assert error.metadata == {"phase": "full"}


async def test_a_reason_of_another_domain(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """What a proxy on the way says is not taken for Weir's word."""
    failure = Failure(
        code=Status.ABORTED, details=[info("UPSTREAM_STREAM_BROKEN", domain="proxy.example")]
    )

    error = await failure_of(server, client, failure)

    assert type(error) is weir.ConflictError
    assert error.reason == ""


async def test_garbled_details(server: ScriptedServer, client: weir.AsyncClient) -> None:
    """Details that cannot be decoded leave the status as it is."""
    failure = Failure(
        code=Status.NOT_FOUND, trailers=[("grpc-status-details-bin", b"\xff\xff\xff")]
    )

    error = await failure_of(server, client, failure)

    assert type(error) is weir.NotFoundError


async def test_a_message_over_grpcs_own_limit(
    server: ScriptedServer, client: weir.AsyncClient
) -> None:
    """A request larger than the channel's limit is the caller's to change."""
    server.play()

    with pytest.raises(weir.InvalidRequestError, match="larger than max"):
        await client.chat("x" * (33 * 1024 * 1024))


async def test_nobody_there() -> None:
    """A server that does not listen is unavailable."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # a port that nobody else can listen on meanwhile
        host, port = reserved.getsockname()

        async with weir.AsyncClient(f"{host}:{port}", timeout_s=10) as client:
            with pytest.raises(weir.UnavailableError):
                await client.chat("Hi")


def test_an_error_of_an_end() -> None:
    """The error in a stream's end says the same as a status would."""
    error = Error(
        code=weir.Code.RESOURCE_EXHAUSTED,
        reason=ErrorReason.ERROR_REASON_UPSTREAM_RATE_LIMITED,
        message="The provider limits the rate.",
        metadata={"provider": "providers/openai"},
        retry_after=Duration(seconds=3),
        field_violations=[FieldViolation(field="model")],
    )

    with pytest.raises(weir.RateLimitedError) as caught:
        weir.fold_chat(answers.numbered([answers.start(), answers.failed_end(error)]))

    assert caught.value.reason == "UPSTREAM_RATE_LIMITED"
    assert caught.value.message == "The provider limits the rate."
    assert caught.value.metadata == {"provider": "providers/openai"}
    assert caught.value.retry_after_s == 3
    assert caught.value.field_violations == (FieldViolation(field="model"),)
    assert caught.value.usage == answers.USAGE
    assert caught.value.response_id == answers.RESPONSE_ID


def test_an_end_of_a_newer_server() -> None:
    """Numbers that these stubs do not know become the widest class."""
    failed = answers.failed_end(Error(code=99))
    failed.end.error.MergeFromString(b"\x10\x8f\x4e")  # reason: 9999

    with pytest.raises(weir.ServerError) as caught:
        weir.fold_chat([failed], numbered=False)

    assert caught.value.code is weir.Code.UNKNOWN
    assert caught.value.reason == ""


def test_every_reason_has_a_class() -> None:
    """Every reason of the contract is known by name, and its number is found again."""
    for name, number in ErrorReason.items():
        error = weir.WeirError("said", reason=name.removeprefix("ERROR_REASON_"))

        assert error.reason_number == number
