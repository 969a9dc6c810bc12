"""How is Mistral's SDK pointed at the fake? Without retries, and without loading CA bundles."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from mistralai.client import Mistral


@asynccontextmanager
async def mistral_for(url: str) -> AsyncIterator[Mistral]:
    """Give a client for a server's origin."""
    # Building a verifying TLS context takes 45 ms, and the fake speaks plain HTTP here.
    async with httpx.AsyncClient(verify=False) as http:
        client: Any = http  # the SDK's protocol has httpx's types of another version
        yield Mistral(api_key="k", server_url=url, async_client=client)
