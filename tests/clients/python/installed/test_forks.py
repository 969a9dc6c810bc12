"""Does a process that forks or ends in the middle of a stream hang, on any gRPC that is taken?"""

import time
from pathlib import Path

import pytest

from tests.clients.python import answers
from tests.clients.python.installed.programs import printed
from tests.clients.python.scripted_server import Pause, ScriptedServer
from tests.clients.python.test_processes import FORK_AFTER_ASYNCIO, FORK_WITH_AN_OPEN_STREAM
from weir.v1.content_pb2 import Message, Part
from weir.v1.provider_service_pb2 import ChatResponse

WHOLE = answers.text_answer("a", "b")
ANSWER = ChatResponse(message=Message(parts=[Part(text="Hello")]))
OLDEST, NEWEST = "protobuf-5-grpcio-oldest", "protobuf-7-grpcio-newest"
EXIT = {
    "blocking": """
        import sys, time, weir
        stream = weir.Client(sys.argv[1]).stream_chat("Hi").__enter__()
        next(stream)
        print(time.monotonic())
        """,
    "asyncio": """
        import asyncio, sys, time, weir
        async def main():
            global stream
            stream = await weir.AsyncClient(sys.argv[1]).stream_chat("Hi").__aenter__()
            await anext(stream)
            print(time.monotonic())
        asyncio.run(main())
        """,
}

pytestmark = pytest.mark.parametrize("environment", [OLDEST, NEWEST])


async def test_fork_with_an_open_stream(
    server: ScriptedServer, environment: str, tmp_path: Path
) -> None:
    """The stream goes on in the parent; in the child it is cancelled, and that ends at once."""
    server.play(WHOLE[:3], Pause(seconds=1.5), WHOLE[3:])
    server.play(WHOLE)

    *in_child, took_s, in_parent = await printed(
        environment, FORK_WITH_AN_OPEN_STREAM, server.address, folder=tmp_path
    )

    assert in_child == ["CallCancelledError", "child ab"]
    assert float(took_s) < 2
    assert in_parent == "parent ab"


async def test_fork_after_calls_with_asyncio(
    server: ScriptedServer, environment: str, tmp_path: Path
) -> None:
    """What gRPC cannot do in the child is refused at once: old ones cannot call there at all."""
    server.play(ANSWER)

    *in_child, took_s, in_parent = await printed(
        environment, FORK_AFTER_ASYNCIO, server.address, "True", folder=tmp_path
    )

    last = "refused" if environment == OLDEST else "child Hello"
    assert in_child == ["refused", "refused", last]
    assert float(took_s) < 2
    assert in_parent == "parent Hello"


@pytest.mark.parametrize("kind", EXIT)
async def test_exit_with_an_open_stream(
    server: ScriptedServer, environment: str, kind: str, tmp_path: Path
) -> None:
    """The process ends within 2 s and says nothing."""
    server.play(WHOLE[:3], Pause())

    (open_at_s,) = await printed(environment, EXIT[kind], server.address, folder=tmp_path)

    assert time.monotonic() - float(open_at_s) < 2
