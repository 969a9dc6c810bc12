"""How does it all fit together? The path of a request, assembled; read it from top to bottom."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from google.protobuf.duration_pb2 import Duration

from weir.v1.model_service_pb2 import GetServerInfoResponse, Limits, ServerCapabilities
from weir_server.accounting.meter import MeterStage
from weir_server.accounting.price.book import PriceBook
from weir_server.accounting.tokens import Tokens
from weir_server.admission.files import FileWatch
from weir_server.admission.lag import LagWatch
from weir_server.admission.money import MoneyStage
from weir_server.admission.planning import Planner
from weir_server.admission.replays import LedgerReplays
from weir_server.admission.stage import GateStage
from weir_server.core.clock import Clock, SystemClock
from weir_server.core.handler import Handler
from weir_server.core.ledger import Ledger
from weir_server.core.providers import ProviderFacts
from weir_server.core.replays import NoBook, ReplayBook, ReplayStore
from weir_server.core.tasks import sibling
from weir_server.opening import books_of, callers_of, replays_of
from weir_server.providers.host import Host
from weir_server.replay.record import FRAME_BYTES
from weir_server.replay.seal import Seal
from weir_server.replay.stage import ReplayStage
from weir_server.resilience.backoff import Backoff
from weir_server.resilience.direct import DirectStage
from weir_server.resilience.stage import ResilienceStage
from weir_server.resilience.turns import Turns
from weir_server.resilience.upstreams import Upstreams
from weir_server.routing.catalogue import ModelCatalogue
from weir_server.routing.configured import catalogue_of
from weir_server.routing.explain import RouteExplainer
from weir_server.routing.registrar import Registrar
from weir_server.routing.stage import RoutingStage
from weir_server.routing.windows import Windows
from weir_server.settings.changes import Changes, applicable, changes
from weir_server.settings.tree import Settings
from weir_server.store.redis_link import redis_link
from weir_server.structured.checker import Checker
from weir_server.structured.saying import SayingStage
from weir_server.structured.stage import StructuredStage
from weir_server.telemetry.log import Log
from weir_server.transport.edge import Deadlines, Edge, random_id
from weir_server.transport.events import StreamPacing
from weir_server.transport.facts import CONTRACT_VERSION
from weir_server.transport.grpc_aio import Dispatcher
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
from weir_server.validation.stage import ValidationStage


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
        prices.check(settings.prices, catalogue.targets(), _price_lists(host.installed()))
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
        ledger = books.ledger if books is not None else None
        path = _path(settings, catalogue, tokens, prices, ledger, host, upstreams, lag, clock, rng)
        book: ReplayBook = NoBook()
        if ledger is not None:
            planner = _planner(settings, catalogue, tokens, prices, ledger, clock)
            book = LedgerReplays(ledger=ledger, planner=planner, clock=clock)
        path = _replay(path, settings, replays, book, clock, log)
        generation = Generation(
            ValidationStage(path, limits, catalogue),
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
        reloading = _Reloading(
            settings,
            host=host,
            catalogue=catalogue,
            registrar=registrar,
            upstreams=upstreams,
            prices=prices,
            clock=clock,
        )
        yield App(
            address=listening.address,
            server=server,
            upstreams=upstreams,
            reload=reloading.reload,
        )


def _path(
    settings: Settings,
    catalogue: ModelCatalogue,
    tokens: Tokens,
    prices: PriceBook,
    ledger: Ledger | None,
    host: Host,
    upstreams: Upstreams,
    lag: LagWatch,
    clock: Clock,
    rng: random.Random,
) -> Handler:
    """Assemble the stages, from the provider out to admission."""
    upstream = settings.upstream
    providers = host
    accounting = MeterStage(providers, tokens, prices)
    saying = SayingStage(accounting)
    resilience: Handler = DirectStage(saying)
    if settings.resilience.enabled:
        resilience = ResilienceStage(
            saying,
            Turns(
                upstreams,
                clock=clock,
                rng=rng,
                first_token_timeout_s=upstream.first_token_timeout_s,
            ),
            clock=clock,
            rng=rng,
            backoff=Backoff(base_s=upstream.retry_base_s, cap_s=upstream.retry_cap_s),
            first_token_timeout_s=upstream.first_token_timeout_s,
        )
    structured = StructuredStage(
        resilience, Checker(), max_held_bytes=settings.server.max_response_bytes
    )
    routing = RoutingStage(structured, catalogue, windows=Windows(tokens), rng=rng)
    admission: Handler = routing
    if ledger is not None:
        planner = _planner(settings, catalogue, tokens, prices, ledger, clock)
        admission = MoneyStage(admission, ledger=ledger, planner=planner, clock=clock)
    if settings.admission.enabled:
        admission = GateStage(
            admission, settings.admission, lag=lag, files=FileWatch(), clock=clock, rng=rng
        )
    return admission


def _planner(
    settings: Settings,
    catalogue: ModelCatalogue,
    tokens: Tokens,
    prices: PriceBook,
    ledger: Ledger,
    clock: Clock,
) -> Planner:
    return Planner(
        ledger=ledger,
        catalogue=catalogue,
        prices=prices,
        tokens=tokens,
        clock=clock,
        reserve_step_tokens=settings.ledger.reserve_step_tokens,
    )


def _replay(
    path: Handler,
    settings: Settings,
    store: ReplayStore | None,
    book: ReplayBook,
    clock: Clock,
    log: Log,
) -> Handler:
    """Put before a path the stage that runs keyed calls once."""
    secret = settings.idempotency.seal_key
    return ReplayStage(
        path,
        settings.idempotency,
        store=store,
        seal=Seal.fresh() if secret is None else Seal(secret.get_secret_value().encode()),
        book=book,
        clock=clock,
        log=log,
        new_owner=lambda: random_id("run_"),
        frame_bytes=min(FRAME_BYTES, settings.server.max_response_bytes // 2),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A running Weir."""

    address: str
    """Where callers reach it: `host:port` with the port really opened, or `unix:/path`."""
    server: GrpcServer
    reload: Callable[[Settings], Awaitable[Changes]]
    """Takes on other settings; see `_Reloading.reload`."""
    upstreams: Upstreams
    """What is remembered of each target and provider."""

    async def drain(self) -> None:
        """Take no new calls, let running ones end, then close the port."""
        await self.server.drain()


class _Reloading:
    """What of a running Weir another configuration replaces, and in which order."""

    def __init__(
        self,
        settings: Settings,
        *,
        host: Host,
        catalogue: ModelCatalogue,
        registrar: Registrar,
        upstreams: Upstreams,
        prices: PriceBook,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._host = host
        self._catalogue = catalogue
        self._registrar = registrar
        self._upstreams = upstreams
        self._prices = prices
        self._clock = clock

    async def reload(self, settings: Settings) -> Changes:
        """Take on other settings as far as a running server can, and return what is different.

        All of it or nothing: raises SettingsInvalid, and then everything is as it was. Running
        calls end as they began, new ones find the new providers and models.
        """
        async with self._registrar.held_back():
            changed = changes(self._settings, settings)
            settings = applicable(self._settings, settings)
            async with self._host.renewing(settings) as renewal:
                fresh = catalogue_of(settings, renewal.facts, self._clock, self._prices)
                lists = _price_lists(renewal.facts)
                self._prices.check(settings.prices, fresh.targets(), lists)
                # One step: no call comes in between.
                renewed = self._host.commit(renewal)
                self._catalogue.replace(fresh)
                self._prices.use(settings.prices)
                self._upstreams.reload(settings.resilience, fresh.targets(), renewed=renewed)
                self._settings = settings
        return changed


def _price_lists(facts: Mapping[str, ProviderFacts]) -> dict[str, str]:
    return {provider: each.price_list for provider, each in facts.items()}


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
