"""How is OpenAI's Responses API spoken to? As OpenAI itself, at another path."""

from weir.v1.content_pb2 import Modality
from weir.v1.model_pb2 import ModelCapabilities
from weir_server.providers.formats.base import Format, Speech
from weir_server.providers.formats.openai import openai_headers
from weir_server.providers.plan import Plan
from weir_server.providers.vendors.table import VENDORS
from weir_server.providers.wire.responses.wire import ResponsesWire

_CAPABILITIES = ModelCapabilities(
    chat=True,
    complete=True,
    embed=True,
    streaming=True,
    tools=True,
    parallel_tool_calls=True,
    json_object=True,
    json_schema=True,
    logprobs=True,
    reasoning=True,
    input_modalities=[
        Modality.MODALITY_TEXT,
        Modality.MODALITY_IMAGE,
        Modality.MODALITY_DOCUMENT,
    ],
    output_modalities=[Modality.MODALITY_TEXT],
)


def _speech(plan: Plan) -> Speech:
    del plan
    openai = VENDORS["openai"]
    return Speech(
        wire=ResponsesWire(),
        endpoint=openai.endpoint,
        capabilities=_CAPABILITIES,
        embed_inputs_max=openai.embed_inputs_max,
    )


RESPONSES = Format(label="OpenAI Responses API", speech=_speech, authorize=openai_headers)
