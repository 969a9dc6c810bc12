"""How likely was each token? As chats say it, but that alternatives may lack what they are."""

from msgspec import Raw, Struct
from msgspec.json import Decoder

from weir.v1.generation_pb2 import TokenLogprob
from weir_server.providers.wire.logprobs import Alternative, Byte, Logprob, token_logprobs
from weir_server.providers.wire.responses.shapes import filled, mended


class _Alternative(Struct, gc=False):
    token: str | None = None
    logprob: float | None = None
    bytes: list[Byte] | None = None


class _Logprob(Struct, gc=False):
    token: str
    logprob: float
    bytes: list[Byte] | None = None
    top_logprobs: list[_Alternative] | None = None


_LOGPROBS = Decoder(list[_Logprob])


def logprobs_of(raw: Raw) -> list[TokenLogprob]:
    """Return the log probabilities of tokens; none where there are none. Raises ValueError."""
    if not filled(raw):
        return []
    return token_logprobs(
        [
            Logprob(
                token=said.token,
                logprob=said.logprob,
                bytes=said.bytes,
                top_logprobs=[
                    Alternative(token=other.token, logprob=other.logprob, bytes=other.bytes)
                    for other in said.top_logprobs or ()
                    if other.token is not None and other.logprob is not None
                ],
            )
            for said in _LOGPROBS.decode(mended(raw))
        ]
    )
