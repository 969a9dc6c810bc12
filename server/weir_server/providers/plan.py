"""What is a provider to be? From settings or from Initialize alike: a plan that making follows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from weir.v1.error_pb2 import FieldViolation
from weir.v1.provider_service_pb2 import ProviderConfig
from weir_server.core.errors import ConfigInvalid
from weir_server.settings.tree import ProviderSettings

KIND_DEFAULT = "openai"
IGNORED_BY_ECHO = frozenset(
    {"endpoint", "api_key", "api_key_secret_ref", "organization_id", "headers", "max_retries"}
)
"""Fields of a caller's configuration that would have no effect on an echo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One of several keys of a provider."""

    name: str
    api_key: str = field(repr=False)
    organization_id: str | None = None


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
    credentials: tuple[Credential, ...] = ()
    """Several keys in place of `api_key` and `organization_id`."""
    model: str = ""
    timeout_s: float | None = None
    max_retries: int = 2
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    vendor: str = "openai"
    unlisted_models: bool = True
    max_concurrency: int | None = None
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
        credentials=tuple(
            Credential(
                name=credential.name,
                api_key=credential.api_key.get_secret_value(),
                organization_id=credential.organization_id,
            )
            for credential in settings.credentials
        ),
        model=settings.model,
        timeout_s=settings.timeout_s,
        max_retries=settings.max_retries,
        headers=settings.headers,
        vendor=settings.vendor,
        unlisted_models=settings.unlisted_models,
        max_concurrency=settings.max_concurrency,
        allow_private=settings.allow_private,
        allow_insecure_http=settings.allow_insecure_http,
        ca_file=settings.ca_file,
        slots=settings.slots,
        context_tokens=settings.context_tokens,
        weights_file=settings.weights_file,
        script_file=settings.script_file,
    )


def of_config(config: ProviderConfig) -> Plan:
    """Read a plan from a caller's configuration, whose fields were checked for shape.

    Raises ConfigInvalid for the embedded model, each of which is a process with its own copy of
    the weights, and for fields that would have no effect.
    """
    if config.provider_kind == "local":
        what = "Use another kind: local comes from the server's configuration only."
        raise ConfigInvalid(violations=[_violation("config.provider_kind", "KIND", what)])
    if config.provider_kind == "echo":
        _refuse_ignored(config)
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


def _refuse_ignored(config: ProviderConfig) -> None:
    ignored = [field.name for field, _ in config.ListFields() if field.name in IGNORED_BY_ECHO]
    if ignored:
        what = "Leave it out: an echo has no use for it."
        raise ConfigInvalid(
            violations=[_violation(f"config.{name}", "NOT_FOR_KIND", what) for name in ignored]
        )


def invalid(plan: Plan, name: str, rule: str, description: str) -> ConfigInvalid:
    """Return the error that names one field of a plan, as its author calls it."""
    return ConfigInvalid(violations=[_violation(plan.field_prefix + name, rule, description)])


def _violation(path: str, rule: str, description: str) -> FieldViolation:
    """Return what is wrong with one field."""
    return FieldViolation(field=path, rule=rule, description=description)
