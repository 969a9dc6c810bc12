"""Does a line of the journal's file tell what happened, and keep keys to itself?"""

import io
import json
from typing import Any

from tests.fakes_selftest.raw_client import RawClient, post
from weir_server.fake_upstream.behaviour import Sse
from weir_server.fake_upstream.exchange import Ending
from weir_server.fake_upstream.journal import Journal
from weir_server.fake_upstream.journal_file import JournalFile
from weir_server.fake_upstream.upstream import FakeUpstream


async def lines_of(*, leaves: bool, headers: dict[str, str]) -> list[dict[str, Any]]:
    """Return the lines of one stream that stalls until the client leaves, or that is cut."""
    file = io.StringIO()
    stream = Sse(events=[b"data: a\n\n"], ending=Ending.STALL if leaves else Ending.EOF)
    journal = Journal(on_finished=JournalFile(file).write)
    async with FakeUpstream(stream, journal=journal) as upstream:
        client = await RawClient.connect(upstream.port)
        await client.send(post(path="/v1/chat/completions?key=sk-query", headers=headers))
        await client.reader.readuntil(b"data: a")
        if leaves:
            client.reset()
        await upstream.wait_finished(upstream.journal[0])
        await client.close()
    return [json.loads(line) for line in file.getvalue().splitlines()]


async def test_a_client_that_leaves_is_told() -> None:
    """The line says that the client closed and when, between the first byte and the end."""
    [row] = await lines_of(leaves=True, headers={})
    assert row["outcome"] == "client_closed"
    assert row["first_byte_s"] <= row["client_closed_s"] <= row["finished_s"]
    assert row["credential"] is None


async def test_a_cut_is_told_without_the_key() -> None:
    """What the upstream ended itself has no close of the client's; no key is in the line."""
    [row] = await lines_of(leaves=False, headers={"x-api-key": "sk-secret"})
    assert (row["outcome"], row["client_closed_s"]) == ("cut", None)
    assert len(row["credential"]) == 8
    assert "sk-" not in json.dumps(row)
