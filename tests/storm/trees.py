"""How is a Weir before failing upstreams configured? Providers, models and limits to wait for."""

from collections.abc import Callable
from typing import Any

from weir_server.fake_upstream.upstream import FakeUpstream

Record = Callable[[str, object], None]
"""pytest's `record_property`: what is given to it is printed with the tests' result."""


def provider(name: str, upstream: FakeUpstream, **fields: Any) -> dict[str, Any]:
    """A provider at a fake upstream."""
    return {
        "id": name,
        "kind": "openai",
        "endpoint": upstream.url,
        "api_key": f"sk-{name}",
        "allow_private": True,
        "allow_insecure_http": True,
        **fields,
    }


def model(*providers: str, name: str = "m") -> dict[str, Any]:
    """A model that these providers serve, asked in this order."""
    return {"name": name, "targets": [{"provider": provider} for provider in providers]}
