"""How does it all fit together? What is opened, what stands on it, and what is served."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from google.protobuf.duration_pb2 import Duration

from weir.v1.model_service_pb2 import GetServerInfoResponse, Limits, ServerCapabilities
from weir_server.accounting.price.book import PriceBook
from weir_server.accounting.tokens import Tokens
from weir_server.admission.lag import LagWatch
from weir_server.admission.limits import LimitBook
from weir_server.core.clock import Clock, SystemClock
from weir_server.core.replays import ReplayStore
from weir_server.core.tasks import sibling
from weir_server.opening import books_of, callers_of, replays_of
from weir_server.path import Parts, path_of
from weir_server.providers.host import Host
from weir_server.renewing import Reloading, price_lists
from weir_server.resilience.upstreams import Upstreams
from weir_server.routing.configured import catalogue_of
from weir_server.routing.explain import RouteExplainer
from weir_server.routing.registrar import Registrar
from weir_server.routing.windows import Windows
from weir_server.settings.changes import Changes
from weir_server.settings.tree import Settings
from weir_server.store.counting import counting
from weir_server.store.redis_link import redis_link
from weir_server.telemetry.log import Log
from weir_server.transport.edge import Deadlines, Edge
from weir_server.transport.events import StreamPacing
from weir_server.transport.facts import CONTRACT_VERSION
from weir_server.transport.grpc_aio import Dispatcher
from weir_server.transport.ids import TimedIds
from weir_server.transport.open_calls import OpenCalls
from weir_server.transport.services.admin import Admin
from weir_server.transport.services.counting import Counting
from weir_server.transport.services.generation import Generation
from weir_server.transport.services.keys import KeyAdmin
from weir_server.transport.services.models import Models
from weir_server.transport.services.providers import Providers
from weir_server.transport.services.table import SERVICES, methods
from weir_server.transport.services.usage import Usage
from weir_server.transport.services.usage_admin import UsageAdmin
from weir_server.transport.serving import GrpcServer
from weir_server.validation.limits import ValidationLimits


@asynccontextmanager
async def running(
    settings: Settings, log: Log, *, clock: Clock | None = None, rng: random.Random | None = None
) -> AsyncIterator["App"]:
    """Start everything that `settings` name; leaving the block stops it at once.

    Call `App.drain` inside the block to stop as callers deserve. Raises CannotListen, CannotOpen
    for the ledger or the data directory, and ConfigInvalid for a provider that cannot be made.
    """
    clock = clock or SystemClock()
    rng = rng or random.SystemRandom()
    limits = ValidationLimits()
    # Each of its methods is for operators, wherever the port is.
    admin = settings.server.admin != "off"
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(Host.of(settings, clock=clock, log=log))
        prices = await PriceBook.load(settings.prices, clock)
        catalogue = catalogue_of(settings, host.installed(), clock, prices)
        prices.check(settings.prices, catalogue.targets(), price_lists(host.installed()))
        tokens = await Tokens.load(host)
        upstreams = Upstreams(settings.resilience, clock=clock, rng=rng)
        upstreams.know(catalogue.targets())
        lag = LagWatch(clock, limit_s=settings.admission.lag_limit_s)
        await stack.enter_async_context(sibling(lag.run(), name="lag watch"))
        books = await stack.enter_async_context(books_of(settings, clock=clock, log=log))
        answers = books.answers if books is not None else None
        callers = await stack.enter_async_context(callers_of(settings, clock=clock, log=log))
        redis = await stack.enter_async_context(redis_link(settings.redis))
        replays = await stack.enter_async_context(replays_of(settings, redis, clock=clock, log=log))
        rates = LimitBook(settings.rates)
        counters = await stack.enter_async_context(
            counting(
                settings, redis, rates.replicas, clock=clock, log=log, who=TimedIds(clock)("weir_")
            )
        )
        path = path_of(
            Parts(
                settings=settings,
                clock=clock,
                rng=rng,
                log=log,
                validation=limits,
                catalogue=catalogue,
                host=host,
                tokens=tokens,
                prices=prices,
                upstreams=upstreams,
                lag=lag,
                limits=rates,
                counters=counters,
                ledger=books.ledger if books is not None else None,
                replays=replays,
            )
        )
        generation = Generation(
            path,
            clock=clock,
            pacing=_pacing(settings),
            limits=limits,
        )
        registrar = Registrar(
            catalogue=catalogue,
            host=host,
            clock=clock,
            ttl_s=settings.server.initialized_ttl_s,
            max_providers=settings.server.max_initialized_providers,
        )
        table = methods(
            generation=generation,
            counting=Counting(catalogue=catalogue, tokens=tokens, limits=limits),
            providers=Providers(
                host=host,
                registrar=registrar,
                limits=limits,
                enabled=settings.server.takes_providers,
            ),
            models=Models(
                catalogue=catalogue, info=_info(settings, limits, replays), limits=limits
            ),
            usage=Usage(books=answers, limits=limits),
            usage_admin=UsageAdmin(books=answers, limits=limits, enabled=admin),
            keys=KeyAdmin(callers.ring if admin else None, clock=clock, limits=limits),
            admin=Admin(
                states=upstreams,
                explainer=RouteExplainer(
                    catalogue=catalogue,
                    states=upstreams,
                    windows=Windows(tokens),
                    rng=rng,
                    max_attempts=lambda: upstreams.settings.max_attempts,
                ),
                limits=limits,
                enabled=admin,
            ),
        )
        open_calls = OpenCalls()
        edge = Edge(
            clock=clock,
            log=log,
            open_calls=open_calls,
            identity=callers.identity,
            deadlines=Deadlines(
                unary_default_s=settings.server.unary_deadline_s,
                stream_default_s=settings.server.stream_deadline_s,
                maximum_s=settings.server.max_deadline_s,
            ),
            access_log=settings.server.access_log,
            max_reply_bytes=settings.server.max_response_bytes,
            slow_consumer_limit_s=settings.server.slow_consumer_limit_s,
        )
        server = GrpcServer(
            settings=settings.server,
            dispatcher=Dispatcher(edge, table),
            services=SERVICES,
            open_calls=open_calls,
            log=log,
        )
        listening = await server.start()
        stack.push_async_callback(server.stop)
        reloading = Reloading(
            settings,
            host=host,
            catalogue=catalogue,
            registrar=registrar,
            upstreams=upstreams,
            prices=prices,
            limits=rates,
            clock=clock,
        )
        yield App(
            address=listening.address,
            server=server,
            upstreams=upstreams,
            reload=reloading.reload,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A running Weir."""

    address: str
    """Where callers reach it: `host:port` with the port really opened, or `unix:/path`."""
    server: GrpcServer
    reload: Callable[[Settings], Awaitable[Changes]]
    """Takes on other settings; see `Reloading.reload`."""
    upstreams: Upstreams
    """What is remembered of each target and provider."""

    async def drain(self) -> None:
        """Take no new calls, let running ones end, then close the port."""
        await self.server.drain()


def _pacing(settings: Settings) -> StreamPacing:
    server = settings.server
    return StreamPacing(
        heartbeat_interval_s=server.heartbeat_interval_s,
        start_alone_after_s=server.start_alone_after_s,
        slow_consumer_limit_s=server.slow_consumer_limit_s,
    )


def _info(
    settings: Settings, limits: ValidationLimits, replays: ReplayStore | None
) -> GetServerInfoResponse:
    server = settings.server
    return GetServerInfoResponse(
        server_version=version("weir-server"),
        contract_version=CONTRACT_VERSION,
        capabilities=ServerCapabilities(
            initialize=server.takes_providers,
            embeddings=True,
            idempotency=replays is not None,
        ),
        limits=Limits(
            max_request_bytes=server.max_request_bytes,
            max_response_bytes=server.max_response_bytes,
            max_metadata_bytes=server.max_metadata_bytes,
            max_messages=limits.max_messages,
            max_tools=limits.max_tools,
            max_streams_per_connection=server.max_streams_per_connection,
            default_unary_deadline=_duration(server.unary_deadline_s),
            default_stream_deadline=_duration(server.stream_deadline_s),
            slow_consumer_limit=_duration(server.slow_consumer_limit_s),
            max_embed_inputs=limits.max_embed_inputs,
        ),
    )


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration
