"""What does a request begin with? Nothing that could end its line and begin another."""

import pytest

from weir_server.core.call import TraceContext
from weir_server.providers.http.head import request_head, request_tail

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
BREAKS = ["\r\nx: y", "\n", "\r", "\x00", "\x7f", "é", "\u2028"]


def test_a_head_is_what_http_says() -> None:
    """Request line, host and fields, each on its line, without the empty one."""
    head = request_head("POST", "/v1/chat", "api.example.com", {"Accept": "text/plain"})

    assert head == b"POST /v1/chat HTTP/1.1\r\nHost: api.example.com\r\nAccept: text/plain\r\n"


@pytest.mark.parametrize("bad", [*BREAKS, "", " "], ids=repr)
@pytest.mark.parametrize("where", ["method", "target", "host", "name", "value"])
def test_nothing_breaks_out_of_its_line(where: str, bad: str) -> None:
    """Whatever part a line break is smuggled into, no head is made, and none is quoted."""
    parts = {"method": "GET", "target": "/a", "host": "h", "name": "n", "value": "v"}
    parts[where] = f"{parts[where]}{bad}" if bad else ""
    if (where, bad) == ("target", " "):
        parts[where] = "/a HTTP/1.1"

    with pytest.raises(ValueError, match=r"needs|holds") as caught:
        request_head(
            parts["method"], parts["target"], parts["host"], {parts["name"]: parts["value"]}
        )
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("method", "body", "tail"),
    [
        ("POST", b"{}", b"content-length: 2\r\n\r\n"),
        ("POST", b"", b"content-length: 0\r\n\r\n"),
        ("GET", b"", b"\r\n"),
    ],
)
def test_the_length_is_told_where_a_body_may_be(method: str, body: bytes, tail: bytes) -> None:
    """A POST says its length even if it is 0; a GET without a body says none."""
    assert request_tail(method, body, TraceContext()) == tail


def test_a_trace_is_two_fields() -> None:
    """State goes only with its parent."""
    both = TraceContext(traceparent=TRACEPARENT, tracestate="a=1,b=2")
    parent = f"traceparent: {TRACEPARENT}\r\n".encode()

    assert request_tail("GET", b"", both) == parent + b"tracestate: a=1,b=2\r\n\r\n"
    assert request_tail("GET", b"", TraceContext(traceparent=TRACEPARENT)) == parent + b"\r\n"
    assert request_tail("GET", b"", TraceContext(tracestate="a=1")) == b"\r\n"


@pytest.mark.parametrize("bad", BREAKS, ids=repr)
def test_a_trace_breaks_no_line(bad: str) -> None:
    """The edge lets no such trace in; the head relies on nobody."""
    for trace in (
        TraceContext(traceparent=f"00{bad}"),
        TraceContext(traceparent=TRACEPARENT, tracestate=f"a=1{bad}"),
    ):
        with pytest.raises(ValueError, match="trace"):
            request_tail("POST", b"", trace)
