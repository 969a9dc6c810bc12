"""What does a person see when the server starts? A few lines: where, what, and what is off."""

from collections.abc import Iterator
from importlib.metadata import version

from weir_server.cli.configuring import Configured, told
from weir_server.cli.options import DEFAULT_ADDRESS
from weir_server.identity.first_operator import OPERATOR_KEY_FILE
from weir_server.providers.formats.table import FORMATS
from weir_server.settings.defaults import local_is_installed
from weir_server.settings.tree import Settings, TlsSettings

_PER_PROCESS = "breakers, retry budgets and admission are each one's own"
_KINDS = {
    "local": "embedded model",
    "weir": "another Weir",
    "echo": "echo, for tests",
    **{kind: format_.label for kind, format_ in FORMATS.items()},
}


def banner(found: Configured, address: str) -> Iterator[str]:
    """Return the lines; `address` has the port that was really opened."""
    settings = found.settings
    yield f"Weir {version('weir-server')} ({found.source})"
    yield f"  listens    {address} ({_reach(settings)})"
    yield f"  providers  {providers_words(settings)}"
    yield f"  models     {models_words(settings)}"
    yield f"  keys       {_keys(settings)}"
    if settings.server.workers > 1:
        yield f"  workers    {settings.server.workers} processes; {workers_words(settings)}"
    yield f"  off        {', '.join(_off(settings)) or 'nothing'}"
    for warning in found.warnings:
        yield f"  warning    {told(warning)}"
    if settings.models:
        yield f"  try        {_example(settings, address)}"
    yield "  stop       Ctrl-C: running answers end first; twice: at once"


def workers_words(settings: Settings) -> str:
    """Return what several workers share, and what they do not."""
    if settings.redis.url is not None:
        return f"{_PER_PROCESS}, rate limits are shared"
    return f"{_PER_PROCESS}, rate limits are divided among them"


def providers_words(settings: Settings) -> str:
    """Return the providers with their kinds, such as `local (embedded model), echo (…)`."""
    said = [f"{provider.id} ({_KINDS[provider.kind]})" for provider in settings.providers]
    return ", ".join(said) or "none"


def models_words(settings: Settings) -> str:
    """Return the models' names, the default one marked."""
    default = settings.default_model or (settings.models[0].name if settings.models else "")
    said = [
        f"{model.name} (default)" if default in (model.name, *model.aliases) else model.name
        for model in settings.models
    ]
    return ", ".join(said) or "none"


def _reach(settings: Settings) -> str:
    server = settings.server
    who = "open to this machine only" if server.is_loopback else "open to other machines"
    if server.tls == "mesh":
        how = "plain text: the service mesh does TLS"
    elif isinstance(server.tls, TlsSettings):
        how = "TLS" if server.tls.client_ca_file is None else "mTLS: callers show certificates"
    else:
        how = "plain text"
    return f"{how}; {who}"


def _keys(settings: Settings) -> str:
    if not settings.asks_for_keys:
        return "none are asked for: whoever reaches the port may do everything"
    file = settings.server.data_dir / OPERATOR_KEY_FILE
    first = f"; an operator's is in {file}" if file.exists() else ""
    return f"every call needs one{first}"


def _off(settings: Settings) -> Iterator[str]:
    server = settings.server
    if server.tls is None:
        yield "TLS"
    if not server.allows(server.reflection):
        yield "reflection"
    if not server.takes_providers:
        yield "Initialize" if server.workers == 1 else "Initialize (it would reach one worker only)"
    if not server.access_log:
        yield "access log"
    if not local_is_installed():
        yield "the embedded model (`make model` installs it)"


def _example(settings: Settings, address: str) -> str:
    command = ["WEIR_API_KEY=… weir chat" if settings.asks_for_keys else "weir chat"]
    if isinstance(settings.server.tls, TlsSettings):
        command.append(f"--address https://{address} --tls-ca FILE")
    elif address != DEFAULT_ADDRESS:
        command.append(f"--address {address}")
    command.append('"Hello"')
    return " ".join(command)
