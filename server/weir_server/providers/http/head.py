"""What does a request begin with? Bytes that are made once for all requests of one kind."""

from collections.abc import Mapping

from weir_server.core.call import TraceContext
from weir_server.providers.http.headers import TOKEN, VALUE


def request_head(method: str, target: str, host: str, fields: Mapping[str, str]) -> bytes:
    """Return the request line and the fields that never change, each with its line end.

    Raises ValueError, without repeating it, for what would not stay on its line.
    """
    if not TOKEN.fullmatch(method) or not target.startswith("/"):
        raise ValueError("a request needs a method and a path")
    if " " in target or not VALUE.fullmatch(target) or not VALUE.fullmatch(host):
        raise ValueError("the path or the host has characters that no request line holds")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    for name, value in fields.items():
        if not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
            raise ValueError("a header field has characters that no header holds")
        lines.append(f"{name}: {value}")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def request_tail(method: str, body: bytes, trace: TraceContext) -> bytes:
    """Return the fields that are each request's own, and the empty line.

    Raises ValueError for a trace that would not stay on its line; the edge lets none in.
    """
    end = b"content-length: %d\r\n\r\n" % len(body) if body or method != "GET" else b"\r\n"
    if not trace.traceparent:
        return end
    for value in (trace.traceparent, trace.tracestate):
        if not value.isascii() or not value.isprintable():
            raise ValueError("a trace has characters that no header holds")
    state = f"tracestate: {trace.tracestate}\r\n" if trace.tracestate else ""
    return f"traceparent: {trace.traceparent}\r\n{state}".encode("ascii") + end
