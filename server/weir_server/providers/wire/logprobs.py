"""How likely was each token? As OpenAI's chats say it, and Ollama after them."""

from typing import Annotated

from msgspec import Meta, Struct

from weir.v1.generation_pb2 import TokenLogprob
from weir_server.providers.wire.parts import HELD_OVERHEAD_CHARS, whole

Byte = Annotated[int, Meta(ge=0, le=255)]


class Alternative(Struct, gc=False):
    """A token that could have stood in another's place."""

    token: str
    logprob: float
    bytes: list[Byte] | None = None


class Logprob(Struct, gc=False):
    """A token of the answer with its log probability."""

    token: str
    logprob: float
    bytes: list[Byte] | None = None
    top_logprobs: list[Alternative] | None = None


def token_logprobs(tokens: list[Logprob]) -> list[TokenLogprob]:
    """Return the log probabilities of tokens as the contract has them."""
    return [_token(token) for token in tokens]


def chars_of(said: Logprob) -> int:
    """Return how much room a token takes that is held."""
    others = said.top_logprobs or ()
    return (
        len(said.token)
        + sum(len(other.token) for other in others)
        + HELD_OVERHEAD_CHARS * (1 + len(others))
    )


def _token(said: Logprob) -> TokenLogprob:
    token = TokenLogprob(
        token=whole(said.token),
        logprob=said.logprob,
        token_bytes=_odd_bytes(said.token, said.bytes),
    )
    for other in said.top_logprobs or ():
        token.top_logprobs.add(
            token=whole(other.token),
            logprob=other.logprob,
            token_bytes=_odd_bytes(other.token, other.bytes),
        )
    return token


def _odd_bytes(token: str, said: list[int] | None) -> bytes:
    """Return a token's bytes where its text does not tell them."""
    if not said:
        return b""
    octets = bytes(said)
    return b"" if octets == token.encode("utf-8", "replace") else octets
