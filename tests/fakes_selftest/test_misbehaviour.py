"""Do the hostile answers hurt the way they should? Measured on what arrives."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator

import pytest

from tests.fakes_selftest.raw_client import RawClient, post
from weir_server.fake_upstream.journal import Outcome
from weir_server.fake_upstream.misbehaviour import (
    MIB,
    BrokenChunks,
    ChunkFault,
    CompressedBomb,
    EndlessHeader,
    EndlessStream,
    HugeBody,
    HugeEvent,
    RefuseBody,
    html_page,
    redirect,
)
from weir_server.fake_upstream.upstream import FakeUpstream

CLOSING = {"Connection": "close"}


async def chunks_of(client: RawClient) -> AsyncIterator[bytes]:
    """Yield the chunks of a lawful chunked body."""
    while size := int(await client.reader.readline(), 16):
        yield (await client.reader.readexactly(size + 2))[:-2]


@pytest.mark.parametrize("fault", list(ChunkFault))
async def test_broken_chunks(upstream: FakeUpstream, client: RawClient, fault: ChunkFault) -> None:
    """A good event comes, then the broken chunk, then FIN."""
    upstream.script(BrokenChunks(fault=fault, events=[b"data: 1\n\n"]))
    await client.send(post())
    await client.read_head()
    assert await client.read_to_end() == b"9\r\ndata: 1\n\n\r\n" + fault.value


@pytest.mark.parametrize("one_field", [True, False])
async def test_endless_header(upstream: FakeUpstream, client: RawClient, one_field: bool) -> None:
    """The header passes any cap and never ends; the upstream stops when the client leaves."""
    upstream.script(EndlessHeader(one_field=one_field, field_bytes=1000))
    await client.send(post())
    head = b""
    while len(head) < 200_000:
        head += await client.read_some()
    assert b"\r\n\r\n" not in head
    assert (head.count(b"\r\n") == 1) is one_field
    await client.close()
    await upstream.wait_finished(upstream.journal[0])
    assert upstream.journal[0].outcome is Outcome.CLIENT_CLOSED


@pytest.mark.parametrize(("line_bytes", "lines"), [(None, 1), (64 * 1024, 32)])
async def test_huge_event(
    upstream: FakeUpstream, client: RawClient, line_bytes: int | None, lines: int
) -> None:
    """One event of 2 MiB, as one line or as many, in a stream that is lawful to its end."""
    upstream.script(HugeEvent(line_bytes=line_bytes, events_before=[b"data: 1\n\n"]))
    await client.send(post())
    await client.read_head()
    body = b"".join([chunk async for chunk in chunks_of(client)])
    before, huge, done, rest = body.split(b"\n\n")
    assert (before, done, rest) == (b"data: 1", b"data: [DONE]", b"")
    assert huge.count(b"data: ") == lines
    assert huge.count(b"a") == 2 * MIB + 2 * lines  # twice in each "data"


async def test_huge_body(upstream: FakeUpstream, client: RawClient) -> None:
    """The body has the asked size to the byte, and is JSON."""
    upstream.script(HugeBody(body_bytes=3 * MIB))
    await client.send(post())
    await client.read_head()
    body = b"".join([chunk async for chunk in chunks_of(client)])
    assert len(body) == 3 * MIB
    assert json.loads(body).keys() == {"pad"}


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("as_event", [True, False])
async def test_bomb(upstream: FakeUpstream, client: RawClient, coding: str, as_event: bool) -> None:
    """A few kilobytes unpack to megabytes, with a right checksum at the end."""
    upstream.script(CompressedBomb(decoded_bytes=20 * MIB, coding=coding, as_event=as_event))
    await client.send(post())
    _, headers = await client.read_head()
    packed = b"".join([chunk async for chunk in chunks_of(client)])
    unpacked = gzip.decompress(packed) if coding == "gzip" else zlib.decompress(packed)
    assert headers["content-encoding"] == coding
    assert 19 * MIB < len(unpacked) <= 20 * MIB
    assert len(packed) * 500 < len(unpacked)
    if as_event:
        assert unpacked.startswith(b"data: a")
    else:
        assert json.loads(unpacked).keys() == {"pad"}


async def test_body_is_refused_unread(upstream: FakeUpstream, client: RawClient) -> None:
    """The answer comes on the head alone, while the client still has its body."""
    upstream.script(RefuseBody(linger_s=0.01))
    head, separator, _ = post(b"x" * 1000).partition(b"\r\n\r\n")
    await client.send(head + separator)
    status, _ = await client.read_head()
    assert status == 413
    await client.read_to_end()
    assert upstream.journal[0].body_complete_at is None


async def test_body_is_refused_by_reset(upstream: FakeUpstream, client: RawClient) -> None:
    """Without an answer the socket is reset under the client's writes."""
    upstream.script(RefuseBody(reply=None))
    head, separator, _ = post(b"x" * 1000).partition(b"\r\n\r\n")
    await client.send(head + separator)
    with pytest.raises(ConnectionResetError):
        await client.read_to_end()


async def test_endless_stream(upstream: FakeUpstream, client: RawClient) -> None:
    """Numbered chunks come until the client leaves."""
    upstream.script(EndlessStream(delay_between_s=0.001, text_bytes=32))
    await client.send(post())
    for number in range(10):
        await client.reader.readuntil(f'"content":"{number} xxx'.encode())
    await client.close()
    await upstream.wait_finished(upstream.journal[0])
    assert upstream.journal[0].outcome is Outcome.CLIENT_CLOSED


async def test_flood_meets_back_pressure(upstream: FakeUpstream, client: RawClient) -> None:
    """A flood stops where the kernel's buffers end, and the test's event loop lives on."""
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    upstream.script(EndlessStream(text_bytes=4096))
    await client.send(post())
    [attempt] = await upstream.wait_for_attempts(1)
    await upstream.wait_blocked(attempt, timeout_s=10)
    assert attempt.bytes_sent > 64 * 1024


async def test_small_send_buffer_blocks_early() -> None:
    """With a small kernel buffer a client that stops reading is felt after less."""
    async with FakeUpstream(EndlessStream(text_bytes=4096), send_buffer_bytes=16_384) as upstream:
        client = await RawClient.connect(upstream.port)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(post())
        [attempt] = await upstream.wait_for_attempts(1)
        await upstream.wait_blocked(attempt)
        assert attempt.bytes_sent < 8 * MIB
        await client.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect(upstream: FakeUpstream, client: RawClient, status: int) -> None:
    """The place is in Location, as asked."""
    upstream.script(redirect("http://10.0.0.1/x", status=status))
    await client.send(post(headers=CLOSING))
    assert (await client.read_head())[0] == status
    assert b"http://10.0.0.1/x" in await client.read_to_end()


async def test_page(upstream: FakeUpstream, client: RawClient) -> None:
    """A page comes as 200 and HTML, with the canary in it."""
    upstream.script(html_page(canary="s3cr3t"))
    await client.send(post(headers=CLOSING))
    status, headers = await client.read_head()
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"s3cr3t" in await client.read_to_end()
