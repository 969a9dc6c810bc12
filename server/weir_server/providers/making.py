"""How is a provider made? From settings or from Initialize alike: a plan, then the thing itself."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from weir.v1.error_pb2 import FieldViolation
from weir.v1.model_pb2 import ModelCapabilities
from weir.v1.provider_service_pb2 import ProviderConfig
from weir_server.core.call import Call
from weir_server.core.clock import Clock
from weir_server.core.errors import ConfigInvalid
from weir_server.core.handler import Handler
from weir_server.core.providers import ProviderFacts
from weir_server.core.tokens import ProviderTokenCounter
from weir_server.providers.echo.provider import EchoProvider
from weir_server.providers.echo.provider import capabilities as echo_capabilities
from weir_server.providers.echo.script import Scene, ScriptInvalid, scenes
from weir_server.settings.tree import ProviderSettings, Settings

KIND_DEFAULT = "openai"
KINDS = ("openai", "local", "echo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider that was made."""

    facts: ProviderFacts
    handler: Handler
    probe: Callable[[Call], Awaitable[None]]
    close: Callable[[], Awaitable[None]]
    counter: ProviderTokenCounter | None = None
    """Who counts its tokens, where the provider itself can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a provider is to be, wherever that was said."""

    kind: str
    field_prefix: str
    """What stands before a field in a violation: `config.`, or empty for settings."""
    endpoint: str | None = None
    api_key: str = field(default="", repr=False)
    api_key_secret_ref: str = ""
    organization_id: str | None = None
    model: str = ""
    timeout_s: float | None = None
    max_retries: int = 2
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    vendor: str = "openai"
    allow_private: bool = False
    """Whether the operator said that this endpoint may be private."""
    allow_insecure_http: bool = False
    ca_file: str | None = None
    slots: int = 4
    context_tokens: int = 2048
    weights_file: str | None = None
    script_file: str | None = None


def of_settings(settings: ProviderSettings) -> Plan:
    """Read a plan from the configuration file."""
    return Plan(
        kind=settings.kind,
        field_prefix="",
        endpoint=settings.endpoint,
        api_key=settings.api_key.get_secret_value() if settings.api_key is not None else "",
        organization_id=settings.organization_id,
        model=settings.model,
        timeout_s=settings.timeout_s,
        max_retries=settings.max_retries,
        headers=settings.headers,
        vendor=settings.vendor,
        allow_private=settings.allow_private,
        allow_insecure_http=settings.allow_insecure_http,
        ca_file=settings.ca_file,
        slots=settings.slots,
        context_tokens=settings.context_tokens,
        weights_file=settings.weights_file,
        script_file=settings.script_file,
    )


def of_config(config: ProviderConfig) -> Plan:
    """Read a plan from a caller's configuration, whose fields were checked for shape."""
    timeout = config.timeout
    return Plan(
        kind=config.provider_kind or KIND_DEFAULT,
        field_prefix="config.",
        endpoint=config.endpoint if config.HasField("endpoint") else None,
        api_key=config.api_key,
        api_key_secret_ref=config.api_key_secret_ref,
        organization_id=config.organization_id if config.HasField("organization_id") else None,
        model=config.model,
        timeout_s=timeout.ToNanoseconds() / 1e9 if config.HasField("timeout") else None,
        max_retries=config.max_retries if config.HasField("max_retries") else 2,
        headers=dict(config.headers),
    )
