"""What goes to the far Weir beside the caller's words: names, bounds and who asks."""

from dataclasses import replace

from tests.providers.http.asking import a_call, a_target
from weir.v1.error_pb2 import AttemptKind
from weir.v1.generation_pb2 import BreakPolicy, GenerationOptions, RoutingOptions
from weir.v1.provider_service_pb2 import ChatRequest, StreamChatRequest
from weir_server.providers.weir.asking import ask, pairs_of

ROUTING = RoutingOptions(
    fallback_models=["b"],
    max_attempts=2,
    allow_hedging=False,
    bypass_cache=True,
    on_break=BreakPolicy.BREAK_POLICY_CONTINUE,
    affinity_key="k",
)
ROUTING.attempt_timeout.seconds = ROUTING.first_token_timeout.seconds = 5


def test_routing_goes_along_but_for_what_this_side_holds() -> None:
    """Its models' names mean nothing there, and its clocks run here."""
    request = ChatRequest(
        model="models/a",
        provider="providers/far",
        conversation="c",
        options=GenerationOptions(routing=ROUTING, labels={"team": "x"}),
    )
    before = request.SerializeToString(deterministic=True)
    said = ask(request, a_target(), streaming=True, heartbeat_s=10)
    sent = StreamChatRequest.FromString(said.message)
    expected = RoutingOptions(
        max_attempts=2,
        allow_hedging=False,
        bypass_cache=True,
        on_break=BreakPolicy.BREAK_POLICY_CONTINUE,
        affinity_key="k",
    )
    assert sent.request == ChatRequest(
        model="fake-1", conversation="c", options=GenerationOptions(routing=expected)
    )
    assert sent.stream_options.heartbeat_interval.seconds == 10
    assert request.SerializeToString(deterministic=True) == before, "a request is read-only"


def test_a_repeat_is_told_as_one() -> None:
    """So that first attempts go first at the far Weir too."""
    call = a_call()
    again = call.aimed_at(call.targets, kind=AttemptKind.ATTEMPT_KIND_RETRY)
    retried = replace(call, retried=True)
    mark = ("grpc-previous-rpc-attempts", "1")
    assert mark not in pairs_of(call, ())
    assert mark in pairs_of(again, ())
    assert mark in pairs_of(retried, ())
