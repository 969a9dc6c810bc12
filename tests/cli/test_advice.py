"""Is there a next step and an exit code for whatever can go wrong?"""

import pytest

from weir import errors
from weir.errors import Code
from weir.v1.error_pb2 import ErrorReason, FieldViolation
from weir_server.cli.advice import BY_REASON, next_step
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import code_for

REASONS = {
    name.removeprefix("ERROR_REASON_")
    for name, number in ErrorReason.items()
    if number != ErrorReason.ERROR_REASON_UNSPECIFIED
}
EXIT_CODES: dict[type[errors.WeirError], int] = {
    errors.UnavailableError: 10,
    errors.DeadlineExceededError: 11,
    errors.InvalidRequestError: 12,
    errors.UnsupportedError: 12,
    errors.NotFoundError: 13,
    errors.UnauthenticatedError: 14,
    errors.PermissionDeniedError: 14,
    errors.RateLimitedError: 15,
    errors.QuotaExceededError: 15,
    errors.ConflictError: 16,
    errors.StreamBrokenError: 16,
    errors.ServerError: 16,
    errors.ProtocolError: 16,
    errors.CallCancelledError: 130,
}


def test_every_reason_has_advice() -> None:
    """The table has a row for each reason of the contract, and no other."""
    assert set(BY_REASON) == REASONS


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_advice_is_a_sentence(reason: str) -> None:
    """A next step is a complete sentence."""
    step = next_step(errors.WeirError("It failed.", reason=reason))

    assert step[0].isupper() or step.startswith("`")
    assert step.endswith(".")


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK])
def test_reason_that_is_not_known_here(code: Code) -> None:
    """A newer server's reason, or none at all, still has a next step."""
    newer = errors.error_class(code)("It failed.", code=code, reason="FROM_THE_FUTURE")
    silent = errors.error_class(code)("It failed.", code=code)

    assert next_step(newer).endswith(".")
    assert next_step(silent).endswith(".")


@pytest.mark.parametrize(
    ("field", "step"),
    [
        ("model", "Use a model that does this: `weir models`"),
        ("options.seed", "Leave the option out"),
    ],
)
def test_model_that_does_not_do_this(field: str, step: str) -> None:
    """Where the model does not do the operation at all, no option is blamed."""
    error = errors.InvalidRequestError(
        "No.", reason="UNSUPPORTED_OPTION", field_violations=[FieldViolation(field=field)]
    )

    assert next_step(error).startswith(step)


@pytest.mark.parametrize(
    ("said", "step"),
    [
        ("failed to connect to all addresses; Connection refused", "weir serve"),
        ("Ssl handshake failed: CERTIFICATE_VERIFY_FAILED", "--tls-ca"),
        ("SSL_ERROR_SSL: WRONG_VERSION_NUMBER", "http://"),
        ("Socket closed", "https://"),
    ],
)
def test_unreachable_server(said: str, step: str) -> None:
    """gRPC's own words tell a missing server from one that TLS keeps away."""
    error = errors.UnavailableError(said, code=Code.UNAVAILABLE)

    assert step in next_step(error)


@pytest.mark.parametrize(("kind", "code"), EXIT_CODES.items())
def test_exit_code_of_a_failed_call(kind: type[errors.WeirError], code: int) -> None:
    """What a script does next follows from the class of the error."""
    assert code_for(kind("It failed.")) == ExitCode(code)


def test_every_class_of_the_client_is_listed() -> None:
    """No error of the client is without an exit code of its own choosing."""
    assert set(EXIT_CODES) == set(_below(errors.WeirError))


def _below(kind: type[errors.WeirError]) -> list[type[errors.WeirError]]:
    return [each for sub in kind.__subclasses__() for each in (sub, *_below(sub))]
