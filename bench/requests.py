"""Which gRPC requests does the load consist of?"""

from bench.payload import PROMPT, grpc_frame
from weir.v1 import content_pb2, provider_service_pb2

CHAT_PATH = "/weir.v1.LLMProviderService/Chat"
STREAM_CHAT_PATH = "/weir.v1.LLMProviderService/StreamChat"


def chat_request(model: str) -> provider_service_pb2.ChatRequest:
    """The one question that is asked, of `model`."""
    message = content_pb2.Message(role=content_pb2.ROLE_USER, parts=[content_pb2.Part(text=PROMPT)])
    return provider_service_pb2.ChatRequest(messages=[message], model=model)


def framed_chat(model: str) -> bytes:
    """A Chat request as it goes over the wire."""
    return grpc_frame(chat_request(model).SerializeToString())


def framed_stream_chat(model: str) -> bytes:
    """A StreamChat request as it goes over the wire."""
    request = provider_service_pb2.StreamChatRequest(request=chat_request(model))
    return grpc_frame(request.SerializeToString())
