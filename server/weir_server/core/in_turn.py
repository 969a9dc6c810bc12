"""How far has a request come that is asked in turn, piece by piece?

A later piece may fail when earlier ones have answered, and cost what they cost: who asks notes
here what the meter could not see.
"""

from dataclasses import dataclass, field

from weir.v1.embedding_service_pb2 import EmbedRequest, EmbedResponse
from weir.v1.usage_pb2 import TokenUsage
from weir_server.core.usage import add


@dataclass(slots=True, kw_only=True)
class InTurn:
    """The pieces of one attempt, as far as they have been asked."""

    asked: EmbedRequest | None = None
    """The piece that is under way."""
    told: TokenUsage = field(default_factory=TokenUsage)
    """What the pieces used that have answered and said it."""
    untold: EmbedRequest = field(default_factory=EmbedRequest)
    """The inputs of those that have answered and did not."""

    def ask(self, piece: EmbedRequest) -> None:
        """Note that a piece is asked."""
        self.asked = piece

    def take(self, response: EmbedResponse) -> None:
        """Note that the piece under way has answered."""
        piece, self.asked = self.asked, None
        if response.usage.source:
            add(self.told, response.usage)
        elif piece is not None:
            self.untold.inputs.extend(piece.inputs)

    def uncounted(self, *, under_way: bool) -> EmbedRequest:
        """Return what is to be counted by Weir. under_way: that piece too."""
        request = EmbedRequest()
        request.inputs.extend(self.untold.inputs)
        if under_way and self.asked is not None:
            request.inputs.extend(self.asked.inputs)
        return request
