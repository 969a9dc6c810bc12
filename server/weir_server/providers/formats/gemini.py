"""How is Gemini spoken to at Google's AI Studio? With a key in a header, never in the address."""

from weir.v1.content_pb2 import Modality
from weir.v1.model_pb2 import ModelCapabilities
from weir_server.providers.formats.base import Format, Speech
from weir_server.providers.http.headers import ProviderHeaders
from weir_server.providers.plan import Plan, invalid
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.gemini.dialect import AI_STUDIO
from weir_server.providers.wire.gemini.wire import GeminiWire

ENDPOINT = "https://generativelanguage.googleapis.com/v1beta"
INPUTS_MAX = 100
"""How many inputs `batchEmbedContents` takes."""


def able() -> ModelCapabilities:
    """Return what Google's models can do; which of them can is for a model's `can` to say."""
    return ModelCapabilities(
        chat=True,
        complete=True,
        embed=True,
        streaming=True,
        tools=True,
        parallel_tool_calls=True,
        json_object=True,
        json_schema=True,
        logprobs=True,
        seed=True,
        reasoning=True,
        input_modalities=[
            Modality.MODALITY_TEXT,
            Modality.MODALITY_IMAGE,
            Modality.MODALITY_AUDIO,
            Modality.MODALITY_VIDEO,
            Modality.MODALITY_DOCUMENT,
        ],
        output_modalities=[
            Modality.MODALITY_TEXT,
            Modality.MODALITY_IMAGE,
            Modality.MODALITY_AUDIO,
        ],
    )


def authorize(plan: Plan, key: str, organization: str | None, prefix: str) -> ProviderHeaders:
    """Show a key as Google wants it."""
    if organization:
        raise invalid(
            plan, "organization_id", "NOT_FOR_KIND", f"Leave it out: {plan.kind} has no use for it."
        )
    return ProviderHeaders(
        credential={"x-goog-api-key": key} if key else {}, extra=plan.headers, field_prefix=prefix
    )


def _speech(plan: Plan) -> Speech:
    del plan
    return Speech(
        wire=GeminiWire(AI_STUDIO),
        endpoint=ENDPOINT,
        capabilities=able(),
        embed_inputs_max=INPUTS_MAX,
        probe=HttpRequest(path="/models?pageSize=1", method="GET"),
    )


GEMINI = Format(label="Gemini wire", speech=_speech, authorize=authorize, counts=True)
