"""Which way does a call go? The stages in their order, assembled; read it from top to bottom."""

import os
import random
from dataclasses import dataclass

from weir_server.accounting.meter import MeterStage
from weir_server.accounting.price.book import PriceBook
from weir_server.accounting.tokens import Tokens
from weir_server.admission.files import FileWatch
from weir_server.admission.lag import LagWatch
from weir_server.admission.limits import LimitBook
from weir_server.admission.money import MoneyStage
from weir_server.admission.planning import Planner
from weir_server.admission.rates import RatesStage
from weir_server.admission.replays import LedgerReplays
from weir_server.admission.stage import GateStage
from weir_server.core.clock import Clock
from weir_server.core.counters import Counters
from weir_server.core.handler import Handler
from weir_server.core.ledger import Ledger
from weir_server.core.replays import NoBook, ReplayBook, ReplayStore
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
from weir_server.routing.stage import RoutingStage
from weir_server.routing.windows import Windows
from weir_server.settings.tree import Settings
from weir_server.structured.checker import Checker
from weir_server.structured.saying import SayingStage
from weir_server.structured.stage import StructuredStage
from weir_server.telemetry.log import Log
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.stage import ValidationStage

_OWNER_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the stages stand on."""

    settings: Settings
    clock: Clock
    rng: random.Random
    log: Log
    validation: ValidationLimits
    catalogue: ModelCatalogue
    host: Host
    tokens: Tokens
    prices: PriceBook
    upstreams: Upstreams
    lag: LagWatch
    limits: LimitBook
    counters: Counters
    ledger: Ledger | None
    """None: nothing is booked, and no budget holds."""
    replays: ReplayStore | None
    """None: idempotency keys are refused."""


def path_of(parts: Parts) -> Handler:
    """Return the first stage of the path, which leads to all others."""
    planner = _planner(parts) if parts.ledger is not None else None
    admission = _admission(parts, _generation(parts), planner)
    return ValidationStage(_replay(parts, admission, planner), parts.validation, parts.catalogue)


def _replay(parts: Parts, admission: Handler, planner: Planner | None) -> Handler:
    """Have I done this very call?"""
    settings, ledger = parts.settings, parts.ledger
    book: ReplayBook = NoBook()
    if ledger is not None and planner is not None:
        book = LedgerReplays(ledger=ledger, planner=planner, clock=parts.clock)
    secret = settings.idempotency.seal_key
    return ReplayStage(
        admission,
        settings.idempotency,
        store=parts.replays,
        seal=Seal.fresh() if secret is None else Seal(secret.get_secret_value().encode()),
        book=book,
        clock=parts.clock,
        log=parts.log,
        new_owner=lambda: "run_" + os.urandom(_OWNER_BYTES).hex(),
        frame_bytes=min(FRAME_BYTES, settings.server.max_response_bytes // 2),
    )


def _admission(parts: Parts, generation: Handler, planner: Planner | None) -> Handler:
    """Is there room for it, may its caller ask so much, and who pays?"""
    settings, clock = parts.settings, parts.clock
    stage = generation
    if parts.ledger is not None and planner is not None:
        stage = MoneyStage(stage, ledger=parts.ledger, planner=planner, clock=clock)
    stage = RatesStage(
        stage,
        parts.limits,
        counters=parts.counters,
        catalogue=parts.catalogue,
        tokens=parts.tokens,
        clock=clock,
        log=parts.log,
    )
    if settings.admission.enabled:
        stage = GateStage(
            stage,
            settings.admission,
            lag=parts.lag,
            files=FileWatch(),
            clock=clock,
            rng=parts.rng,
        )
    return stage


def _planner(parts: Parts) -> Planner:
    assert parts.ledger is not None
    return Planner(
        ledger=parts.ledger,
        catalogue=parts.catalogue,
        prices=parts.prices,
        tokens=parts.tokens,
        clock=parts.clock,
        reserve_step_tokens=parts.settings.ledger.reserve_step_tokens,
    )


def _generation(parts: Parts) -> Handler:
    """Who answers, in what shape, what if one fails, and what did each attempt use?"""
    settings, clock, rng = parts.settings, parts.clock, parts.rng
    upstream = settings.upstream
    accounting = MeterStage(parts.host, parts.tokens, parts.prices)
    saying = SayingStage(accounting)
    resilience: Handler = DirectStage(saying)
    if settings.resilience.enabled:
        resilience = ResilienceStage(
            saying,
            Turns(
                parts.upstreams,
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
    return RoutingStage(structured, parts.catalogue, windows=Windows(parts.tokens), rng=rng)
