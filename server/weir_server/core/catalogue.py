"""Which models are there, and who serves them? The question that routing answers for all stages."""

from typing import Protocol

from weir.v1.model_pb2 import Model
from weir_server.core.target import Operation, Target


class Catalogue(Protocol):
    """Models and the targets that serve them."""

    def resolve(self, *, model: str, provider: str, operation: Operation) -> tuple[Target, ...]:
        """Return the targets to try, in order; at least one.

        `model` is an alias, a bare name or `models/x`; empty means the default. `provider` is a
        handle such as `providers/openai`; empty means that the model decides.
        Raises ModelNotFound, ProviderNotFound, ProviderNotInitialized, InvalidRequest.
        """
        ...

    def models(self) -> tuple[Model, ...]:
        """Return every model, by name."""
        ...

    def model(self, name: str) -> Model:
        """Return one model by resource name or alias. Raises ModelNotFound."""
        ...
