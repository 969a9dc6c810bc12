"""How is Gemini spoken to at Google's Vertex? Below a project, with tokens of a service account."""

from pathlib import Path

from weir_server.core.clock import Clock
from weir_server.providers.formats.base import Format, Speech
from weir_server.providers.formats.gemini import able, authorize
from weir_server.providers.formats.google_tokens import GoogleTokens
from weir_server.providers.formats.service_account import (
    ServiceAccountInvalid,
    read_service_account,
)
from weir_server.providers.http.client import HttpClient
from weir_server.providers.http.guard import EndpointPolicy, parse_endpoint
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.http.signing import Signer
from weir_server.providers.plan import Plan, invalid
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.gemini.dialect import Dialect
from weir_server.providers.wire.gemini.wire import GeminiWire
from weir_server.settings.vertex import VertexSettings

INPUTS_MAX = 250
"""How many texts one request for vectors takes, by the vendor's page "Text embeddings API"."""


def _settings(plan: Plan) -> VertexSettings:
    if plan.vertex is None:
        raise invalid(
            plan,
            "vertex" if not plan.field_prefix else "provider_kind",
            "REQUIRED",
            "Name the project; vertex comes from the server's configuration only.",
        )
    return plan.vertex


def endpoint_of(location: str) -> str:
    """Return the base address of a location, as google-genai forms it."""
    if location == "global":
        return "https://aiplatform.googleapis.com/v1"
    if location in ("us", "eu"):
        return f"https://aiplatform.{location}.rep.googleapis.com/v1"
    return f"https://{location}-aiplatform.googleapis.com/v1"


def _speech(plan: Plan) -> Speech:
    settings = _settings(plan)
    parent = f"projects/{settings.project}/locations/{settings.location}"
    dialect = Dialect(kind="vertex", vertex=True, parent=parent)
    return Speech(
        wire=GeminiWire(dialect),
        endpoint=endpoint_of(settings.location),
        capabilities=able(),
        embed_inputs_max=INPUTS_MAX,
        # There is no list of models below a project; the location itself can be asked for.
        probe=HttpRequest(path=f"/{parent}", method="GET"),
    )


def _authorize(plan: Plan, key: str, organization: str | None, prefix: str) -> ProviderHeaders:
    if key and _settings(plan).service_account_file:
        raise invalid(
            plan, "api_key", "CONFLICT", "Leave it out: the service account says who asks."
        )
    return authorize(plan, key, organization, prefix)


def _signer(plan: Plan, client: HttpClient, clock: Clock) -> Signer | None:
    file = _settings(plan).service_account_file
    if file is None:
        return None
    policy = EndpointPolicy(
        allow_private=plan.allow_private, allow_insecure_http=plan.allow_insecure_http
    )
    field = f"{plan.field_prefix}vertex.service_account_file"
    try:
        account = read_service_account(Path(file))
    except ServiceAccountInvalid as problem:
        raise invalid(plan, "vertex.service_account_file", "UNUSABLE", str(problem)) from problem
    parse_endpoint(account.token_uri, policy, field=field)
    return GoogleTokens(Path(file), policy, client, clock)


VERTEX = Format(
    label="Vertex wire", speech=_speech, authorize=_authorize, signer=_signer, counts=True
)
