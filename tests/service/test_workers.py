"""Several processes on one port: all answer, one that dies takes only its own calls with it."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import psutil

from tests.service.asking import hear_rest, until
from tests.service.process import Served, serving_process
from tests.service.test_drain import HANG, talk
from tests.service.weir import ECHO, chat_request, stream_request
from weir.v1.model_service_pb2 import GetServerInfoRequest
from weir.v1.provider_service_pb2_grpc import LLMProviderServiceStub

OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
CONNECTIONS = 16
"""So many that all of them on one of two workers is a chance of 1 in 32,768."""
BACK_WITHIN_S = 2.0
AT_ONCE_S = 1.0


@asynccontextmanager
async def connected(server: Served, count: int = CONNECTIONS) -> AsyncIterator[list[Any]]:
    """Stubs with a connection each."""
    async with AsyncExitStack() as stack:
        channels = [
            await stack.enter_async_context(
                grpc.aio.insecure_channel(server.address, options=list(OWN_CONNECTION))
            )
            for _ in range(count)
        ]
        yield [LLMProviderServiceStub(channel) for channel in channels]


async def pids(server: Served) -> dict[int, int]:
    """The process of each worker, by its number, once all serve."""
    await until(lambda: len(server.log_lines("worker_started")) == 2)
    return {line["worker"]: line["pid"] for line in server.log_lines("worker_started")}


async def homes(server: Served, stubs: list[Any]) -> list[int]:
    """The process that each connection leads to, as the access log has it."""
    for number, stub in enumerate(stubs):
        await stub.Chat(chat_request("where"), metadata=[("weir-client", f"c{number}")])

    def found() -> dict[str, int]:
        return {line["client"]: line["pid"] for line in server.log_lines("rpc")}

    await until(lambda: len(found()) >= len(stubs))
    return [found()[f"c{number}"] for number in range(len(stubs))]


def is_gone(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has noted so yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def libraries(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


async def test_connections_reach_both_workers(tmp_path: Path) -> None:
    """Calls over many connections are answered by both; the supervisor itself knows no gRPC."""
    async with serving_process(tmp_path, ECHO, workers=2) as server, connected(server) as stubs:
        workers = await pids(server)
        found = await homes(server, stubs)
        replies = await asyncio.gather(*(s.Chat(chat_request("all")) for s in stubs * 10))
        info = await server.models.GetServerInfo(GetServerInfoRequest())
        supervisor = libraries(server.process.pid)
        worker = libraries(workers[1])
    assert set(found) == set(workers.values())
    assert len(replies) == CONNECTIONS * 10
    assert not info.capabilities.initialize
    assert "cygrpc" not in supervisor
    assert "cygrpc" in worker
    assert {line["worker"] for line in server.log_lines("serving")} == {1, 2}


async def test_workers_have_the_folder_and_the_prices_of_the_configuration(tmp_path: Path) -> None:
    """A call is served and priced as was written, and is booked in the folder that was named."""
    folder = tmp_path / "books of workers"
    rates = {"prompt_tokens": "1000", "completion_tokens": "0.50", "requests": 2500.5}
    tree = {
        "providers": [{"id": "echo", "kind": "echo"}],
        "models": [{"name": "echo", "provider": "echo"}],
        "prices": {"overrides": [{"model": "echo", **rates}]},
    }
    async with serving_process(tmp_path, tree, workers=2, data_dir=str(folder)) as server:
        reply = await server.llm.Chat(chat_request("what is it", model="models/echo"))
    assert reply.message.parts[0].text == "what is it"
    # In nanos of a dollar: a rate of one dollar for a million is a thousand of them for one.
    usage = reply.usage
    expected = usage.prompt_tokens * 1_000_000 + usage.completion_tokens * 500 + 2_500_500
    assert usage.cost.total_nanos == expected
    assert (folder / "ledger.db").exists()


async def test_a_worker_that_dies_takes_its_own_calls_alone(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Killed under load: its own streams break off, all other calls succeed, and it is back."""
    async with serving_process(tmp_path, ECHO, workers=2) as server, connected(server) as stubs:
        victim = (await pids(server))[1]
        found = await homes(server, stubs)
        theirs = [stub for stub, home in zip(stubs, found) if home == victim]
        others = [stub for stub, home in zip(stubs, found) if home != victim]
        await until(lambda: len(server.log_lines("worker_prepared")) == 3, timeout_s=20)
        broken = [stub.StreamChat(stream_request(HANG)) for stub in theirs]
        whole = [stub.StreamChat(stream_request(talk(3.0))) for stub in others]
        for call in (*broken, *whole):
            await call.read()
        load = asyncio.ensure_future(_load(others))

        psutil.Process(victim).kill()

        cut = await asyncio.gather(*map(hear_rest, broken))
        await until(lambda: bool(server.log_lines("worker_restarted")), timeout_s=15)
        heard = await asyncio.gather(*map(hear_rest, whole))
        count = await load
        again = await asyncio.gather(
            *(s.Chat(chat_request("again"), wait_for_ready=True) for s in theirs)
        )
    [died] = server.log_lines("worker_died")
    [back] = server.log_lines("worker_restarted")
    record_property("back_after_s", back["took_s"])
    record_property("calls_beside", count)
    assert theirs
    assert {each.code for each in cut} == {grpc.StatusCode.UNAVAILABLE}
    assert {each.code for each in heard} == {grpc.StatusCode.OK}
    assert all(each.text.endswith(" last") for each in heard)
    assert count >= len(others)
    assert len(again) == len(theirs)
    assert (died["worker"], died["pid"], died["signal"]) == (1, victim, "SIGKILL")
    assert back["took_s"] <= BACK_WITHIN_S


async def test_a_signal_without_a_name_is_told_by_its_number(tmp_path: Path) -> None:
    """A real-time signal ends one worker, which is started again, and nothing else."""
    async with serving_process(tmp_path, ECHO, workers=2) as server:
        victim = (await pids(server))[1]
        psutil.Process(victim).send_signal(signal.SIGRTMIN + 1)
        await until(lambda: bool(server.log_lines("worker_restarted")), timeout_s=15)
    [died] = server.log_lines("worker_died")
    assert died["signal"] == str(signal.SIGRTMIN + 1)


async def _load(stubs: list[Any], for_s: float = 3.0) -> int:
    """Ask all the time for a while and count the answers; raises for a call that fails."""
    until_s = time.monotonic() + for_s
    count = 0
    while time.monotonic() < until_s:
        await asyncio.gather(*(stub.Chat(chat_request("beside")) for stub in stubs))
        count += len(stubs)
    return count


async def test_sigterm_drains_all_workers(tmp_path: Path) -> None:
    """Streams in both end whole and the exit code is 0, though the workers are signalled too."""
    async with serving_process(tmp_path, ECHO, workers=2) as server, connected(server) as stubs:
        workers = await pids(server)
        found = await homes(server, stubs)
        calls = [stub.StreamChat(stream_request(talk(3.0))) for stub in stubs]
        for call in calls:
            await call.read()

        server.process.send_signal(signal.SIGTERM)
        for _ in range(2):
            # As a process manager does that signals every process of its group.
            for pid in workers.values():
                psutil.Process(pid).send_signal(signal.SIGTERM)
            await asyncio.sleep(0.3)

        heard = await asyncio.gather(*map(hear_rest, calls))
        async with asyncio.timeout(10):
            code = await server.process.wait()
    assert set(found) == set(workers.values())
    assert {each.code for each in heard} == {grpc.StatusCode.OK}
    assert all(each.text.endswith(" last") for each in heard)
    assert code == 0
    assert {line["code"] for line in server.log_lines("worker_ended")} == {0}
    assert all(is_gone(pid) for pid in workers.values())


async def test_a_second_signal_stops_all_at_once(tmp_path: Path) -> None:
    """143 after SIGTERM, however long an answer would still take."""
    async with serving_process(tmp_path, ECHO, workers=2) as server:
        workers = await pids(server)
        call = server.llm.StreamChat(stream_request(HANG))
        await call.read()
        server.process.send_signal(signal.SIGTERM)
        await until(lambda: len(server.log_lines("draining")) == 2)
        begun_s = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            code = await server.process.wait()
        took_s = time.monotonic() - begun_s
        heard = await hear_rest(call)
    assert code == 143
    assert took_s <= 3 * AT_ONCE_S
    assert heard.code is grpc.StatusCode.UNAVAILABLE
    assert all(is_gone(pid) for pid in workers.values())


async def test_workers_do_not_outlive_their_supervisor(tmp_path: Path) -> None:
    """When the supervisor is killed a running answer still ends, then every process is gone."""
    async with serving_process(tmp_path, ECHO, workers=2) as server:
        await until(lambda: len(psutil.Process(server.process.pid).children()) == 3)
        children = [child.pid for child in psutil.Process(server.process.pid).children()]
        call = server.llm.StreamChat(stream_request(talk(1.5)))
        await call.read()
        server.process.kill()
        heard = await hear_rest(call)
        await until(lambda: all(map(is_gone, children)), timeout_s=15)
    assert heard.code is grpc.StatusCode.OK
    assert heard.text.endswith(" last")
    assert len(server.log_lines("supervisor_gone")) == 2


async def test_a_worker_that_dies_again_and_again_has_to_wait(tmp_path: Path) -> None:
    """The first restart is at once, each further one of a short life later than the one before."""
    async with serving_process(tmp_path, ECHO, workers=2) as server:
        await pids(server)
        for deaths in range(1, 4):
            alive = [*server.log_lines("worker_started"), *server.log_lines("worker_restarted")]
            last = [line["pid"] for line in alive if line["worker"] == 1][-1]
            psutil.Process(last).kill()
            await _restarted(server, deaths)
        reply = await server.llm.Chat(chat_request("still here"), wait_for_ready=True)
    died = server.log_lines("worker_died")
    assert [line["restart_in_s"] for line in died] == [0.0, 0.5, 1.0]
    assert reply.message.parts[0].text == "still here"


async def _restarted(server: Served, count: int) -> None:
    await until(lambda: len(server.log_lines("worker_restarted")) == count, timeout_s=20)


async def test_nobody_else_gets_the_port(tmp_path: Path) -> None:
    """The port is the supervisor's, whatever its workers do."""
    async with serving_process(tmp_path, ECHO, workers=2) as server:
        host, _, port = server.address.rpartition(":")
        psutil.Process((await pids(server))[1]).kill()
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            failure = _bind(other, (host, int(port)))
    assert isinstance(failure, OSError)


def _bind(one: socket.socket, address: tuple[str, int]) -> OSError | None:
    try:
        one.bind(address)
    except OSError as failure:
        return failure
    return None
