"""Who plays the vendor in each case, and under which address?"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import nginx
from bench.counts import Counter, NginxCounter, PacedCounter
from bench.formats import spoken
from bench.load import Target
from bench.payload import completion, sse_body, vendor_request
from bench.plan import CHUNKS, Kind, Plan
from bench.procs import free_port, serve

COMPLETIONS = "/chat/completions"
IDLE_MODEL = "bench-idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstreams:
    """The vendors of one run: base URL per model name, who counts what, and the direct way."""

    base_urls: Mapping[str, str]
    counters: Mapping[Kind, Counter]
    direct: Mapping[Kind, Target]
    idle: PacedCounter
    formats: Mapping[str, str]
    """Base URL of the burst in other vendors' words, by the kind of provider."""


def model_of(kind: Kind) -> str:
    """The model name by which a request chooses its upstream."""
    return f"bench-{kind}"


@contextmanager
def run_upstreams(plan: Plan, scratch: Path) -> Iterator[Upstreams]:
    """nginx for what comes at once, two paced servers for what trickles, on the load's core."""
    core = plan.load_core
    with ExitStack() as stack:
        site_port = free_port()
        burst = model_of(Kind.BURST)
        others = spoken(burst, CHUNKS)
        config = nginx.write_site(
            scratch,
            site_port,
            {
                nginx.UNARY_PATH: (
                    "application/json",
                    completion(model_of(Kind.UNARY), CHUNKS),
                ),
                nginx.BURST_PATH: ("text/event-stream", sse_body(burst, CHUNKS)),
                **{
                    each.base + each.path.format(model=burst): ("text/event-stream", each.body)
                    for each in others.values()
                },
            },
        )
        stack.enter_context(
            serve(
                name="nginx",
                command=nginx.command(config),
                port=site_port,
                core=core,
                log=scratch / "nginx.log",
            )
        )
        paced_port = _paced(stack, scratch, core, model_of(Kind.PACED), plan.interval_ms, CHUNKS)
        idle_port = _paced(
            stack, scratch, core, IDLE_MODEL, plan.idle_interval_ms, plan.idle_chunks
        )
        site, site_counter = (
            f"http://127.0.0.1:{site_port}",
            NginxCounter(f"http://127.0.0.1:{site_port}{nginx.STATUS_PATH}"),
        )
        paths = {
            Kind.UNARY: (site_port, nginx.UNARY_PATH),
            Kind.BURST: (site_port, nginx.BURST_PATH),
            Kind.PACED: (paced_port, f"/v1{COMPLETIONS}"),
        }
        yield Upstreams(
            base_urls={
                model_of(Kind.UNARY): site + nginx.UNARY_PATH.removesuffix(COMPLETIONS),
                model_of(Kind.BURST): site + nginx.BURST_PATH.removesuffix(COMPLETIONS),
                model_of(Kind.PACED): f"http://127.0.0.1:{paced_port}/v1",
                IDLE_MODEL: f"http://127.0.0.1:{idle_port}/v1",
            },
            counters={
                Kind.UNARY: site_counter,
                Kind.BURST: site_counter,
                Kind.PACED: PacedCounter(f"http://127.0.0.1:{paced_port}/counters"),
            },
            direct={
                kind: Target(port=port, path=path, body=_direct_body(scratch, kind), grpc=False)
                for kind, (port, path) in paths.items()
            },
            idle=PacedCounter(f"http://127.0.0.1:{idle_port}/counters"),
            formats={kind: site + each.base for kind, each in others.items()},
        )


def _paced(
    stack: ExitStack, scratch: Path, core: int, model: str, interval_ms: float, chunks: int
) -> int:
    port = free_port()
    command = (sys.executable, "-m", "bench.paced", f"--port={port}", f"--model={model}")
    stack.enter_context(
        serve(
            name=f"the upstream of {model}",
            command=(*command, f"--interval-ms={interval_ms}", f"--chunks={chunks}"),
            port=port,
            core=core,
            log=scratch / f"{model}.log",
        )
    )
    return port


def _direct_body(scratch: Path, kind: Kind) -> Path:
    body = scratch / f"direct-{kind}.json"
    body.write_bytes(vendor_request(model_of(kind), stream=kind is not Kind.UNARY))
    return body
