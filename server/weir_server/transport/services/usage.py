"""How does a caller learn what its own call used? From the ledger, also after a cut answer."""

from weir.v1.usage_service_pb2 import GetResponseUsageRequest, GetResponseUsageResponse
from weir_server.core.books import Books
from weir_server.core.caller import Role
from weir_server.core.errors import FeatureDisabled, ResponseNotFound
from weir_server.transport.methods import Rpc
from weir_server.transport.status import code_of
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.usage import validate_get_response_usage


class Usage:
    """Serves UsageService. Without a ledger every method raises FeatureDisabled."""

    def __init__(self, *, books: Books | None, limits: ValidationLimits) -> None:
        self._books = books
        self._limits = limits

    async def get_response_usage(
        self, rpc: Rpc, request: GetResponseUsageRequest
    ) -> GetResponseUsageResponse:
        """Tell what one call used. Raises ResponseNotFound, for another tenant's call as well."""
        if self._books is None:
            raise FeatureDisabled(metadata={"feature": "ledger"})
        validate_get_response_usage(request, self._limits)
        record = await self._books.call(request.response_id)
        caller = rpc.call.caller
        theirs = record is not None and (
            record.tenant == caller.tenant or caller.role is Role.OPERATOR
        )
        if record is None or not theirs:
            # The same words for both: whether another tenant's call exists is nobody's business.
            raise ResponseNotFound(metadata={"responseId": request.response_id})
        record.code = code_of(record.reason)
        return GetResponseUsageResponse(call=record)
