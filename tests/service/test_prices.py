"""What a call costs, through the whole server: told to the caller, listed, logged and reloaded."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.service.asking import logged
from tests.service.weir import Weir, chat_request, in_this_process, serving, upstream_tree
from weir.v1.model_service_pb2 import GetModelRequest
from weir.v1.usage_pb2 import Cost
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.settings.load import SettingsInvalid, parse
from weir_server.settings.tree import Settings


def priced(url: str, **price: Any) -> dict[str, Any]:
    return upstream_tree(url) | {"prices": {"overrides": [{"model": "m", **price}]}}


def settings_of(tree: Mapping[str, Any]) -> Settings:
    return parse(in_this_process(tree), {}).settings


def adds_up(cost: Cost) -> bool:
    return cost.total_nanos == sum(line.amount_nanos for line in cost.lines)


async def test_an_echo_is_free_and_says_so(weir: Weir) -> None:
    """Zero with its lines, from a book of its own; unary and streamed."""
    answer = await weir.llm.Chat(chat_request("hello there"))
    heard = await weir.stream("hello there")

    for cost in (answer.usage.cost, heard.end.usage.cost):
        assert cost.currency_code == "USD"
        assert (cost.total_nanos, cost.price_book_version) == (0, "local: free")
        assert {line.sku for line in cost.lines} == {"prompt_tokens", "completion_tokens"}


async def test_an_unknown_price_is_absent(upstream: FakeUpstream) -> None:
    """A server of nobody known has no price, and the log says none either."""
    async with serving(upstream_tree(upstream.url)) as weir:
        answer = await weir.llm.Chat(chat_request("hello", model="m"))
        (line,) = await logged(weir, 1)
        model = (await weir.models.GetModel(GetModelRequest(name="m"))).model

    assert answer.usage.total_tokens > 0
    assert not answer.usage.HasField("cost")
    assert "cost_nanos" not in line
    assert not model.prices


async def test_an_operators_price_is_told_listed_and_logged(upstream: FakeUpstream) -> None:
    """To the nano, in the answer, in ListModels and in the access log."""
    tree = priced(upstream.url, prompt_tokens="0.15", completion_tokens="0.6")
    async with serving(tree) as weir:
        answer = await weir.llm.Chat(chat_request("hello", model="m"))
        heard = await weir.stream("hello")
        lines = await logged(weir, 2)
        model = (await weir.models.GetModel(GetModelRequest(name="m"))).model

    for usage in (answer.usage, heard.end.usage):
        expected = usage.prompt_tokens * 150 + usage.completion_tokens * 600
        assert usage.cost.total_nanos == expected > 0
        assert adds_up(usage.cost)
        assert " overrides " in usage.cost.price_book_version
    assert [line["cost_nanos"] for line in lines] == [
        answer.usage.cost.total_nanos,
        heard.end.usage.cost.total_nanos,
    ]
    assert {price.sku: price.nanos_per_million for price in model.prices} == {
        "prompt_tokens": 150_000_000,
        "completion_tokens": 600_000_000,
    }


async def test_a_reload_takes_on_other_prices(upstream: FakeUpstream) -> None:
    """The next call is priced by them, and the change is named."""
    url = upstream.url
    async with serving(priced(url, prompt_tokens=1, completion_tokens=1)) as weir:
        before = await weir.llm.Chat(chat_request("hello", model="m"))
        changed = await weir.app.reload(
            settings_of(priced(url, prompt_tokens=2, completion_tokens=2))
        )
        after = await weir.llm.Chat(chat_request("hello", model="m"))

    assert changed.others_changed == ("prices.overrides",)
    assert after.usage.cost.total_nanos == 2 * before.usage.cost.total_nanos > 0
    assert after.usage.cost.price_book_version != before.usage.cost.price_book_version


async def test_a_bad_price_keeps_the_old_ones(upstream: FakeUpstream) -> None:
    """A reload with a price that nobody can have meant changes nothing at all (S21)."""
    url = upstream.url
    good = priced(url, prompt_tokens=1, completion_tokens=1)
    async with serving(good) as weir:
        with pytest.raises(SettingsInvalid) as refusal:
            await weir.app.reload(settings_of(priced(url, like="openai/gpt-nil")))
        kept = await weir.llm.Chat(chat_request("hello", model="m"))
        same = await weir.app.reload(settings_of(good))

    assert [problem.where for problem in refusal.value.problems] == ["prices.overrides[0].like"]
    assert kept.usage.cost.total_nanos == kept.usage.total_tokens * 1_000
    assert same.others_changed == ()


async def test_a_server_does_not_start_with_a_price_that_nobody_meant() -> None:
    """More than ten times what is published is refused until it is confirmed."""
    tree = {
        "providers": [{"id": "far", "kind": "openai", "api_key": "sk-x"}],
        "models": [{"name": "m", "provider": "far", "vendor_model": "gpt-4o"}],
        "prices": {"overrides": [{"model": "m", "prompt_tokens": 26}]},
    }
    with pytest.raises(SettingsInvalid) as refusal:
        async with serving(tree):
            pass
    assert [problem.where for problem in refusal.value.problems] == [
        "prices.overrides[0].prompt_tokens"
    ]
