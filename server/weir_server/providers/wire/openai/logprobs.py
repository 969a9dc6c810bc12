"""How likely was each token? The two ways in which the vendor says it, as the contract's one."""

from weir.v1.generation_pb2 import TokenLogprob
from weir_server.providers.wire.openai.shapes import Logprob, Logprobs
from weir_server.providers.wire.parts import whole


def chat_logprobs(tokens: list[Logprob]) -> list[TokenLogprob]:
    """Return the log probabilities of a chat's tokens."""
    return [_token(token) for token in tokens]


def completion_logprobs(said: Logprobs) -> list[TokenLogprob]:
    """Return the log probabilities of a completion's tokens, which come in parallel lists.

    A token without one, as the first of an echoed prompt, gets 0.
    """
    values = said.token_logprobs or []
    tops = said.top_logprobs or []
    tokens = []
    for index, text in enumerate(said.tokens or ()):
        value = values[index] if index < len(values) else None
        token = TokenLogprob(token=whole(text), logprob=value or 0.0)
        for other, logprob in ((tops[index] if index < len(tops) else None) or {}).items():
            token.top_logprobs.add(token=whole(other), logprob=logprob)
        tokens.append(token)
    return tokens


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
