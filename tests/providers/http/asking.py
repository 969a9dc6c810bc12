"""How does a test ask a fake upstream through the real client? With these few builders."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from weir.v1.content_pb2 import Message, Part, Role
from weir.v1.generation_pb2 import GenerationEvent
from weir.v1.model_pb2 import ModelCapabilities
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.call import Call, TraceContext
from weir_server.core.clock import Clock, SystemClock
from weir_server.core.deadline import Deadline
from weir_server.core.handler import Handler, Request
from weir_server.core.target import Operation, Target
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.backend import HttpProvider
from weir_server.providers.http.client import HttpClient
from weir_server.providers.http.guard import Endpoint, EndpointPolicy, parse_endpoint
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.http.watchdog import HttpLimits
from weir_server.providers.wire.base import Wire
from weir_server.providers.wire.openai.wire import OpenAIWire

KEY = "sk-canary-0123456789"
PROVIDER = "providers/fake"
CLOCK = SystemClock()
LOOPBACK = EndpointPolicy(allow_private=True, allow_insecure_http=True)
CHAT = ChatRequest(
    messages=[Message(role=Role.ROLE_USER, parts=[Part(text="Say something.")])], model="fake"
)


def a_target(*, attempt_timeout_s: float | None = None) -> Target:
    """Return the fake's one model."""
    return Target(
        provider=PROVIDER,
        model="models/fake",
        vendor_model="fake-1",
        capabilities=ModelCapabilities(streaming=True),
        attempt_timeout_s=attempt_timeout_s,
    )


def a_call(
    *,
    streaming: bool = True,
    timeout_s: float = 30.0,
    attempt_timeout_s: float | None = None,
    trace: TraceContext | None = None,
    clock: Clock = CLOCK,
) -> Call:
    """Return a call that has just arrived."""
    now_s = clock.monotonic_s()
    return Call(
        request_id="request-1",
        response_id="response-1",
        method="StreamChat" if streaming else "Chat",
        operation=Operation.CHAT,
        streaming=streaming,
        arrived_s=now_s,
        deadline=Deadline.after(now_s, timeout_s),
        trace=trace or TraceContext(),
        targets=(a_target(attempt_timeout_s=attempt_timeout_s),),
    )


def endpoint_of(upstream: FakeUpstream, *, host: str | None = None) -> Endpoint:
    """Return the fake's endpoint, under another name where one is given."""
    url = upstream.url if host is None else upstream.url.replace("127.0.0.1", host)
    return parse_endpoint(url, LOOPBACK)


def a_provider(
    client: HttpClient,
    endpoint: Endpoint,
    *,
    extra: dict[str, str] | None = None,
    wire: Wire | None = None,
    clock: Clock = CLOCK,
) -> HttpProvider:
    """Return the fake as a provider."""
    return HttpProvider(
        name=PROVIDER,
        endpoint=endpoint,
        headers=ProviderHeaders(credential={"authorization": f"Bearer {KEY}"}, extra=extra or {}),
        wire=wire or OpenAIWire(),
        client=client,
        clock=clock,
    )


@asynccontextmanager
async def provider_at(
    upstream: FakeUpstream, *, limits: HttpLimits | None = None
) -> AsyncIterator[HttpProvider]:
    """Give a provider that asks `upstream`, with a client of its own."""
    async with HttpClient(clock=CLOCK, limits=limits) as client:
        yield a_provider(client, endpoint_of(upstream))


async def ask(provider: Handler, call: Call, request: Request = CHAT) -> Sequence[GenerationEvent]:
    """Ask, and return all events of the answer. Raises its failure."""
    events: list[GenerationEvent] = []
    async with provider.open(call, request) as batches:
        async for batch in batches:
            assert isinstance(batch, list)
            assert batch
            events += batch
    return events


def text_of(events: Sequence[GenerationEvent]) -> str:
    """Return the text that the events say."""
    return "".join(event.part_delta.text for event in events)
