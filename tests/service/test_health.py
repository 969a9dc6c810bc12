"""The standard health service tells what is served, overall and for each service."""

import asyncio
from typing import Any

import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from tests.service.asking import refused
from tests.service.weir import Weir, hear, serving, stream_request
from weir_server.transport.services.table import SERVICES

SERVING = HealthCheckResponse.SERVING
NOT_SERVING = HealthCheckResponse.NOT_SERVING
NAMES = ["", *SERVICES]


def health(weir: Weir) -> Any:
    return HealthStub(weir.channel)


async def status(weir: Weir, service: str) -> int:
    reply = await health(weir).Check(HealthCheckRequest(service=service), timeout=5)
    found: int = reply.status
    return found


@pytest.mark.parametrize("service", NAMES)
async def test_every_service_is_serving(weir: Weir, service: str) -> None:
    """Overall and each by its name."""
    assert await status(weir, service) == SERVING


async def test_an_unknown_service_is_not_found(weir: Weir) -> None:
    """NOT_FOUND, as the protocol says."""
    refusal = await refused(health(weir).Check(HealthCheckRequest(service="weir.v1.Nobody")))
    assert refusal.code == "NOT_FOUND"


async def test_watching_tells_the_state_and_then_its_change() -> None:
    """SERVING at once, NOT_SERVING as soon as a drain begins; one that is unknown stays so."""
    async with serving() as weir:
        watches = [health(weir).Watch(HealthCheckRequest(service=name)) for name in NAMES]
        unknown = health(weir).Watch(HealthCheckRequest(service="weir.v1.Nobody"))
        first = [(await watch.read()).status for watch in watches]
        unknown_status = (await unknown.read()).status
        running = weir.llm.StreamChat(
            stream_request('/script [{"text": "a"}, {"delay_s": 0.4}, {"text": " b"}]')
        )
        await running.read()
        draining = asyncio.ensure_future(weir.app.drain())
        async with asyncio.timeout(0.3):
            then = [(await watch.read()).status for watch in watches]
        checked = [await status(weir, name) for name in NAMES]
        await draining
    assert first == [SERVING] * len(NAMES)
    assert unknown_status == HealthCheckResponse.SERVICE_UNKNOWN
    assert then == checked == [NOT_SERVING] * len(NAMES)


async def test_health_leaves_no_access_log(weir: Weir) -> None:
    """Probes come every few seconds and say nothing new."""
    await status(weir, "")
    heard = await hear(weir.llm.StreamChat(stream_request("hello")))
    await asyncio.sleep(0.12)
    assert [line["response_id"] for line in weir.log_lines()] == [
        heard.trailers["weir-response-id"]
    ]
