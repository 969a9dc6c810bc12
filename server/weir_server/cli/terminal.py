"""How does the command speak? Answers on standard output, words about them on standard error.

At a terminal there is colour, and a control character in a model's answer is shown instead of
obeyed. In a pipe there is neither: bytes go through as they are.
"""

import sys
from functools import cached_property
from typing import TextIO

from rich.console import Console
from rich.text import Text

WIDTH_IN_A_PIPE = 160
"""Columns of a table that nobody sees at a terminal; rich would assume 80 and cut."""

# A carriage return would overwrite the line; the rest could move the cursor or set the title.
_CONTROLS = {
    code: None if code == 0x0D else f"\\x{code:02x}"
    for code in (*range(0x20), *range(0x7F, 0xA0))
    if chr(code) not in "\n\t"
}


def visible(text: str) -> str:
    """Return `text` with its control characters written out, line ends and tabs apart."""
    return text.translate(_CONTROLS)


class Terminal:
    """Standard output and standard error of this process."""

    @cached_property
    def out(self) -> Console:
        """Where answers go, tables too."""
        return _console(sys.stdout)

    @cached_property
    def err(self) -> Console:
        """Where words about answers go."""
        return _console(sys.stderr)

    def answer(self, text: str, style: str = "") -> None:
        """Write a piece of an answer, at once and without a line end."""
        if self.out.is_terminal:
            self.out.print(Text(visible(text), style=style), end="", soft_wrap=True)
        else:
            sys.stdout.write(text)
        sys.stdout.flush()

    def line(self, text: str) -> None:
        """Write a line of an answer, for programs too."""
        self.answer(f"{text}\n")

    def say(self, text: str, style: str = "") -> None:
        """Write a line about an answer."""
        self.err.print(Text(visible(text), style=style), soft_wrap=True)


def _console(stream: TextIO) -> Console:
    console = Console(file=stream, markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDTH_IN_A_PIPE
    return console
