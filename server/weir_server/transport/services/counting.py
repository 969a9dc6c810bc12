"""How are tokens counted for a caller?"""

from weir.v1.provider_service_pb2 import (
    CountTokensRequest,
    CountTokensResponse,
    ValidateTokenCountRequest,
    ValidateTokenCountResponse,
)
from weir_server.core.catalogue import Catalogue
from weir_server.core.target import Operation, Target
from weir_server.core.tokens import TokenCounter
from weir_server.transport.methods import Rpc
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.requests import validate_count_tokens, validate_token_count


class Counting:
    """Serves CountTokens and ValidateTokenCount."""

    def __init__(
        self, *, catalogue: Catalogue, tokens: TokenCounter, limits: ValidationLimits
    ) -> None:
        self._catalogue = catalogue
        self._tokens = tokens
        self._limits = limits

    async def count_tokens(self, rpc: Rpc, request: CountTokensRequest) -> CountTokensResponse:
        """Count a text or a whole chat request as its model would."""
        validate_count_tokens(request, self._limits)
        if request.HasField("chat"):
            chat = request.chat
            target = self._target(
                rpc, request.model or chat.model, request.provider or chat.provider
            )
            count = await self._tokens.count_chat(rpc.call, target, chat)
        else:
            target = self._target(rpc, request.model, request.provider)
            count = await self._tokens.count_text(rpc.call, target, request.text)
        return CountTokensResponse(
            tokens=count.tokens, exact=count.exact, tokenizer=count.tokenizer
        )

    async def validate_token_count(
        self, rpc: Rpc, request: ValidateTokenCountRequest
    ) -> ValidateTokenCountResponse:
        """Say whether a text fits; one that does not is an answer, not an error."""
        validate_token_count(request, self._limits)
        target = self._target(rpc, request.model, request.provider)
        count = await self._tokens.count_text(rpc.call, target, request.text)
        excess = max(0, count.tokens - request.max_tokens)
        return ValidateTokenCountResponse(
            valid=excess == 0, tokens=count.tokens, exact=count.exact, excess_tokens=excess
        )

    def _target(self, rpc: Rpc, model: str, provider: str) -> Target:
        route = self._catalogue.resolve(
            model=model, provider=provider, operation=Operation.COUNT, caller=rpc.call.caller
        )
        rpc.call.progress.route = route.targets[0]
        return route.targets[0]
