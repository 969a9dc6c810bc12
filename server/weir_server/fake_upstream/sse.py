"""How is a server-sent event spelled, in every way the standard allows?

The grammar is the WHATWG HTML standard's "Server-sent events", section 9.2.5 and on.
"""

from dataclasses import dataclass

BOM = b"\xef\xbb\xbf"
DONE = "[DONE]"


@dataclass(frozen=True, slots=True, kw_only=True)
class SseStyle:
    """One lawful spelling of an event stream."""

    newline: str = "\n"
    """A line ends with LF, CR or CRLF."""
    space_after_colon: bool = True
    event_name: str | None = None
    """A name in an `event:` field before the data."""
    comment_before: str | None = None
    """A comment line before the data, within the event."""
    fields_before: tuple[str, ...] = ()
    """Whole lines before the data, for fields a client must skip: `id: 7`, `retry: 10`, `x`."""
    split_data_lines: bool = False
    """Write each line of the payload as its own `data:` field, which the client joins by LF."""

    def event(self, payload: str) -> bytes:
        """Return one event with `payload` as its data."""
        colon = ": " if self.space_after_colon else ":"
        lines = [*self.fields_before]
        if self.comment_before is not None:
            lines.append(f":{self.comment_before}")
        if self.event_name is not None:
            lines.append(f"event{colon}{self.event_name}")
        data = payload.split("\n") if self.split_data_lines else [payload]
        lines.extend(f"data{colon}{line}" for line in data)
        return "".join(line + self.newline for line in (*lines, "")).encode()

    def comment(self, text: str) -> bytes:
        """Return a comment of its own, as servers send to keep a connection warm."""
        return f": {text}{self.newline}{self.newline}".encode()


PLAIN = SseStyle()
"""How OpenAI spells it."""

PING = PLAIN.comment("ping")


def split_events(stream: bytes) -> tuple[bytes, ...]:
    """Cut a recorded stream with LF line ends after each blank line; joined they are the stream."""
    parts = stream.split(b"\n\n")
    whole = [part + b"\n\n" for part in parts[:-1]]
    return (*whole, parts[-1]) if parts[-1] else tuple(whole)
