"""How is Anthropic spoken to, and whoever speaks its Messages API?"""

from weir.v1.content_pb2 import Modality
from weir.v1.model_pb2 import ModelCapabilities
from weir_server.providers.formats.base import Format, Speech
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.plan import Plan, invalid
from weir_server.providers.wire.anthropic.encode import MODELS
from weir_server.providers.wire.anthropic.wire import AnthropicWire

_CAPABILITIES = ModelCapabilities(
    chat=True,
    complete=True,
    streaming=True,
    tools=True,
    parallel_tool_calls=True,
    json_schema=True,
    reasoning=True,
    # An answer that paused is gone on with by every model; a text only by those before Claude 4.6.
    assistant_prefill=True,
    input_modalities=[
        Modality.MODALITY_TEXT,
        Modality.MODALITY_IMAGE,
        Modality.MODALITY_DOCUMENT,
    ],
    output_modalities=[Modality.MODALITY_TEXT],
)


def _speech(plan: Plan) -> Speech:
    del plan
    return Speech(
        wire=AnthropicWire(),
        endpoint="https://api.anthropic.com",
        capabilities=_CAPABILITIES,
        probe=MODELS,
    )


def _authorize(plan: Plan, key: str, organization: str | None, prefix: str) -> ProviderHeaders:
    if organization:
        what = "Leave it out: the key itself belongs to one."
        raise invalid(plan, "organization_id", "NOT_FOR_KIND", what)
    return ProviderHeaders(
        credential={"x-api-key": key} if key else {}, extra=plan.headers, field_prefix=prefix
    )


ANTHROPIC = Format(
    label="Anthropic Messages",
    speech=_speech,
    authorize=_authorize,
    counts=True,
    tokenizer="provider",
)
