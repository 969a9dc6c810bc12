"""Whose published prices is a provider's work sold at? Its vendor's, where it is really asked.

A server at an address of somebody else's may answer to the same names at another price, so nothing
is known of it. Names of deployments, as Azure has them, say nothing of a price either.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from weir_server.core.prices import FREE_LIST
from weir_server.providers.formats.table import FORMATS
from weir_server.providers.plan import Plan
from weir_server.providers.vendors.table import VENDORS

OF_KIND: Mapping[str, str] = {
    "openai-responses": "openai",
    "anthropic": "anthropic",
    "gemini": "google",
    "vertex": "google",
    "bedrock": "aws",
    "cohere": "cohere",
    "local": FREE_LIST,
    "echo": FREE_LIST,
}
"""By the kind of a provider; `openai` is whoever its vendor is."""
OF_VENDOR: Mapping[str, str] = {
    "openai": "openai",
    "baseten": "baseten",
    "cerebras": "cerebras",
    "cohere-compatible": "cohere",
    "databricks": "databricks",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "gemini-compatible": "google",
    "groq": "groq",
    "mistral": "mistral",
    "moonshot": "moonshotai",
    "novita": "novita",
    "openrouter": "openrouter",
    "ovhcloud": "ovhcloud",
    "perplexity": "perplexity",
    "together": "together",
    "xai": "x-ai",
    "zai": "zai",
    "zhipu": "zhipuai",
}
"""By the vendor of a provider of kind `openai`."""
_SITES = {"bedrock": "amazonaws.com", "databricks": "databricks.com"}
"""Where a vendor without one address of its own is reached."""


def price_list_of(plan: Plan) -> str:
    """Return the name of a price list; empty: it is not known."""
    if plan.kind != "openai":
        name = OF_KIND.get(plan.kind, "")
        if not name or name == FREE_LIST:
            return name
        return name if plan.endpoint is None or _is_at(plan, _own_site(plan)) else ""
    if plan.endpoint is None:
        return OF_VENDOR.get(plan.vendor, "")
    for vendor, name in OF_VENDOR.items():
        if _is_at(plan, _SITES.get(vendor) or _site(VENDORS[vendor].endpoint)):
            return name
    return ""


def _own_site(plan: Plan) -> str:
    return _SITES.get(plan.kind) or _site(FORMATS[plan.kind].speech(plan).endpoint)


def _is_at(plan: Plan, site: str) -> bool:
    return bool(site) and _site(plan.endpoint or "") == site


def _site(address: str) -> str:
    """Return the domain that an address is in: `https://eu.api.openai.com/v1` is `openai.com`."""
    host = urlsplit(address).hostname or ""
    return ".".join(host.split(".")[-2:])
