"""Does the client behave in a process: imported late, forked, and ended with a stream open?

Each test runs a small program, because what it promises is about a whole process.
"""

import asyncio
import os
import sys
import textwrap
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

import weir
from tests.clients.python import answers
from tests.clients.python.scripted_server import Pause, ScriptedServer
from weir.v1.content_pb2 import Message, Part
from weir.v1.provider_service_pb2 import ChatResponse

ANSWER = ChatResponse(message=Message(parts=[Part(text="Hello")]))
FORK_SETTING = "GRPC_ENABLE_FORK_SUPPORT"

FORK = """
    import os, sys
    {imports}

    client = weir.Client(sys.argv[1], timeout_s=10)
    print("before", client.chat("Hi").message.parts[0].text, flush=True)
    child = os.fork()
    if child == 0:
        print("child", client.chat("Hi").message.parts[0].text, flush=True)
        client.close()
        os._exit(0)
    print("parent", client.chat("Hi").message.parts[0].text, flush=True)
    assert os.waitpid(child, 0)[1] == 0
    client.close()
    """

WHOLE = answers.text_answer("a", "b")
FORK_WITH_AN_OPEN_STREAM = """
    import os, sys, time, weir

    client = weir.Client(sys.argv[1], timeout_s=10)
    with client.stream_chat("Hi") as stream:
        text = next(stream.text)
        forked_at_s = time.monotonic()
        child = os.fork()
        if child == 0:
            try:
                list(stream)
            except weir.WeirError as error:
                print(type(error).__name__, flush=True)
            with client.stream_chat("Hi") as own:
                print("child", "".join(own.text), flush=True)
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(time.monotonic() - forked_at_s, flush=True)
        print("parent", text + "".join(stream.text), flush=True)
    """
FORK_AFTER_ASYNCIO = """
    import asyncio, os, sys, time, weir

    client = weir.AsyncClient(sys.argv[1], timeout_s=10)

    async def ask():
        return (await client.chat("Hi")).message.parts[0].text

    async def ask_another():
        async with weir.AsyncClient(sys.argv[1], timeout_s=10) as another:
            await another.chat("Hi")

    def blocking():
        with weir.Client(sys.argv[1], timeout_s=10) as another:
            return another.chat("Hi").message.parts[0].text

    def attempt(question):
        try:
            print("child", question(), flush=True)
        except RuntimeError as error:
            print("refused" if "forked" in str(error) else error, flush=True)

    def fork():
        forked_at_s = time.monotonic()
        child = os.fork()
        if child == 0:
            attempt(lambda: ask().send(None))
            attempt(lambda: ask_another().send(None))
            attempt(blocking)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(time.monotonic() - forked_at_s, flush=True)

    async def main():
        await ask()
        if sys.argv[2] == "True":
            fork()
        print("parent", await ask(), flush=True)
        await client.close()

    if sys.argv[2] == "True":
        asyncio.run(main())
    else:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(ask())
        fork()
        loop.run_until_complete(main())
        loop.close()
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a program ended."""

    exit_code: int | None
    printed: list[str]
    errors: str
    ended_at_s: float
    """On time.monotonic, which all processes of a machine share."""


async def run(
    program: str, *arguments: str, limit_s: float = 30, environment: dict[str, str] | None = None
) -> Outcome:
    """Run a program to its end, which must come within limit_s seconds."""
    settings = {key: value for key, value in os.environ.items() if key != FORK_SETTING}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(program),
        *arguments,
        env={**settings, **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(limit_s):
            printed, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Outcome(
        exit_code=process.returncode,
        printed=printed.decode().splitlines(),
        errors=errors.decode(),
        ended_at_s=time.monotonic(),
    )


@pytest.mark.parametrize(
    "module",
    [
        "weir",
        "weir.errors",
        "weir.fold",
        "weir.messages",
        "weir.v1.provider_service_pb2",
        "weir.v1.model_service_pb2",
        "weir.v1.embedding_service_pb2",
    ],
)
async def test_stubs_without_grpc(module: str) -> None:
    """Messages, errors and the fold are there without importing gRPC."""
    outcome = await run(f"import sys, {module}; print('grpc' in sys.modules)")

    assert (outcome.printed, outcome.errors) == (["False"], "")


async def test_names_load_on_first_use() -> None:
    """A public name brings gRPC only if it needs it."""
    outcome = await run(
        """
        import sys, weir
        weir.fold_chat, weir.user, weir.WeirError, weir.TlsFiles
        print("grpc" in sys.modules)
        weir.Client
        print("grpc" in sys.modules)
        """
    )

    assert outcome.printed == ["False", "True"]


def test_every_public_name() -> None:
    """Every name that the package promises is there, and no other."""
    assert set(weir.__all__) <= set(dir(weir))
    for name in weir.__all__:
        assert getattr(weir, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        weir.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_the_version() -> None:
    """The version that the client tells is that of its package."""
    package = Path(weir.__file__).parents[1] / "pyproject.toml"

    assert tomllib.loads(package.read_text())["project"]["version"] == weir.__version__


async def test_fork(server: ScriptedServer) -> None:
    """After a fork both the parent and the child go on calling with the same client."""
    server.play(ANSWER)

    outcome = await run(FORK.format(imports="import weir"), server.address)

    assert outcome.exit_code == 0, outcome.errors
    assert sorted(outcome.printed) == ["before Hello", "child Hello", "parent Hello"]
    assert "RuntimeWarning" not in outcome.errors


async def test_fork_with_an_open_stream(server: ScriptedServer) -> None:
    """The stream goes on in the parent; in the child it is cancelled, and that ends at once."""
    server.play(WHOLE[:3], Pause(seconds=1.5), WHOLE[3:])
    server.play(WHOLE)

    outcome = await run(FORK_WITH_AN_OPEN_STREAM, server.address, limit_s=10)

    assert outcome.exit_code == 0, outcome.errors
    *in_child, took_s, in_parent = outcome.printed
    assert in_child == ["CallCancelledError", "child ab"]
    assert float(took_s) < 2
    assert in_parent == "parent ab"


@pytest.mark.parametrize("inside", [True, False], ids=["inside the loop", "after the loop"])
async def test_fork_after_calls_with_asyncio(server: ScriptedServer, *, inside: bool) -> None:
    """In the child asyncio clients are refused instead of hanging; the blocking one works."""
    server.play(ANSWER)

    outcome = await run(FORK_AFTER_ASYNCIO, server.address, str(inside), limit_s=10)

    assert outcome.exit_code == 0, outcome.errors
    *in_child, took_s, in_parent = outcome.printed
    assert in_child == ["refused", "refused", "child Hello"]
    assert float(took_s) < 2
    assert in_parent == "parent Hello"


async def test_fork_in_asyncio(server: ScriptedServer) -> None:
    """An AsyncClient made before a fork, but used only after it, serves parent and child."""
    server.play(ANSWER)
    program = """
        import asyncio, os, sys
        import weir

        client = weir.AsyncClient(sys.argv[1], timeout_s=10)

        async def ask():
            async with client:
                return (await client.chat("Hi")).message.parts[0].text

        child = os.fork()
        if child == 0:
            print("child", asyncio.run(ask()), flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print("parent", asyncio.run(ask()), flush=True)
        """

    outcome = await run(program, server.address)

    assert outcome.exit_code == 0, outcome.errors
    assert outcome.printed == ["child Hello", "parent Hello"]


async def test_grpc_imported_first() -> None:
    """Where gRPC came first without fork support, a fork is warned about."""
    program = """
        import os
        import grpc, weir
        weir.Client
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        """

    outcome = await run(program)

    assert outcome.exit_code == 0
    assert "RuntimeWarning: This process forks, but gRPC was imported before" in outcome.errors


@pytest.mark.parametrize(("given", "kept"), [("", "1"), ("0", "0")])
async def test_the_users_own_setting(given: str, kept: str) -> None:
    """Fork support is switched on unless the user decided about it."""
    environment = {FORK_SETTING: given} if given else {}

    outcome = await run(
        f"import os, weir; weir.Client; print(os.environ['{FORK_SETTING}'])",
        environment=environment,
    )

    assert outcome.printed == [kept]


@pytest.mark.parametrize(
    "program",
    [
        """
        import sys, time, weir
        stream = weir.Client(sys.argv[1]).stream_chat("Hi").__enter__()
        next(stream)
        print(time.monotonic(), flush=True)
        """,
        """
        import sys, time, weir
        with weir.Client(sys.argv[1]).stream_chat("Hi") as stream:
            next(stream)
            print(time.monotonic(), flush=True)
            sys.exit(0)
        """,
        """
        import asyncio, sys, time, weir
        async def main():
            global stream
            stream = await weir.AsyncClient(sys.argv[1]).stream_chat("Hi").__aenter__()
            await anext(stream)
            print(time.monotonic(), flush=True)
        asyncio.run(main())
        """,
        """
        import asyncio, sys, time, weir
        async def main():
            async with weir.AsyncClient(sys.argv[1]) as client:
                async with client.stream_chat("Hi") as stream:
                    await anext(stream)
                    print(time.monotonic(), flush=True)
                    sys.exit(0)
        asyncio.run(main())
        """,
    ],
    ids=["left open", "exit in its block", "asyncio, left open", "asyncio, exit in its block"],
)
async def test_exit_with_an_open_stream(server: ScriptedServer, program: str) -> None:
    """A program ends at once though a stream is open, quietly, and the server sees the cancel."""
    server.play(answers.text_answer("a")[:3], Pause())

    outcome = await run(program, server.address, limit_s=10)
    async with asyncio.timeout(2):
        await server.seen[0].over.wait()

    assert outcome.exit_code == 0, outcome.errors
    assert outcome.errors == ""
    (opened_at_s,) = outcome.printed
    assert outcome.ended_at_s - float(opened_at_s) < 2
