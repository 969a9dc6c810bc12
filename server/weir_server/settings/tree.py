"""What can be set? Small values, each with its default, its unit and its reason."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from weir_server.settings.admission import AdmissionSettings
from weir_server.settings.aws import AwsSettings
from weir_server.settings.azure import ApiVersion, AzureSettings
from weir_server.settings.idempotency import IdempotencySettings
from weir_server.settings.identity import IdentitySettings
from weir_server.settings.kinds import REMOTE, Kind
from weir_server.settings.ledger import LedgerSettings, default_data_dir
from weir_server.settings.models import ModelSettings, TargetSettings
from weir_server.settings.node import Node, ProviderId, Seconds, Switch
from weir_server.settings.prices import PriceSettings
from weir_server.settings.rates import RatesSettings
from weir_server.settings.redis import RedisSettings
from weir_server.settings.resilience import ResilienceSettings
from weir_server.settings.vertex import VertexSettings

MIB = 1024 * 1024

_LISTEN = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})")


class TlsSettings(Node):
    """Certificates, by file."""

    cert_file: str
    """PEM chain of the server's certificate."""
    key_file: str
    """PEM key of the certificate."""
    client_ca_file: str | None = None
    """PEM roots of the callers' certificates; set: a caller without one is refused (mTLS)."""


class ServerSettings(Node):
    """The port that callers reach, and how calls are held there."""

    listen: str = "127.0.0.1:50051"
    """`host:port`, or `unix:/path`. Off loopback it needs `tls`."""
    tls: TlsSettings | Literal["mesh"] | None = None
    """Certificates, or `mesh` where a service mesh does TLS before Weir."""
    reflection: Switch = "auto"
    """Whether to serve reflection; auto: on loopback only."""
    initialize: Switch = "auto"
    """Whether callers may bring providers in; auto: on loopback only, and with one worker."""
    access_log: bool = True
    """Whether to write one line of JSON for each RPC."""
    drain_grace_s: Seconds = 30.0
    """How long running calls may go on after SIGTERM."""
    max_request_bytes: Annotated[int, Field(ge=1024, le=32 * MIB)] = 4 * MIB
    max_response_bytes: Annotated[int, Field(ge=1024, le=32 * MIB)] = 32 * MIB
    max_metadata_bytes: Annotated[int, Field(ge=1024, le=16 * 1024)] = 8 * 1024
    max_streams_per_connection: Annotated[int, Field(ge=1, le=100_000)] = 100
    connection_idle_s: Seconds = 900.0
    """A connection without calls is closed after this long."""
    unary_deadline_s: Seconds = 300.0
    """Deadline of a unary call that has none."""
    stream_deadline_s: Seconds = 900.0
    """Deadline of a stream that has none."""
    max_deadline_s: Seconds = 3600.0
    """Longer deadlines are shortened to this."""
    heartbeat_interval_s: Seconds = 15.0
    start_alone_after_s: Seconds = 10.0
    """After this long without an event `start` is sent alone, so that heartbeats can follow."""
    slow_consumer_limit_s: Seconds = 60.0
    """A caller that does not read for this long loses its stream."""
    initialized_ttl_s: Annotated[float, Field(ge=1, le=30 * 86_400)] = 86_400.0
    """How long a provider lives that a caller initialized."""
    max_initialized_providers: Annotated[int, Field(ge=1, le=10_000)] = 100
    """How many of them may live at the same time."""
    admin: Switch = "auto"
    """Whether to serve `weir.admin.v1`, to operators; auto: it is."""
    workers: Annotated[int, Field(ge=1, le=128)] = 1
    """Processes that share the port. Breakers and limits are then each process's own."""
    data_dir: Path = Field(default_factory=default_data_dir)
    """Where Weir keeps what is its own: its spool, and the ledger where it has no other address."""

    @field_validator("listen")
    @classmethod
    def _is_address(cls, listen: str) -> str:
        if listen.startswith("unix:") and len(listen) > len("unix:"):
            return listen
        match = _LISTEN.fullmatch(listen)
        if match is None or int(match["port"]) > 65_535:
            raise ValueError("write host:port, such as 127.0.0.1:50051, or unix:/path")
        return listen

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the port."""
        if self.listen.startswith("unix:"):
            return True
        host = self.listen.rpartition(":")[0].strip("[]")
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    @model_validator(mode="after")
    def _is_protected(self) -> "ServerSettings":
        if self.tls is None and not self.is_loopback:
            raise ValueError(
                f"listen {self.listen} is reachable from other machines: set tls with cert_file "
                "and key_file, or tls: mesh where a service mesh does TLS, or listen on 127.0.0.1"
            )
        return self

    def allows(self, switch: Switch) -> bool:
        """Return whether a switch is on; auto is on where only this machine can reach the port."""
        return self.is_loopback if switch == "auto" else switch == "on"

    @property
    def takes_providers(self) -> bool:
        """Whether Initialize is served: not by several workers, of which one would know."""
        return self.workers == 1 and self.allows(self.initialize)


class UpstreamSettings(Node):
    """How long Weir waits for providers, and how much it reads from them."""

    connect_timeout_s: Seconds = 10.0
    headers_timeout_s: Seconds = 30.0
    """For streams only: a unary answer's headers come with its last token."""
    idle_timeout_s: Seconds = 30.0
    """How long a provider may be silent in the middle of an answer."""
    max_body_bytes: Annotated[int, Field(ge=1024, le=256 * MIB)] = 32 * MIB
    private_hosts: tuple[str, ...] = ()
    """Hosts, as `host` or `host:port`, that providers brought in by Initialize may be on though
    they are private."""
    allow_insecure_http: bool = False
    """Whether providers brought in by Initialize may be plain http."""
    retry_base_s: Seconds = 0.25
    retry_cap_s: Seconds = 8.0
    """The longest wait between two attempts: full jitter over a span that doubles from the base."""
    first_token_timeout_s: Seconds = 30.0
    """How long a streaming attempt may be silent before its first token; less where the caller's
    deadline has to serve other targets too."""


# What another kind would ignore is refused there, so that nobody relies on it.
_ONLY_FOR: dict[str, tuple[Kind, ...]] = {
    "endpoint": REMOTE,
    "api_key": REMOTE,
    "organization_id": REMOTE,
    "max_retries": (*REMOTE, "local"),
    "headers": REMOTE,
    "allow_private": REMOTE,
    "allow_insecure_http": REMOTE,
    "ca_file": REMOTE,
    "vendor": ("openai",),
    "api_version": ("azure-openai",),
    "azure": ("azure-openai",),
    "aws": ("bedrock",),
    "vertex": ("vertex",),
    "credentials": REMOTE,
    "slots": ("local",),
    "context_tokens": ("local",),
    "weights_file": ("local",),
    "script_file": ("echo",),
}


class CredentialSettings(Node):
    """One of several keys of a provider; it rests while the provider refuses or limits it."""

    name: ProviderId
    """What operators see in its place."""
    api_key: SecretStr
    """`${ENV_NAME}` or `file:/path`; a literal key works, with a warning."""
    organization_id: str | None = None


class ProviderSettings(Node):
    """One provider."""

    id: ProviderId
    kind: Kind
    endpoint: str | None = None
    """Base address of the API; unset: the vendor's own. Of `weir`: `host:port`, by TLS."""
    api_key: SecretStr | None = None
    """`${ENV_NAME}` or `file:/path`; a literal key works, with a warning."""
    organization_id: str | None = None
    credentials: tuple[CredentialSettings, ...] = ()
    """Several keys in place of `api_key`, used in turn."""
    model: str = ""
    """The vendor's model where a request names none."""
    unlisted_models: bool = True
    """Whether a request may name this provider with a vendor model that `models` does not list."""
    max_concurrency: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Upper bound of calls at a time; unset: `resilience.concurrency.maximum`."""
    timeout_s: Annotated[float, Field(ge=1, le=3600)] | None = None
    """Upper bound of one attempt."""
    max_retries: Annotated[int, Field(ge=0, le=10)] = 2
    headers: dict[str, str] = Field(default_factory=dict)
    """Extra headers for every request."""
    allow_private: bool = False
    """Whether the endpoint may be on a private or loopback address."""
    allow_insecure_http: bool = False
    """Whether the endpoint may be plain http."""
    ca_file: str | None = None
    """PEM roots for the provider's certificate; unset: the machine's own."""
    vendor: str = "openai"
    """Which dialect of the wire format; see docs."""
    api_version: ApiVersion | None = None
    """For `azure-openai`: a dated version of the API; unset: the v1 API."""
    azure: AzureSettings | None = None
    """For `azure-openai`: an application of Entra ID in place of a key."""
    aws: AwsSettings | None = None
    """For `bedrock`: the region, and the keys that sign requests."""
    vertex: VertexSettings | None = None
    """For `vertex`: project, location and service account."""
    slots: Annotated[int, Field(ge=1, le=64)] = 4
    """For `local`: answers made at the same time."""
    context_tokens: Annotated[int, Field(ge=256, le=8192)] = 2048
    """For `local`: context window of each slot."""
    weights_file: str | None = None
    """For `local`: a GGUF file in place of the installed one."""
    script_file: str | None = None
    """For `echo`: a file of scripted answers."""

    @model_validator(mode="after")
    def _fits_kind(self) -> "ProviderSettings":
        wrong = [
            f"{name} belongs to kind {' or '.join(kinds)}, not {self.kind}"
            for name, kinds in _ONLY_FOR.items()
            if name in self.model_fields_set and self.kind not in kinds
        ]
        if wrong:
            raise ValueError(f"{'; '.join(wrong)}; leave it out")
        if self.kind == "vertex" and self.vertex is None:
            raise ValueError("vertex needs its project: write vertex: {project: my-project}")
        if self.credentials and (self.api_key is not None or self.organization_id is not None):
            raise ValueError(
                "credentials stand in place of api_key and organization_id; leave these out"
            )
        names = [credential.name for credential in self.credentials]
        for duplicate in sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"credentials: the name {duplicate} is given twice")
        return self


class Settings(Node):
    """Everything that can be set."""

    server: ServerSettings = ServerSettings()
    upstream: UpstreamSettings = UpstreamSettings()
    resilience: ResilienceSettings = ResilienceSettings()
    admission: AdmissionSettings = AdmissionSettings()
    rates: RatesSettings = RatesSettings()
    redis: RedisSettings = RedisSettings()
    identity: IdentitySettings = IdentitySettings()
    ledger: LedgerSettings = LedgerSettings()
    prices: PriceSettings = PriceSettings()
    idempotency: IdempotencySettings = IdempotencySettings()
    providers: tuple[ProviderSettings, ...] = ()
    models: tuple[ModelSettings, ...] = ()
    default_model: str = ""
    """The model where a request names neither model nor provider; unset: the first."""
    secrets: dict[str, SecretStr] = Field(default_factory=dict)
    """Secrets that a ProviderConfig's api_key_secret_ref may name."""

    @property
    def asks_for_keys(self) -> bool:
        """Whether every call needs a key; auto: where other machines can reach the port."""
        mode = self.identity.mode
        return mode == "keys" or (mode == "auto" and not self.server.is_loopback)

    @model_validator(mode="after")
    def _is_guarded(self) -> "Settings":
        if self.identity.mode == "open" and not self.server.is_loopback:
            raise ValueError(
                f"identity.mode: open would let everybody in, and listen {self.server.listen} is "
                "reachable from other machines: set it to keys, or listen on 127.0.0.1"
            )
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> "Settings":
        ids = [provider.id for provider in self.providers]
        for duplicate in sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"providers: the id {duplicate} is given twice")
        names: set[str] = set()
        for number, model in enumerate(self.models):
            for place, target in enumerate(model.each_target()):
                where = f"targets[{place}]." if model.targets else ""
                self._check_target(f"models[{number}].{where}", target)
            for name in (model.name, *model.aliases):
                if name in names:
                    raise ValueError(f"models[{number}]: the name {name} is given twice")
                names.add(name)
        for number, model in enumerate(self.models):
            for name in model.fallback_models:
                if name not in names:
                    raise ValueError(
                        f"models[{number}].fallback_models: no model has the name {name}"
                    )
        models = {model.name for model in self.models}
        for name in self.rates.models:
            if name not in models:
                raise ValueError(
                    f"rates.models: no model has the name {name}; there are: "
                    f"{', '.join(sorted(models)) or 'none'}"
                )
        if self.default_model and self.default_model not in names:
            raise ValueError(f"default_model: no model has the name {self.default_model}")
        return self

    @model_validator(mode="after")
    def _prices_what_is_there(self) -> "Settings":
        ids = [provider.id for provider in self.providers]
        models = [model.name for model in self.models]
        for number, price in enumerate(self.prices.overrides):
            where = f"prices.overrides[{number}]"
            if price.model is not None and price.model not in models:
                raise ValueError(f"{where}.model: no model has the name {price.model}")
            if price.provider is not None and price.provider not in ids:
                raise ValueError(f"{where}.provider: no provider has the id {price.provider}")
        return self

    def _check_target(self, where: str, target: TargetSettings) -> None:
        provider = next((each for each in self.providers if each.id == target.provider), None)
        if provider is None:
            ids = ", ".join(each.id for each in self.providers)
            raise ValueError(
                f"{where}provider: no provider has the id {target.provider}; "
                f"there are: {ids or 'none'}"
            )
        credentials = [credential.name for credential in provider.credentials]
        if target.credential and target.credential not in credentials:
            raise ValueError(
                f"{where}credential: {target.provider} has no credential {target.credential}; "
                f"there are: {', '.join(credentials) or 'none'}"
            )
