"""How is the vendor's SDK pointed at the fake? Without retries, and without loading CA bundles."""

from openai import AsyncOpenAI, DefaultAsyncHttpxClient


def sdk_for(url: str, *, strict: bool = False) -> AsyncOpenAI:
    """Return a client for this base URL; a strict one refuses what its types do not allow."""
    return AsyncOpenAI(
        base_url=url,
        api_key="sk-fake",
        max_retries=0,
        # Building a verifying TLS context takes 45 ms, and the fake speaks plain HTTP here.
        http_client=DefaultAsyncHttpxClient(verify=False),
        _strict_response_validation=strict,
    )
