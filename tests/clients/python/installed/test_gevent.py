"""Does the client get on with gevent: greenlets side by side, killed, forked, ended?"""

import asyncio
import time
from pathlib import Path

import pytest

from tests.clients.python import answers
from tests.clients.python.installed.programs import printed
from tests.clients.python.scripted_server import Pause, ScriptedServer

WHOLE = answers.text_answer("a", "b")
START = """
from gevent import monkey
monkey.patch_all()
import weir
weir.Client
from grpc.experimental.gevent import init_gevent
init_gevent()

import os, sys, time
import gevent

client = weir.Client(sys.argv[1], timeout_s=10)

def read(begun=None):
    with client.stream_chat("Hi") as stream:
        first = next(stream.text)
        if begun is not None:
            begun.set()
        return first + "".join(stream.text)
"""
SIDE_BY_SIDE = """
ticks = [time.monotonic()]
def tick():
    while True:
        gevent.sleep(0.02)
        ticks.append(time.monotonic())
gevent.spawn(tick)
readers = [gevent.spawn(read) for _ in range(5)]
gevent.joinall(readers, raise_error=True)
print(*(reader.value for reader in readers))
print(max(after - before for before, after in zip(ticks, ticks[1:])))
"""
LEAVING = {
    "killed": """
        begun = gevent.event.Event()
        reader = gevent.spawn(read, begun)
        begun.wait()
        left_at_s = time.monotonic()
        reader.kill()
        print(left_at_s, flush=True)
        gevent.sleep(3)
        """,
    "timed out": """
        left_at_s = time.monotonic() + 0.5
        with gevent.Timeout(0.5, False):
            read()
        print(left_at_s, flush=True)
        gevent.sleep(3)
        """,
    "exit": """
        stream = client.stream_chat("Hi").__enter__()
        next(stream)
        print(time.monotonic())
        """,
}
FORK = """
print("before", read(), flush=True)
forked_at_s = time.monotonic()
child = os.fork()
if child == 0:
    print("child", read(), flush=True)
    os._exit(0)  # gRPC's own clean-up would wait for ever here
assert os.waitpid(child, 0)[1] == 0
print(time.monotonic() - forked_at_s, flush=True)
print("parent", read(), flush=True)
"""


async def test_streams_side_by_side(server: ScriptedServer, tmp_path: Path) -> None:
    """While five streams wait for their next word, other greenlets run."""
    server.play(WHOLE[:3], Pause(seconds=1), WHOLE[3:])

    read, longest_gap_s = await printed(
        "web", START + SIDE_BY_SIDE, server.address, folder=tmp_path
    )

    assert read == "ab ab ab ab ab"
    assert float(longest_gap_s) < 0.9


@pytest.mark.parametrize("way", LEAVING)
async def test_leaving_a_stream(server: ScriptedServer, tmp_path: Path, way: str) -> None:
    """A greenlet that is killed or timed out, and a process that ends, cancel within 2 s."""
    server.play(WHOLE[:3], Pause())
    program = START + "\n".join(line[8:] for line in LEAVING[way].splitlines())

    (left_at_s,) = await printed("web", program, server.address, folder=tmp_path, limit_s=10)
    ended_at_s = time.monotonic()
    async with asyncio.timeout(2):
        await server.seen[0].over.wait()

    assert server.seen[0].cancelled_at_s is not None
    assert server.seen[0].cancelled_at_s - float(left_at_s) < 2
    if way == "exit":
        assert ended_at_s - float(left_at_s) < 2


async def test_fork(server: ScriptedServer, tmp_path: Path) -> None:
    """A client that has called serves parent and child; the child is left by `os._exit`."""
    server.play(WHOLE)

    before, in_child, took_s, in_parent = await printed(
        "web", START + FORK, server.address, folder=tmp_path, limit_s=15
    )

    assert (before, in_child, in_parent) == ("before ab", "child ab", "parent ab")
    assert float(took_s) < 2
