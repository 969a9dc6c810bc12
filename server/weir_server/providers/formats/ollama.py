"""How is an Ollama server spoken to? At its own address, with a key only where one asks for it."""

from weir.v1.content_pb2 import MODALITY_IMAGE, MODALITY_TEXT
from weir.v1.model_pb2 import ModelCapabilities
from weir_server.providers.formats.base import Format, Speech, bearer
from weir_server.providers.plan import Plan
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.ollama.wire import OllamaWire

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
    assistant_prefill=True,
    input_modalities=[MODALITY_TEXT, MODALITY_IMAGE],
    output_modalities=[MODALITY_TEXT],
)


def _speech(plan: Plan) -> Speech:
    del plan
    return Speech(
        wire=OllamaWire(),
        endpoint="",  # There is no Ollama but one's own.
        capabilities=_CAPABILITIES,
        probe=HttpRequest(path="/api/tags", method="GET"),
    )


OLLAMA = Format(label="Ollama wire", speech=_speech, authorize=bearer)
