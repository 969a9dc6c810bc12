"""What may go beside a call? What gRPC's metadata cannot carry is refused before it is sent."""

from typing import Any

import pytest

import weir
from tests.clients.python.scripted_server import ScriptedServer
from weir.v1.content_pb2 import Message, Part
from weir.v1.provider_service_pb2 import ChatResponse

ANSWER = ChatResponse(message=Message(parts=[Part(text="Hello")]))

UNSENDABLE: list[tuple[dict[str, object], str]] = [
    ({"request_id": "é"}, "request_id must be 1 to 64 letters"),
    ({"request_id": "two words"}, "request_id must be 1 to 64 letters"),
    ({"request_id": "a" * 65}, "request_id must be 1 to 64 letters"),
    ({"request_id": 7}, "request_id must be 1 to 64 letters"),
    ({"idempotency_key": "a\n"}, "idempotency_key must be 1 to 64 visible"),
    ({"priority": "now"}, "priority must be interactive, standard or background"),
    ({"metadata": {"a": "b"}}, "metadata must be a sequence of pairs"),
    ({"metadata": "a"}, "metadata must be a sequence of pairs"),
    ({"metadata": 7}, "metadata must be a sequence of pairs"),
    ({"metadata": [("a", "b"), "cd"]}, r"metadata\[1\] must be a pair"),
    ({"metadata": [("a",)]}, r"metadata\[0\] must be a pair"),
    ({"metadata": [("Trace", "b")]}, r"metadata\[0\] has the name 'Trace'"),
    ({"metadata": [("", "b")]}, r"metadata\[0\] has the name ''"),
    ({"metadata": [("a", "é")]}, r"metadata\[0\] \(a\) must have printable ASCII"),
    ({"metadata": [("a", b"b")]}, r"metadata\[0\] \(a\) must have printable ASCII"),
    ({"metadata": [("a-bin", "b")]}, r"metadata\[0\] \(a-bin\) must have bytes"),
    ({"metadata": [("a", 1)]}, r"metadata\[0\] \(a\) must have printable ASCII"),
]


@pytest.mark.parametrize(("arguments", "said"), UNSENDABLE, ids=lambda value: str(value)[:50])
async def test_what_metadata_cannot_carry(
    server: ScriptedServer, arguments: dict[str, Any], said: str
) -> None:
    """An argument that cannot be sent is named with its rule, by every client, before the call."""
    async with weir.AsyncClient(server.address) as client:
        with pytest.raises(ValueError, match=said):
            await client.chat("Hi", **arguments)
        with pytest.raises(ValueError, match=said):
            async with client.stream_chat("Hi", **arguments):
                pass
    with weir.Client(server.address) as blocking:
        with pytest.raises(ValueError, match=said):
            blocking.chat("Hi", **arguments)
        with pytest.raises(ValueError, match=said), blocking.stream_chat("Hi", **arguments):
            pass

    assert server.seen == []


async def test_value_of_metadata_is_not_told(client: weir.AsyncClient) -> None:
    """What may be a secret stays out of the error."""
    with pytest.raises(ValueError, match="metadata") as error:
        await client.chat("Hi", metadata=[("x-token", "sécret-value")])

    assert "cret-value" not in str(error.value)


async def test_every_character_of_a_request_id(
    server: ScriptedServer, client: weir.AsyncClient
) -> None:
    """The rule is the server's own: what it takes is sent as it is."""
    server.play(ANSWER)

    await client.chat("Hi", request_id="aZ09._:/+=-", metadata=[("x-raw-bin", b"\xff"), ("a", "")])

    assert server.seen[0].metadata["weir-request-id"] == "aZ09._:/+=-"
    assert server.seen[0].metadata["x-raw-bin"] == b"\xff"
    assert server.seen[0].metadata["a"] == ""
