"""What becomes of what a model thinks? It is shown or hidden, and kept where a next turn wants it.

Hidden reasoning leaves no text in the answer. Where the vendor wants it back, or its signature or
its details, they are the part's state: without them the next turn of a tool's call is refused, or
thinks worse.
"""

from msgspec import Struct
from msgspec.json import decode

from weir_server.providers.wire.kept import Kept
from weir_server.providers.wire.openai.details import Details
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.parts import PartWriter, TextKind, json_text, whole
from weir_server.providers.wire.state import opened, sealed

_REASONING = TextKind.REASONING
_HIDDEN = "openai.hidden"
"""Marks the state of a part whose text is hidden: any vendor of this protocol reads the text, which
would have crossed in the open, and only the one that gave it the state within."""


class Hidden(Struct):
    """What a part would have been, had its text been shown."""

    text: str
    state: str = ""
    """Its `provider_state`."""


def revealed(state: bytes) -> Hidden | None:
    """Return the hidden part that this is the state of; None: it is no such state."""
    said = opened(_HIDDEN, state)
    if not said:
        return None
    try:
        return decode(said, type=Hidden)
    except (ValueError, RecursionError):
        return None


class Thoughts:
    """Writes the reasoning of one answer."""

    __slots__ = (
        "_details",
        "_hidden",
        "_hides",
        "_keeps_details",
        "_keeps_text",
        "_quirks",
        "_writer",
        "held",
    )

    def __init__(self, writer: PartWriter, quirks: Quirks, *, hide: bool) -> None:
        self.held = False
        """Whether there is something to be said when the reasoning ends; see `settle`."""
        self._writer = writer
        self._quirks = quirks
        self._hides = hide
        self._keeps_details = bool(quirks.state_kind)
        self._keeps_text = quirks.reasoning_in_content or bool(quirks.reasoning_history_field)
        self._details = Details()
        """What the vendor wants back of the open reasoning."""
        self._hidden = Kept()
        """The text of the open reasoning, where it is not shown."""

    def say(self, text: str) -> None:
        """Take what the model thinks."""
        if not self._hides:
            self._writer.text(_REASONING, text)
        elif self._keeps_text:
            self._writer.pulse(_REASONING)
            self._hidden.add(text)
            self._writer.held_chars += len(text)
            self.held = True

    def detail(self, details: list[object]) -> None:
        """Take what the vendor wants back of it."""
        if self._keeps_details:
            self._writer.held_chars += self._details.add(details)
            self.held = self.held or bool(self._details)

    def sign(self, signature: str) -> None:
        """End the open reasoning, or one that has no words, with its signature."""
        if self._quirks.state_kind and (not self._hides or self._keeps_text):
            self._close(whole(signature))

    def settle(self) -> None:
        """End the reasoning, as something else is said."""
        if self.held:
            self._close(self._details.take() if self._details else "")

    def _close(self, given: str) -> None:
        """End the reasoning. `given`: what the vendor wants back beside or instead of the text."""
        state = sealed(self._quirks.state_kind, given.encode())
        text, self._hidden = self._hidden.text(), Kept()
        self.held = False
        if text and (not given or self._quirks.reasoning_in_content):
            said = {"text": whole(text), "state": state.decode()}
            state = sealed(_HIDDEN, json_text(said).encode())
        self._writer.text(_REASONING, "")  # opens it, where the model gives nothing to read
        self._writer.close_text(state=state)
