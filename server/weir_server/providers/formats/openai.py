"""How are OpenAI and everybody who speaks like it spoken to? A row of `vendors` says it."""

from weir_server.providers.formats.base import Format, Speech
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.plan import Plan, invalid
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.openai.wire import OpenAIWire


def _speech(plan: Plan) -> Speech:
    vendor = VENDORS.get(plan.vendor)
    if vendor is None:
        raise invalid(plan, "vendor", "VENDOR", f"Use one of {', '.join(VENDORS)}.")
    return Speech(
        wire=OpenAIWire(vendor.quirks),
        endpoint=vendor.endpoint,
        capabilities=vendor.capabilities,
        embed_inputs_max=vendor.embed_inputs_max,
    )


def openai_headers(plan: Plan, key: str, organization: str | None, prefix: str) -> ProviderHeaders:
    """Show a key as a bearer token, and the organization that pays beside it."""
    return ProviderHeaders(
        credential={"authorization": f"Bearer {key}"} if key else {},
        organization={"openai-organization": organization} if organization else {},
        extra=plan.headers,
        field_prefix=prefix,
    )


OPENAI = Format(label="OpenAI wire", speech=_speech, authorize=openai_headers)
