"""Can every fault of the catalogue be played, and does an HTTP library see it as meant?"""

import asyncio

import aiohttp
import pytest

from tests.fakes_selftest.raw_client import CHAT
from tests.fakes_selftest.sdk import sdk_for
from weir_server.fake_upstream.faults import FAULTS, TEXT, Fault
from weir_server.fake_upstream.journal import Outcome
from weir_server.fake_upstream.misbehaviour import MIB
from weir_server.fake_upstream.sse import BOM
from weir_server.fake_upstream.upstream import FakeUpstream

NEVER_ENDING = {
    "hang_before_headers",
    "hang_before_body",
    "hang_in_body",
    "hang_before_first_event",
    "hang_before_text",
    "stall",
    "stall_with_pings",
    "ping_and_never_begin",
    "drip_headers",
    "drip_body",
    "drip_stream",
}
BROKEN_CONNECTION = {
    "reset_before_headers",
    "eof_before_headers",
    "eof_in_headers",
    "not_http",
    "endless_headers",
    "endless_header_field",
    "short_length",
    "reset_in_body",
    "cut_chunked_body",
    "eof_before_text",
    "reset",
    "eof",
    "eof_in_event",
}


async def play(upstream: FakeUpstream, fault: Fault, *, timeout_s: float = 5.0) -> bytes:
    """Return the body as aiohttp reads it; raises what aiohttp raises."""
    upstream.script(fault.behaviour)
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(
            f"{upstream.url}/chat/completions", json=CHAT, allow_redirects=False
        ) as response,
    ):
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > 40 * MIB:
                break
        return bytes(body)


@pytest.mark.parametrize("name", FAULTS)
async def test_every_fault_plays(upstream: FakeUpstream, name: str) -> None:
    """An HTTP library times out on what never ends, fails on what breaks, and reads the rest."""
    if name in NEVER_ENDING:
        with pytest.raises(asyncio.TimeoutError):
            await play(upstream, FAULTS[name], timeout_s=0.2)
    elif name in BROKEN_CONNECTION or name.startswith("chunk_"):
        with pytest.raises(aiohttp.ClientError):
            await play(upstream, FAULTS[name])
    else:
        await play(upstream, FAULTS[name])
    await upstream.wait_finished(upstream.journal[0])
    assert upstream.journal[0].outcome not in (Outcome.CRASHED, Outcome.MALFORMED)


@pytest.mark.parametrize(
    "name",
    [
        "lines_end_in_cr",
        "lines_end_in_crlf",
        "no_space_after_colon",
        "comments_between",
        "named_events",
        "other_fields",
        "byte_by_byte",
        "cut_inside_utf8",
        "finish_twice",
        "usage_twice",
        "usage_cumulative",
        "unknown_fields_stream",
        "ends_without_done",
    ],
)
async def test_lawful_spellings_say_the_same(upstream: FakeUpstream, name: str) -> None:
    """The vendor's SDK reads the whole text out of each."""
    upstream.script(FAULTS[name].behaviour)
    async with sdk_for(upstream.url) as sdk:
        stream = await sdk.chat.completions.create(model="m", messages=[], stream=True)
        choices = [choice async for chunk in stream for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == TEXT


async def test_bom_comes_first(upstream: FakeUpstream) -> None:
    """The byte order mark is the stream's first character, before the first field."""
    body = await play(upstream, FAULTS["starts_with_bom"])
    assert body.startswith(BOM + b"data: ")


async def test_huge_things_are_huge(upstream: FakeUpstream) -> None:
    """What tests a cap is beyond it: 1 MiB for an event, 32 MiB for a body as the reader has it."""
    assert len(await play(upstream, FAULTS["huge_line"])) > 2 * MIB
    assert len(await play(upstream, FAULTS["huge_body"])) > 32 * MIB
    assert len(await play(upstream, FAULTS["bomb"])) > 32 * MIB
    assert upstream.journal[2].bytes_sent < MIB
