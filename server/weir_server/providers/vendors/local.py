"""What can the embedded model do? Its template knows no tools."""

from weir.v1.content_pb2 import Modality
from weir.v1.model_pb2 import ModelCapabilities

LOCAL_CAPABILITIES = ModelCapabilities(
    chat=True,
    complete=True,
    streaming=True,
    json_object=True,
    json_schema=True,
    logprobs=True,
    seed=True,
    assistant_prefill=True,
    input_modalities=[Modality.MODALITY_TEXT],
    output_modalities=[Modality.MODALITY_TEXT],
)
