"""What is the least a Python gateway can do: gRPC in, one HTTP call out, the answer back?

Run as `python -m bench.floor --port N --counters FILE --upstream MODEL=URL ...`. It is grpc.aio,
aiohttp, uvloop and msgspec, and nothing else: no validation, deadline, usage law, log or limit.
Every content chunk becomes one message. It speaks Weir's own contract, so that the very same
request bytes drive both. Two integers in a shared mapping count its calls, which costs nothing.
"""

import argparse
import asyncio
import mmap
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import msgspec
import uvloop

from bench.counts import FLOOR_COUNTERS
from weir.v1 import content_pb2, generation_pb2, provider_service_pb2, usage_pb2

SERVICE = "weir.v1.LLMProviderService"
DONE = b"[DONE]"


class Spoken(msgspec.Struct):
    """The part of a vendor's message or delta that the floor reads."""

    content: str | None = None


class Choice(msgspec.Struct):
    """One choice, whole (`message`) or in pieces (`delta`)."""

    message: Spoken | None = None
    delta: Spoken | None = None
    finish_reason: str | None = None


class Usage(msgspec.Struct):
    """The vendor's token counts."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(msgspec.Struct):
    """A `chat.completion` or one `chat.completion.chunk`."""

    choices: list[Choice]
    usage: Usage | None = None


Context = grpc.aio.ServicerContext[object, object]


class Floor:
    """The two methods, over one session; `upstreams` gives each model its URL."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        upstreams: Mapping[str, str],
        counters: memoryview,
    ) -> None:
        self._session = session
        self._upstreams = upstreams
        self._counters = counters
        self._decoder = msgspec.json.Decoder(Completion)
        self._encoder = msgspec.json.Encoder()

    async def chat(
        self, request: provider_service_pb2.ChatRequest, context: Context
    ) -> provider_service_pb2.ChatResponse:
        """One question, one answer."""
        try:
            async with self._post(request, stream=False) as reply:
                answer = self._decoder.decode(await reply.read())
            spoken = answer.choices[0].message
            response = provider_service_pb2.ChatResponse(
                message=content_pb2.Message(
                    role=content_pb2.ROLE_ASSISTANT,
                    parts=[content_pb2.Part(text=(spoken and spoken.content) or "")],
                ),
                usage=_usage(answer.usage),
                finish_reason=generation_pb2.FINISH_REASON_STOP,
            )
        except BaseException:
            self._counters[1] += 1
            raise
        self._counters[0] += 1
        return response

    async def stream_chat(
        self, request: provider_service_pb2.StreamChatRequest, context: Context
    ) -> None:
        """One message per content chunk, and one with the end."""
        try:
            sequence = 0
            usage: Usage | None = None
            async with self._post(request.request, stream=True) as reply:
                async for data in _events(reply.content):
                    if data == DONE:
                        break
                    chunk = self._decoder.decode(data)
                    usage = chunk.usage or usage
                    if not chunk.choices:
                        continue
                    delta = chunk.choices[0].delta
                    if delta is None or not delta.content:
                        continue
                    event = generation_pb2.GenerationEvent(
                        sequence=sequence,
                        part_delta=generation_pb2.PartDelta(index=0, text=delta.content),
                    )
                    sequence += 1
                    await context.write(provider_service_pb2.StreamChatResponse(events=[event]))
            end = generation_pb2.GenerationEvent(
                sequence=sequence,
                end=generation_pb2.StreamEnd(
                    finish_reason=generation_pb2.FINISH_REASON_STOP, usage=_usage(usage)
                ),
            )
            await context.write(provider_service_pb2.StreamChatResponse(events=[end]))
        except BaseException:
            self._counters[1] += 1
            raise
        self._counters[0] += 1

    def _post(
        self, request: provider_service_pb2.ChatRequest, *, stream: bool
    ) -> "aiohttp.client._RequestContextManager":
        body = {
            "model": request.model,
            "messages": [
                {"role": "user", "content": "".join(part.text for part in message.parts)}
                for message in request.messages
            ],
            "stream": stream,
        }
        return self._session.post(
            self._upstreams[request.model],
            data=self._encoder.encode(body),
            headers={"content-type": "application/json"},
        )


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The data of each server-sent event, split out of whatever one read brought."""
    rest = b""
    async for read in content.iter_any():
        *whole, rest = (rest + read).split(b"\n\n")
        for event in whole:
            yield event.removeprefix(b"data: ")


def _usage(usage: Usage | None) -> usage_pb2.TokenUsage | None:
    if usage is None:
        return None
    return usage_pb2.TokenUsage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
    )


async def serve(port: int, upstreams: Mapping[str, str], counters: memoryview) -> None:
    """Serve on loopback until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
    ) as session:
        floor = Floor(session, upstreams, counters)
        server = grpc.aio.server()
        chat = grpc.unary_unary_rpc_method_handler(
            floor.chat,
            request_deserializer=provider_service_pb2.ChatRequest.FromString,
            response_serializer=provider_service_pb2.ChatResponse.SerializeToString,
        )
        stream_chat = grpc.unary_stream_rpc_method_handler(
            floor.stream_chat,
            request_deserializer=provider_service_pb2.StreamChatRequest.FromString,
            response_serializer=provider_service_pb2.StreamChatResponse.SerializeToString,
        )
        methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Chat": chat,
            "StreamChat": stream_chat,
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        await stop.wait()
        await server.stop(grace=None)


def map_counters(path: Path) -> memoryview:
    """A fresh file of zeroes, mapped as the integers `bench.counts.FloorCounter` reads."""
    path.write_bytes(bytes(FLOOR_COUNTERS.size))
    with path.open("r+b") as file:
        return memoryview(mmap.mmap(file.fileno(), FLOOR_COUNTERS.size)).cast("Q")


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description="the bare gateway that Weir is compared with")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--counters", type=Path, required=True)
    parser.add_argument("--upstream", action="append", required=True, metavar="MODEL=URL")
    given = parser.parse_args()
    upstreams = dict(pair.split("=", 1) for pair in given.upstream)
    uvloop.run(serve(given.port, upstreams, map_counters(given.counters)))


if __name__ == "__main__":
    main()
