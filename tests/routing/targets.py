"""Targets, and models made of them, for tests of routing."""

from typing_extensions import override

from weir.v1.model_pb2 import ModelCapabilities
from weir_server.core.handler import Request
from weir_server.core.target import Target
from weir_server.core.tokens import PromptCounter

CHAT = ModelCapabilities(chat=True, streaming=True)


def target(vendor_model: str, provider: str = "providers/a", **fields: object) -> Target:
    """Return a target that chats, at provider `a` unless another is named."""
    values = {"capabilities": CHAT, "model": "models/m", **fields}
    return Target(provider=provider, vendor_model=vendor_model, **values)  # type: ignore[arg-type]


class ByteCounter(PromptCounter):
    """Takes every byte of a request for a token, and remembers for whom it counted."""

    def __init__(self) -> None:
        self.counted: list[str] = []

    @override
    async def count_prompt(self, target: Target, request: Request) -> int:
        self.counted.append(target.vendor_model)
        return request.ByteSize()
