"""Which settings does a server start with? The file's, checked as far as no network is needed."""

import ssl
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from weir_server.accounting.price.overrides import problems_of as price_problems
from weir_server.accounting.price.published import load_published
from weir_server.accounting.tokens import BY_PROVIDER
from weir_server.accounting.vocabulary import SAME_TABLE, VOCABULARIES
from weir_server.core.clock import SystemClock
from weir_server.core.errors import ConfigInvalid
from weir_server.core.providers import ProviderFacts
from weir_server.providers.formats.table import can_count
from weir_server.providers.local.errors import LocalEngineError
from weir_server.providers.local.weights import usable_weights
from weir_server.providers.making import Maker
from weir_server.providers.plan import of_settings
from weir_server.routing.configured import catalogue_of
from weir_server.settings.defaults import default_settings
from weir_server.settings.load import Loaded, Problem, SettingsInvalid, load
from weir_server.settings.marks import Marks
from weir_server.settings.tree import ProviderSettings, ServerSettings, Settings, TlsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """Settings to start with, and where they come from."""

    settings: Settings
    source: str
    """The file, or what stands in for it."""
    warnings: tuple[Problem, ...]
    """What an operator should know though it works."""
    marks: Marks
    """Of the files that this was read from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the command line says in place of the file."""

    listen: str | None = None
    """Stands for server.listen."""
    workers: int | None = None
    """Stands for server.workers."""
    data_dir: str | None = None
    """Stands for server.data_dir. A text, as workers are told of it in JSON."""


NO_OVERRIDES = Overrides()


def configured(config: Path | None, overrides: Overrides = NO_OVERRIDES) -> Configured:
    """Read the settings, or take the default ones. Raises SettingsInvalid with every problem."""
    loaded = load(config) if config is not None else Loaded(settings=default_settings())
    settings = loaded.settings
    try:
        server = _overridden(settings.server, overrides)
    except SettingsInvalid as invalid:
        raise SettingsInvalid(invalid.problems, loaded.marks) from invalid
    settings = settings.model_copy(update={"server": server})
    problems = list(problems_of(settings))
    if problems:
        raise SettingsInvalid(problems, loaded.marks)
    return Configured(
        settings=settings,
        source=str(config) if config is not None else "no configuration: the defaults",
        warnings=(*loaded.warnings, *_warnings_of(settings)),
        marks=loaded.marks,
    )


def problems_of(settings: Settings) -> Iterator[Problem]:
    """Find what would fail at start though each value alone is fine; nothing is sent anywhere."""
    tls = settings.server.tls
    if isinstance(tls, TlsSettings):
        yield from _tls_problems(tls)
    if settings.server.workers > 1:
        yield from _worker_problems(settings)
    maker = Maker(settings, SystemClock())
    facts: dict[str, ProviderFacts] = {}
    for number, provider in enumerate(settings.providers):
        where = f"providers[{number}]"
        try:
            facts[provider.id] = maker.check(provider.id, of_settings(provider))
        except ConfigInvalid as invalid:
            for violation in invalid.violations:
                yield Problem(where=f"{where}.{violation.field}", what=violation.description)
        yield from _file_problems(provider, where)
    kinds = {provider.id: provider.kind for provider in settings.providers}
    for number, model in enumerate(settings.models):
        for place, target in enumerate(model.each_target()):
            kind = kinds[target.provider]
            if target.tokenizer == BY_PROVIDER and not can_count(kind):
                where = f"targets[{place}]." if model.targets else ""
                yield Problem(
                    where=f"models[{number}].{where}tokenizer",
                    what=f"providers of kind {kind} do not count; {_known_tokenizers()}",
                )
    if settings.prices.overrides and len(facts) == len(settings.providers):
        targets = catalogue_of(settings, facts, SystemClock()).targets()
        lists = {provider: each.price_list for provider, each in facts.items()}
        yield from price_problems(settings.prices, load_published(), targets, lists)


def told(problem: Problem) -> str:
    """Return a problem in one line: where it is, what is wrong and how to mend it."""
    return " ".join(str(problem).split())


def _overridden(server: ServerSettings, overrides: Overrides) -> ServerSettings:
    if overrides.workers is not None:
        server = server.model_copy(update={"workers": overrides.workers})
    if overrides.data_dir is not None:
        server = server.model_copy(update={"data_dir": Path(overrides.data_dir)})
    if overrides.listen is None:
        return server
    try:
        return ServerSettings.model_validate(server.model_dump() | {"listen": overrides.listen})
    except ValidationError as failure:
        said = [error["msg"].removeprefix("Value error, ") for error in failure.errors()]
        raise SettingsInvalid([Problem(where="--listen", what=what) for what in said]) from failure


def _worker_problems(settings: Settings) -> Iterator[Problem]:
    server = settings.server
    smallest = settings.rates.smallest()
    if settings.redis.url is None and smallest is not None and smallest < server.workers:
        yield Problem(
            where="rates",
            what=f"a limit of {smallest} cannot be divided among {server.workers} workers: set "
            "redis.url, so that they count together, raise the limit, or set server.workers to 1",
        )
    if not sys.platform.startswith("linux"):
        yield Problem(
            where="server.workers", what="processes share a port on Linux only; set it to 1"
        )
    if server.listen.startswith("unix:"):
        yield Problem(
            where="server.workers",
            what=f"processes cannot share {server.listen}: set it to 1, or listen on host:port",
        )
    if server.initialize == "on":
        yield Problem(
            where="server.initialize",
            what="a provider brought in would be known to one of the workers only: leave it out or "
            "set it to off and put the provider into the configuration, or set server.workers to 1",
        )


def _tls_problems(tls: TlsSettings) -> Iterator[Problem]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    files = {"cert_file": tls.cert_file, "key_file": tls.key_file}
    unreadable = [
        problem
        for name, file in files.items()
        if (problem := _unreadable(file, f"server.tls.{name}")) is not None
    ]
    yield from unreadable
    if not unreadable:
        try:
            # A password keeps OpenSSL from asking for one at the terminal.
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
        except (ssl.SSLError, ValueError):
            yield Problem(
                where="server.tls",
                what=f"{tls.cert_file} and {tls.key_file} are no PEM certificate and its own key "
                "without a password; check both files",
            )
    if tls.client_ca_file is not None:
        yield from _roots_problems(tls.client_ca_file, "server.tls.client_ca_file")


def _file_problems(provider: ProviderSettings, where: str) -> Iterator[Problem]:
    if provider.ca_file is not None:
        yield from _roots_problems(provider.ca_file, f"{where}.ca_file")
    if provider.kind == "local":
        weights_file = Path(provider.weights_file) if provider.weights_file else None
        try:
            usable_weights(weights_file)
        except LocalEngineError as error:
            at = f"{where}.weights_file" if weights_file is not None else where
            yield Problem(where=at, what=str(error))


def _roots_problems(file: str, where: str) -> Iterator[Problem]:
    unreadable = _unreadable(file, where)
    if unreadable is not None:
        yield unreadable
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except ssl.SSLError:
        yield Problem(where=where, what=f"{file} holds no PEM certificate; name a file that does")


def _unreadable(file: str, where: str) -> Problem | None:
    try:
        Path(file).read_bytes()
    except OSError as failure:
        what = f"{file} cannot be read ({failure.strerror}); name a file that can"
        return Problem(where=where, what=what)
    return None


def _warnings_of(settings: Settings) -> Iterator[Problem]:
    workers = settings.server.workers
    for number, provider in enumerate(settings.providers):
        if provider.kind == "local" and workers > 1:
            yield Problem(
                where=f"providers[{number}]",
                what=f"each of the {workers} workers loads this model and runs a process for it; "
                "where that is too much, set server.workers to 1 or leave it out",
            )
    known = {"", BY_PROVIDER, *VOCABULARIES, *SAME_TABLE}
    for number, model in enumerate(settings.models):
        if model.tokenizer not in known:
            yield Problem(
                where=f"models[{number}].tokenizer",
                what=f"{model.tokenizer} is not here, so counts are estimates; "
                f"{_known_tokenizers()}",
            )
    if not settings.models:
        yield Problem(
            where="models", what="is empty, so callers can name no model; add one for each"
        )


def _known_tokenizers() -> str:
    return f"use one of {', '.join((*VOCABULARIES, *SAME_TABLE))}, or leave it out"
