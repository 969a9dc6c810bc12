"""How likely was each token? The vendor's reference "LogprobsResult", as the contract has it."""

from msgspec import Raw, Struct
from msgspec.json import Decoder

from weir.v1.generation_pb2 import TokenLogprob
from weir_server.providers.wire.parts import whole


class Token(Struct, rename="camel", gc=False):
    """A token with its log probability."""

    token: str = ""
    log_probability: float = 0.0


class Alternatives(Struct, gc=False):
    """The likeliest tokens of one place."""

    candidates: list[Token] | None = None


class Logprobs(Struct, rename="camel", gc=False):
    """What was chosen at each place, and what could have been."""

    chosen_candidates: list[Token] | None = None
    top_candidates: list[Alternatives] | None = None


_LOGPROBS = Decoder(Logprobs)


def logprobs_of(said: Raw) -> list[TokenLogprob]:
    """Return the log probabilities; none where they cannot be read."""
    try:
        read = _LOGPROBS.decode(said)
    except (ValueError, RecursionError):
        return []
    tops = read.top_candidates or []
    tokens = []
    for place, chosen in enumerate(read.chosen_candidates or ()):
        token = TokenLogprob(token=whole(chosen.token), logprob=chosen.log_probability)
        for other in (tops[place].candidates or ()) if place < len(tops) else ():
            token.top_logprobs.add(token=whole(other.token), logprob=other.log_probability)
        tokens.append(token)
    return tokens
