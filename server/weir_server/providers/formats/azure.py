"""How is Azure OpenAI spoken to? With a key in a header of its own, or a token of Entra ID."""

from urllib.parse import urlsplit

from weir_server.core.clock import Clock
from weir_server.providers.formats.base import Format, Speech
from weir_server.providers.http.client import HttpClient
from weir_server.providers.http.client_credentials import ClientCredentials, Grant
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.http.signing import Signer
from weir_server.providers.plan import Plan, invalid
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.openai.azure import AzureWire


def _speech(plan: Plan) -> Speech:
    if (grant := _grant(plan)) is not None:
        where = f"{plan.field_prefix}azure.login_endpoint"
        grant.endpoint(private_ok=plan.allow_private, where=where)
    wire = AzureWire(
        api_version=plan.api_version or "", base_path=urlsplit(plan.endpoint or "").path
    )
    return Speech(
        wire=wire,
        endpoint="",
        capabilities=VENDORS["openai"].capabilities,
        probe=wire.models(),
        embed_inputs_max=VENDORS["openai"].embed_inputs_max,
    )


def _authorize(plan: Plan, key: str, organization: str | None, prefix: str) -> ProviderHeaders:
    if organization:
        raise invalid(
            plan, "organization_id", "NOT_FOR_KIND", f"Leave it out: {plan.kind} has no use for it."
        )
    if key and plan.azure is not None:
        raise invalid(plan, "azure", "CONFLICT", "Give a key or an application, not both.")
    return ProviderHeaders(
        credential={"api-key": key} if key else {}, extra=plan.headers, field_prefix=prefix
    )


def _signer(plan: Plan, client: HttpClient, clock: Clock) -> Signer | None:
    grant = _grant(plan)
    return None if grant is None else ClientCredentials(grant, client=client, clock=clock)


def _grant(plan: Plan) -> Grant | None:
    settings = plan.azure
    if settings is None:
        return None
    return Grant(
        address=settings.login_endpoint,
        path=f"/{settings.tenant_id}/oauth2/v2.0/token",
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
        scope=settings.scope,
        allow_insecure_http=plan.allow_insecure_http,
    )


AZURE_OPENAI = Format(label="Azure OpenAI", speech=_speech, authorize=_authorize, signer=_signer)
