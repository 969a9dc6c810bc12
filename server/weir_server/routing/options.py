"""What does a caller ask of routing? Options that bound the targets, and that change the policy."""

from collections.abc import Iterable
from dataclasses import replace

from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.generation_pb2 import BreakPolicy, RoutingOptions
from weir_server.core.handler import Request
from weir_server.core.route import RoutePolicy
from weir_server.core.target import Target

NO_OPTIONS = RoutingOptions()
"""The options of a caller who leaves all of it to Weir. Never written to."""


def routing_of(request: Request) -> RoutingOptions:
    """Return a request's routing options; NO_OPTIONS itself where there are none."""
    if (
        isinstance(request, EmbedRequest)
        or not request.HasField("options")
        or not request.options.HasField("routing")
    ):
        return NO_OPTIONS
    return request.options.routing


def bounded(targets: Iterable[Target], routing: RoutingOptions) -> tuple[Target, ...]:
    """Return the targets with the caller's bounds, which shorten and never lengthen."""
    if not (routing.HasField("attempt_timeout") or routing.HasField("max_attempts")):
        return tuple(targets)
    return tuple(_bounded(target, routing) for target in targets)


def policy_of(policy: RoutePolicy, routing: RoutingOptions) -> RoutePolicy:
    """Return the operator's policy as the caller's options change it.

    `bypass_cache` holds by itself: there is no cache.
    """
    if routing is NO_OPTIONS:
        return policy
    asked_s = None
    if routing.HasField("first_token_timeout"):
        asked_s = routing.first_token_timeout.ToNanoseconds() / 1e9
    return RoutePolicy(
        max_attempts=routing.max_attempts if routing.HasField("max_attempts") else None,
        first_token_timeout_s=asked_s,
        hedge=routing.allow_hedging if routing.HasField("allow_hedging") else policy.hedge,
        continue_on_break=routing.on_break == BreakPolicy.BREAK_POLICY_CONTINUE,
        fallback_on=policy.fallback_on,
    )


def _bounded(target: Target, routing: RoutingOptions) -> Target:
    timeout_s, retries = target.attempt_timeout_s, target.max_retries
    if routing.HasField("attempt_timeout"):
        asked_s = routing.attempt_timeout.ToNanoseconds() / 1e9
        timeout_s = asked_s if timeout_s is None else min(asked_s, timeout_s)
    if routing.HasField("max_attempts"):
        retries = min(retries, routing.max_attempts - 1)
    return replace(target, attempt_timeout_s=timeout_s, max_retries=retries)
