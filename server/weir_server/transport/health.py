"""Is this Weir serving? The standard health service, overall and for each service."""

from collections.abc import Sequence

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

OVERALL = ""


class Health:
    """Answers Check and Watch of grpc.health.v1."""

    def __init__(self, services: Sequence[str]) -> None:
        self._services = (OVERALL, *services)
        self._servicer = HealthServicer()

    def attach(self, server: grpc.aio.Server) -> None:
        """Serve it on `server`."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def serving(self) -> None:
        """Say SERVING for everything."""
        for service in self._services:
            await self._servicer.set(service, health_pb2.HealthCheckResponse.SERVING)

    async def not_serving(self) -> None:
        """Say NOT_SERVING for everything, to watchers too, and for good."""
        await self._servicer.enter_graceful_shutdown()
