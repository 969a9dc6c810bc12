"""How is Cohere spoken to? With a bearer token, in version 2 of its API."""

from weir.v1.content_pb2 import MODALITY_IMAGE, MODALITY_TEXT
from weir.v1.model_pb2 import ModelCapabilities
from weir_server.providers.formats.base import Format, Speech, bearer
from weir_server.providers.plan import Plan
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.cohere.embeddings import INPUTS_MAX
from weir_server.providers.wire.cohere.wire import CohereWire

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
    seed=True,
    reasoning=True,
    input_modalities=[MODALITY_TEXT, MODALITY_IMAGE],
    output_modalities=[MODALITY_TEXT],
)


def _speech(plan: Plan) -> Speech:
    del plan
    return Speech(
        wire=CohereWire(),
        endpoint="https://api.cohere.com",
        capabilities=_CAPABILITIES,
        probe=HttpRequest(path="/v1/models", method="GET"),
        embed_inputs_max=INPUTS_MAX,
    )


COHERE = Format(label="Cohere wire", speech=_speech, authorize=bearer)
