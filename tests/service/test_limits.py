"""What a caller may send is bounded by the transport: sizes, metadata, compression, paths."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.service.asking import ask_raw, logged, refused
from tests.service.process import serving_process
from tests.service.weir import ECHO, Weir, chat_request, hear, serving, stream_request
from weir.v1.model_service_pb2 import GetServerInfoRequest
from weir.v1.provider_service_pb2 import CountTokensRequest

MIB = 1024 * 1024
CHAT = "/weir.v1.LLMProviderService/Chat"


async def test_a_message_over_the_limit_is_refused(weir: Weir) -> None:
    """RESOURCE_EXHAUSTED from the transport, before a handler runs; the next call is served."""
    refusal = await refused(weir.llm.Chat(chat_request("x" * (4 * MIB + 1))))
    kept = await weir.llm.CountTokens(CountTokensRequest(text="x" * (4 * MIB - 64)))
    assert refusal.code == "RESOURCE_EXHAUSTED"
    assert not refusal.details, "the transport knows no reason"
    assert kept.tokens == 1
    assert [line["method"] for line in await logged(weir)] == ["CountTokens"]


async def test_an_operator_can_raise_the_limit() -> None:
    """10 MiB pass where 32 MiB are allowed, and the server says so."""
    async with serving(server={"max_request_bytes": 32 * MIB}) as weir:
        kept = await weir.llm.CountTokens(CountTokensRequest(text="x" * (10 * MIB)))
        info = await weir.models.GetServerInfo(GetServerInfoRequest())
    assert kept.tokens == 1
    assert info.limits.max_request_bytes == 32 * MIB


async def test_a_reply_over_the_limit_is_told_by_reason() -> None:
    """The caller, its trailers and the log say the same: MESSAGE_TOO_LARGE."""
    async with serving(server={"max_response_bytes": 2048}) as weir:
        small = await weir.llm.Chat(chat_request("x" * 1000))
        refusal = await refused(weir.llm.Chat(chat_request("x" * 3000)))
        lines = await logged(weir, 2)
    assert small.message.parts
    assert refusal.verdict == ("RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE")
    assert refusal.details["ErrorInfo"].metadata["maxBytes"] == "2048"
    assert refusal.details["FailureInfo"].usage.prompt_tokens == 1
    assert [line["code"] for line in lines] == ["OK", "RESOURCE_EXHAUSTED"]


async def test_a_bomb_of_gzip_is_refused_in_bounded_memory(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """64 MB that travel as 64 kB: refused by what they would become, never unpacked."""
    async with serving_process(tmp_path, ECHO) as server:
        await server.models.GetServerInfo(GetServerInfoRequest())
        method: Any = server.channel.unary_unary(CHAT)
        bomb = chat_request("a" * (64 * MIB)).SerializeToString()
        before_bytes = server.rss_bytes
        refusal = await refused(method(bomb, compression=grpc.Compression.Gzip, timeout=20))
        grown_mib = (server.rss_bytes - before_bytes) / MIB
        small = chat_request("hello").SerializeToString()
        assert await method(small, compression=grpc.Compression.Gzip, timeout=5)
    assert refusal.code == "RESOURCE_EXHAUSTED"
    record_property("rss_growth_mib", grown_mib)
    assert grown_mib <= 8


METADATA = {
    "one of 12 KiB": [("x-a", "v" * 12_000)],
    "one of 100 KiB": [("x-a", "v" * 100_000)],
    "ten thousand names": [(f"x-{n}", "v") for n in range(10_000)],
    "many of 1 KiB": [(f"x-{n}", "v" * 1000) for n in range(12)],
}


@pytest.mark.parametrize("case", METADATA)
async def test_metadata_over_the_limit_runs_no_handler(weir: Weir, case: str) -> None:
    """RESOURCE_EXHAUSTED each time, not now and then; the connection still serves."""
    for _ in range(3):
        call = weir.models.GetServerInfo(
            GetServerInfoRequest(), metadata=METADATA[case], timeout=10
        )
        assert (await refused(call)).code == "RESOURCE_EXHAUSTED"
    await weir.models.GetServerInfo(GetServerInfoRequest(), timeout=10)
    assert len(await logged(weir)) == 1


async def test_metadata_of_the_promised_size_passes(weir: Weir) -> None:
    """6 KiB, in one value or in many."""
    for metadata in ([("x-a", "v" * 6000)], [(f"x-{n:02d}", "v" * 60) for n in range(60)]):
        await weir.models.GetServerInfo(GetServerInfoRequest(), metadata=metadata, timeout=10)


PATHS = [
    "/Chat",
    "weir.v1.LLMProviderService/Chat",
    "//weir.v1.LLMProviderService/Chat",
    "/weir.v1.LLMProviderService//Chat",
    "/weir.v1.LLMProviderService/Chat/",
    "/weir.v1.LLMProviderService/Chat?x=1",
    "/weir.v1.LLMProviderService/%43hat",
    "/weir.v1.llmproviderservice/Chat",
    "/weir.v1.LLMProviderService/chat",
    "/weir.v1.LLMProviderService/../LLMProviderService/Chat",
    "/weir.v1.LLMProviderService/Initialize\u200b",
    "/weir.v1.LLMProviderService/",
    "/",
    "/weir.admin.v1.ProviderAdminService/List",
]


@pytest.mark.parametrize("path", PATHS)
async def test_an_odd_path_leads_nowhere(weir: Weir, path: str) -> None:
    """UNIMPLEMENTED: no spelling of a path reaches a handler around its checks."""
    refusal = await refused(ask_raw(weir, path, chat_request("x").SerializeToString(), timeout=5))
    await weir.models.GetServerInfo(GetServerInfoRequest())
    assert refusal.code == "UNIMPLEMENTED"
    assert [line["method"] for line in await logged(weir)] == ["GetServerInfo"]


@pytest.mark.parametrize(
    "authority", ["evil.example", "127.0.0.1:1", "weir.v1.LLMProviderService", "a" * 200]
)
async def test_an_odd_authority_meets_the_same_handler(weir: Weir, authority: str) -> None:
    """Nothing is decided by the host that a caller claims to call."""
    options = [("grpc.default_authority", authority)]
    async with grpc.aio.insecure_channel(weir.app.address, options=options) as channel:
        odd = Weir(app=weir.app, channel=channel, log_bytes=weir.log_bytes)
        refusal = await refused(odd.llm.Chat(chat_request("x", temperature=9)))
    assert refusal.fields == ["options.temperature"]


async def test_a_hundred_streams_share_a_connection(weir: Weir) -> None:
    """The hundred and first waits in the caller's library until one ends."""
    hang = '/script [{"text": "a"}, {"hang": true}]'
    calls = [weir.llm.StreamChat(stream_request(hang)) for _ in range(100)]
    for call in calls:
        await call.read()
    late = weir.llm.StreamChat(stream_request("late"), timeout=0.3)
    heard = await hear(late)
    calls[0].cancel()
    served = await hear(weir.llm.StreamChat(stream_request("late"), timeout=5))
    for call in calls:
        call.cancel()
    assert heard.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert served.code is grpc.StatusCode.OK
