"""Which RPCs can be played? Every one of the contract, as its descriptors tell."""

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2

from weir_server.transport.services.table import SERVICES


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedMethod:
    """One RPC, and the messages it takes and gives."""

    name: str
    """`package.Service/Method`."""
    request: type[Message]
    response: type[Message]
    streaming: bool

    @property
    def path(self) -> str:
        """The path of the RPC on the wire."""
        return f"/{self.name}"


HEALTH: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
"""A scenario may call it; what answers is the real server's own."""


def scripted_methods(*services: str) -> Mapping[str, ScriptedMethod]:
    """Return the methods of services by name; without any named, of all of the contract."""
    pool = descriptor_pool.Default()
    found = [pool.FindServiceByName(name) for name in services or SERVICES]
    methods = [
        ScriptedMethod(
            name=f"{service.full_name}/{method.name}",
            request=GetMessageClass(method.input_type),
            response=GetMessageClass(method.output_type),
            streaming=method.server_streaming,
        )
        for service in found
        for method in service.methods
    ]
    return {method.name: method for method in methods}
