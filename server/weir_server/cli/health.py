"""Is the server serving? Asked once, or every second."""

import asyncio
import time

import weir
from weir_server.cli.calling import client_of
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.options import Server
from weir_server.cli.terminal import Terminal

WATCH_INTERVAL_S = 1.0


def run(server: Server, *, service: str, watch: bool) -> ExitCode:
    """Print how the server is; with `watch`, each change until Ctrl-C."""
    terminal = Terminal()
    if watch:
        asyncio.run(_watch(server, service, terminal))
    try:
        status = asyncio.run(_check(server, service))
    except weir.DeadlineExceededError as error:
        # A server that is stuck is as little use as one that is gone.
        raise weir.UnavailableError(error.message, code=weir.Code.UNAVAILABLE) from error
    except weir.NotFoundError as error:
        raise CommandError(
            f"This server has no service {service}. Without --service all are asked; one of them "
            "is weir.v1.LLMProviderService.",
            ExitCode.NOT_FOUND,
        ) from error
    terminal.line(status.name)
    return ExitCode.OK if status is weir.HealthStatus.SERVING else ExitCode.UNAVAILABLE


async def _check(server: Server, service: str) -> weir.HealthStatus:
    async with client_of(server) as client:
        return await client.health(service, timeout_s=server.deadline_s)


async def _watch(server: Server, service: str, terminal: Terminal) -> None:
    async with client_of(server) as client:
        before = ""
        while True:
            try:
                now = (await client.health(service, timeout_s=server.deadline_s)).name
            except weir.WeirError as error:
                now = f"{error.code.name}: {error.message}"
            if now != before:
                terminal.line(f"{time.strftime('%H:%M:%S')} {now}")
                before = now
            await asyncio.sleep(WATCH_INTERVAL_S)
