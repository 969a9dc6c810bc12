"""Where does one line of newline-delimited JSON end and the next begin, however bytes are cut?

The format is that of the ndjson-spec: values in UTF-8, each followed by LF or CRLF. Lines without
anything are skipped.
"""

from weir_server.core.errors import UpstreamProtocolError

LINE_MAX_BYTES = 8 << 20
"""What one line may take before the stream counts as broken: a line may be a whole answer."""


class NdjsonSplitter:
    """Cuts a byte stream into lines.

    `failure` is set once a line outgrows `max_line_bytes`; lines before it have been given, and
    bytes after it are ignored. What is held never exceeds that bound by more than one `feed`.
    """

    __slots__ = ("_held", "_max_line_bytes", "failure")

    def __init__(self, *, max_line_bytes: int = LINE_MAX_BYTES) -> None:
        self.failure: UpstreamProtocolError | None = None
        self._held = bytearray()
        """The line that has not ended yet."""
        self._max_line_bytes = max_line_bytes

    def feed(self, data: bytes) -> list[bytes]:
        """Take more bytes; return the lines they complete, without their ends."""
        if self.failure is not None:
            return []
        end = data.rfind(b"\n")
        if end < 0:
            self._hold(data)
            return []
        whole = data[:end]
        if self._held:
            whole = bytes(self._held + whole)
            self._held.clear()
        self._hold(data[end + 1 :])
        lines: list[bytes] = []
        for line in whole.split(b"\n"):
            if len(line) > self._max_line_bytes:
                self._overflow()
                break
            if stripped := line.strip():
                lines.append(stripped)
        return lines

    def rest(self) -> bytes:
        """Return the line that the end of the stream left open."""
        return bytes(self._held.strip())

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > self._max_line_bytes:
            self._overflow()

    def _overflow(self) -> None:
        self.failure = UpstreamProtocolError(metadata={"cause": "too_large"})
        self._held = bytearray()
