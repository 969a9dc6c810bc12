"""How many tokens would the vendor count? It is asked, where its protocol has such an endpoint."""

from weir.v1.content_pb2 import ROLE_USER, Message, Part
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.call import Call
from weir_server.core.target import Target
from weir_server.core.tokens import ProviderTokenCounter, TokenCount
from weir_server.providers.backend import HttpProvider
from weir_server.providers.wire.base import CountingWire


class VendorCounter(ProviderTokenCounter):
    """Asks one provider."""

    def __init__(self, provider: HttpProvider, wire: CountingWire, *, kind: str) -> None:
        self._provider = provider
        self._wire = wire
        self._kind = kind

    async def count_text(self, call: Call, target: Target, text: str) -> TokenCount:
        """Count a text as the one message of a chat: the frame around it counts too, a few tokens.

        Raises WeirError when the provider cannot be reached or refuses.
        """
        message = Message(role=ROLE_USER, parts=[Part(text=text)])
        return await self._count(call, target, ChatRequest(messages=[message]), exact=False)

    async def count_chat(self, call: Call, target: Target, request: ChatRequest) -> TokenCount:
        """Count a chat as the vendor would; raises like `count_text`, and like Wire.encode."""
        return await self._count(call, target, request, exact=True)

    async def _count(
        self, call: Call, target: Target, request: ChatRequest, *, exact: bool
    ) -> TokenCount:
        said = self._wire.encode_count(request, target)
        body = await self._provider.ask(call, said, timeout_s=target.attempt_timeout_s)
        return TokenCount(
            tokens=self._wire.decode_count(body),
            exact=exact,
            tokenizer=f"{self._kind}:{target.vendor_model}",
        )
