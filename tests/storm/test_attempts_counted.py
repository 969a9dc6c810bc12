"""No call takes more attempts than it may, however they come together."""

from tests.service.weir import hear, serving, stream_request
from tests.storm.trees import model, provider
from weir.v1.generation_pb2 import BreakPolicy, RoutingOptions
from weir_server.fake_upstream.behaviour import Hang
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.upstream import FakeUpstream


async def test_a_loser_of_a_race_is_one_of_the_attempts() -> None:
    """Of two attempts the hedge won and was cut; a third, to go on with it, is not made."""
    routing = RoutingOptions(
        allow_hedging=True, max_attempts=2, on_break=BreakPolicy.BREAK_POLICY_CONTINUE
    )
    async with FakeUpstream(Hang()) as slow, FakeUpstream(FAULTS["eof"].behaviour) as cut:
        tree = {
            "resilience": {"hedge_delay_min_s": 0.02, "hedge_share": 1.0},
            "providers": [provider("slow", slow), provider("cut", cut)],
            "models": [model("slow", "cut")],
        }
        async with serving(tree) as weir:
            asked = weir.llm.StreamChat(stream_request("hello", routing=routing), timeout=5)
            heard = await hear(asked)
        assert len(slow.journal) + len(cut.journal) == 2
    assert heard.failure.reason == "UPSTREAM_STREAM_BROKEN"
    assert heard.failure.failure is not None
    assert len(heard.failure.failure.attempts) == 2
