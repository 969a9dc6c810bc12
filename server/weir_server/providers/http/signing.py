"""Who asks? Where a fixed header is not enough: signatures, and tokens that have to be fetched."""

from collections.abc import Mapping
from typing import Protocol

from weir_server.core.call import Call
from weir_server.providers.http.guard import Endpoint
from weir_server.providers.wire.base import HttpRequest


class Signer(Protocol):
    """Gives each request the header fields that prove who asks."""

    async def sign(self, request: HttpRequest, endpoint: Endpoint, call: Call) -> Mapping[str, str]:
        """Return header fields for this one request to this endpoint, by lower-case names.

        They go out beside those of the provider and win over them. What has to be fetched first is
        fetched within the call's deadline and kept for later requests. Raises WeirError: the
        credential's provider cannot be reached, or refuses.
        """
        ...
