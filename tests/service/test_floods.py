"""One caller that floods its connection leaves the others served, and the process small."""

import asyncio
import struct
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.service.process import Served, serving_process
from tests.service.weir import ECHO, Weir, chat_request
from weir.v1.model_service_pb2 import GetServerInfoRequest

MIB = 1024 * 1024
RESETS = 20_000

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
CANCEL, ENHANCE_YOUR_CALM = struct.pack(">I", 8), struct.pack(">I", 11)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame of HTTP/2 (RFC 9113, section 4.1)."""
    length = struct.pack(">I", len(payload))[1:]
    return length + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header(name: bytes, value: bytes) -> bytes:
    """One header field, literal and not indexed (RFC 7541, section 6.2.2)."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


ASK = b"".join(
    header(name, value)
    for name, value in (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/weir.v1.LLMProviderService/Chat"),
        (b":authority", b"weir"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    )
)
HANG = chat_request('/script [{"hang": true}]').SerializeToString()
BODY = b"\x00" + struct.pack(">I", len(HANG)) + HANG


async def flood(server: Served) -> None:
    """Begin calls and take each back at once, as fast as the socket takes them."""
    host, _, port = server.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    ignoring = asyncio.ensure_future(reader.read(64 * MIB))
    writer.write(PREFACE + frame(SETTINGS, 0, 0))
    await asyncio.sleep(0.1)
    writer.write(frame(SETTINGS, ACK, 0))
    for stream in range(1, 2 * RESETS, 2):
        writer.write(
            frame(HEADERS, END_HEADERS, stream, ASK)
            + frame(DATA, END_STREAM, stream, BODY)
            + frame(RST_STREAM, 0, stream, CANCEL)
        )
        if stream % 200 == 1:
            await writer.drain()
    ignoring.cancel()
    writer.close()


async def test_a_flood_of_resets_leaves_others_served(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """20,000 calls that are taken back at once: another caller is answered all along."""
    async with serving_process(tmp_path, ECHO) as server:
        await server.models.GetServerInfo(GetServerInfoRequest())
        process = psutil.Process(server.process.pid)
        before_bytes, before_cpu_s = server.rss_bytes, sum(process.cpu_times()[:2])
        flooding = asyncio.ensure_future(flood(server))
        waits_s: list[float] = []
        while not flooding.done() or len(waits_s) < 20:
            begun_s = time.monotonic()
            await server.models.GetServerInfo(GetServerInfoRequest(), timeout=5)
            waits_s.append(time.monotonic() - begun_s)
            await asyncio.sleep(0.01)
        await flooding
        grown_mib = (server.rss_bytes - before_bytes) / MIB
        cpu_s = sum(process.cpu_times()[:2]) - before_cpu_s
    record_property("honest_max_ms", max(waits_s) * 1000)
    record_property("rss_growth_mib", grown_mib)
    record_property("cpu_s", cpu_s)
    assert max(waits_s) < 1.0
    assert grown_mib < 64


async def frames(reader: asyncio.StreamReader) -> list[tuple[int, bytes]]:
    """Read kinds and payloads until the server closes the connection."""
    found: list[tuple[int, bytes]] = []
    while True:
        try:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return found
        found.append((head[3], payload))


async def test_a_flood_of_pings_is_cut_off(weir: Weir) -> None:
    """Two pings too soon are borne, the next ends the connection; others keep theirs."""
    host, _, port = weir.app.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    pings = b"".join(frame(PING, 0, 0, struct.pack(">Q", n)) for n in range(6))
    writer.write(PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0) + pings)
    async with asyncio.timeout(5):
        heard = await frames(reader)
    writer.close()
    reply = await weir.llm.Chat(chat_request("hello"))
    goaway = [payload for kind, payload in heard if kind == GOAWAY]
    assert goaway[-1][4:8] == ENHANCE_YOUR_CALM
    assert b"too_many_pings" in goaway[-1]
    assert reply.message.parts


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\nHost: weir\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        PREFACE + b"\xff" * 64,
        PREFACE + frame(SETTINGS, 0, 0, b"\x00" * 5),
        PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, b"\x80" * 40),
        PREFACE + frame(SETTINGS, 0, 0) + frame(DATA, 0, 7, b"x"),
        PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, 0, 1, ASK) + frame(9, 0, 3, b"x"),
    ],
    ids=["http 1", "tls", "noise", "odd settings", "odd headers", "stray data", "stray rest"],
)
async def test_what_is_no_grpc_ends_its_own_connection_only(weir: Weir, octets: bytes) -> None:
    """Whatever knocks, the others are served."""
    host, _, port = weir.app.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(octets)
    writer.write_eof()
    async with asyncio.timeout(5):
        await reader.read()
    writer.close()
    reply = await weir.llm.Chat(chat_request("hello"))
    assert reply.message.parts
