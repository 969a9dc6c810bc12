"""Do any request bytes get past the edge as anything but an answer or a typed refusal?

    python -m tests.fuzz.fuzz_request_decoder --seconds 60

The whole path runs, from bytes to status, over an exchange in memory and the echo. Bounded by
`--executions` or `--seconds`, else by WEIR_FUZZ_SECONDS, else ten seconds.
"""

import asyncio
import io
import random
import time
from collections.abc import Mapping

from google.rpc import code_pb2

from tests.fuzz.bodies import SLOWEST_S, run
from tests.routing.targets import ByteCounter
from weir.v1.content_pb2 import MediaPart, Message, Part, Role, ToolCallPart, ToolResultPart
from weir.v1.generation_pb2 import FunctionTool, GenerationOptions, Tool
from weir.v1.provider_service_pb2 import ChatRequest, StreamChatRequest, StreamChatResponse
from weir_server.core import caller
from weir_server.core.clock import SystemClock
from weir_server.core.handler import Handler
from weir_server.core.providers import ProviderFacts
from weir_server.core.target import Operation, Target
from weir_server.identity.resolving import KeylessIdentity
from weir_server.providers.echo.provider import EchoProvider, capabilities
from weir_server.routing.catalogue import ModelCatalogue
from weir_server.routing.entries import ProviderEntry, describe
from weir_server.routing.stage import RoutingStage
from weir_server.routing.windows import Windows
from weir_server.telemetry.log import Log
from weir_server.transport.edge import Deadlines, Edge
from weir_server.transport.events import StreamPacing
from weir_server.transport.exchange import Exchange, Metadata
from weir_server.transport.methods import Method
from weir_server.transport.open_calls import OpenCalls
from weir_server.transport.services.generation import Generation
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.stage import ValidationStage

ALLOWED = frozenset(
    {code_pb2.OK, code_pb2.INVALID_ARGUMENT, code_pb2.NOT_FOUND, code_pb2.DEADLINE_EXCEEDED}
)
"""NOT_FOUND: a model or provider of another name. The deadline is for scripts that would wait."""


class MemoryExchange(Exchange):
    """An RPC of nobody: what is sent to it is counted."""

    def __init__(self) -> None:
        self.messages = 0

    def metadata(self) -> Metadata:
        return ()

    def peer(self) -> str:
        return "memory"

    def time_remaining_s(self) -> float | None:
        return 0.5

    async def send_headers(self, metadata: Metadata) -> None:
        pass

    async def send(self, message: bytes) -> None:
        assert StreamChatResponse.FromString(message).events
        self.messages += 1


def seeds() -> Mapping[str, bytes]:
    """Good requests, which are then broken."""
    chat = ChatRequest(
        model="echo",
        messages=[
            Message(role=Role.ROLE_SYSTEM, parts=[Part(text="Be brief: très bref.")]),
            Message(
                role=Role.ROLE_USER,
                parts=[
                    Part(text="What is this? 🤔"),
                    Part(media=MediaPart(mime_type="image/png", inline_data=b"\x89PNG\x00")),
                ],
            ),
            Message(
                role=Role.ROLE_ASSISTANT,
                parts=[Part(tool_call=ToolCallPart(id="c1", name="f", arguments_json='{"a":1}'))],
            ),
            Message(
                role=Role.ROLE_TOOL,
                parts=[
                    Part(tool_result=ToolResultPart(tool_call_id="c1", content=[Part(text="4")]))
                ],
            ),
        ],
        options=GenerationOptions(
            temperature=0.5,
            max_output_tokens=20,
            stop_sequences=["END"],
            tools=[
                Tool(function=FunctionTool(name="f", parameters_json_schema='{"type":"object"}'))
            ],
            logit_bias={5: 1.5},
            labels={"team": "search"},
        ),
    )
    plain = ChatRequest(messages=[Message(role=Role.ROLE_USER, parts=[Part(text="Hello")])])
    return {
        "Chat": chat.SerializeToString(),
        "plain Chat": plain.SerializeToString(),
        "StreamChat": StreamChatRequest(request=plain).SerializeToString(),
    }


def path() -> Handler:
    """The stages that read a request, before the echo."""
    clock = SystemClock()
    able = capabilities()
    facts = ProviderFacts(name="providers/echo", kind="echo", capabilities=able)
    target = Target(
        provider=facts.name, model="models/echo", vendor_model="echo", capabilities=able
    )
    catalogue = ModelCatalogue(
        clock=clock,
        providers=[ProviderEntry(facts=facts)],
        models=[describe(name="echo", aliases=(), targets=(target,))],
        default_model="echo",
    )
    routing = RoutingStage(
        EchoProvider(), catalogue, windows=Windows(ByteCounter()), rng=random.Random(0)
    )
    return ValidationStage(routing, ValidationLimits(), catalogue)


def fuzz(*, seconds: float, seed: int = 0, executions: int | None = None) -> int:
    """Serve broken requests; return how many. Raises AssertionError on a hole."""
    return asyncio.run(_fuzz(seconds, seed, executions))


async def _fuzz(seconds: float, seed: int, executions: int | None) -> int:
    dice = random.Random(seed)
    log_bytes = io.BytesIO()
    until_s = time.monotonic() + seconds
    done = 0
    with Log(log_bytes) as log:
        clock = SystemClock()
        edge = Edge(
            clock=clock,
            log=log,
            open_calls=OpenCalls(),
            deadlines=Deadlines(),
            identity=KeylessIdentity(),
            access_log=False,
        )
        generation = Generation(
            path(), clock=clock, pacing=StreamPacing(), limits=ValidationLimits()
        )
        chat = Method(
            service="s",
            name="Chat",
            decode=ChatRequest.FromString,
            operation=Operation.CHAT,
            role=caller.Role.CALLER,
            unary=generation.chat,
        )
        stream = Method(
            service="s",
            name="StreamChat",
            decode=StreamChatRequest.FromString,
            operation=Operation.CHAT,
            role=caller.Role.CALLER,
            stream=generation.stream_chat,
            frame=StreamChatResponse,
        )
        good = list(seeds().items())
        while time.monotonic() < until_s and (executions is None or done < executions):
            name, seeded = dice.choice(good)
            payload = broken(dice, seeded)
            begun_s = time.process_time()  # of this process alone, however busy the machine is
            finish = await edge.serve(
                stream if name == "StreamChat" else chat, MemoryExchange(), payload
            )
            took_s = time.process_time() - begun_s
            assert finish.code in ALLOWED, f"{payload!r} became {finish}"
            assert took_s < SLOWEST_S, f"{payload!r} took {took_s:.1f} s"
            done += 1
    assert b"internal_error" not in log_bytes.getvalue(), log_bytes.getvalue()[:2_000]
    return done


def broken(dice: random.Random, seeded: bytes) -> bytes:
    """Return the request with some bytes changed, lost, doubled or replaced by noise."""
    data = bytearray(seeded)
    for _ in range(dice.randrange(0, 6)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(6):
            case 0 if data:
                data[at % len(data)] = dice.randrange(256)
            case 1:
                del data[at : at + dice.randrange(1, 9)]
            case 2:
                data[at:at] = dice.randbytes(dice.randrange(1, 9))
            case 3:
                data[at:at] = data[: dice.randrange(1, 40)]
            case 4:
                data = data[:at]
            case _ if data:
                data[at % len(data)] ^= 1 << dice.randrange(8)
    return bytes(data)


if __name__ == "__main__":
    run("request decoder", fuzz)
