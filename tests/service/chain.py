"""Two Weirs in one test: a caller asks the near one, which asks the far one, which asks a fake."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.service.weir import Weir, serving, upstream_tree
from weir_server.fake_upstream.upstream import FakeUpstream

NO_BREAKER = {"breaker": {"consecutive_failures": 1000, "min_calls": 100_000}}
"""What tests ask of one server after another is not one story."""
SECOND_MODEL = {"name": "other", "provider": "fake", "vendor_model": "vendor-other"}


@dataclass(frozen=True)
class Chain:
    """Caller, near, far, upstream."""

    near: Weir
    far: Weir
    upstream: FakeUpstream


def near_tree(address: str, **provider: Any) -> dict[str, Any]:
    """A configuration of one provider, the Weir at `address`, and one model, `far-m`: `m` there."""
    return {
        "upstream": {"retry_base_s": 0.01},
        "resilience": NO_BREAKER,
        "providers": [
            {
                "id": "far",
                "kind": "weir",
                "endpoint": f"http://{address}",
                "allow_private": True,
                "allow_insecure_http": True,
                **provider,
            }
        ],
        "models": [{"name": "far-m", "provider": "far", "vendor_model": "m"}],
    }


def far_tree(url: str) -> dict[str, Any]:
    """A configuration in front of the fake upstream."""
    tree = upstream_tree(url)
    tree["resilience"] = NO_BREAKER
    return tree


@asynccontextmanager
async def chain(
    upstream: FakeUpstream,
    *,
    far: Mapping[str, Any] | None = None,
    far_server: Mapping[str, Any] | None = None,
    near_server: Mapping[str, Any] | None = None,
    **provider: Any,
) -> AsyncIterator[Chain]:
    """Run both. far: a configuration of the far one; provider: settings of the near one's."""
    async with (
        serving(far or far_tree(upstream.url), server=far_server) as far_weir,
        serving(near_tree(far_weir.app.address, **provider), server=near_server) as near_weir,
    ):
        yield Chain(near=near_weir, far=far_weir, upstream=upstream)
