"""Where does one server-sent event end and the next begin, however the bytes are cut?

The grammar is the WHATWG HTML standard's "Server-sent events", section 9.2.5 and on: lines end with
LF, CR or CRLF, a blank line ends an event, a line without a known field name is skipped.
"""

from weir_server.core.errors import UpstreamProtocolError

EVENT_MAX_BYTES = 1 << 20
"""What one event may take, its line ends included, before the stream counts as broken."""

SseEvent = tuple[bytes, bytes]
"""Name (empty where the event has none) and data."""

BOM = b"\xef\xbb\xbf"
_LF = 10


class SseSplitter:
    """Cuts a byte stream into events. Whole buffers are searched; no line is looked at on its own.

    `failure` is set once an event outgrows `max_event_bytes`; events before it have been given, and
    bytes after it are ignored. What is held never exceeds that bound by more than one `feed`.
    """

    __slots__ = ("_after_cr", "_at_start", "_held", "_max_event_bytes", "failure")

    def __init__(self, *, max_event_bytes: int = EVENT_MAX_BYTES) -> None:
        self.failure: UpstreamProtocolError | None = None
        self._max_event_bytes = max_event_bytes
        self._held = bytearray()
        """The event that has not ended yet; LF line ends, no blank line inside."""
        self._after_cr = False
        """The last byte was CR: an LF that comes next belongs to it."""
        self._at_start = True
        """A byte order mark may still come."""

    def feed(self, data: bytes) -> list[SseEvent]:
        """Take more bytes; return the events they complete."""
        if self.failure is not None:
            return []
        if self._at_start:
            data = self._without_mark(data)
        if self._after_cr or b"\r" in data:
            data = self._with_lf(data)
        if not data:
            return []
        held = self._held
        end = data.rfind(b"\n\n")
        if held:
            if end < 0 and not held[-1] == _LF == data[0]:
                return self._hold(data)
            held += data
            data = bytes(held)
            held.clear()
            end = data.rfind(b"\n\n")
        elif end < 0:
            return self._hold(data)
        if end + 2 < len(data):
            self._hold(data[end + 2 :])
        # The usual case: each event is one data field with a space after its colon. Then every line
        # feed stands between two events, or after the last.
        if end <= self._max_event_bytes and data.startswith(b"data: "):
            if data.find(b"\n", 6) == end:
                return [(b"", data[6:end])]  # One event, as a model writes them one by one.
            fields = data[6:end].split(b"\n\ndata: ")
            if data.count(b"\n", 0, end) == 2 * (len(fields) - 1):
                return [(b"", field) for field in fields]
        return self._split(data[:end])

    def rest(self) -> SseEvent | None:
        """Return the event that the end of the stream left open; the standard discards it."""
        return parse_event(bytes(self._held))

    def _hold(self, data: bytes) -> list[SseEvent]:
        self._held += data
        if len(self._held) > self._max_event_bytes:
            self._overflow()
        return []

    def _split(self, data: bytes) -> list[SseEvent]:
        """Cut whole events of any kind; the last comes without its blank line."""
        events: list[SseEvent] = []
        for block in data.split(b"\n\n"):
            if len(block) > self._max_event_bytes:
                self._overflow()
                return events
            if (event := parse_event(block)) is not None:
                events.append(event)
        return events

    def _overflow(self) -> None:
        self.failure = UpstreamProtocolError(metadata={"cause": "too_large"})
        self._held = bytearray()

    def _without_mark(self, data: bytes) -> bytes:
        """Drop a byte order mark at the very start, even when it comes in pieces."""
        held = self._held
        held += data
        if len(held) < len(BOM) and BOM.startswith(held):
            return b""
        self._at_start = False
        data = bytes(held.removeprefix(BOM))
        held.clear()
        return data

    def _with_lf(self, data: bytes) -> bytes:
        """Turn CRLF and CR into LF, even when CRLF is cut in two."""
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        # Where CRLF ends every line, as Google writes it, most line ends are two at once.
        doubled = data.replace(b"\r\n\r\n", b"\n\n")
        if b"\r" not in doubled:
            return doubled
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def parse_event(block: bytes) -> SseEvent | None:
    """Return the event that these lines make, or None when they hold no data field."""
    name = b""
    data: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return (name, b"\n".join(data)) if data else None
