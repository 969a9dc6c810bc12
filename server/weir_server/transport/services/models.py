"""How does a caller learn what can be asked here? Models, features, limits."""

import re
from collections.abc import Callable

from weir.v1.error_pb2 import FieldViolation
from weir.v1.model_pb2 import Model, ModelCapabilities
from weir.v1.model_service_pb2 import (
    GetModelRequest,
    GetModelResponse,
    GetServerInfoRequest,
    GetServerInfoResponse,
    ListModelsRequest,
    ListModelsResponse,
)
from weir_server.core.catalogue import Catalogue
from weir_server.core.errors import InvalidRequest, ModelNotAllowed
from weir_server.transport.methods import Rpc
from weir_server.transport.services.paging import make_token, read_token
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.requests import validate_get_model, validate_list_models

PAGE_SIZE_DEFAULT = 100

_TERM = re.compile(r'(provider|name|capability)="([^"]{1,128})"')
_CAPABILITIES = frozenset(
    field.name for field in ModelCapabilities.DESCRIPTOR.fields if field.type == field.TYPE_BOOL
)


class Models:
    """Serves ModelService."""

    def __init__(
        self, *, catalogue: Catalogue, info: GetServerInfoResponse, limits: ValidationLimits
    ) -> None:
        self._catalogue = catalogue
        self._info = info
        self._limits = limits

    async def list_models(self, rpc: Rpc, request: ListModelsRequest) -> ListModelsResponse:
        """List the models that are open to the caller by name, page by page.

        Raises InvalidRequest and PageTokenInvalid.
        """
        validate_list_models(request, self._limits)
        matches = _filter(request.filter)
        may_use = rpc.call.caller.may_use
        models = [
            model for model in self._catalogue.models() if matches(model) and may_use(model.name)
        ]
        after = read_token(request.page_token, request.filter)
        rest = [model for model in models if model.name > after]
        page = rest[: request.page_size or PAGE_SIZE_DEFAULT]
        response = ListModelsResponse(models=page)
        if len(page) < len(rest):
            response.next_page_token = make_token(page[-1].name, request.filter)
        return response

    async def get_model(self, rpc: Rpc, request: GetModelRequest) -> GetModelResponse:
        """Tell one model. Raises ModelNotFound and ModelNotAllowed."""
        validate_get_model(request, self._limits)
        model = self._catalogue.model(request.name)
        if not rpc.call.caller.may_use(model.name):
            raise ModelNotAllowed(metadata={"model": model.name})
        return GetModelResponse(model=model)

    async def get_server_info(
        self, _rpc: Rpc, _request: GetServerInfoRequest
    ) -> GetServerInfoResponse:
        """Tell version, features and limits."""
        return self._info


def _filter(text: str) -> Callable[[Model], bool]:
    """Read a filter: terms joined by AND. Raises InvalidRequest."""
    if not text:
        return lambda _model: True
    terms: list[tuple[str, str]] = []
    for term in text.split(" AND "):
        match = _TERM.fullmatch(term.strip())
        if match is None or (match[1] == "capability" and match[2] not in _CAPABILITIES):
            raise InvalidRequest(
                violations=[
                    FieldViolation(
                        field="filter",
                        rule="FILTER",
                        description=(
                            'Write terms such as provider="providers/x" or capability="tools", '
                            "joined by AND."
                        ),
                    )
                ]
            )
        terms.append((match[1], match[2]))
    return lambda model: all(_matches(model, key, value) for key, value in terms)


def _matches(model: Model, key: str, value: str) -> bool:
    if key == "provider":
        return model.provider == value
    if key == "name":
        return value == model.name or value in model.aliases
    return bool(getattr(model.capabilities, value))
