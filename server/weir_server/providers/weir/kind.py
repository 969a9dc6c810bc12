"""How is a provider of kind `weir` made? As its plan says: an address, a key, a connection."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from weir.v1.content_pb2 import Modality
from weir.v1.error_pb2 import FieldViolation
from weir.v1.model_pb2 import ModelCapabilities
from weir_server.core.clock import Clock
from weir_server.core.errors import ConfigInvalid
from weir_server.providers.formats.base import bearer
from weir_server.providers.http.connect import AddressRefused, GuardedResolver
from weir_server.providers.http.guard import Endpoint, EndpointPolicy, parse_endpoint
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.plan import Plan, invalid

if TYPE_CHECKING:
    from weir_server.providers.weir.link import Link
    from weir_server.providers.weir.provider import WeirProvider

Pairs = tuple[tuple[str, str], ...]
"""Metadata of a call."""
STREAMS = 100
"""How many calls a Weir takes on one connection by default. gRPC would keep more waiting without a
word; this side's own places can say so, and let the important ones go first."""

CAPABILITIES = ModelCapabilities(
    chat=True,
    complete=True,
    embed=True,
    streaming=True,
    tools=True,
    parallel_tool_calls=True,
    json_object=True,
    json_schema=True,
    logprobs=True,
    seed=True,
    reasoning=True,
    assistant_prefill=True,
    input_modalities=[value for value in Modality.values() if value],
    output_modalities=[value for value in Modality.values() if value],
)
"""Whatever the contract can say: what its models cannot do, the far Weir refuses by name."""


def endpoint_of(plan: Plan, policy: EndpointPolicy) -> Endpoint:
    """Read `host:port`, which means TLS, or a URL without a path. Raises ConfigInvalid."""
    address = plan.endpoint
    if not address:
        what = "Name the far Weir, such as weir.example:50051."
        raise invalid(plan, "endpoint", "REQUIRED", what)
    if "://" not in address:
        address = f"https://{address}"
    endpoint = parse_endpoint(address, policy, field=f"{plan.field_prefix}endpoint")
    if endpoint.base_path:
        raise invalid(plan, "endpoint", "PATH", "Leave out the path: gRPC has its own.")
    return endpoint


def metadata_of(plan: Plan, key: str, organization: str | None, prefix: str) -> Pairs:
    """Return what every call carries. Raises ConfigInvalid, naming fields after `prefix`."""
    headers: ProviderHeaders = bearer(plan, key, organization, prefix)
    for name in headers.extra:
        if name.lower().startswith("grpc-") or name.lower().endswith("-bin"):
            raise ConfigInvalid(
                violations=[
                    FieldViolation(
                        field=f'{prefix}headers["{name}"]',
                        rule="RESERVED",
                        description="Leave it out: gRPC gives such names a meaning of its own.",
                    )
                ]
            )
    pairs = {**headers.extra, **headers.credential}
    return tuple((name.lower(), value) for name, value in pairs.items())


async def made(
    name: str,
    plan: Plan,
    endpoint: Endpoint,
    *,
    metadata: Pairs,
    credentials: Mapping[str, Pairs],
    clock: Clock,
    connect_s: float,
    idle_s: float,
) -> tuple["WeirProvider", "Link"]:
    """Make a provider and its connection; nothing is sent before the first call.

    Raises ConfigInvalid where the endpoint's name leads to an address that is refused.
    """
    # gRPC is loaded where a provider needs it, not by every command that reads a configuration.
    from weir_server.providers.weir.link import (
        Link,
        LinkLimits,
        judged_addresses,
        trusted_roots,
    )
    from weir_server.providers.weir.provider import WeirProvider

    resolver = GuardedResolver(clock=clock)
    try:
        await judged_addresses(endpoint, resolver)
    except AddressRefused as refused:
        what = f"The name leads where Weir does not call: {refused}."
        raise invalid(plan, "endpoint", "ADDRESS", what) from refused
    except OSError:
        pass  # a name without an answer yet is judged again before every connection
    ca_file = Path(plan.ca_file) if plan.ca_file else None
    link = Link(
        endpoint,
        resolver=resolver,
        roots=trusted_roots(ca_file) if endpoint.scheme == "https" else None,
        limits=LinkLimits(connect_s=connect_s),
        clock=clock,
    )
    provider = WeirProvider(
        name=name,
        link=link,
        # Where none is named, as in a probe, the first serves.
        metadata=next(iter(credentials.values()), metadata),
        credentials=credentials,
        clock=clock,
        idle_s=idle_s,
    )
    return provider, link
