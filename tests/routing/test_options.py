"""What a caller asks of routing bounds the targets, and changes what the operator allows."""

from datetime import timedelta

from tests.routing.targets import target
from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.generation_pb2 import BreakPolicy, RoutingOptions
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.route import DEFAULT_POLICY, Refusal, RoutePolicy
from weir_server.routing.options import NO_OPTIONS, bounded, policy_of, routing_of

OPERATORS = RoutePolicy(hedge=True, fallback_on=frozenset({Refusal.CONTENT_FILTER}))


def test_a_caller_may_shorten_and_never_lengthen() -> None:
    """attempt_timeout and max_attempts bound what the operator set."""
    routing = RoutingOptions(max_attempts=2)
    routing.attempt_timeout.FromTimedelta(timedelta(seconds=3))

    (looser,) = bounded((target("m", max_retries=4),), routing)
    (tighter,) = bounded((target("m", max_retries=0, attempt_timeout_s=1.0),), routing)

    assert (looser.attempt_timeout_s, looser.max_retries) == (3.0, 1)
    assert (tighter.attempt_timeout_s, tighter.max_retries) == (1.0, 0)


def test_everything_that_is_asked_reaches_the_policy() -> None:
    """Attempts, the wait for a first token, a second target and going on after a cut."""
    routing = RoutingOptions(
        max_attempts=5, allow_hedging=True, on_break=BreakPolicy.BREAK_POLICY_CONTINUE
    )
    routing.first_token_timeout.FromTimedelta(timedelta(milliseconds=10))

    assert policy_of(DEFAULT_POLICY, routing) == RoutePolicy(
        max_attempts=5, first_token_timeout_s=0.01, hedge=True, continue_on_break=True
    )


def test_a_callers_no_to_a_second_target_wins() -> None:
    """A model's hedge holds where the caller says nothing; what it falls back on stays."""
    silent = policy_of(OPERATORS, RoutingOptions(max_attempts=2))
    against = policy_of(OPERATORS, RoutingOptions(allow_hedging=False))

    assert (silent.hedge, against.hedge) == (True, False)
    assert against.fallback_on == OPERATORS.fallback_on
    assert policy_of(OPERATORS, NO_OPTIONS) is OPERATORS


def test_chats_and_completions_have_routing_options() -> None:
    """Embeddings have no options at all."""
    chat, complete = ChatRequest(), CompleteRequest()
    assert routing_of(chat) is routing_of(complete) is routing_of(EmbedRequest()) is NO_OPTIONS
    chat.options.routing.max_attempts = complete.options.routing.max_attempts = 3

    assert routing_of(chat).max_attempts == routing_of(complete).max_attempts == 3
