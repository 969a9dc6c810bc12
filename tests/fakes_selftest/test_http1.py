"""Does the request parser read HTTP as clients write it, however the bytes arrive?"""

import pytest

from tests.fakes_selftest.raw_client import CHAT, RawClient, post
from weir_server.fake_upstream.http1 import MAX_HEAD_BYTES, MalformedRequestError, RequestReader
from weir_server.fake_upstream.upstream import FakeUpstream

CHUNKED = (
    b"POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4;ext=1\r\nWiki\r\n6\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nTrailer: x\r\n\r\n"
)
LENGTH = b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize(
    ("request_bytes", "body"), [(LENGTH, b"hello"), (CHUNKED, b"Wikipedia in \r\n\r\nchunks.")]
)
@pytest.mark.parametrize("step_bytes", [1, 2, 3, 7, 1000])
def test_any_cut_reads_the_same(request_bytes: bytes, body: bytes, step_bytes: int) -> None:
    """Bytes one by one or all at once give the same head and body, and nothing is left."""
    reader = RequestReader()
    head, read = None, None
    for start in range(0, len(request_bytes), step_bytes):
        assert read is None, "the body was there before its last byte"
        reader.feed(request_bytes[start : start + step_bytes])
        head = head or reader.next_head()
        read = reader.next_body() if head else None
    assert head is not None
    assert (head.method, head.target, read) == ("POST", "/v1/x", body)
    assert reader.is_empty


def test_pipelined_requests_are_kept_apart() -> None:
    """The second request starts where the first one's body ends."""
    reader = RequestReader()
    reader.feed(CHUNKED + LENGTH)
    for body in (b"Wikipedia in \r\n\r\nchunks.", b"hello"):
        assert reader.next_head() is not None
        assert reader.next_body() == body


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * MAX_HEAD_BYTES, 431),
    ],
)
def test_a_broken_head_is_refused(request_bytes: bytes, status: int) -> None:
    """Each breach has the status that tells the client what it did."""
    reader = RequestReader()
    reader.feed(request_bytes)
    with pytest.raises(MalformedRequestError) as caught:
        reader.next_head()
    assert caught.value.status == status


@pytest.mark.parametrize(
    "chunk", [b"zz\r\nhi\r\n", b"\r\n", b"2\r\nhiXX0\r\n\r\n", b"-2\r\nhi\r\n"]
)
def test_a_broken_chunk_is_refused(chunk: bytes) -> None:
    """A chunk size that is none, or a chunk that overruns it, is no body."""
    reader = RequestReader()
    reader.feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
    reader.next_head()
    with pytest.raises(MalformedRequestError):
        reader.next_body()


async def test_broken_http_is_answered_and_closed(
    upstream: FakeUpstream, client: RawClient
) -> None:
    """A client that speaks no HTTP gets a 400 and is not an attempt."""
    await client.send(b"hello?\r\n\r\n")
    assert (await client.read_to_end()).startswith(b"HTTP/1.1 400 ")
    assert len(upstream.journal) == 0
    assert len(upstream.journal.connections) == 1


async def test_expect_continue_is_granted(upstream: FakeUpstream, client: RawClient) -> None:
    """A client that waits for `100 Continue` before its body gets it."""
    head, _, body = post(headers={"Expect": "100-continue"}).partition(b"\r\n\r\n")
    await client.send(head + b"\r\n\r\n")
    assert await client.read_some() == b"HTTP/1.1 100 Continue\r\n\r\n"
    await client.send(body)
    status, _ = await client.read_head()
    assert status == 200
    assert upstream.journal[0].json == CHAT


async def test_connection_close_is_honoured(upstream: FakeUpstream, client: RawClient) -> None:
    """A client that asks to close gets its answer, then FIN."""
    await client.send(post(headers={"Connection": "close"}))
    assert b"You said: hi there" in await client.read_to_end()
    assert upstream.journal[0].client_closed_at is None


async def test_pipelined_requests_are_answered_in_order(
    upstream: FakeUpstream, client: RawClient
) -> None:
    """Two requests in one segment get two answers in their order."""
    await client.send(post() + post(headers={"Connection": "close"}))
    assert (await client.read_to_end()).count(b"HTTP/1.1 200 OK") == 2
    assert [attempt.number for attempt in upstream.journal] == [1, 2]
