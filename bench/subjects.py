"""Which servers are compared, and how is each started and counted?"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.counts import AccessLogCounter, Counter, FloorCounter
from bench.plan import CHUNKS, Kind
from bench.procs import Served, StartError, free_port, serve, tail
from bench.upstreams import COMPLETIONS, Upstreams, model_of


class Subject(StrEnum):
    """A server under test."""

    FLOOR = "floor"
    WEIR = "weir"
    BYPASSED = "bypassed"
    """Weir with resilience switched off."""
    UNBOOKED = "unbooked"
    """Weir without its ledger: no reservation, no settlement, no price."""
    ANTHROPIC = "anthropic"
    """Weir whose bursts come in Anthropic's words."""
    GEMINI = "gemini"
    """Weir whose bursts come in Google's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A subject that answers, with the counter that knows its calls."""

    label: str
    served: Served
    counter: Counter


@contextmanager
def run_subject(
    subject: Subject, *, label: str, scratch: Path, core: int, upstreams: Upstreams
) -> Iterator[Running]:
    """Start `subject` on `core`, see it give one whole answer of each kind, stop it at the end.

    Raises StartError if it does not listen, or if an answer is not the upstream's.
    """
    base_urls = upstreams.base_urls
    home = scratch / label
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    counter: Counter
    if subject is Subject.FLOOR:
        counters = home / "counters"
        command = floor_command(port, counters, base_urls)
        counter = FloorCounter(counters)
    else:
        config = home / "weir.yaml"
        kind = str(subject)
        if kind in upstreams.formats:
            base_urls = {**base_urls, model_of(Kind.BURST): upstreams.formats[kind]}
            kinds = {model_of(Kind.BURST): kind}
        else:
            kinds = {}
        config.write_text(
            weir_config(
                port,
                base_urls,
                data_dir=home / "data",
                kinds=kinds,
                resilience=subject is not Subject.BYPASSED,
                ledger=subject is not Subject.UNBOOKED,
            )
        )
        command = (sys.executable, "-m", "weir_server.cli", "serve", "--config", str(config))
        counter = AccessLogCounter(home / "log")
    with serve(
        name=label,
        command=command,
        port=port,
        core=core,
        log=home / "log",
        environment={"BENCH_KEY": "sk-bench-0000000000000000"},
    ) as served:
        prove(label, served)
        yield Running(label=label, served=served, counter=counter)


def floor_command(port: int, counters: Path, base_urls: Mapping[str, str]) -> tuple[str, ...]:
    """The floor's command line."""
    upstreams = [f"--upstream={model}={url}{COMPLETIONS}" for model, url in base_urls.items()]
    arguments = (f"--port={port}", f"--counters={counters}", *upstreams)
    return (sys.executable, "-m", "bench.floor", *arguments)


def weir_config(
    port: int,
    base_urls: Mapping[str, str],
    *,
    data_dir: Path,
    kinds: Mapping[str, str] | None = None,
    resilience: bool = True,
    ledger: bool = True,
) -> str:
    """Weir's configuration for the run: a provider and a model per upstream, nothing else set.

    Written as JSON, which is YAML. data_dir: where its ledger lies, durable as it comes.
    kinds: the kind of each provider that is not openai.
    resilience, ledger: False switches that off, and only that.
    """
    providers = [
        {
            "id": model,
            "kind": (kinds or {}).get(model, "openai"),
            "endpoint": url,
            "api_key": "${BENCH_KEY}",
            "allow_private": True,
            "allow_insecure_http": True,
        }
        for model, url in base_urls.items()
    ]
    models = [{"name": model, "provider": model, "vendor_model": model} for model in base_urls]
    settings: dict[str, object] = {
        "server": {"listen": f"127.0.0.1:{port}", "data_dir": str(data_dir)},
        "providers": providers,
        "models": models,
    }
    if not resilience:
        settings["resilience"] = {"enabled": False}
    if not ledger:
        settings["ledger"] = {"enabled": False}
    return json.dumps(settings, indent=2)


def prove(label: str, served: Served) -> None:
    """Have a grpcio client compare one answer of each kind; raises StartError if one differs."""
    done = subprocess.run(
        (
            sys.executable,
            "-m",
            "bench.proof",
            f"--port={served.port}",
            f"--chunks={CHUNKS}",
            f"--unary={model_of(Kind.UNARY)}",
            f"--stream={model_of(Kind.BURST)}",
            f"--stream={model_of(Kind.PACED)}",
        ),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GRPC_VERBOSITY": "NONE"},
    )
    if done.returncode != 0:
        raise StartError(
            f"{label} does not answer as the upstream did: {done.stderr.strip()}\n"
            f"{tail(served.log)}"
        )
