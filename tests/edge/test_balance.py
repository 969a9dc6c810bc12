"""Calls spread over three servers, and one of them drains without a failed call."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.edge.envoy import WEIRS, envoy, port_of, recipe
from tests.service.asking import hear_rest, until
from tests.service.process import Served, serving_process
from tests.service.weir import ECHO, Weir, serving, stream_request
from weir import AsyncClient, WeirError

CALLERS = 8
TALK = '/script [{"text": "a b"}, {"delay_s": 0.02}, {"text": " c"}]'
LONG_S = 3.0
LONG = f'/script [{{"text": "a"}}, {{"delay_s": {LONG_S}}}, {{"text": " last"}}]'


@dataclass(frozen=True, kw_only=True)
class Three:
    """Three servers: two that stay, and in the middle a process that a signal drains."""

    staying: tuple[Weir, Weir]
    leaving: Served

    @property
    def addresses(self) -> list[str]:
        first, last = self.staying
        return [first.app.address, self.leaving.address, last.app.address]

    @property
    def answered(self) -> list[int]:
        """How many calls each has answered."""
        first, last = self.staying
        return [served(server)["OK"] for server in (first, self.leaving, last)]


@asynccontextmanager
async def three_weirs(folder: Path) -> AsyncIterator[Three]:
    """Each with what it keeps to itself."""
    model = {**ECHO, "default_model": "echo"}
    pace = {"data_dir": str(folder / "data"), "drain_grace_s": 20}
    async with (
        serving(model) as first,
        serving_process(folder, model, **pace) as leaving,
        serving(model) as last,
    ):
        yield Three(staying=(first, last), leaving=leaving)


class Load:
    """Callers that go on one call after another, a stream after each two answers."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._over = False
        self.answered = 0
        self.failed: list[str] = []

    async def calls(self, count: int) -> None:
        """Return when so many more have been answered."""
        until_answered = self.answered + count
        await until(lambda: self.answered >= until_answered or bool(self.failed))

    def stop(self) -> None:
        """Let each caller end its last call."""
        self._over = True

    async def caller(self) -> None:
        number = 0
        while not self._over:
            number += 1
            try:
                await (self._stream() if number % 3 == 0 else self._chat())
                self.answered += 1
            except WeirError as error:
                self.failed.append(repr(error))

    async def _chat(self) -> None:
        reply = await self._client.chat("hello")
        assert reply.message.parts[0].text == "hello"

    async def _stream(self) -> None:
        async with self._client.stream_chat(TALK) as stream:
            assert "".join([text async for text in stream.text]) == "a b c"


@asynccontextmanager
async def loading(client: AsyncClient) -> AsyncIterator[Load]:
    """Callers beside the block."""
    load = Load(client)
    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLERS):
            callers.create_task(load.caller())
        try:
            yield load
        finally:
            load.stop()


def served(server: Weir | Served) -> Counter[str]:
    """How the calls ended that a server was asked for."""
    return Counter(line["code"] for line in server.log_lines("rpc"))


async def drained_under_load(
    servers: Three, address: str, record_property: Callable[[str, object], None]
) -> None:
    """Load three servers through one address, drain the second, and look who was asked."""
    leaving = servers.leaving
    async with AsyncClient(address) as client, loading(client) as load:
        # Each is known to be there before anything is counted.
        await until(lambda: bool(load.failed) or all(servers.answered))
        before = servers.answered
        await load.calls(150)
        spread = [now - then for now, then in zip(servers.answered, before, strict=True)]
        # It holds the drain open: a server that refuses new calls for seconds, not for a moment.
        held = leaving.llm.StreamChat(stream_request(LONG))
        await held.read()
        leaving.process.send_signal(signal.SIGTERM)
        answered = load.answered
        rest = await hear_rest(held)
        while_draining = load.answered - answered
        exit_code = await leaving.process.wait()
        await load.calls(90)
    refused = served(leaving)["UNAVAILABLE"]
    record_property("calls", load.answered)
    record_property("spread", "/".join(map(str, spread)))
    record_property("refused_while_draining", refused)
    record_property("failed_calls", len(load.failed))
    assert load.failed == []
    assert min(spread) > sum(spread) / 3 * 0.5
    assert rest.text.endswith("last")
    assert exit_code == 0
    # Half of them, if it were asked in turn to the end.
    assert refused < while_draining / 3


async def test_a_client_with_three_addresses(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """The Python client takes them in turn, and leaves one whose health says so."""
    async with three_weirs(tmp_path) as servers:
        address = "ipv4:" + ",".join(servers.addresses)
        await drained_under_load(servers, address, record_property)


@pytest.mark.usefixtures("needs_envoy")
async def test_a_proxy_with_three_addresses(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Envoy does, and tries a call again elsewhere that a draining server refused."""
    async with three_weirs(tmp_path) as servers:
        ports = dict(zip(WEIRS, map(port_of, servers.addresses), strict=True))
        async with envoy(tmp_path, recipe("balance.yaml"), ports) as port:
            await drained_under_load(servers, f"127.0.0.1:{port}", record_property)
