"""Do an addition's two sides get on: old clients with a new server, a new client with an old one?

The previous tag's stubs would be the old client; until there are two tags, today's stubs are, and
the new contract is today's with additions of every kind. Run by `make test-clients`.
"""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import json_format

from tests.conformance.asking import line_of
from tests.conformance.driving import drive
from tests.conformance.golden.row import (
    CHAT,
    HELLO,
    START,
    STREAM_CHAT,
    STREAM_HELLO,
    USAGE,
    Json,
    answer,
    closed,
    delta,
    end,
    opened,
)
from tests.conformance.judging import complaints
from tests.conformance.languages import Client, clients
from tests.conformance.next_contract import ADDED_NUMBER, NextContract
from tests.conformance.serving import Served, conformance_server
from tests.service.weir import ECHO, failure_of, serving
from weir._failure import error_from_status
from weir._status import status_of
from weir.errors import Code, UnsupportedError
from weir.v1.provider_service_pb2 import ChatResponse
from weir_server.conformance.scenario import load, rows

CLIENTS = clients()
GROUP = "additive"
NAMES = ["unary", "stream", "event_at_the_door"]
ADDED_PART: Json = {"addedPart": {"caption": "a hologram", "pixels": "AAEC"}}
ADDED_EVENT: Json = {"addedEvent": {"note": "passing by", "numbers": ["1", str(2**60)]}}
SERVICE = "/weir.v1.LLMProviderService"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> NextContract:
    return NextContract(tmp_path_factory.mktemp("contract"))


@pytest.fixture(scope="module")
def scenarios(new: NextContract, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with golden files of what a server of the new contract would send."""
    folder = tmp_path_factory.mktemp("additive")
    content = {"group": GROUP, "scenarios": [_unary(new), _stream(new), _event_first(new)]}
    (folder / f"{GROUP}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def server(scenarios: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with conformance_server(tmp_path_factory.mktemp("journal"), scenarios) as served:
        yield served


def _bytes(new: NextContract, name: str, fields: Json) -> Json:
    """The step that sends a message of the new contract."""
    message = json_format.ParseDict(fields, new.message(name)())
    return {"send_bytes": base64.b64encode(message.SerializeToString()).decode()}


def _unary(new: NextContract) -> Json:
    known = answer({"text": "Hi"}, ADDED_PART, {"text": "there"})
    metadata = {**known["metadata"], "addedFacts": ["one", "two"]}
    added = {"finishReason": "FINISH_REASON_ADDED", "addedAnswer": {"k": "v"}, "metadata": metadata}
    return {
        "name": "unary",
        "method": CHAT,
        "request": HELLO,
        "attempts": [[_bytes(new, "ChatResponse", {**known, **added})]],
    }


def _stream(new: NextContract) -> Json:
    """A part of a new kind between two known ones, an event of a new kind, a new reason to end."""
    last = end(finish_reason="FINISH_REASON_ADDED")
    last["end"]["metadata"] = {**last["end"]["metadata"], "addedFacts": ["one"]}
    events = [
        START,
        opened(0, {"text": ""}),
        delta(0, text="H"),
        ADDED_EVENT,
        delta(0, text="i"),
        closed(0),
        opened(1, ADDED_PART),
        delta(1, addedDelta="more of it"),
        closed(1, ADDED_PART),
        opened(2, {"text": ""}),
        delta(2, text="there"),
        closed(2),
        last,
    ]
    known = answer({"text": "Hi"}, {}, {"text": "there"})
    return _streamed(new, "stream", events, {**known, "finishReason": ADDED_NUMBER})


def _event_first(new: NextContract) -> Json:
    """What is new comes right after the start, before there is a part to add to."""
    text = [opened(0, {"text": ""}), delta(0, text="Hi"), closed(0), end()]
    events = [START, ADDED_EVENT, *text]
    return _streamed(new, "event_at_the_door", events, answer({"text": "Hi"}))


def _streamed(new: NextContract, name: str, events: list[Json], folded: Json) -> Json:
    batches = [
        {"events": [{"sequence": str(at), **event}], "addedBatchId": f"batch-{at}"}
        for at, event in enumerate(events)
    ]
    return {
        "name": name,
        "method": STREAM_CHAT,
        "request": STREAM_HELLO,
        "attempts": [[_bytes(new, "StreamChatResponse", batch) for batch in batches]],
        "shows": {"folded": folded},
    }


def test_the_addition_breaks_nobody(new: NextContract) -> None:
    """buf finds it compatible with the published contract, by the rules that CI holds."""
    assert new.breaks() == ""


@pytest.mark.parametrize("client", CLIENTS, ids=[client.name for client in CLIENTS])
def test_old_client_of_a_new_server(
    client: Client, server: Served, scenarios: Path, require_built: Callable[[Client], None]
) -> None:
    """What it does not know is passed over or kept as a number; all it knows comes whole."""
    require_built(client)
    played = load(scenarios)
    golden = dict(rows(scenarios / f"{GROUP}.json"))
    lines = [
        line_of(name, fields, f"{client.name}:{name}", server) for name, fields in golden.items()
    ]

    shown = drive(client.driver, lines)

    said = {
        name: complaints(
            played[name], fields, each, server.rows_of(f"{client.name}:{name}", at_least=1)
        )
        for (name, fields), each in zip(golden.items(), shown)
    }
    assert said == {f"{GROUP}/{name}": [] for name in NAMES}


def _calls(channel: grpc.aio.Channel, new: NextContract, method: str, answered: str) -> Any:
    call = channel.unary_stream if method.startswith("Stream") else channel.unary_unary
    return call(
        f"{SERVICE}/{method}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=new.message(answered).FromString,
    )


def _asked(new: NextContract, parts: list[Json], **more: Any) -> Any:
    messages = [{"role": "ROLE_USER", "parts": parts}]
    fields: Json = {"model": "echo", "messages": messages, **more}
    return json_format.ParseDict(fields, new.message("ChatRequest")())


ADDED_WISHES: Json = {
    "addedWish": "in verse",
    "options": {"addedOption": {"note": "please", "numbers": ["7"]}},
}


async def test_new_client_of_this_server(new: NextContract) -> None:
    """Fields that the server does not know change nothing of its answer, at once or streamed."""
    async with serving(ECHO) as weir:
        asked = _asked(new, [{"text": "Name three rivers."}], **ADDED_WISHES)
        streamed = new.message("StreamChatRequest")(request=asked)

        answer = await _calls(weir.channel, new, "Chat", "ChatResponse")(asked)
        stream = _calls(weir.channel, new, "StreamChat", "StreamChatResponse")(streamed)
        events = [event async for message in stream for event in message.events]

    plain = ChatResponse.FromString(answer.SerializeToString())
    assert [part.text for part in plain.message.parts] == ["Name three rivers."]
    assert "".join(event.part_delta.text for event in events) == "Name three rivers."
    assert answer.finish_reason == events[-1].end.finish_reason
    assert dict(answer.added_answer) == {}


async def test_part_that_this_server_does_not_know(new: NextContract) -> None:
    """It is refused by name, never left out of what the model is told."""
    async with serving(ECHO) as weir:
        asked = _asked(new, [{"text": "What is this?"}, ADDED_PART])

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await _calls(weir.channel, new, "Chat", "ChatResponse")(asked)

    failure = failure_of(dict(refused.value.trailing_metadata()))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert failure.bad_request is not None
    (violation,) = failure.bad_request.field_violations
    assert violation.field == "messages[0].parts[1].kind"


@pytest.mark.parametrize("method", ["Added", "StreamAdded"])
async def test_method_that_this_server_does_not_have(new: NextContract, method: str) -> None:
    """gRPC itself answers UNIMPLEMENTED, without a reason of Weir's; a client's error says so."""
    question = new.message("AddedRequest")(question="Why?")
    async with serving(ECHO) as weir:
        call = _calls(weir.channel, new, method, "AddedResponse")(question)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            _ = [each async for each in call] if method == "StreamAdded" else await call

    error = error_from_status(*status_of(refused.value))
    assert isinstance(error, UnsupportedError)
    assert (error.code, error.reason) == (Code.UNIMPLEMENTED, "")


def test_additions_are_on_the_wire(new: NextContract) -> None:
    """The additions are real: the new contract's own reader sees them."""
    step = _unary(new)["attempts"][0][0]
    seen = new.message("ChatResponse").FromString(base64.b64decode(step["send_bytes"]))

    assert seen.message.parts[1].added_part.caption == "a hologram"
    assert seen.finish_reason == ADDED_NUMBER
    assert json_format.MessageToDict(seen)["usage"] == USAGE
