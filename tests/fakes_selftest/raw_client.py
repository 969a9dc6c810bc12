"""What is really on the wire? A client that only knows sockets, to look below HTTP libraries."""

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

CHAT: Mapping[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi there"}]}


def post(
    body: Mapping[str, Any] | bytes = CHAT,
    *,
    path: str = "/v1/chat/completions",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Return the bytes of a POST with a JSON body."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Host": "fake", "Content-Length": str(len(payload)), **(headers or {})}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + payload


class RawClient:
    """One TCP connection; reads raise what the socket raises."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int) -> "RawClient":
        """Connect to loopback."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, data: bytes) -> None:
        """Write bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def read_head(self) -> tuple[int, dict[str, str]]:
        """Read the status and the header fields, names in lower case."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines[1:] if line)
        return int(lines[0].split()[1]), {name.lower(): value.strip() for name, _, value in fields}

    async def read_to_end(self, *, timeout_s: float = 5.0) -> bytes:
        """Read until the server closes."""
        async with asyncio.timeout(timeout_s):
            return await self.reader.read()

    async def read_some(self, *, timeout_s: float = 5.0) -> bytes:
        """Read what the next segment brings."""
        async with asyncio.timeout(timeout_s):
            return await self.reader.read(65536)

    def reset(self) -> None:
        """Close with RST."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        """Close with FIN."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass  # the server may have reset it first
