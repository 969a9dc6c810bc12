"""Recorded usages cost to the nano what the vendors' pages say, and what genai-prices says."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price

from tests.accounting.prices import book_of, sold
from tests.accounting.recorded_usages import USAGES, Recorded
from tests.fakes.clock import FakeClock
from weir.v1.content_pb2 import Modality
from weir.v1.usage_pb2 import TokenUsage
from weir_server.accounting.usage import believable
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.anthropic.usage import Usage as AnthropicUsage
from weir_server.providers.wire.bedrock.usage import write_usage as write_bedrock
from weir_server.providers.wire.cohere.usage import write_usage as write_cohere
from weir_server.providers.wire.gemini.usage import write_usage as write_gemini
from weir_server.providers.wire.openai.usage import write_usage as write_openai

TODAY = datetime(2026, 11, 25, 12, tzinfo=UTC)
CLOCK = FakeClock(wall_ns=int(TODAY.timestamp()) * 10**9)
BOOK = book_of(clock=CLOCK)


def usage_of(recorded: Recorded) -> TokenUsage:
    """Read a usage as the wire format does."""
    said = json.loads(json.dumps(recorded.said))
    usage = TokenUsage()
    wire, _, vendor = recorded.wire.partition("/")
    match wire:
        case "openai":
            write_openai(usage, said, produced=False, quirks=VENDORS[vendor].quirks)
        case "anthropic":
            heard = AnthropicUsage()
            heard.take(said)
            heard.write(usage, produced=True)
        case "gemini":
            write_gemini(usage, said, produced=True)
        case "bedrock":
            write_bedrock(usage, said, produced=True, withheld=False)
        case "cohere":
            write_cohere(usage, said, produced=True)
    assert believable(usage, produced=False), "the wire format did not believe it"
    return usage


def oracle(recorded: Recorded, usage: TokenUsage) -> Decimal:
    """Ask genai-prices itself, in nanos."""
    split = {part.modality: part for part in usage.modality_tokens}
    audio = split.get(Modality.MODALITY_AUDIO)
    said = Usage(
        input_tokens=usage.prompt_tokens,
        cache_read_tokens=usage.cached_prompt_tokens,
        cache_write_tokens=usage.cache_write_prompt_tokens,
        output_tokens=usage.completion_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
        input_audio_tokens=audio.prompt_tokens if audio else 0,
        output_audio_tokens=audio.completion_tokens if audio else 0,
    )
    price = calc_price(
        said,
        recorded.vendor_model,
        provider_id=recorded.price_list,
        genai_request_timestamp=TODAY,
    )
    return price.total_price * 10**9


def test_there_are_enough() -> None:
    """At least sixty, of at least ten lists."""
    assert len(USAGES) >= 60
    assert len({each.price_list for each in USAGES}) >= 10


@pytest.mark.parametrize(
    "recorded", USAGES, ids=lambda each: f"{each.price_list}-{each.vendor_model}-{each.nanos}"
)
def test_a_recorded_usage_costs_what_the_vendor_says(recorded: Recorded) -> None:
    """To the nano by the vendor's page; the oracle, which does not round, is within the halves."""
    usage = usage_of(recorded)

    cost = BOOK.cost(sold(recorded.price_list, recorded.vendor_model), usage)

    assert cost is not None
    assert cost.currency_code == "USD"
    assert cost.total_nanos == recorded.nanos
    assert cost.total_nanos == sum(line.amount_nanos for line in cost.lines)
    halves = Decimal(len(cost.lines)) / 2
    assert abs(recorded.exactly - recorded.nanos) <= halves
    assert abs(oracle(recorded, usage) - recorded.nanos) <= halves
    tokens = sum(line.quantity for line in cost.lines if line.sku != "requests")
    assert tokens == usage.total_tokens
