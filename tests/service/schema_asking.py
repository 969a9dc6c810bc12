"""How does a test ask for an answer that follows a schema, and what may a provider say?"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from tests.providers.wire import anthropic_words as claude
from tests.service.test_continuation import well_formed
from tests.service.test_fault_matrix import tree
from tests.service.weir import Heard, Weir, hear, serving, stream_request
from weir.v1.error_pb2 import AttemptKind
from weir.v1.generation_pb2 import (
    JsonSchemaFormat,
    OutputFormat,
)
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.fake_upstream.exchange import Behaviour, Exchange
from weir_server.fake_upstream.openai_wire import ChatChunks, chat_completion, encode_events, usage
from weir_server.fake_upstream.upstream import FakeUpstream

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"age": {"type": "integer", "minimum": 0}},
        "required": ["age"],
        "additionalProperties": False,
    }
)
SCHEMA_IN = '"properties": {"age"'
"""How a schema stands in a body that has it as JSON rather than as a text."""
RIGHT, WRONG_AGE, PROSE = '{"age": 7}', '{"age": "canary-age"}', "Seven canary-age, I think."
FIRST = AttemptKind.ATTEMPT_KIND_FIRST
FALLBACK = AttemptKind.ATTEMPT_KIND_FALLBACK
REPAIR = AttemptKind.ATTEMPT_KIND_REPAIR
NATIVE = ["chat", "complete", "streaming", "json_object", "json_schema"]
OBJECTS = ["chat", "complete", "streaming", "json_object"]
PLAIN = ["chat", "complete", "streaming"]
Say = Callable[[str], Behaviour]


def openai(text: str, *, finish_reason: str = "stop") -> Behaviour:
    """An answer in the shape that it was asked in, for 19 and 10 tokens."""
    return _Openai(text=text, finish_reason=finish_reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Openai(Behaviour):
    text: str
    finish_reason: str

    @override
    async def play(self, exchange: Exchange) -> None:
        if not exchange.attempt.json.get("stream"):
            body = chat_completion(self.text, finish_reason=self.finish_reason)
            await Reply(body=body).play(exchange)
            return
        chunks = ChatChunks()
        half = len(self.text) // 2
        said = [
            chunks.role(),
            chunks.content(self.text[:half]),
            chunks.content(self.text[half:]),
            chunks.finish(self.finish_reason),
            chunks.last_usage(usage(19, 10)),
        ]
        await Sse(events=encode_events(said)).play(exchange)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claude(Behaviour):
    text: str

    @override
    async def play(self, exchange: Exchange) -> None:
        if not exchange.attempt.json.get("stream"):
            await Reply(body=claude.message(claude.text(self.text))).play(exchange)
            return
        said = [claude.started(), *claude.text_block(0, [self.text]), *claude.stopped("end_turn")]
        await Sse(events=claude.encode_events(said)).play(exchange)


def anthropic(text: str) -> Behaviour:
    """The same in another vendor's words."""
    return _Claude(text=text)


SAY: dict[str, Say] = {"openai": openai, "anthropic": anthropic}


def asks(max_repairs: int = 2, schema: str = SCHEMA, **options: Any) -> dict[str, Any]:
    """Options of a request for an answer that follows a schema."""
    said = JsonSchemaFormat(name="person", schema_json=schema, max_repairs=max_repairs)
    return {"output_format": OutputFormat(json_schema=said), **options}


@dataclass
class Asked:
    """A Weir with a model `m` at one or two upstreams."""

    weir: Weir
    upstreams: list[FakeUpstream] = field(default_factory=list)

    async def stream(self, timeout_s: float = 10, **options: Any) -> Heard:
        request = stream_request("How old?", model="m", **options)
        heard = await hear(self.weir.llm.StreamChat(request, timeout=timeout_s))
        return well_formed(heard) if heard.events else heard

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [attempt.json for attempt in self.upstreams[0].journal]


@asynccontextmanager
async def asked(
    *steps: Behaviour,
    can: Sequence[str] = NATIVE,
    kind: str = "openai",
    other: Sequence[Behaviour] = (),
    other_can: Sequence[str] = NATIVE,
    resilience: dict[str, Any] | None = None,
    patience_s: float = 0.3,
) -> AsyncIterator[Asked]:
    """patience_s: how long an upstream may be silent."""
    async with FakeUpstream(*steps) as one, FakeUpstream(*other) as two:
        upstreams = [one, two] if other else [one]
        urls = [each.origin if kind == "anthropic" else each.url for each in upstreams]
        config = tree(*urls, kind=kind, resilience=resilience, max_retries=0)
        config["upstream"]["first_token_timeout_s"] = patience_s
        for target, able in zip(config["models"][0]["targets"], (can, other_can), strict=False):
            target["can"] = list(able)
        async with serving(config) as weir:
            yield Asked(weir=weir, upstreams=upstreams)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow(Behaviour):
    """Says a text letter by letter, twenty in a second."""

    text: str

    @override
    async def play(self, exchange: Exchange) -> None:
        chunks = ChatChunks()
        said = [chunks.role(), *map(chunks.content, self.text), chunks.finish("stop")]
        events = encode_events([*said, chunks.last_usage(usage(19, 10))])
        await Sse(events=events, delay_between_s=0.05).play(exchange)
