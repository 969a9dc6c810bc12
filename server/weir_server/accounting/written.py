"""How much has been written so far? A text as it grows: counted whole while short, then by samples.

The beginning is kept, and beyond it short windows at even distances, which double whenever there
are too many: an answer that turns from prose to code is seen in its right parts, and what is kept,
and counted in the end, stays the same however long it becomes.
"""

from io import StringIO
from typing import Final

from weir_server.accounting.encoder import INLINE_CHARS
from weir_server.accounting.tokens import Tokens
from weir_server.core.target import Target

WINDOW_CHARS: Final = 256
WINDOWS_MAX: Final = 64


class Written:
    """A text as it grows."""

    __slots__ = ("_at", "_beginning", "_every_chars", "_open", "_windows", "chars")

    def __init__(self) -> None:
        self._beginning: StringIO | None = None
        self._windows: list[str] = []
        self._open = ""
        """The window that is being filled."""
        self._every_chars = 2 * WINDOW_CHARS
        self._at = INLINE_CHARS
        """Where the window begins that is being filled, or the next one."""
        self.chars = 0

    def add(self, text: str) -> None:
        """Take more; only so much is kept as would be counted."""
        begin, self.chars = self.chars, self.chars + len(text)
        if begin < INLINE_CHARS:
            if self._beginning is None:
                self._beginning = StringIO()
            self._beginning.write(text[: INLINE_CHARS - begin])
        while self.chars > self._at:
            wanted = WINDOW_CHARS - len(self._open)
            skipped = max(self._at + len(self._open) - begin, 0)
            self._open += text[skipped : skipped + wanted]
            if len(self._open) < WINDOW_CHARS:
                return
            self._close_window()

    def _close_window(self) -> None:
        self._windows.append(self._open)
        self._open = ""
        if len(self._windows) == WINDOWS_MAX:
            self._windows = self._windows[::2]
            self._every_chars *= 2
            # Every other one is left, so the next is two old distances after the last that is.
            self._at += self._every_chars // 2
        else:
            self._at += self._every_chars

    def tokens(self, tokens: Tokens, target: Target) -> int:
        """Count what is kept, and scale it up to all there was."""
        if self._beginning is None:
            return 0
        text = self._beginning.getvalue()
        count = tokens.estimate_text(target, text)
        rest = self.chars - len(text)
        if not rest:
            return count
        sample = "".join((*self._windows, self._open))
        if len(sample) < WINDOW_CHARS:
            # Too little to go by: as much as the beginning says.
            return round(count * self.chars / len(text))
        return count + round(tokens.estimate_text(target, sample) * rest / len(sample))
