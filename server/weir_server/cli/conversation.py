"""How does a conversation at the terminal go? Ctrl-C ends an answer, Ctrl-D the conversation."""

import asyncio
import sys
from collections.abc import Sequence

import weir
from weir.v1.content_pb2 import Message
from weir_server.cli.answer import AnswerView
from weir_server.cli.asking import ask
from weir_server.cli.calling import client_of
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import code_for, tell
from weir_server.cli.options import Server, Wanted
from weir_server.cli.terminal import Terminal

PROMPT = "you> "
NEW = "/new"


class Conversation:
    """Question and answer in turn, each answer knowing what was said before."""

    def __init__(
        self, server: Server, wanted: Wanted, terminal: Terminal, opening: Sequence[Message]
    ) -> None:
        self._server = server
        self._wanted = wanted
        self._terminal = terminal
        self._opening = tuple(opening)
        self._history: list[Message] = list(opening)
        self._failed: weir.WeirError | None = None

    def run(self) -> ExitCode:
        """Talk until Ctrl-D; the exit code is that of the last answer."""
        _enable_line_editing()
        self._terminal.say(
            f"Weir at {self._server.address}. Ctrl-C ends an answer, {NEW} begins anew, "
            "Ctrl-D leaves.",
            "dim",
        )
        client = client_of(self._server)
        with asyncio.Runner() as runner:
            try:
                while (question := self._next_question()) is not None:
                    self._turn(runner, client, question)
            finally:
                runner.run(client.close())
        return ExitCode.OK if self._failed is None else code_for(self._failed)

    def _next_question(self) -> str | None:
        """Return what was typed, or None for Ctrl-D."""
        while True:
            try:
                question = input(PROMPT).strip()
            except EOFError:
                self._terminal.answer("\n")
                return None
            except KeyboardInterrupt:
                self._terminal.say("\nCtrl-D leaves.", "dim")
                continue
            if question == NEW:
                self._history = list(self._opening)
                self._terminal.say("All that was said is forgotten.", "dim")
            elif question:
                return question

    def _turn(self, runner: asyncio.Runner, client: weir.AsyncClient, question: str) -> None:
        view = AnswerView.of(self._wanted, self._terminal)
        asked = weir.user(question)
        self._failed = None
        try:
            answer = runner.run(
                ask(client, [*self._history, asked], self._server, self._wanted, view)
            )
        except KeyboardInterrupt:
            self._terminal.say("(ended by you)", "dim")
            # What was read so far was said: the next question may speak of it.
            answer = weir.assistant(view.text)
        except weir.WeirError as error:
            self._failed = error
            tell(self._terminal, error, self._server)
            return
        if any(part.WhichOneof("kind") != "text" or part.text for part in answer.parts):
            self._history += (asked, answer)


def _enable_line_editing() -> None:
    """Let arrow keys edit the line and bring back earlier ones, where Python has readline."""
    try:
        import readline
    except ImportError:
        return
    # Without this a pasted tab would start a completion that there is none for.
    readline.parse_and_bind("tab: self-insert")
    sys.stdout.flush()
