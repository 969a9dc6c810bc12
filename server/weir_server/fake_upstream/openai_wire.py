"""How does OpenAI spell a chat completion? Builders for its bodies and stream chunks.

Shapes follow the vendor's API reference, "The chat completion object" and "The chat completion
chunk object". Ids, times and paddings are fixed, so that equal calls give equal bytes.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weir_server.fake_upstream.sse import DONE, PLAIN, SseStyle

Json = dict[str, Any]

MODEL = "gpt-4.1-mini-2025-04-14"
COMPLETION_ID = "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT"
CREATED = 1_741_569_952
FINGERPRINT = "fp_44709d6fcb"


def usage(
    prompt_tokens: int,
    completion_tokens: int,
    *,
    cached_tokens: int = 0,
    reasoning_tokens: int = 0,
    audio_tokens: int = 0,
) -> Json:
    """Return a usage object; cached tokens are among the prompt's, reasoning among the rest."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": cached_tokens, "audio_tokens": audio_tokens},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def tool_call(call_id: str, name: str, arguments: str | Mapping[str, Any]) -> Json:
    """Return one whole tool call of a unary message; arguments are JSON in a string."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}


def token_logprob(
    token: str, logprob: float, top: Sequence[tuple[str, float]] | None = None
) -> Json:
    """Return the log probability of one token with its alternatives, itself among them."""
    alternatives = [(token, logprob)] if top is None else top
    return {
        **_token(token, logprob),
        "top_logprobs": [_token(text, value) for text, value in alternatives],
    }


def _token(token: str, logprob: float) -> Json:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def chat_completion(
    content: str | None = "Hello! How can I assist you today?",
    *,
    model: str = MODEL,
    tool_calls: Sequence[Json] = (),
    refusal: str | None = None,
    finish_reason: str | None = None,
    logprobs: Sequence[Json] | None = None,
    usage_: Json | None = None,
    message_extras: Mapping[str, Any] | None = None,
    extras: Mapping[str, Any] | None = None,
) -> Json:
    """Return a unary `chat.completion`.

    `message_extras` adds vendor fields to the message (`reasoning_content` of DeepSeek and vLLM,
    `reasoning` of OpenRouter), `extras` to the object. The finish reason defaults to what the
    content implies.
    """
    message: Json = {"role": "assistant", "content": content, "refusal": refusal, "annotations": []}
    if tool_calls:
        message["tool_calls"] = list(tool_calls)
    message.update(message_extras or {})
    return {
        "id": COMPLETION_ID,
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None
                if logprobs is None
                else {"content": list(logprobs), "refusal": None},
                "finish_reason": finish_reason or ("tool_calls" if tool_calls else "stop"),
            }
        ],
        "usage": usage(19, 10) if usage_ is None else usage_,
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
        **(extras or {}),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatChunks:
    """Builds the chunks of one streamed completion, each a JSON object.

    `include_usage` is the request's stream option of that name: every chunk then carries a null
    usage and `last_usage` comes with no choices. `obfuscation` is the padding that OpenAI adds
    unless it is asked not to.
    """

    model: str = MODEL
    completion_id: str = COMPLETION_ID
    include_usage: bool = True
    obfuscation: bool = True
    fingerprint: str | None = FINGERPRINT
    service_tier: str | None = "default"

    def role(self, content: str | None = "") -> Json:
        """Return the first chunk: the role, with no content yet (null before tool calls)."""
        return self.delta({"role": "assistant", "content": content, "refusal": None})

    def content(self, text: str, logprobs: Sequence[Json] | None = None) -> Json:
        """Return a piece of text."""
        return self.delta({"content": text}, logprobs=logprobs)

    def refusal(self, text: str) -> Json:
        """Return a piece of a refusal."""
        return self.delta({"refusal": text})

    def reasoning_content(self, text: str) -> Json:
        """Return a piece of reasoning as DeepSeek and vLLM send it."""
        return self.delta({"content": None, "reasoning_content": text})

    def reasoning(self, text: str) -> Json:
        """Return a piece of reasoning as OpenRouter sends it."""
        return self.delta({"content": "", "reasoning": text})

    def tool_call(self, index: int, call_id: str, name: str) -> Json:
        """Return the beginning of a tool call: its id and name, with empty arguments."""
        return self.delta(
            {"tool_calls": [{"index": index, **tool_call(call_id, name, "")}]},
        )

    def tool_arguments(self, index: int, fragment: str) -> Json:
        """Return a fragment of the arguments of the tool call at `index`."""
        return self.delta({"tool_calls": [{"index": index, "function": {"arguments": fragment}}]})

    def finish(self, reason: str = "stop") -> Json:
        """Return the chunk that tells why the model stopped, with an empty delta."""
        return self.delta({}, finish_reason=reason)

    def last_usage(self, usage_: Json) -> Json:
        """Return the last chunk before `[DONE]`: usage and no choices."""
        return self._chunk([], usage_)

    def delta(
        self,
        delta: Mapping[str, Any],
        *,
        finish_reason: str | None = None,
        logprobs: Sequence[Json] | None = None,
    ) -> Json:
        """Return a chunk with any delta at all."""
        choice = {
            "index": 0,
            "delta": dict(delta),
            "logprobs": None if logprobs is None else {"content": list(logprobs), "refusal": None},
            "finish_reason": finish_reason,
        }
        return self._chunk([choice], None)

    def text(self, pieces: Iterable[str], *, usage_: Json | None = None) -> list[Json]:
        """Return a whole answer of text: role, pieces, finish, and usage where it is included."""
        chunks = [self.role(), *map(self.content, pieces), self.finish()]
        if self.include_usage:
            chunks.append(self.last_usage(usage(19, len(chunks) - 2) if usage_ is None else usage_))
        return chunks

    def _chunk(self, choices: list[Json], usage_: Json | None) -> Json:
        chunk: Json = {
            "id": self.completion_id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.model,
        }
        if self.service_tier is not None:
            chunk["service_tier"] = self.service_tier
        if self.fingerprint is not None:
            chunk["system_fingerprint"] = self.fingerprint
        chunk["choices"] = choices
        if self.include_usage:
            chunk["usage"] = usage_
        if self.obfuscation:
            chunk["obfuscation"] = _padding(choices)
        return chunk


def _padding(choices: list[Json]) -> str:
    # The vendor pads chunks so that their sizes do not tell the lengths of tokens.
    length = len(json.dumps(choices))
    return "Qw7vLk2RzTn9XbMc"[: 16 - length % 16] if choices else ""


def encode_event(payload: Mapping[str, Any] | str, style: SseStyle = PLAIN) -> bytes:
    """Return one event with a JSON object, or a text as it is, as its data."""
    text = payload if isinstance(payload, str) else dumps(payload)
    return style.event(text)


def encode_events(
    payloads: Iterable[Mapping[str, Any] | str], *, style: SseStyle = PLAIN, done: bool = True
) -> tuple[bytes, ...]:
    """Return the events of a stream, by default closed by `[DONE]`."""
    events = [encode_event(payload, style) for payload in payloads]
    return (*events, style.event(DONE)) if done else tuple(events)


def dumps(payload: Mapping[str, Any]) -> str:
    """Return compact JSON with characters beyond ASCII as they are, as the vendor writes it."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
