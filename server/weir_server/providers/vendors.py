"""Who speaks a known wire format? One row each: address, dialect, what its models can do."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from weir.v1.content_pb2 import Modality
from weir.v1.model_pb2 import ModelCapabilities
from weir_server.providers.wire.openai.quirks import COMPATIBLE, LLAMA_CPP, OPENAI, Quirks


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One vendor, or one kind of server, that speaks OpenAI's protocol."""

    quirks: Quirks
    endpoint: str = ""
    """Base address of its API; empty: the configuration must name one."""
    capabilities: ModelCapabilities = field(default_factory=ModelCapabilities)
    """What its models can do, where a model says nothing of its own."""


def _able(*, prefill: bool = False, json_schema: bool = True) -> ModelCapabilities:
    return ModelCapabilities(
        chat=True,
        complete=True,
        embed=True,
        streaming=True,
        tools=True,
        parallel_tool_calls=True,
        json_object=True,
        json_schema=json_schema,
        logprobs=True,
        seed=True,
        reasoning=True,
        assistant_prefill=prefill,
        input_modalities=[
            Modality.MODALITY_TEXT,
            Modality.MODALITY_IMAGE,
            Modality.MODALITY_AUDIO,
            Modality.MODALITY_DOCUMENT,
        ],
        output_modalities=[Modality.MODALITY_TEXT],
    )


VENDORS: Mapping[str, Vendor] = {
    "openai": Vendor(quirks=OPENAI, endpoint="https://api.openai.com/v1", capabilities=_able()),
    "openai-compatible": Vendor(quirks=COMPATIBLE, capabilities=_able()),
    "llama-cpp": Vendor(quirks=LLAMA_CPP, capabilities=_able(prefill=True)),
}
"""By the name that `vendor` in a provider's settings takes."""

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
"""What the embedded model can do. Its template knows no tools."""
