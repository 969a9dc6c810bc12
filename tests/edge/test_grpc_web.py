"""What `browser.yaml` lets through: named origins, callers' calls, silence with heartbeats."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.edge.envoy import WEIRS, envoy, port_of, recipe
from tests.service.weir import ECHO, Weir, serving, stream_request
from weir.v1.provider_service_pb2 import StreamChatRequest, StreamChatResponse

pytestmark = pytest.mark.usefixtures("needs_envoy")

PAGE = "http://localhost:8000"
STREAM = "/weir.v1.LLMProviderService/StreamChat"
GRPC_WEB = {"origin": PAGE, "content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
IDLE = "idle_timeout: 90s"
SILENT = '/script [{"text": "a"}, {"delay_s": 3}, {"text": " b"}]'


def framed(request: StreamChatRequest) -> bytes:
    """A message as gRPC-Web sends it."""
    message = request.SerializeToString()
    return b"\0" + len(message).to_bytes(4, "big") + message


def text_of(body: bytes) -> tuple[str, bytes]:
    """The text of an answer and its trailers."""
    said, trailers = "", b""
    while body:
        flags, length = body[0], int.from_bytes(body[1:5], "big")
        frame, body = body[5 : 5 + length], body[5 + length :]
        if flags & 0x80:
            trailers = frame
            continue
        events = StreamChatResponse.FromString(frame).events
        said += "".join(event.part_delta.text for event in events)
    return said, trailers


@asynccontextmanager
async def recipe_running(
    folder: Path, text: str, **server: float
) -> AsyncIterator[tuple[Weir, aiohttp.ClientSession]]:
    """A Weir with the echo, and a session with Envoy before it."""
    async with (
        serving({**ECHO, "default_model": "echo"}, server=server) as weir,
        envoy(folder, text, {WEIRS[0]: port_of(weir.app.address)}) as port,
        aiohttp.ClientSession(f"http://localhost:{port}") as session,
    ):
        yield weir, session


async def test_only_named_origins_may_call(tmp_path: Path) -> None:
    """A stranger's preflight is given no leave, and does not reach Weir."""
    asking = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-grpc-web",
    }
    async with recipe_running(tmp_path, recipe("browser.yaml")) as (weir, session):
        answers = [
            await session.options(STREAM, headers={"origin": origin, **asking})
            for origin in (PAGE, "http://stranger.example")
        ]
    assert answers[0].headers["access-control-allow-origin"] == PAGE
    assert "access-control-allow-origin" not in answers[1].headers
    assert weir.log_lines("rpc") == []


async def test_no_call_of_an_operator_has_a_route(tmp_path: Path) -> None:
    """No page needs them."""
    async with recipe_running(tmp_path, recipe("browser.yaml")) as (weir, session):
        reply = await session.post(
            "/weir.admin.v1.ProviderAdminService/ListTargets", headers=GRPC_WEB, data=b"\0" * 5
        )
    assert reply.headers.get("grpc-status", "12") == "12"
    assert weir.log_lines("rpc") == []


async def test_a_page_may_read_what_a_refusal_says(tmp_path: Path) -> None:
    """Each header of gRPC and of Weir that comes with it is exposed."""
    async with recipe_running(tmp_path, recipe("browser.yaml")) as (_, session):
        reply = await session.post(STREAM, headers=GRPC_WEB, data=framed(StreamChatRequest()))
    exposed = set(reply.headers["access-control-expose-headers"].split(","))
    told = {name.lower() for name in reply.headers if name.lower().startswith(("grpc-", "weir-"))}
    assert {"grpc-status", "grpc-status-details-bin", "weir-request-id"} <= told <= exposed


@pytest.mark.parametrize("heartbeat_s", [0.3, 30.0])
async def test_heartbeats_outlast_the_idle_timeout(tmp_path: Path, heartbeat_s: float) -> None:
    """A stream that is silent for longer ends well; without heartbeats it would be cut.

    The recipe's 90 s are 1 s here.
    """
    text = recipe("browser.yaml").replace(IDLE, "idle_timeout: 1s")
    assert text != recipe("browser.yaml")
    pace = {"heartbeat_interval_s": heartbeat_s, "start_alone_after_s": 0.2}
    running = recipe_running(tmp_path, text, **pace)
    async with running as (_, session):
        reply = await session.post(STREAM, headers=GRPC_WEB, data=framed(stream_request(SILENT)))
        try:
            said, trailers = text_of(await reply.read())
        except aiohttp.ClientPayloadError:
            said, trailers = "", b""
    ended_well = (said, b"grpc-status:0" in trailers) == ("a b", True)
    assert ended_well is (heartbeat_s < 1)
