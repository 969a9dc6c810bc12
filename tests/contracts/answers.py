"""What can a model answer, and how can a provider fail? Each as the contract has it.

Every wire format records the same answers in its vendor's own shape, whole and as a stream.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from weir.v1.content_pb2 import Message, Part, ReasoningPart, RefusalPart, Role, ToolCallPart
from weir.v1.generation_pb2 import FinishReason
from weir.v1.usage_pb2 import TokenUsage
from weir_server.core.errors import (
    UpstreamContextLengthExceeded,
    UpstreamCredentialsRejected,
    UpstreamError,
    UpstreamModelNotFound,
    UpstreamOverloaded,
    UpstreamQuotaExhausted,
    UpstreamRateLimited,
    UpstreamRejectedRequest,
    UpstreamRequestTooLarge,
)

CHUNKS = ("Héllo", ",", " wörld", " 👋")
"""The pieces in which streams should say TEXT."""
TEXT = "".join(CHUNKS)
ARGUMENTS_JSON = '{"city":"Zürich"}'
ARGUMENT_CHUNKS = ('{"ci', 'ty":"Zü', 'rich"}')
"""The pieces in which streams should say ARGUMENTS_JSON, where the protocol cuts arguments."""
THOUGHT_CHUNKS = ("They greet", " me.")
THOUGHT = "".join(THOUGHT_CHUNKS)
PROMPT_TOKENS = 19
COMPLETION_TOKENS = 6
CACHED_TOKENS = 12
CACHE_WRITE_TOKENS = 4
REASONING_TOKENS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A good answer. What vendors add is left out: states, ids of Weir's making, attributes."""

    parts: tuple[Part, ...] = ()
    finish_reason: FinishReason.ValueType = FinishReason.FINISH_REASON_STOP
    matched_stop_sequence: str | None = None
    """None: the vendor may or may not tell which it was."""
    cached_prompt_tokens: int = 0
    cache_write_prompt_tokens: int = 0
    reasoning_tokens: int = 0

    def message(self) -> Message:
        return Message(role=Role.ROLE_ASSISTANT, parts=self.parts)

    def is_usage(self, usage: TokenUsage) -> bool:
        """Say whether these are the tokens that every recording reports.

        A vendor that does not tell some of the details leaves them 0; none may tell others.
        """
        details = (
            (usage.cached_prompt_tokens, self.cached_prompt_tokens),
            (usage.cache_write_prompt_tokens, self.cache_write_prompt_tokens),
            (usage.reasoning_tokens, self.reasoning_tokens),
        )
        return (
            usage.prompt_tokens == PROMPT_TOKENS
            and usage.completion_tokens == COMPLETION_TOKENS
            and usage.total_tokens == PROMPT_TOKENS + COMPLETION_TOKENS
            and all(said in (0, true) for said, true in details)
        )


def _call(call_id: str, name: str, arguments_json: str) -> Part:
    return Part(
        tool_call=ToolCallPart(
            id=call_id, name=name, arguments_json=arguments_json, arguments_valid=True
        )
    )


_CALLED = FinishReason.FINISH_REASON_TOOL_CALLS

ANSWERS: Mapping[str, Answer] = {
    "text": Answer(parts=(Part(text=TEXT),)),
    "nothing": Answer(),
    "a tool call": Answer(
        parts=(_call("call_1", "get_weather", ARGUMENTS_JSON),), finish_reason=_CALLED
    ),
    "a tool call without arguments": Answer(
        parts=(_call("call_1", "now", "{}"),), finish_reason=_CALLED
    ),
    "several tool calls": Answer(
        parts=(
            _call("call_1", "get_weather", ARGUMENTS_JSON),
            _call("call_2", "now", "{}"),
        ),
        finish_reason=_CALLED,
    ),
    "text and a tool call": Answer(
        parts=(Part(text=TEXT), _call("call_1", "get_weather", ARGUMENTS_JSON)),
        finish_reason=_CALLED,
    ),
    "reasoning": Answer(
        parts=(Part(reasoning=ReasoningPart(text=THOUGHT)), Part(text=TEXT)),
        reasoning_tokens=REASONING_TOKENS,
    ),
    "a stop sequence": Answer(
        parts=(Part(text=TEXT),), finish_reason=FinishReason.FINISH_REASON_STOP_SEQUENCE
    ),
    "the bound of tokens": Answer(
        parts=(Part(text=TEXT),), finish_reason=FinishReason.FINISH_REASON_MAX_TOKENS
    ),
    "a refusal": Answer(
        parts=(Part(refusal=RefusalPart(text="I will not.")),),
        finish_reason=FinishReason.FINISH_REASON_REFUSAL,
    ),
    "withheld by a filter": Answer(finish_reason=FinishReason.FINISH_REASON_CONTENT_FILTER),
    "tokens from a cache": Answer(
        parts=(Part(text=TEXT),),
        cached_prompt_tokens=CACHED_TOKENS,
        cache_write_prompt_tokens=CACHE_WRITE_TOKENS,
    ),
}

ERRORS: Mapping[str, type[UpstreamError]] = {
    "bad request": UpstreamRejectedRequest,
    "wrong key": UpstreamCredentialsRejected,
    "forbidden": UpstreamCredentialsRejected,
    "no such model": UpstreamModelNotFound,
    "prompt too long": UpstreamContextLengthExceeded,
    "request too large": UpstreamRequestTooLarge,
    "rate limit": UpstreamRateLimited,
    "no money left": UpstreamQuotaExhausted,
    "overloaded": UpstreamOverloaded,
    "blocked by a filter": UpstreamRejectedRequest,
    "internal": UpstreamError,
}
"""By what went wrong: the error that callers get, whichever vendor it was."""
RETRY_AFTER_S = 7.0
"""The wait that every recorded `rate limit` asks for, where the vendor has a way to."""
SECRET = "sk-canary-0123456789"
"""Stands in the text of every recorded error; no error of Weir's may repeat it."""
