"""Which RPCs can be played? Every one of the contract, as its descriptors tell."""

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

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


def scripted_methods() -> Mapping[str, ScriptedMethod]:
    """Return the methods of all services by name."""
    pool = descriptor_pool.Default()
    services = [pool.FindServiceByName(name) for name in SERVICES]
    methods = [
        ScriptedMethod(
            name=f"{service.full_name}/{method.name}",
            request=GetMessageClass(method.input_type),
            response=GetMessageClass(method.output_type),
            streaming=method.server_streaming,
        )
        for service in services
        for method in service.methods
    ]
    return {method.name: method for method in methods}
