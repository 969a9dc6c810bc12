"""How are the targets doing, and what should hold for one of them?"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing

from rich.live import Live

import weir
from weir.admin.v1.admin_service_pb2 import CircuitState, Target
from weir_server.cli.answer import as_json_line
from weir_server.cli.calling import client_of
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.options import Server
from weir_server.cli.target_table import FRAME_MIN_WIDTH, circuit_words, short, table
from weir_server.cli.terminal import Terminal

REDRAWS_PER_S = 2
"""How often the live table is drawn anew, for the times in it."""
NAMED_MAX = 20
"""So many targets are named to a person who named none of them."""


def run(server: Server, *, once: bool, as_json: bool) -> ExitCode:
    """Show the targets: live at a terminal, else once, as a table or as JSON, one a line."""
    terminal = Terminal()
    if terminal.out.is_terminal and not once and not as_json:
        asyncio.run(_watch(server, terminal))
        return ExitCode.OK
    targets = asyncio.run(_list(server))
    if as_json:
        for target in targets:
            terminal.line(as_json_line(target))
    elif targets:
        terminal.out.print(table(targets, now_s=time.time(), framed=_framed(terminal)))
    else:
        terminal.say("There are none: no model of this server leads to one.")
    return ExitCode.OK


def force(server: Server, given: str, circuit: str, *, as_json: bool) -> ExitCode:
    """Force a target's circuit, or give it back, and print what holds then.

    given: a name as `named` reads it. circuit: the end of a CircuitState, such as `FORCED_OPEN`.
    """
    terminal = Terminal()
    target = asyncio.run(_force(server, given, CircuitState.Value(f"CIRCUIT_STATE_{circuit}")))
    words = f"{short(target.name)}: {circuit_words(target)}"
    terminal.line(as_json_line(target) if as_json else words)
    return ExitCode.OK


def named(given: str, targets: Sequence[Target]) -> str:
    """Return the resource name that a person means, by it, by its short form or its last part.

    Raises CommandError with the candidates where there are several, or none.
    """
    for form in (lambda t: t.name, lambda t: short(t.name), lambda t: t.vendor_model):
        found = [target.name for target in targets if form(target) == given]
        if len(found) == 1:
            return found[0]
        if found:
            raise CommandError(
                f"{given} may be any of these; name one:\n{_listing(found)}", ExitCode.USAGE
            )
    if not targets:
        raise CommandError("This server has no targets.", ExitCode.NOT_FOUND)
    known = [target.name for target in targets]
    raise CommandError(
        f"There is no target {given}. There are:\n{_listing(known)}", ExitCode.NOT_FOUND
    )


def _framed(terminal: Terminal) -> bool:
    return terminal.out.is_terminal and terminal.out.width >= FRAME_MIN_WIDTH


def _listing(names: Sequence[str]) -> str:
    lines = [f"  {short(name)}" for name in names[:NAMED_MAX]]
    if len(names) > NAMED_MAX:
        lines.append("  and more: `weir targets --once` lists them all")
    return "\n".join(lines)


async def _list(server: Server) -> Sequence[Target]:
    async with client_of(server) as client:
        return await client.admin.list_targets(timeout_s=server.deadline_s)


async def _force(server: Server, given: str, circuit: CircuitState.ValueType) -> Target:
    async with client_of(server) as client:
        targets = await client.admin.list_targets(timeout_s=server.deadline_s)
        name = named(given, targets)
        return await client.admin.set_circuit_state(name, circuit, timeout_s=server.deadline_s)


async def _watch(server: Server, terminal: Terminal) -> None:
    """Draw the table anew at every change, until Ctrl-C or the end of --deadline."""
    async with client_of(server) as client:
        # Asked for first: a server that does not answer should not look like one without targets.
        seen = await client.admin.list_targets(timeout_s=server.deadline_s)
        with Live(
            get_renderable=lambda: table(seen, now_s=time.time(), framed=_framed(terminal)),
            console=terminal.out,
            refresh_per_second=REDRAWS_PER_S,
        ) as live:
            while True:
                try:
                    watch = client.admin.watch_targets(timeout_s=server.deadline_s)
                    async with aclosing(watch) as lists:
                        async for targets in lists:
                            seen = targets
                            live.refresh()
                except weir.DeadlineExceededError:
                    # A watch has a deadline too; who set none wants to go on.
                    if server.deadline_s is not None:
                        raise
