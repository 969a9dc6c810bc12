"""What do refusals of Bedrock mean, before an answer and inside a stream?"""

import json
from collections.abc import Mapping

import pytest

from tests.contracts.answers import SECRET
from tests.providers.wire import bedrock_sdk
from tests.providers.wire import converse as c
from weir_server.core.errors import (
    UpstreamConflict,
    UpstreamContextLengthExceeded,
    UpstreamCredentialsRejected,
    UpstreamError,
    UpstreamMediaFetchFailed,
    UpstreamModelNotFound,
    UpstreamOverloaded,
    UpstreamProtocolError,
    UpstreamQuotaExhausted,
    UpstreamRateLimited,
    UpstreamRejectedRequest,
    UpstreamRequestTooLarge,
    UpstreamStreamBroken,
    UpstreamTimeout,
)
from weir_server.fake_upstream import aws_event_stream as frames
from weir_server.providers.wire.bedrock.wire import BedrockWire

_BY_NAME: tuple[tuple[int, str, type[UpstreamError]], ...] = (
    (429, "ThrottlingException", UpstreamRateLimited),
    (400, "ThrottlingException", UpstreamRateLimited),
    (400, "ServiceQuotaExceededException", UpstreamQuotaExhausted),
    (403, "AccessDeniedException", UpstreamCredentialsRejected),
    (403, "ExpiredTokenException", UpstreamCredentialsRejected),
    (403, "UnrecognizedClientException", UpstreamCredentialsRejected),
    (403, "InvalidSignatureException", UpstreamCredentialsRejected),
    (403, "IncompleteSignature", UpstreamCredentialsRejected),
    (403, "MissingAuthenticationTokenException", UpstreamCredentialsRejected),
    (400, "NotAuthorized", UpstreamCredentialsRejected),
    (404, "ResourceNotFoundException", UpstreamModelNotFound),
    (400, "ValidationException", UpstreamRejectedRequest),
    (400, "ConflictException", UpstreamConflict),
    (408, "ModelTimeoutException", UpstreamTimeout),
    (429, "ModelNotReadyException", UpstreamOverloaded),
    (424, "ModelErrorException", UpstreamError),
    (500, "InternalServerException", UpstreamError),
    (503, "ServiceUnavailableException", UpstreamOverloaded),
)


@pytest.mark.parametrize(("status", "name", "kind"), _BY_NAME)
@pytest.mark.parametrize("place", ["header", "header with an address", "type", "namespace", "code"])
def test_an_exception_by_its_name(
    status: int, name: str, kind: type[UpstreamError], place: str
) -> None:
    """Wherever AWS's services put the name, it says more than the status."""
    body, headers = {"message": f"No {SECRET}"}, {}
    match place:
        case "header":
            headers["x-amzn-errortype"] = name
        case "header with an address":
            headers["x-amzn-errortype"] = f"{name}:http://internal.amazon.com/coral/x/"
        case "type":
            body["__type"] = name
        case "namespace":
            body["__type"] = f"com.amazon.coral.service#{name}"
        case _:
            body["code"] = name

    error = BedrockWire().explain(status, headers, json.dumps(body).encode())

    assert type(error) is kind
    assert error.metadata["httpStatus"] == str(status)
    assert SECRET not in f"{error} {error.metadata}"


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        (
            "ValidationException",
            "Input is too long for requested model.",
            UpstreamContextLengthExceeded,
        ),
        (
            "ValidationException",
            (
                "The model returned the following errors: Input Tokens Exceeded: Number of input "
                "tokens exceeds maximum length."
            ),
            UpstreamContextLengthExceeded,
        ),
        (
            "ValidationException",
            "This model's maximum context length is 128000 tokens. Please reduce the length.",
            UpstreamContextLengthExceeded,
        ),
        (
            "ValidationException",
            (
                "The model returned the following errors: Too many input tokens. Max input tokens: "
                "300000, request input token count: 300005"
            ),
            UpstreamContextLengthExceeded,
        ),
        ("ValidationException", "The provided model identifier is invalid.", UpstreamModelNotFound),
        (
            "ValidationException",
            (
                "1 validation error detected: Value at 'body' failed to satisfy constraint: Member "
                "must have length less than or equal to 25000000"
            ),
            UpstreamRequestTooLarge,
        ),
        (
            "ValidationException",
            "Unable to read the object from the given S3 location.",
            UpstreamMediaFetchFailed,
        ),
        (
            "ValidationException",
            "messages.1.content.0: the text field is blank.",
            UpstreamRejectedRequest,
        ),
        (
            "ThrottlingException",
            "Too many tokens per day, please wait before trying again.",
            UpstreamQuotaExhausted,
        ),
        (
            "ThrottlingException",
            "Too many tokens, please wait before trying again.",
            UpstreamRateLimited,
        ),
        (
            "AccessDeniedException",
            (
                "Model access is denied due to INVALID_PAYMENT_INSTRUMENT: a valid payment "
                "instrument must be provided."
            ),
            UpstreamQuotaExhausted,
        ),
        (
            "AccessDeniedException",
            "You don't have access to the model with the specified model ID.",
            UpstreamModelNotFound,
        ),
        (
            "AccessDeniedException",
            "You invoked an unsupported model or your request did not allow prompt caching.",
            UpstreamRejectedRequest,
        ),
        (
            "AccessDeniedException",
            "User: arn:aws:iam::1:user/x is not authorized to perform: bedrock:InvokeModel",
            UpstreamCredentialsRejected,
        ),
        (
            "ValidationException",
            "Invocation of model ID x with on-demand throughput isn\u2019t supported.",
            UpstreamModelNotFound,
        ),
    ],
)
def test_words_that_tell_more(name: str, text: str, kind: type[UpstreamError]) -> None:
    """Where one exception stands for several things, its text tells which."""
    body = json.dumps({"message": text}).encode()

    assert type(BedrockWire().explain(400, {"x-amzn-errortype": name}, body)) is kind


def test_by_how_much_a_prompt_is_too_long() -> None:
    """Where a model tells the numbers, the caller gets them."""
    text = "The model returned errors: prompt is too long: 200049 tokens > 200000 maximum"
    body = json.dumps({"message": text, "__type": "ValidationException"}).encode()

    error = BedrockWire().explain(400, {}, body)

    assert type(error) is UpstreamContextLengthExceeded
    assert error.metadata["promptTokens"] == "200049"
    assert error.metadata["maxTokens"] == "200000"


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"x-amz-retry-after": "1500"}, 1.5),
        ({"x-amz-retry-after": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "9"}, 9.0),
        ({"x-amz-retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers: Mapping[str, str], wait_s: float | None) -> None:
    """AWS's own field is in milliseconds and goes before the standard's."""
    error = BedrockWire().explain(429, headers, b"{}")

    assert error.retry_after_s == wait_s


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, UpstreamProtocolError),
        (204, UpstreamProtocolError),
        (401, UpstreamCredentialsRejected),
        (413, UpstreamRequestTooLarge),
        (418, UpstreamRejectedRequest),
        (502, UpstreamError),
    ],
)
def test_a_status_alone(status: int, kind: type[UpstreamError]) -> None:
    """What stands between Weir and AWS answers without exceptions."""
    assert type(BedrockWire().explain(status, {}, b"<html>")) is kind


# --- Inside a stream ------------------------------------------------------------------------------

_INSIDE: tuple[tuple[str, str, type[UpstreamError]], ...] = (
    ("throttlingException", "Too many requests", UpstreamRateLimited),
    ("modelStreamErrorException", "The model broke", UpstreamError),
    ("internalServerException", "Oops", UpstreamError),
    ("serviceUnavailableException", "Busy", UpstreamOverloaded),
    ("validationException", "Bad", UpstreamRejectedRequest),
    ("validationException", "Input is too long for requested model", UpstreamContextLengthExceeded),
    ("somethingNewException", "New", UpstreamError),
)


def _exception(name: str, text: str) -> bytes:
    return frames.exception(name, json.dumps({"message": f"{text}: {SECRET}"}).encode())


@pytest.mark.parametrize(("name", "text", "kind"), _INSIDE)
def test_an_exception_before_any_words_is_what_it_says(
    name: str, text: str, kind: type[UpstreamError]
) -> None:
    """Nothing was said yet, so the call fails as if the status had said it."""
    body = c.event("messageStart", role="assistant") + _exception(name, text)

    decoded = c.decode_stream(body)

    assert type(decoded.failure) is kind
    assert SECRET not in f"{decoded.failure} {decoded.failure.metadata}"


@pytest.mark.parametrize(("name", "text", "_kind"), _INSIDE)
def test_an_exception_after_words_breaks_the_stream(
    name: str, text: str, _kind: type[UpstreamError]
) -> None:
    """The words before it are delivered, and the answer is never complete."""
    body = b"".join(
        [
            c.event("messageStart", role="assistant"),
            c.piece(0, text="Hé"),
            _exception(name, text),
            c.event("messageStop", stopReason="end_turn"),
        ]
    )

    decoded = c.decode_stream(body)

    assert isinstance(decoded.failure, UpstreamStreamBroken)
    assert decoded.failure.metadata["cause"] == "error_event"
    assert decoded.events[-1].part_delta.text == "Hé"


def test_an_exception_between_the_reason_and_the_cost() -> None:
    """Even so late it says that something went wrong."""
    body = c.stream(c.text(0, "A"), metadata=False) + _exception("internalServerException", "x")

    assert isinstance(c.decode_stream(body).failure, UpstreamStreamBroken)


def test_an_error_without_a_name_of_the_services() -> None:
    """AWS's front door reports in headers."""
    body = frames.error("ThrottlingException", f"slow {SECRET}")

    decoded = c.decode_stream(body)

    assert type(decoded.failure) is UpstreamRateLimited
    assert type(c.decode_stream(frames.error("500", "x")).failure) is UpstreamError


def test_botocore_finds_the_same_exceptions() -> None:
    """The recorded exceptions are such to the vendor's own parser."""
    for name, text, _ in _INSIDE[:-1]:
        found = bedrock_sdk.read_stream(_exception(name, text))
        assert found == [{"Error": {"Code": name, "Message": f"{text}: {SECRET}"}}], name


def test_an_error_with_status_200_explains_itself() -> None:
    """Some gateways answer so, to a stream too."""
    body = b'{"__type":"ThrottlingException","message":"slow"}'

    assert type(c.decode_whole(body).failure) is UpstreamRateLimited
    assert type(c.decode_stream(body).failure) is UpstreamRateLimited
    assert type(c.decode_whole(b'{"x":1}').failure) is UpstreamProtocolError
