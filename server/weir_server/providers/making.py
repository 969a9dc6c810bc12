"""How is a provider made? As its plan says, with connections that it shares with its equals."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self
from weakref import WeakSet

import yaml
from pydantic import SecretStr

from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.handler import Handler
from weir_server.core.providers import ProviderFacts
from weir_server.core.target import GATEWAY
from weir_server.core.tokens import ProviderTokenCounter
from weir_server.providers.backend import HttpProvider
from weir_server.providers.batching import InBatches
from weir_server.providers.counting import VendorCounter
from weir_server.providers.echo.provider import EchoProvider
from weir_server.providers.echo.provider import capabilities as echo_capabilities
from weir_server.providers.echo.script import Scene, ScriptInvalid, scenes
from weir_server.providers.formats.base import Format, Speech
from weir_server.providers.formats.table import FORMATS
from weir_server.providers.http.client import HttpClient, Route
from weir_server.providers.http.connect import verified_tls
from weir_server.providers.http.guard import Endpoint, EndpointPolicy, parse_endpoint
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.http.watchdog import HttpLimits
from weir_server.providers.local.dialect import DIALECT, LIMITS
from weir_server.providers.local.engine import LocalEngine, LocalEngineSettings
from weir_server.providers.local.provider import LocalProvider
from weir_server.providers.plan import Plan, invalid
from weir_server.providers.price_lists import price_list_of
from weir_server.providers.vendors.local import LOCAL_CAPABILITIES
from weir_server.providers.weir import kind as gateway
from weir_server.providers.wire.base import CountingWire
from weir_server.providers.wire.openai.wire import OpenAIWire
from weir_server.settings.tree import Settings

if TYPE_CHECKING:
    from weir_server.providers.weir.link import Link

KINDS = (*FORMATS, GATEWAY, "local", "echo")
PROVIDER_PREFIX = "providers/"
PROBE_TIMEOUT_S = 10.0
"""How long a provider may take to list its models where its configuration sets no timeout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider that was made."""

    facts: ProviderFacts
    handler: Handler
    probe: Callable[[Call], Awaitable[None]]
    close: Callable[[], Awaitable[None]]
    counter: ProviderTokenCounter | None = None
    """Who counts its tokens, where the provider itself can."""


class Maker:
    """Makes providers; what they share, such as connections, lives and ends here."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._clients: dict[tuple[str | None, bool], HttpClient] = {}
        self._links: WeakSet[Link] = WeakSet()

    @classmethod
    @asynccontextmanager
    async def of(cls, settings: Settings, *, clock: Clock) -> AsyncIterator[Self]:
        """Make a maker; leaving the block closes every connection of what it made."""
        maker = cls(settings, clock)
        try:
            yield maker
        finally:
            for client in maker._clients.values():
                await client.close()
            for link in list(maker._links):
                await link.close()

    def secret(self, name: str) -> SecretStr | None:
        """Return a secret that a plan may name; None: there is none."""
        return self._settings.secrets.get(name)

    def use_secrets_of(self, settings: Settings) -> None:
        """Take the secrets of another configuration for what is made from now on."""
        self._settings = self._settings.model_copy(update={"secrets": settings.secrets})

    def check(self, provider_id: str, plan: Plan) -> ProviderFacts:
        """Say what `make` would make, and make nothing. Raises ConfigInvalid."""
        if (format_ := FORMATS.get(plan.kind)) is not None:
            self._http(plan, format_, format_.speech(plan))
            _credentials(plan, format_)
        elif plan.kind == GATEWAY:
            self._gateway(plan)
        elif plan.kind == "echo":
            _script(plan)
        return _facts(provider_id, plan)

    async def make(self, provider_id: str, plan: Plan) -> Provider:
        """Make a provider. Raises ConfigInvalid; LocalEngineError for the embedded model."""
        facts = _facts(provider_id, plan)
        if plan.kind == "echo":
            echo = EchoProvider(_script(plan))
            return Provider(
                facts=facts, handler=echo, probe=echo.probe, close=echo.close, counter=echo
            )
        if plan.kind == "local":
            local = await self._local(provider_id, plan)
            return Provider(
                facts=facts, handler=local, probe=local.probe, close=local.close, counter=local
            )
        if plan.kind == GATEWAY:
            return await self._make_gateway(facts, plan)
        format_ = FORMATS[plan.kind]
        speech = format_.speech(plan)
        endpoint, headers = self._http(plan, format_, speech)
        credentials = _credentials(plan, format_)
        client = self._client(plan.ca_file, private_ok=endpoint.private_ok)
        await client.vet(endpoint, field=f"{plan.field_prefix}endpoint")
        wire = speech.wire
        remote = HttpProvider(
            name=facts.name,
            endpoint=endpoint,
            # Where none is named, as in a probe, the first serves.
            headers=next(iter(credentials.values()), headers),
            credentials=credentials,
            wire=wire,
            client=client,
            clock=self._clock,
            signer=format_.signer(plan, client, self._clock),
            probe=speech.probe,
        )
        timeout_s = plan.timeout_s if plan.timeout_s is not None else PROBE_TIMEOUT_S
        return Provider(
            facts=facts,
            handler=remote
            if speech.embed_inputs_max is None
            else InBatches(remote, inputs_max=speech.embed_inputs_max),
            probe=partial(remote.probe, timeout_s=timeout_s),
            close=_nothing_to_close,
            counter=VendorCounter(remote, wire, kind=plan.kind)
            if isinstance(wire, CountingWire)
            else None,
        )

    def _http(
        self, plan: Plan, format_: Format, speech: Speech
    ) -> tuple[Endpoint, ProviderHeaders]:
        address = plan.endpoint or speech.endpoint
        if not address:
            raise invalid(plan, "endpoint", "REQUIRED", "Name the base address of the API.")
        field = f"{plan.field_prefix}endpoint"
        endpoint = parse_endpoint(address, self._policy(plan), field=field)
        key = self._key(plan)
        return endpoint, format_.authorize(plan, key, plan.organization_id, plan.field_prefix)

    def _policy(self, plan: Plan) -> EndpointPolicy:
        upstream = self._settings.upstream
        return EndpointPolicy(
            allow_private=plan.allow_private,
            allow_private_hosts=frozenset(upstream.private_hosts),
            allow_insecure_http=plan.allow_insecure_http or upstream.allow_insecure_http,
        )

    def _key(self, plan: Plan) -> str:
        if not plan.api_key_secret_ref:
            return plan.api_key
        secret = self.secret(plan.api_key_secret_ref)
        if secret is None:
            what = "Name a secret of the configuration."
            raise invalid(plan, "api_key_secret_ref", "UNKNOWN", what)
        return secret.get_secret_value()

    def _gateway(self, plan: Plan) -> tuple[Endpoint, gateway.Pairs, Mapping[str, gateway.Pairs]]:
        """Return where a far Weir is and what calls to it carry, by credential too."""
        credentials = {
            each.name: gateway.metadata_of(
                plan,
                each.api_key,
                each.organization_id,
                f"{plan.field_prefix}credentials[{index}].",
            )
            for index, each in enumerate(plan.credentials)
        }
        metadata = gateway.metadata_of(
            plan, self._key(plan), plan.organization_id, plan.field_prefix
        )
        return gateway.endpoint_of(plan, self._policy(plan)), metadata, credentials

    async def _make_gateway(self, facts: ProviderFacts, plan: Plan) -> Provider:
        endpoint, metadata, credentials = self._gateway(plan)
        upstream = self._settings.upstream
        far, link = await gateway.made(
            facts.name,
            plan,
            endpoint,
            metadata=metadata,
            credentials=credentials,
            clock=self._clock,
            connect_s=upstream.connect_timeout_s,
            idle_s=upstream.idle_timeout_s,
        )
        self._links.add(link)
        timeout_s = plan.timeout_s if plan.timeout_s is not None else PROBE_TIMEOUT_S
        return Provider(
            facts=facts,
            handler=far,
            probe=partial(far.probe, timeout_s=timeout_s),
            close=far.close,
            counter=far,
        )

    def _client(self, ca_file: str | None, *, private_ok: bool) -> HttpClient:
        """Return the connections that a provider shares with its equals.

        Those that may be private are kept apart: a connection that the guard allowed to one
        provider must not be found open by another.
        """
        client = self._clients.get((ca_file, private_ok))
        if client is None:
            upstream = self._settings.upstream
            client = self._clients[ca_file, private_ok] = HttpClient(
                clock=self._clock,
                limits=HttpLimits(
                    connect_s=upstream.connect_timeout_s,
                    headers_s=upstream.headers_timeout_s,
                    idle_s=upstream.idle_timeout_s,
                    max_body_bytes=upstream.max_body_bytes,
                ),
                tls=verified_tls(Path(ca_file)) if ca_file else None,
            )
        return client

    async def _local(self, provider_id: str, plan: Plan) -> LocalProvider:
        engine = LocalEngine(
            LocalEngineSettings(
                weights_path=Path(plan.weights_file) if plan.weights_file else None,
                slots=plan.slots,
                context_tokens_per_slot=plan.context_tokens,
            )
        )
        wire = OpenAIWire(DIALECT)
        client = HttpClient(clock=self._clock, limits=LIMITS)
        # The one loopback address that Weir admits by itself: its own engine's.
        policy = EndpointPolicy(allow_private=True, allow_insecure_http=True)

        def reach(running: LocalEngine) -> tuple[HttpProvider, Route]:
            headers = ProviderHeaders(credential=running.headers)
            provider = HttpProvider(
                name=PROVIDER_PREFIX + provider_id,
                endpoint=parse_endpoint(running.base_url, policy),
                headers=headers,
                wire=wire,
                client=client,
                clock=self._clock,
            )
            return provider, Route(parse_endpoint(running.origin, policy), headers)

        local = LocalProvider(engine, wire=wire, client=client, reach=reach)
        try:
            await local.start()
        except BaseException:
            await local.close()
            raise
        return local


def _facts(provider_id: str, plan: Plan) -> ProviderFacts:
    if plan.kind not in KINDS:
        raise invalid(plan, "provider_kind", "KIND", f"Use one of {', '.join(KINDS)}.")
    if (format_ := FORMATS.get(plan.kind)) is not None:
        capabilities, tokenizer = format_.speech(plan).capabilities, format_.tokenizer
    elif plan.kind == GATEWAY:
        capabilities, tokenizer = gateway.CAPABILITIES, "provider"
    else:
        capabilities = LOCAL_CAPABILITIES if plan.kind == "local" else echo_capabilities()
        tokenizer = "provider"
    return ProviderFacts(
        name=PROVIDER_PREFIX + provider_id,
        kind=plan.kind,
        default_model=plan.model,
        attempt_timeout_s=plan.timeout_s,
        max_retries=plan.max_retries,
        capabilities=capabilities,
        tokenizer=tokenizer,
        credentials=tuple(credential.name for credential in plan.credentials),
        unlisted_models=plan.unlisted_models,
        max_concurrency=plan.max_concurrency or (gateway.STREAMS if plan.kind == GATEWAY else None),
        price_list=price_list_of(plan),
    )


def _credentials(plan: Plan, format_: Format) -> dict[str, ProviderHeaders]:
    """Return the header fields of each credential by its name. Raises ConfigInvalid."""
    return {
        credential.name: format_.authorize(
            plan,
            credential.api_key,
            credential.organization_id,
            f"{plan.field_prefix}credentials[{index}].",
        )
        for index, credential in enumerate(plan.credentials)
    }


def _script(plan: Plan) -> tuple[Scene, ...]:
    if plan.script_file is None:
        return ()
    try:
        return scenes(yaml.safe_load(Path(plan.script_file).read_bytes()))
    except (OSError, yaml.YAMLError, ScriptInvalid) as failure:
        what = f"{plan.script_file} cannot be played: {failure}."
        raise invalid(plan, "script_file", "SCRIPT", what) from failure


async def _nothing_to_close() -> None:
    """Leave the shared connections to the maker: other providers use them."""
