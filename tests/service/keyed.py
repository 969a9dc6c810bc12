"""How does a test ask with an idempotency key, and compare the answers of equal calls?"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
from google.protobuf.message import Message

from tests.service.weir import Heard, chat_request, hear, stream_request
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.embedding_service_pb2_grpc import EmbeddingServiceStub
from weir.v1.provider_service_pb2 import CompleteRequest, StreamCompleteRequest
from weir.v1.provider_service_pb2_grpc import LLMProviderServiceStub


def keyed(key: str) -> list[tuple[str, str]]:
    return [("weir-idempotency-key", key)]


async def ask(channel: grpc.aio.Channel, method: str, text: str, key: str, **call: Any) -> "Got":
    """Ask any of the five methods with a key, and read the answer to its end."""
    return await ASKING[method](channel, text, metadata=keyed(key), **call)


class Got:
    """An answer: what it says, where two equal ones differ, and the trailers."""

    def __init__(self, said: bytes, marks: list[str], trailers: Mapping[str, Any]) -> None:
        self.said = said
        """The whole answer without the mark of a replay, as bytes."""
        self.marks = marks
        """The marks that were taken out."""
        self.trailers = trailers

    @property
    def is_replay(self) -> bool:
        assert (self.marks == ["true"]) == (self.trailers.get("weir-replayed") == "true")
        return bool(self.marks)


def _unmarked(message: Any) -> list[str]:
    attributes = message.metadata.attributes
    return [attributes.pop("replayed")] if "replayed" in attributes else []


def _bytes(message: Message) -> bytes:
    raw: bytes = message.SerializeToString(deterministic=True)
    return raw


async def _unary(call: Any) -> Got:
    reply = await call
    marks = _unmarked(reply)
    return Got(_bytes(reply), marks, dict(await call.trailing_metadata()))


async def _stream(call: Any) -> Got:
    heard: Heard = await hear(call)
    assert heard.code is grpc.StatusCode.OK, heard.details
    marks = _unmarked(heard.end)
    # A first run may send heartbeats, and so count further.
    said = b"".join(_bytes(_without_number(event)) for event in heard.events)
    return Got(said, marks, heard.trailers)


def _without_number(event: Any) -> Message:
    event.ClearField("sequence")
    message: Message = event
    return message


def _llm(channel: grpc.aio.Channel) -> Any:
    return LLMProviderServiceStub(channel)


ASKING: dict[str, Callable[..., Awaitable[Got]]] = {
    "Chat": lambda channel, text, **call: _unary(
        _llm(channel).Chat(chat_request(text, model="m"), **call)
    ),
    "StreamChat": lambda channel, text, **call: _stream(
        _llm(channel).StreamChat(stream_request(text, model="m"), **call)
    ),
    "Complete": lambda channel, text, **call: _unary(
        _llm(channel).Complete(CompleteRequest(prompt=text, model="m"), **call)
    ),
    "StreamComplete": lambda channel, text, **call: _stream(
        _llm(channel).StreamComplete(
            StreamCompleteRequest(request=CompleteRequest(prompt=text, model="m")), **call
        )
    ),
    "Embed": lambda channel, text, **call: _unary(
        EmbeddingServiceStub(channel).Embed(
            EmbedRequest(inputs=[EmbedInput(text=text)], model="m"), **call
        )
    ),
}


async def all_of(*calls: Awaitable[Got]) -> list[Got]:
    """Ask all at once."""
    return list(await asyncio.gather(*calls))
