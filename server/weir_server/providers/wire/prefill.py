"""What is the model to go on from? The text of a last message that is its own."""

from weir.v1.content_pb2 import ROLE_ASSISTANT
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.handler import Request


def prefill_of(request: Request) -> str:
    """Return the text that an answer goes on from; empty: it begins one of its own."""
    if not isinstance(request, ChatRequest) or not request.messages:
        return ""
    last = request.messages[-1]
    if last.role != ROLE_ASSISTANT:
        return ""
    return "".join(part.text for part in last.parts)
