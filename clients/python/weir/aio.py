"""How does an asyncio program call Weir? With an AsyncClient."""

from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self, Unpack

from weir._aio_admin import AsyncAdmin
from weir._aio_keys import AsyncKeys
from weir._aio_link import AioLink
from weir._aio_stream import AsyncStream
from weir._aio_usage import AsyncUsage
from weir._calls import STREAM_TIMEOUT_S, UNARY_TIMEOUT_S, CallOptions, defaults
from weir._connection import MAX_MESSAGE_BYTES, TlsFiles, connection
from weir._health import CheckRequest, HealthStatus, health_status
from weir.fold import ChatFold, CompleteFold
from weir.messages import as_inputs, as_messages
from weir.v1.content_pb2 import Message
from weir.v1.embedding_service_pb2 import (
    EmbeddingEncoding,
    EmbeddingTask,
    EmbedInput,
    EmbedRequest,
    EmbedResponse,
)
from weir.v1.generation_pb2 import GenerationOptions, StreamOptions
from weir.v1.model_pb2 import Model
from weir.v1.model_service_pb2 import (
    GetModelRequest,
    GetServerInfoRequest,
    GetServerInfoResponse,
    ListModelsRequest,
)
from weir.v1.provider_service_pb2 import (
    ChatRequest,
    ChatResponse,
    CompleteRequest,
    CompleteResponse,
    CountTokensRequest,
    CountTokensResponse,
    InitializeRequest,
    InitializeResponse,
    ProviderConfig,
    StreamChatRequest,
    StreamCompleteRequest,
    ValidateConfigRequest,
    ValidateConfigResponse,
    ValidateTokenCountRequest,
    ValidateTokenCountResponse,
)


class AsyncClient:
    """A connection to Weir for asyncio.

        async with AsyncClient("localhost:50051") as client:
            response = await client.chat("Hello")

    address: "host:port", "https://host:port", "http://host:port" or "unix:/path"; for several
        servers "dns:///host:port" or "ipv4:address:port,address:port", see the README.
    api_key: the Weir key, sent with each call. None: none.
    tls: True, False, or the files to use. None: TLS, unless the address is on this machine or
        begins with http://.
    timeout_s: seconds for a call that sets none itself; stream_timeout_s the same for streams.
    max_receive_bytes: the largest message to take. A larger one raises InvalidRequestError.

    The connection is made at the first call and belongs to the event loop that runs then. Closing
    the client cancels what is still open. In a child that was forked after a call, gRPC's own
    threads are gone, and a call raises RuntimeError: fork before the first call, or spawn.

    Every call takes the keyword arguments of CallOptions and raises WeirError, a class by what to
    do next. Unavailable servers are tried three times, 0.2 s to 2 s apart, as long as nothing of
    an answer was given. A cancelled task cancels its call and raises asyncio.CancelledError.

    Raises ValueError for an address, a key or a time that cannot be; a call does for an argument
    that cannot be sent.
    """

    def __init__(
        self,
        address: str,
        *,
        api_key: str | None = None,
        tls: bool | TlsFiles | None = None,
        timeout_s: float = UNARY_TIMEOUT_S,
        stream_timeout_s: float = STREAM_TIMEOUT_S,
        max_receive_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        self._link = AioLink(
            connection(address, tls, max_receive_bytes=max_receive_bytes),
            defaults(api_key=api_key, timeout_s=timeout_s, stream_timeout_s=stream_timeout_s),
        )
        self.admin = AsyncAdmin(self._link)
        """The calls of operators: targets, their circuits, and the way of a request."""
        self.keys = AsyncKeys(self._link)
        """The calls of operators about keys: who may call, and how much."""
        self.usage = AsyncUsage(self._link)
        """What calls used and cost, and budgets."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Cancel what is open and leave the server; a second time does nothing."""
        await self._link.close()

    # --- Answers ---------------------------------------------------------------------------------

    async def chat(
        self,
        messages: str | Sequence[Message],
        *,
        options: GenerationOptions | None = None,
        model: str = "",
        provider: str = "",
        conversation: str = "",
        **call: Unpack[CallOptions],
    ) -> ChatResponse:
        """Answer a conversation; a lone text is one message of the user.

        options: how to make the answer. None: the provider's defaults.
        model, provider: who answers. Empty: the server's default.
        conversation: your identity of the conversation, for records and affinity.
        """
        request = ChatRequest(
            messages=as_messages(messages),
            options=options,
            model=model,
            provider=provider,
            conversation=conversation,
        )
        return await self._link.unary(self._link.stubs.providers.Chat, request, call)

    def stream_chat(
        self,
        messages: str | Sequence[Message],
        *,
        options: GenerationOptions | None = None,
        stream_options: StreamOptions | None = None,
        model: str = "",
        provider: str = "",
        conversation: str = "",
        **call: Unpack[CallOptions],
    ) -> AsyncStream[ChatResponse]:
        """Answer a conversation as the answer is written; see `chat` and AsyncStream."""
        chat = ChatRequest(
            messages=as_messages(messages),
            options=options,
            model=model,
            provider=provider,
            conversation=conversation,
        )
        request = StreamChatRequest(request=chat, stream_options=stream_options)
        return AsyncStream(
            lambda: self._link.stream(self._link.stubs.providers.StreamChat, request, call),
            ChatFold(),
        )

    async def complete(
        self,
        prompt: str,
        *,
        options: GenerationOptions | None = None,
        model: str = "",
        provider: str = "",
        **call: Unpack[CallOptions],
    ) -> CompleteResponse:
        """Go on from a text; the arguments are those of `chat`."""
        request = CompleteRequest(prompt=prompt, options=options, model=model, provider=provider)
        return await self._link.unary(self._link.stubs.providers.Complete, request, call)

    def stream_complete(
        self,
        prompt: str,
        *,
        options: GenerationOptions | None = None,
        stream_options: StreamOptions | None = None,
        model: str = "",
        provider: str = "",
        **call: Unpack[CallOptions],
    ) -> AsyncStream[CompleteResponse]:
        """Go on from a text as it is written; see `chat` and AsyncStream."""
        complete = CompleteRequest(prompt=prompt, options=options, model=model, provider=provider)
        request = StreamCompleteRequest(request=complete, stream_options=stream_options)
        return AsyncStream(
            lambda: self._link.stream(self._link.stubs.providers.StreamComplete, request, call),
            CompleteFold(),
        )

    async def embed(
        self,
        inputs: str | Sequence[str | EmbedInput],
        *,
        model: str = "",
        provider: str = "",
        dimensions: int | None = None,
        encoding: EmbeddingEncoding.ValueType = EmbeddingEncoding.EMBEDDING_ENCODING_UNSPECIFIED,
        task: EmbeddingTask.ValueType = EmbeddingTask.EMBEDDING_TASK_UNSPECIFIED,
        **call: Unpack[CallOptions],
    ) -> EmbedResponse:
        """Turn texts or media into vectors, in order.

        dimensions: length of the vectors. None: the model's own.
        encoding: how the vectors are written. Unspecified: a list of 32-bit floats.
        """
        request = EmbedRequest(
            inputs=as_inputs(inputs),
            model=model,
            provider=provider,
            dimensions=dimensions,
            encoding=encoding,
            task=task,
        )
        return await self._link.unary(self._link.stubs.embeddings.Embed, request, call)

    # --- Tokens ----------------------------------------------------------------------------------

    async def count_tokens(
        self,
        content: str | Sequence[Message],
        *,
        options: GenerationOptions | None = None,
        model: str = "",
        provider: str = "",
        **call: Unpack[CallOptions],
    ) -> CountTokensResponse:
        """Count the tokens of a text alone, or of a whole chat with its options' tools."""
        request = CountTokensRequest(model=model, provider=provider)
        if isinstance(content, str):
            request.text = content
        else:
            request.chat.messages.extend(content)
            if options is not None:
                request.chat.options.CopyFrom(options)
        return await self._link.unary(self._link.stubs.providers.CountTokens, request, call)

    async def validate_token_count(
        self,
        text: str,
        max_tokens: int,
        *,
        model: str = "",
        provider: str = "",
        **call: Unpack[CallOptions],
    ) -> ValidateTokenCountResponse:
        """Say whether a text fits max_tokens; one that does not is an answer, not an error."""
        request = ValidateTokenCountRequest(
            text=text, max_tokens=max_tokens, model=model, provider=provider
        )
        return await self._link.unary(self._link.stubs.providers.ValidateTokenCount, request, call)

    # --- Providers and models --------------------------------------------------------------------

    async def initialize(
        self,
        config: ProviderConfig,
        provider_id: str,
        *,
        validate_only: bool = False,
        **call: Unpack[CallOptions],
    ) -> InitializeResponse:
        """Register a provider at run time, or renew it; its handle is `response.provider`."""
        request = InitializeRequest(
            config=config, provider_id=provider_id, validate_only=validate_only
        )
        return await self._link.unary(self._link.stubs.providers.Initialize, request, call)

    async def validate_config(
        self, config: ProviderConfig, *, probe: bool = False, **call: Unpack[CallOptions]
    ) -> ValidateConfigResponse:
        """Say whether a configuration is usable; with probe, after asking the provider."""
        request = ValidateConfigRequest(config=config, probe=probe)
        return await self._link.unary(self._link.stubs.providers.ValidateConfig, request, call)

    async def list_models(
        self,
        filter: str = "",  # noqa: A002 - the contract's own word
        *,
        page_size: int = 0,
        **call: Unpack[CallOptions],
    ) -> AsyncIterator[Model]:
        """The models that the caller may use, by name, fetched page by page.

        filter: terms such as 'capability="tools"', joined by " AND ". Empty: all.
        page_size: models fetched at once. 0: the server's choice. The timeout is each page's.
        """
        request = ListModelsRequest(filter=filter, page_size=page_size)
        while True:
            page = await self._link.unary(self._link.stubs.models.ListModels, request, call)
            for model in page.models:
                yield model
            if not page.next_page_token:
                return
            request = ListModelsRequest(
                filter=filter, page_size=page_size, page_token=page.next_page_token
            )

    async def get_model(self, name: str, **call: Unpack[CallOptions]) -> Model:
        """One model, by name or alias."""
        request = GetModelRequest(name=name)
        return (await self._link.unary(self._link.stubs.models.GetModel, request, call)).model

    async def server_info(self, **call: Unpack[CallOptions]) -> GetServerInfoResponse:
        """The server's version, features and limits."""
        request = GetServerInfoRequest()
        return await self._link.unary(self._link.stubs.models.GetServerInfo, request, call)

    async def health(self, service: str = "", **call: Unpack[CallOptions]) -> HealthStatus:
        """How the server is, or one of its services such as "weir.v1.LLMProviderService".

        Raises NotFoundError for a service that it does not know.
        """
        request = CheckRequest(value=service)
        return health_status(await self._link.unary(self._link.stubs.health, request, call))
