"""How does one talk with a model from a terminal? One question, or a conversation."""

import asyncio
import sys
from collections.abc import Sequence

import weir
from weir.v1.content_pb2 import Message
from weir_server.cli.answer import AnswerView
from weir_server.cli.asking import ask
from weir_server.cli.calling import client_of, given_or_piped
from weir_server.cli.conversation import Conversation
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.options import Server, Wanted
from weir_server.cli.terminal import Terminal


def run(server: Server, wanted: Wanted, *, prompt: str | None, system: str) -> ExitCode:
    """Answer the prompt; without one, what standard input says, or whoever sits there."""
    terminal = Terminal()
    opening = [weir.system(system)] if system else []
    if prompt is None and sys.stdin.isatty():
        if wanted.idempotency_key:
            raise CommandError(
                "--idempotency-key names one question: write it after the command, or pipe it in.",
                ExitCode.USAGE,
            )
        return Conversation(server, wanted, terminal, opening).run()
    question = weir.user(given_or_piped(prompt, what="prompt"))
    try:
        asyncio.run(_once(server, wanted, terminal, [*opening, question]))
    except ValueError as error:  # the client's word for an argument that cannot be sent
        raise CommandError(str(error), ExitCode.USAGE) from error
    return ExitCode.OK


async def _once(
    server: Server, wanted: Wanted, terminal: Terminal, messages: Sequence[Message]
) -> None:
    async with client_of(server) as client:
        await ask(client, messages, server, wanted, AnswerView.of(wanted, terminal))
