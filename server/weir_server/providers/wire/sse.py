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
            if (events := self._with_crlf(data)) is not None:
                return events
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
        if end <= self._max_event_bytes and (usual := _usual(data, end)) is not None:
            return usual
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

    def _with_crlf(self, data: bytes) -> list[SseEvent] | None:
        """Cut events of which every line ends with CRLF, as Google writes them; None: not so.

        Each is one data field with a space after its colon, and nothing of another one is held.
        """
        if self._held or self._after_cr:
            end = data.find(b"\r\n\r\n") + 4
            if not 4 <= end < len(data):
                return None
            # What is held ends here; what comes next may be usual again.
            return self.feed(data[:end]) + self.feed(data[end:])
        end = data.rfind(b"\r\n\r\n")
        if not 6 <= end <= self._max_event_bytes or not data.startswith(b"data: "):
            return None
        if data.find(b"\r", 6) == end and data.find(b"\n", 6) == end + 1:
            events = [(b"", data[6:end])]
        else:
            fields = data[6:end].split(b"\r\n\r\ndata: ")
            line_ends = 2 * (len(fields) - 1)
            if data.count(b"\r", 0, end) != line_ends or data.count(b"\n", 0, end) != line_ends:
                return None
            events = [(b"", field) for field in fields]
        return events + self.feed(data[end + 4 :]) if end + 4 < len(data) else events

    def _with_lf(self, data: bytes) -> bytes:
        """Turn CRLF and CR into LF, even when CRLF is cut in two."""
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _usual(data: bytes, end: int) -> list[SseEvent] | None:
    """Cut events of the usual shapes at once; None: they have another. The last one ends at `end`.

    Each is one data field with a space after its colon: then every line feed stands between two
    events, or after the last. Or each has its name before its data: then there is one more in each.
    """
    if data.startswith(b"data: "):
        if data.find(b"\n", 6) == end:
            return [(b"", data[6:end])]  # One event, as a model writes them one by one.
        fields = data[6:end].split(b"\n\ndata: ")
        if data.count(b"\n", 0, end) == 2 * (len(fields) - 1):
            return [(b"", field) for field in fields]
    elif data.startswith(b"event: "):
        line = data.find(b"\n")
        if data.startswith(b"data: ", line + 1) and data.find(b"\n", line + 7) == end:
            return [(data[7:line], data[line + 7 : end])]
        blocks = data[7:end].split(b"\n\nevent: ")
        if data.count(b"\n", 0, end) == 3 * len(blocks) - 2:
            named = [block.partition(b"\ndata: ") for block in blocks]
            events = [(name, said) for name, parting, said in named if parting]
            if len(events) == len(blocks):
                return events
    return None


def parse_event(block: bytes) -> SseEvent | None:
    """Return the event that these lines make, or None when they hold no data field."""
    if block.startswith(b"event: "):
        # As vendors write them that name their events: two lines, and no more.
        end = block.find(b"\n")
        if block.startswith(b"data: ", end + 1) and block.find(b"\n", end + 7) < 0 < end:
            return block[7:end], block[end + 7 :]
    name = b""
    data: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return (name, b"\n".join(data)) if data else None
