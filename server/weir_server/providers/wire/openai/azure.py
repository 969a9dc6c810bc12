"""How is Azure OpenAI spoken? As OpenAI itself, at paths of its own.

The dated API, with `api-version` in the query, has a path for each deployment; the v1 API has one
path for all and finds the deployment by the model's name in the body, as OpenAI does. Paths are
those of Azure's reference and of the vendor's own SDK, which leaves the model in the body of both.
"""

from dataclasses import replace
from urllib.parse import quote

from typing_extensions import override

from weir_server.core.errors import ModelNotFound
from weir_server.core.handler import Request
from weir_server.core.target import Target
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.wire import OpenAIWire

AZURE = Quirks(provider_kind="azure-openai", state_kind="azure-openai", end_user_field="user")
"""Azure's habits; what it adds to answers, such as what its filters found, is skipped."""

_V1 = "/openai/v1"
_IN_SEGMENTS = "!$&'()*+,;=:@"
"""What RFC 3986, section 3.3, lets stand in a segment of a path."""


class AzureWire(OpenAIWire):
    """OpenAI's protocol at one Azure resource; see base.Wire."""

    def __init__(self, *, api_version: str = "", base_path: str = "") -> None:
        """`api_version`: a dated version; empty: the v1 API. `base_path`: that of the endpoint."""
        super().__init__(AZURE)
        self._query = f"?api-version={quote(api_version, safe='')}" if api_version else ""
        # The portal shows the address of the v1 API with its path.
        self._v1 = "" if base_path.rstrip("/").endswith(_V1) else _V1

    @override
    def encode(self, request: Request, target: Target, *, stream: bool) -> HttpRequest:
        """Say `request` in OpenAI's words at Azure's path; see base.Wire.

        Raises ModelNotFound for a name that no deployment has: it would lead to another path.
        """
        said = super().encode(request, target, stream=stream)
        if not self._query:
            return replace(said, path=self._v1 + said.path)
        if target.vendor_model in (".", "..", ""):
            raise ModelNotFound(metadata={"model": target.model})
        deployment = quote(target.vendor_model, safe=_IN_SEGMENTS)
        return replace(said, path=f"/openai/deployments/{deployment}{said.path}{self._query}")

    def models(self) -> HttpRequest:
        """Return the request that lists models, which costs nothing and needs the credential."""
        path = f"/openai/models{self._query}" if self._query else f"{self._v1}/models"
        return HttpRequest(path=path, method="GET")
