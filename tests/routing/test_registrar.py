"""What callers bring in stays bounded, however many come and whatever they call themselves."""

import pytest

from tests.fakes.clock import FakeClock
from weir.v1.provider_service_pb2 import ProviderConfig
from weir_server.core.call import Call
from weir_server.core.errors import InvalidRequest, ProviderNotFound, ProviderNotInitialized
from weir_server.core.providers import ProviderFacts, ProviderHost
from weir_server.routing import catalogue, registrar
from weir_server.routing.catalogue import ModelCatalogue
from weir_server.routing.registrar import Registrar

TTL_S = 60.0


class Rooms(ProviderHost):
    """A host that only keeps the books."""

    def __init__(self) -> None:
        self.lived_in: set[str] = set()
        self.installs = 0

    async def install(self, provider_id: str, config: ProviderConfig) -> ProviderFacts:
        self.lived_in.add(provider_id)
        self.installs += 1
        return self.check(provider_id, config)

    def check(self, provider_id: str, config: ProviderConfig) -> ProviderFacts:
        return ProviderFacts(name=f"providers/{provider_id}", kind="openai")

    async def probe(self, call: Call, config: ProviderConfig) -> None:
        raise AssertionError("nobody asked for a probe")

    async def remove(self, provider_id: str) -> None:
        self.lived_in.remove(provider_id)


class World:
    """A registrar with everything around it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.rooms = Rooms()
        self.catalogue = ModelCatalogue(clock=self.clock, providers=(), models=(), default_model="")
        self.registrar = Registrar(
            catalogue=self.catalogue,
            host=self.rooms,
            clock=self.clock,
            ttl_s=TTL_S,
            max_providers=1,
        )

    async def bring_in(self, provider_id: str, request_id: str = "", model: str = "") -> None:
        config = ProviderConfig(model=model)
        await self.registrar.initialize(
            provider_id, config, validate_only=False, request_id=request_id
        )


async def test_what_has_expired_lives_no_more() -> None:
    """One after another may come; each is ended before the next, and told from a stranger."""
    world = World()
    for number in range(catalogue.GONE_MAX + 2):
        await world.bring_in(f"p{number}")
        assert world.rooms.lived_in == {f"p{number}"}
        world.clock.advance(TTL_S)
    with pytest.raises(ProviderNotInitialized):
        world.catalogue.provider("p1")
    with pytest.raises(ProviderNotFound):
        world.catalogue.provider("p0")


async def test_a_repeated_request_is_answered_from_memory() -> None:
    """While its answer holds; afterwards it registers anew, with another configuration too."""
    world = World()
    await world.bring_in("p", "r")
    await world.bring_in("p", "r")
    assert world.rooms.installs == 1
    with pytest.raises(InvalidRequest):
        await world.bring_in("p", "r", "another")
    world.clock.advance(TTL_S)
    await world.bring_in("p", "r", "another")
    assert world.rooms.installs == 2


async def test_only_so_many_requests_are_remembered() -> None:
    """The oldest is forgotten first."""
    world = World()
    for number in range(registrar.REMEMBERED_MAX + 1):
        await world.bring_in("p", f"r{number}")
    with pytest.raises(InvalidRequest):
        await world.bring_in("p", "r1", "another")
    await world.bring_in("p", "r0", "another")
