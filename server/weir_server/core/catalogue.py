"""Which models are there, and who serves them? The question that routing answers for all stages."""

from collections.abc import Sequence
from typing import Protocol

from weir.v1.model_pb2 import Model
from weir_server.core.caller import NOBODY, Caller
from weir_server.core.route import ModelRoute
from weir_server.core.target import Operation


class Catalogue(Protocol):
    """Models and the targets that serve them."""

    def resolve(
        self,
        *,
        model: str,
        provider: str,
        operation: Operation,
        streaming: bool = False,
        fallback_models: Sequence[str] = (),
        caller: Caller = NOBODY,
    ) -> ModelRoute:
        """Return who may serve a request, in the configured order; at least one target.

        `model` is an alias, a bare name or `models/x`; empty means the default. `provider` is a
        handle such as `providers/openai`; empty means that the model decides. `fallback_models`
        stand in place of the model's own. What `caller` names has to be open to them; where the
        configuration falls back on another model, that is the operator's choice.
        Raises ModelNotFound, ModelNotAllowed, ProviderNotFound, ProviderNotInitialized,
        InvalidRequest.
        """
        ...

    def models(self) -> tuple[Model, ...]:
        """Return every model, by name."""
        ...

    def model(self, name: str) -> Model:
        """Return one model by resource name or alias. Raises ModelNotFound."""
        ...
