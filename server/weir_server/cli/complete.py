"""How does a model go on from a text? Asked once, shown as it is written."""

import asyncio

from weir_server.cli.answer import AnswerView
from weir_server.cli.calling import client_of, given_or_piped, options_of
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.options import Server, Wanted
from weir_server.cli.terminal import Terminal


def run(server: Server, wanted: Wanted, *, prompt: str | None) -> ExitCode:
    """Show how the text goes on; without one, that of standard input."""
    text = given_or_piped(prompt, what="text to go on from")
    asyncio.run(_complete(server, wanted, text))
    return ExitCode.OK


async def _complete(server: Server, wanted: Wanted, prompt: str) -> None:
    view = AnswerView.of(wanted, Terminal())
    try:
        async with (
            client_of(server) as client,
            client.stream_complete(
                prompt,
                options=options_of(wanted),
                model=wanted.model,
                provider=wanted.provider,
                timeout_s=server.deadline_s,
            ) as stream,
        ):
            async for event in stream:
                view.take(event)
    finally:
        view.finish()
