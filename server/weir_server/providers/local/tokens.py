"""How many tokens would the embedded model see? Ask it: it counts as it will charge.

Pure: what to send (a path on the listener, a JSON body) and how to read what comes back. The
one HTTP transport does the sending. The engine counts without taking a slot, so an answer does
not wait behind running generations.

A text counts on its own, `<|im_end|>` and its kin as the one token the model reads in them. A
chat counts as the `usage.prompt_tokens` that the same body would report: template, default
system message and generation prompt included.
"""

import json

TEXT_COUNT_PATH = "/tokenize"
CHAT_COUNT_PATH = "/v1/chat/completions/input_tokens"


class UnreadableCount(ValueError):
    """The engine's answer is not a token count."""


def text_count_request(text: str) -> tuple[str, bytes]:
    """Path and body that ask for the tokens of a text."""
    body = {"content": text, "add_special": True, "parse_special": True}
    return TEXT_COUNT_PATH, json.dumps(body).encode()


def chat_count_request(chat_body: bytes) -> tuple[str, bytes]:
    """Path and body that ask for the prompt tokens of a chat.

    chat_body: the very bytes that would be sent to `/v1/chat/completions`.
    """
    return CHAT_COUNT_PATH, chat_body


def parse_text_count(answer: bytes) -> int:
    """Tokens in the answer to `text_count_request`; raises UnreadableCount."""
    tokens = _object(answer).get("tokens")
    if not isinstance(tokens, list):
        raise UnreadableCount("no list of tokens")
    return len(tokens)


def parse_chat_count(answer: bytes) -> int:
    """Tokens in the answer to `chat_count_request`; raises UnreadableCount."""
    tokens = _object(answer).get("input_tokens")
    if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 0:
        raise UnreadableCount("no number of tokens")
    return tokens


def _object(answer: bytes) -> dict[str, object]:
    try:
        value: object = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise UnreadableCount("not JSON") from error
    if not isinstance(value, dict):
        raise UnreadableCount("not a JSON object")
    return value
