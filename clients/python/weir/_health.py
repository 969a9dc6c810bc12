"""Is the server well? The standard health check, in two messages of one field each."""

from enum import IntEnum
from typing import Final

from google.protobuf.wrappers_pb2 import Int32Value, StringValue

CHECK: Final = "/grpc.health.v1.Health/Check"

# HealthCheckRequest {string service = 1} and HealthCheckResponse {ServingStatus status = 1} look
# like these two on the wire, so the check needs neither stubs nor another package.
CheckRequest = StringValue
CheckResponse = Int32Value


class HealthStatus(IntEnum):
    """What a server says of itself, or of one of its services."""

    UNKNOWN = 0
    SERVING = 1
    NOT_SERVING = 2
    SERVICE_UNKNOWN = 3


def health_status(response: Int32Value) -> HealthStatus:
    """The status of a response; one without a name here is UNKNOWN."""
    try:
        return HealthStatus(response.value)
    except ValueError:
        return HealthStatus.UNKNOWN
