"""A whole Weir in the test's own event loop: real port, real providers, log kept in memory."""

import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from weir.admin.v1.admin_service_pb2_grpc import ProviderAdminServiceStub
from weir.admin.v1.usage_admin_service_pb2_grpc import UsageAdminServiceStub
from weir.v1.content_pb2 import Message, Part, Role
from weir.v1.embedding_service_pb2_grpc import EmbeddingServiceStub
from weir.v1.error_pb2 import FailureInfo
from weir.v1.generation_pb2 import GenerationEvent, GenerationOptions, StreamOptions
from weir.v1.model_service_pb2_grpc import ModelServiceStub
from weir.v1.provider_service_pb2 import ChatRequest, StreamChatRequest
from weir.v1.provider_service_pb2_grpc import LLMProviderServiceStub
from weir.v1.usage_service_pb2_grpc import UsageServiceStub
from weir_server.app import App, running
from weir_server.settings.load import parse
from weir_server.telemetry.log import Log

if TYPE_CHECKING:
    from weir.admin.v1.admin_service_pb2_grpc import ProviderAdminServiceAsyncStub
    from weir.admin.v1.usage_admin_service_pb2_grpc import UsageAdminServiceAsyncStub
    from weir.v1.embedding_service_pb2_grpc import EmbeddingServiceAsyncStub
    from weir.v1.model_service_pb2_grpc import ModelServiceAsyncStub
    from weir.v1.provider_service_pb2_grpc import LLMProviderServiceAsyncStub
    from weir.v1.usage_service_pb2_grpc import UsageServiceAsyncStub

ECHO: Mapping[str, Any] = {
    "providers": [{"id": "echo", "kind": "echo", "model": "echo"}],
    "models": [{"name": "echo", "provider": "echo"}],
}


@dataclass
class Weir:
    """A running server and a client's view of it."""

    app: App
    channel: grpc.aio.Channel
    log_bytes: io.BytesIO

    @property
    def llm(self) -> "LLMProviderServiceAsyncStub":
        return LLMProviderServiceStub(self.channel)

    @property
    def models(self) -> "ModelServiceAsyncStub":
        return ModelServiceStub(self.channel)

    @property
    def admin(self) -> "ProviderAdminServiceAsyncStub":
        return ProviderAdminServiceStub(self.channel)

    @property
    def embeddings(self) -> "EmbeddingServiceAsyncStub":
        return EmbeddingServiceStub(self.channel)

    @property
    def usage(self) -> "UsageServiceAsyncStub":
        return UsageServiceStub(self.channel)

    @property
    def usage_admin(self) -> "UsageAdminServiceAsyncStub":
        return UsageAdminServiceStub(self.channel)

    def log_lines(self, event: str | None = None) -> list[dict[str, Any]]:
        """What was logged and written so far; complete once the server has stopped."""
        lines = [json.loads(line) for line in self.log_bytes.getvalue().splitlines()]
        return [line for line in lines if event is None or line["event"] == event]

    async def stream(self, prompt: str, **options: Any) -> "Heard":
        """Read one StreamChat to its end, whatever that is."""
        return await hear(self.llm.StreamChat(stream_request(prompt), **options))


@dataclass
class Heard:
    """One stream as its caller heard it."""

    events: list[GenerationEvent] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    """How many events each message held."""
    code: grpc.StatusCode = grpc.StatusCode.UNKNOWN
    details: str = ""
    trailers: dict[str, str | bytes] = field(default_factory=dict)

    @property
    def kinds(self) -> list[str | None]:
        return [event.WhichOneof("event") for event in self.events]

    @property
    def text(self) -> str:
        return "".join(event.part_delta.text for event in self.events)

    @property
    def end(self) -> Any:
        return self.events[-1].end

    @property
    def failure(self) -> "Failure":
        return failure_of(self.trailers)


@dataclass
class Failure:
    """The rich status of a failed call."""

    info: ErrorInfo | None = None
    retry: RetryInfo | None = None
    bad_request: BadRequest | None = None
    failure: FailureInfo | None = None

    @property
    def reason(self) -> str:
        assert self.info is not None
        reason: str = self.info.reason
        return reason


async def hear(call: Any) -> Heard:
    heard = Heard()
    try:
        async for message in call:
            heard.batches.append(len(message.events))
            heard.events.extend(message.events)
    except grpc.aio.AioRpcError:
        pass  # the status is read below, as for a good end
    heard.code = await call.code()
    heard.details = await call.details()
    heard.trailers = dict(await call.trailing_metadata() or ())
    return heard


def failure_of(trailers: Mapping[str, str | bytes]) -> Failure:
    status = Status.FromString(trailers["grpc-status-details-bin"])
    failure = Failure()
    for detail in status.details:
        for name, kind in (
            ("info", ErrorInfo),
            ("retry", RetryInfo),
            ("bad_request", BadRequest),
            ("failure", FailureInfo),
        ):
            if detail.Is(kind.DESCRIPTOR):
                unpacked = kind()
                detail.Unpack(unpacked)
                assert getattr(failure, name) is None, "each detail at most once"
                setattr(failure, name, unpacked)
    return failure


def failure_of_error(error: grpc.aio.AioRpcError) -> Failure:
    return failure_of(dict(error.trailing_metadata()))


def user(text: str) -> Message:
    return Message(role=Role.ROLE_USER, parts=[Part(text=text)])


def chat_request(
    prompt: str | Sequence[Message], *, model: str = "", provider: str = "", **options: Any
) -> ChatRequest:
    messages = [user(prompt)] if isinstance(prompt, str) else prompt
    request = ChatRequest(messages=messages, model=model, provider=provider)
    if options:
        request.options.CopyFrom(GenerationOptions(**options))
    return request


def stream_request(
    prompt: str | Sequence[Message], *, stream_options: StreamOptions | None = None, **fields: Any
) -> StreamChatRequest:
    return StreamChatRequest(request=chat_request(prompt, **fields), stream_options=stream_options)


def in_this_process(
    tree: Mapping[str, Any], server: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a tree with what a Weir needs that shares its event loop with a test.

    A test that works for a quarter of a second is not a loop that is blocked. Nothing is booked
    unless the tree says so.
    """
    return {
        **tree,
        "ledger": {"enabled": False, **tree.get("ledger", {})},
        "server": {"listen": "127.0.0.1:0", **tree.get("server", {}), **(server or {})},
        "admission": {"lag_limit_s": 10.0, **tree.get("admission", {})},
    }


@asynccontextmanager
async def serving(
    tree: Mapping[str, Any] = ECHO,
    *,
    environment: Mapping[str, str] | None = None,
    server: Mapping[str, Any] | None = None,
    channel_options: Sequence[tuple[str, int]] = (),
    rng: Random | None = None,
) -> AsyncIterator[Weir]:
    """Run a Weir of a configuration tree on a free loopback port.

    server: settings of the `server` branch, added to those in the tree.
    rng: what chance is drawn from; None: the system's.
    """
    settings = parse(in_this_process(tree, server), environment or {}).settings
    log_bytes = io.BytesIO()
    with Log(log_bytes) as log:
        async with (
            running(settings, log, rng=rng) as app,
            grpc.aio.insecure_channel(app.address, options=list(channel_options)) as channel,
        ):
            yield Weir(app=app, channel=channel, log_bytes=log_bytes)


def upstream_tree(url: str, **provider: Any) -> dict[str, Any]:
    """A configuration with one provider at `url` and one model, `m`, called `vendor-m` there."""
    return {
        "upstream": {"idle_timeout_s": 1.0, "headers_timeout_s": 1.0, "retry_base_s": 0.01},
        "providers": [
            {
                "id": "fake",
                "kind": "openai",
                "endpoint": url,
                "api_key": "sk-test-canary-key",
                "allow_private": True,
                "allow_insecure_http": True,
                **provider,
            }
        ],
        "models": [{"name": "m", "provider": "fake", "vendor_model": "vendor-m"}],
    }
