"""What is a completion to a vendor that has none? A chat with one message of the user."""

from weir.v1.content_pb2 import ROLE_USER, Message, Part
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest


def as_chat(request: CompleteRequest) -> ChatRequest:
    """Return a completion as a chat with one message of the user."""
    message = Message(role=ROLE_USER, parts=[Part(text=request.prompt)])
    return ChatRequest(messages=[message], options=request.options)
