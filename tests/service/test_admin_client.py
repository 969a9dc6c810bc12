"""The Python client's calls for operators, against a real server."""

from contextlib import aclosing

import pytest

import weir as client_package
from tests.service.admin_server import FORCED_OPEN, InMemoryStates, report, serving_admin
from weir.v1.provider_service_pb2 import ChatRequest

M = "providers/a/targets/m"


async def test_list_force_and_explain() -> None:
    """Each sends its arguments and gives what the reply carries."""
    known = InMemoryStates(report("a", "m"), report("b", "m"))
    async with (
        serving_admin(known) as weir,
        client_package.AsyncClient(weir.app.address) as client,
    ):
        listed = await client.admin.list_targets("providers/b")
        forced = await client.admin.set_circuit_state(M, FORCED_OPEN)
        way = await client.admin.explain_route(
            ChatRequest(model="fast"), streaming=True, prompt_tokens=9
        )
    assert [target.provider for target in listed] == ["providers/b"]
    assert (forced.name, forced.circuit) == (M, FORCED_OPEN)
    assert way.model == "fast streamed 9"


async def test_a_watch_is_left_at_will() -> None:
    """Each change is a list; leaving the loop ends the call at the server."""
    known = InMemoryStates(report("a", "m"))
    async with (
        serving_admin(known) as weir,
        client_package.AsyncClient(weir.app.address) as client,
    ):
        seen = []
        async with aclosing(client.admin.watch_targets(interval_s=0.1)) as lists:
            async for targets in lists:
                seen.append(targets[0].attempts)
                if len(seen) == 3:
                    break
                known.put(report("a", "m", attempts=len(seen)))
    assert seen == [0, 1, 2]
    (line,) = weir.log_lines("rpc")
    assert (line["method"], line["code"]) == ("WatchTargets", "CANCELLED")


async def test_a_watch_ends_with_the_clients_own_error() -> None:
    """Its deadline is a DeadlineExceededError, a drain an UnavailableError with its reason."""
    known = InMemoryStates(report("a", "m"))
    async with (
        serving_admin(known) as weir,
        client_package.AsyncClient(weir.app.address) as client,
    ):
        with pytest.raises(client_package.DeadlineExceededError):
            _ = [targets async for targets in client.admin.watch_targets(timeout_s=0.4)]
        async with aclosing(client.admin.watch_targets()) as lists:
            await anext(lists)
            await weir.app.drain()
            with pytest.raises(client_package.UnavailableError) as drained:
                await anext(lists)
    assert drained.value.reason == "GATEWAY_DRAINING"
