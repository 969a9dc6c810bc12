"""What does a text cost that was cut? All that was said, whoever goes on with it or fails to."""

from tests.service.asking import logged, until
from tests.service.test_continuation import (
    CONTINUE,
    SILENT,
    assert_broken,
    cut_after,
    go_on,
    two,
    well_formed,
)
from tests.service.weir import hear, stream_request
from weir.v1.generation_pb2 import BreakPolicy, RoutingOptions
from weir.v1.usage_pb2 import UsageSource
from weir_server.fake_upstream.behaviour import Reply


async def test_what_was_said_is_paid_though_nobody_goes_on_in_time() -> None:
    """The deadline comes while the second target is silent: usage, trailer and log agree."""
    async with two([cut_after(40)], [SILENT]) as both:
        routing = RoutingOptions(on_break=BreakPolicy.BREAK_POLICY_CONTINUE, max_attempts=2)
        routing.first_token_timeout.FromSeconds(30)
        request = stream_request("Tell me", model="m", routing=routing)
        heard = well_formed(await hear(both.weir.llm.StreamChat(request, timeout=1)))
        (line,) = await logged(both.weir)
    usage = heard.end.usage
    # Whichever is noticed first: that the call is over, or that the second attempt is.
    assert heard.failure.reason in ("DEADLINE_EXCEEDED", "UPSTREAM_STREAM_BROKEN")
    assert usage.completion_tokens >= 40
    assert (line["prompt_tokens"], line["completion_tokens"]) == (
        usage.prompt_tokens,
        usage.completion_tokens,
    )
    assert heard.trailers["weir-usage-bin"] == usage.SerializeToString()


async def test_what_was_said_is_paid_though_the_caller_hangs_up() -> None:
    """It does so while the second target is silent: the log has what the first one said."""
    async with two([cut_after(40)], [SILENT]) as both:
        request = stream_request("Tell me", model="m", routing=CONTINUE)
        call = both.weir.llm.StreamChat(request, timeout=10)
        await call.read()
        await until(lambda: len(both.b.journal) == 1)
        call.cancel()
        (line,) = await logged(both.weir)
    assert line["code"] == "CANCELLED"
    assert line["completion_tokens"] >= 40


async def test_what_was_said_is_paid_once_though_nobody_can_go_on() -> None:
    """The second target fails: `end`, trailer and log say what the first one used."""
    async with two([cut_after(40)], [Reply(status=500)]) as both:
        routing = RoutingOptions(on_break=BreakPolicy.BREAK_POLICY_CONTINUE, max_attempts=2)
        heard = await both.ask(routing=routing)
        (line,) = await logged(both.weir)
    usage = heard.end.usage
    assert_broken(heard)
    assert 40 <= usage.completion_tokens < 80
    assert (line["prompt_tokens"], line["completion_tokens"]) == (
        usage.prompt_tokens,
        usage.completion_tokens,
    )
    assert heard.trailers["weir-usage-bin"] == usage.SerializeToString()


async def test_usage_is_the_sum_of_both() -> None:
    """What the first said is estimated, so the whole is."""
    async with two([cut_after(40)], [go_on]) as both:
        heard = await both.ask()
        (line,) = await logged(both.weir)
    usage = heard.end.usage
    assert line["prompt_tokens"] == usage.prompt_tokens
    assert line["completion_tokens"] == usage.completion_tokens
    assert heard.trailers["weir-usage-bin"] == usage.SerializeToString()
    assert usage.source == UsageSource.USAGE_SOURCE_ESTIMATED
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert 40 + 20 <= usage.completion_tokens <= 80
    assert usage.prompt_tokens > 40
