"""How likely was each token of a completion? In lists of their own; chats say it otherwise."""

from weir.v1.generation_pb2 import TokenLogprob
from weir_server.providers.wire.openai.shapes import Logprobs
from weir_server.providers.wire.parts import whole


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
