"""What does a caller ask of routing? What is kept here bounds the targets; the rest is refused."""

from collections.abc import Iterator
from dataclasses import replace

from weir.v1.error_pb2 import FieldViolation
from weir.v1.generation_pb2 import (
    BreakPolicy,
    GenerationOptions,
    RoutingOptions,
    UnsupportedOptionPolicy,
)
from weir.v1.generation_pb2 import Warning as WarningEvent
from weir_server.core.call import Call
from weir_server.core.errors import UnsupportedOption
from weir_server.core.target import Target


def bounded(
    call: Call, options: GenerationOptions, targets: tuple[Target, ...]
) -> tuple[Target, ...]:
    """Return the targets as the caller's routing options bound them.

    `bypass_cache` and `affinity_key` hold by themselves: there is no cache, and one target serves
    every call. Raises UnsupportedOption for what this server does not do, unless the caller said
    to drop it with a warning.
    """
    routing = options.routing
    unsupported = list(_unsupported(routing))
    if unsupported:
        drop = UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
        if options.unsupported_option_policy != drop:
            raise UnsupportedOption(
                metadata={"model": targets[0].model},
                violations=[
                    FieldViolation(
                        field=f"options.routing.{name}",
                        rule="UNSUPPORTED",
                        description="This server does not do that; leave it out, or set "
                        "unsupported_option_policy.",
                    )
                    for name in unsupported
                ],
            )
        call.progress.warnings.extend(
            WarningEvent(
                code="OPTION_DROPPED",
                message="This server does not do that; it was left out.",
                field=f"options.routing.{name}",
            )
            for name in unsupported
        )
    return tuple(_bounded(target, routing) for target in targets)


def _unsupported(routing: RoutingOptions) -> Iterator[str]:
    if routing.fallback_models:
        yield "fallback_models"
    if routing.HasField("first_token_timeout"):
        yield "first_token_timeout"
    if routing.allow_hedging:
        yield "allow_hedging"
    if routing.on_break == BreakPolicy.BREAK_POLICY_CONTINUE:
        yield "on_break"


def _bounded(target: Target, routing: RoutingOptions) -> Target:
    timeout_s, retries = target.attempt_timeout_s, target.max_retries
    if routing.HasField("attempt_timeout"):
        asked_s = routing.attempt_timeout.ToNanoseconds() / 1e9
        timeout_s = asked_s if timeout_s is None else min(asked_s, timeout_s)
    if routing.HasField("max_attempts"):
        retries = min(retries, routing.max_attempts - 1)
    return replace(target, attempt_timeout_s=timeout_s, max_retries=retries)
