"""What does a well-behaved OpenAI answer? A deterministic echo in every shape a request can ask.

It counts a token per word. Chat says back the last user message, or so many words as it is told; a
request that must call a tool gets a call with made-up arguments that fit its required properties.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from typing_extensions import override

from weir_server.fake_upstream import openai_more as more
from weir_server.fake_upstream import openai_wire as wire
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.fake_upstream.exchange import Behaviour, Exchange
from weir_server.fake_upstream.journal import Attempt
from weir_server.fake_upstream.openai_errors import MODEL_NOT_FOUND, error_body
from weir_server.fake_upstream.openai_requests import BadRequestError, read_request

Json = wire.Json

MODELS = (wire.MODEL, "gpt-3.5-turbo-instruct", more.EMBEDDING_MODEL)
"""What the list of models says; a chat may name any other model all the same."""


_WORDS = ("The", "water", "rises", "behind", "the", "gate", "and", "runs", "down", "the", "mill.")


def words(count: int) -> str:
    """Return a text of so many words, and so of as many tokens; equal counts give equal texts."""
    return " ".join(_WORDS[number % len(_WORDS)] for number in range(count))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAiService(Behaviour):
    """Serves chat and legacy completions, embeddings and models as their requests ask.

    `delay_before_headers_s` holds every answer, `delay_between_s` paces the streams. `says` is what
    chats and completions say instead of an echo (see `words`).
    """

    delay_before_headers_s: float = 0.0
    delay_between_s: float = 0.0
    says: str | None = None

    @override
    async def play(self, exchange: Exchange) -> None:
        await self.answer(exchange.attempt).play(exchange)

    def answer(self, attempt: Attempt) -> Reply | Sse:
        """Return what a request is answered: a stream where it asks for one."""
        try:
            return self._answer(attempt)
        except BadRequestError as error:
            return Reply(status=400, body=error.body)
        except RecursionError:
            return Reply(status=400, body=error_body("The schema is nested too deep."))
        except UnicodeEncodeError:
            return Reply(status=400, body=error_body("A text holds half a surrogate pair."))

    def _answer(self, attempt: Attempt) -> Reply | Sse:
        match attempt.method, attempt.path:
            case "POST", "/v1/chat/completions":
                return self._chat(read_request(attempt))
            case "POST", "/v1/completions":
                return self._completion(read_request(attempt))
            case "POST", "/v1/embeddings":
                return self._unary(_embeddings(read_request(attempt)))
            case "GET", "/v1/models":
                return self._unary(more.model_list(MODELS))
            case "GET", path if path.startswith("/v1/models/"):
                name = path.removeprefix("/v1/models/")
                return self._unary(more.model(name)) if name in MODELS else MODEL_NOT_FOUND.reply()
            case method, path:
                return Reply(status=404, body=error_body(f"Invalid URL ({method} {path})"))

    def _chat(self, request: Json) -> Reply | Sse:
        answer = _chat_answer(request, self.says)
        if not request.get("stream"):
            return self._unary(answer.unary())
        options = request.get("stream_options") or {}
        return self._stream(
            _encoded(
                answer,
                include_usage=bool(options.get("include_usage")),
                obfuscation=bool(options.get("include_obfuscation", True)),
            )
        )

    def _completion(self, request: Json) -> Reply | Sse:
        prompt = request.get("prompt")
        if isinstance(prompt, list):
            prompt = prompt[0] if prompt else None
        if not isinstance(prompt, str):
            raise BadRequestError("you must provide a prompt", "prompt")
        pieces, finish_reason = _limited(_tokens(self.says or f"You said: {prompt}"), request)
        counts = {
            "prompt_tokens": len(_tokens(prompt)),
            "completion_tokens": len(pieces),
            "total_tokens": len(_tokens(prompt)) + len(pieces),
        }
        if not request.get("stream"):
            whole = more.completion(
                "".join(pieces),
                model=request["model"],
                finish_reason=finish_reason,
                logprobs=None
                if request.get("logprobs") is None
                else more.completion_logprobs(pieces),
                usage_=counts,
            )
            return self._unary(whole)
        options = request.get("stream_options") or {}
        chunks = more.completion_chunks(
            pieces,
            model=request["model"],
            finish_reason=finish_reason,
            usage_=counts if options.get("include_usage") else None,
        )
        return self._stream(wire.encode_events(chunks))

    def _unary(self, body: Json) -> Reply:
        return Reply(body=body, delay_before_headers_s=self.delay_before_headers_s)

    def _stream(self, events: Sequence[bytes]) -> Sse:
        return Sse(
            events=events,
            delay_before_headers_s=self.delay_before_headers_s,
            delay_between_s=self.delay_between_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _ChatAnswer:
    model: str
    prompt_tokens: int
    pieces: tuple[str, ...]
    finish_reason: str
    calls: tuple[tuple[str, str, str], ...]
    """Id, function name and arguments of each tool call."""
    with_logprobs: bool

    @property
    def usage(self) -> Json:
        words = len(self.pieces) + sum(len(_tokens(arguments)) for _, _, arguments in self.calls)
        return wire.usage(self.prompt_tokens, words)

    def unary(self) -> Json:
        return wire.chat_completion(
            None if self.calls else "".join(self.pieces),
            model=self.model,
            tool_calls=[wire.tool_call(*call) for call in self.calls],
            finish_reason=self.finish_reason,
            logprobs=[_logprob(piece) for piece in self.pieces] if self.with_logprobs else None,
            usage_=self.usage,
        )

    def chunks(self, *, include_usage: bool, obfuscation: bool) -> list[Json]:
        build = wire.ChatChunks(
            model=self.model, include_usage=include_usage, obfuscation=obfuscation
        )
        chunks = [build.role(None if self.calls else "")]
        chunks.extend(
            build.content(piece, [_logprob(piece)] if self.with_logprobs else None)
            for piece in self.pieces
        )
        for index, (call_id, name, arguments) in enumerate(self.calls):
            chunks.append(build.tool_call(index, call_id, name))
            chunks.extend(build.tool_arguments(index, part) for part in _tokens(arguments))
        chunks.append(build.finish(self.finish_reason))
        return [*chunks, build.last_usage(self.usage)] if include_usage else chunks


def _encoded(answer: _ChatAnswer, *, include_usage: bool, obfuscation: bool) -> Sequence[bytes]:
    arguments_chars = sum(len(arguments) for _, _, arguments in answer.calls)
    is_short = sum(map(len, answer.pieces)) + arguments_chars <= _MOST_KEPT_CHARS
    encode = _encode_once if is_short else _encode
    return encode(answer, include_usage=include_usage, obfuscation=obfuscation)


def _encode(answer: _ChatAnswer, *, include_usage: bool, obfuscation: bool) -> Sequence[bytes]:
    chunks = answer.chunks(include_usage=include_usage, obfuscation=obfuscation)
    return wire.encode_events(chunks)


# A load test asks the same thing ten thousand times, and the encoding is most of the work. A stream
# is a hundred times its text, so that long ones would be kept at the cost of the test's memory.
_MOST_KEPT_CHARS = 2_000
_encode_once = lru_cache(maxsize=128)(_encode)


def _chat_answer(request: Json, says: str | None) -> _ChatAnswer:
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequestError("Missing required parameter: 'messages'.", "messages")
    calls = [
        (f"call_fake{index:08d}", tool["name"], json.dumps(_example(tool.get("parameters") or {})))
        for index, tool in enumerate(_tools_to_call(request))
    ]
    pieces, finish_reason = ([], "tool_calls") if calls else _text_answer(request, messages, says)
    return _ChatAnswer(
        model=request["model"],
        prompt_tokens=sum(len(_tokens(_text_of(message))) for message in messages),
        pieces=tuple(pieces),
        finish_reason=finish_reason,
        calls=tuple(calls),
        with_logprobs=bool(request.get("logprobs")),
    )


def _text_answer(request: Json, messages: list[Json], says: str | None) -> tuple[list[str], str]:
    said = next((_text_of(m) for m in reversed(messages) if m.get("role") == "user"), "")
    match request.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": schema}}:
            text = json.dumps(_example(schema))
        case {"type": "json_object"}:
            text = json.dumps({"echo": said})
        case _:
            text = says or f"You said: {said}"
    return _limited(_tokens(text), request)


def _tools_to_call(request: Json) -> list[Json]:
    tools = [tool["function"] for tool in request.get("tools") or () if "function" in tool]
    match request.get("tool_choice"):
        case "required":
            return tools if request.get("parallel_tool_calls", True) else tools[:1]
        case {"function": {"name": name}}:
            return [tool for tool in tools if tool["name"] == name]
        case _:
            return []


def _embeddings(request: Json) -> Json:
    given = request.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        raise BadRequestError("'input' must be a string or a list of strings", "input")
    dimensions = request.get("dimensions") or 8
    return more.embeddings(
        [more.embedding_vector(str(text), dimensions) for text in texts],
        model=request["model"],
        base64_encoded=request.get("encoding_format") == "base64",
        prompt_tokens=sum(len(_tokens(str(text))) for text in texts),
    )


def _limited(pieces: list[str], request: Json) -> tuple[list[str], str]:
    """Apply stop sequences, then the limit of tokens; returns what is left and why it ended."""
    stops = request.get("stop") or ()
    text = "".join(pieces)
    found = [text.index(s) for s in ([stops] if isinstance(stops, str) else stops) if s in text]
    if found:
        pieces = _tokens(text[: min(found)])
    limit = request.get("max_completion_tokens") or request.get("max_tokens")
    if limit is not None and len(pieces) > limit:
        return pieces[:limit], "length"
    return pieces, "stop"


def _tokens(text: str) -> list[str]:
    """Cut a text after each word; joined, the tokens are the text."""
    return re.findall(r"\s*\S+|\s+$", text)


def _text_of(message: Json) -> str:
    match message.get("content"):
        case str(text):
            return text
        case list(parts):
            return " ".join(part["text"] for part in parts if part.get("type") == "text")
        case _:
            return ""


def _logprob(token: str) -> Json:
    return wire.token_logprob(token, -0.25, [(token, -0.25), ("no", -2.5)])


def _example(schema: object) -> object:
    """Return a value that fits a JSON schema of the plain kind that tools use."""
    match schema:
        case {"enum": [first, *_]}:
            return first
        case {"type": "string"}:
            return "text"
        case {"type": "integer"}:
            return 1
        case {"type": "number"}:
            return 1.5
        case {"type": "boolean"}:
            return True
        case {"type": "array", **rest}:
            return [_example(rest.get("items"))]
        case {"properties": {**properties}, "required": [*names]}:
            return {name: _example(properties[name]) for name in names if name in properties}
        case _:
            return {}
