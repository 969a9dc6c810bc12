"""A provider is on its vendor's price list only where that vendor is really asked."""

import pytest

from weir_server.providers.plan import Plan
from weir_server.providers.price_lists import OF_KIND, OF_VENDOR, price_list_of
from weir_server.providers.vendors.table import VENDORS
from weir_server.settings.kinds import REMOTE

CASES = [
    ("openai", {}, "openai"),
    ("openai", {"endpoint": "https://api.openai.com/v1"}, "openai"),
    ("openai", {"endpoint": "https://eu.api.openai.com/v1"}, "openai"),
    ("openai", {"endpoint": "https://api.groq.com/openai/v1"}, "groq"),
    ("openai", {"vendor": "groq"}, "groq"),
    ("openai", {"vendor": "groq", "endpoint": "https://api.groq.com/openai/v1"}, "groq"),
    ("openai", {"vendor": "groq", "endpoint": "https://proxy.example.com/v1"}, ""),
    ("openai", {"endpoint": "http://127.0.0.1:8000/v1"}, ""),
    ("openai", {"endpoint": "https://api.openai.com.example.net/v1"}, ""),
    ("openai", {"endpoint": "https://notopenai.com/v1"}, ""),
    ("openai", {"vendor": "vllm", "endpoint": "http://10.0.0.1:8000/v1"}, ""),
    ("openai", {"vendor": "deepinfra"}, ""),
    (
        "openai",
        {"vendor": "databricks", "endpoint": "https://x.cloud.databricks.com/serving-endpoints"},
        "databricks",
    ),
    ("openai-responses", {}, "openai"),
    ("openai-responses", {"endpoint": "https://proxy.example.com/v1"}, ""),
    ("azure-openai", {"endpoint": "https://x.openai.azure.com"}, ""),
    ("anthropic", {}, "anthropic"),
    ("anthropic", {"endpoint": "https://proxy.example.com"}, ""),
    ("gemini", {}, "google"),
    ("bedrock", {"endpoint": "https://bedrock-runtime.eu-west-1.amazonaws.com"}, "aws"),
    ("bedrock", {"endpoint": "https://bedrock.example.com"}, ""),
    ("cohere", {}, "cohere"),
    ("ollama", {}, ""),
    ("weir", {"endpoint": "weir.example.com:50051"}, ""),
    ("local", {}, "free"),
    ("echo", {}, "free"),
]


@pytest.mark.parametrize(("kind", "said", "expected"), CASES)
def test_a_list_is_its_vendors_own(kind: str, said: dict[str, str], expected: str) -> None:
    """By kind, vendor and the domain of the endpoint; anybody else's prices are not known."""
    plan = Plan(kind=kind, field_prefix="", **said)  # type: ignore[arg-type]
    assert price_list_of(plan) == expected


def test_the_tables_name_what_there_is() -> None:
    """A vendor or a kind that is renamed takes its prices along."""
    assert OF_VENDOR.keys() <= VENDORS.keys()
    assert OF_KIND.keys() <= {*REMOTE, "local", "echo"}
