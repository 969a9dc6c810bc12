"""Which vendors can the configuration name? All rows, by the name that `vendor` takes."""

from collections.abc import Mapping

from weir_server.providers.vendors.base import AUDIO, DOCUMENT, IMAGE, Vendor, able
from weir_server.providers.vendors.clouds import CLOUDS
from weir_server.providers.vendors.makers import MAKERS
from weir_server.providers.vendors.mistral import MISTRAL
from weir_server.providers.vendors.servers import SERVERS
from weir_server.providers.wire.openai.quirks import COMPATIBLE, OPENAI

_ALL_MEDIA = (IMAGE, AUDIO, DOCUMENT)

VENDORS: Mapping[str, Vendor] = {
    "openai": Vendor(
        label="OpenAI",
        quirks=OPENAI,
        endpoint="https://api.openai.com/v1",
        capabilities=able(embed=True, media=_ALL_MEDIA),
        embed_inputs_max=2048,
        example_model="gpt-4.1-mini",
        sources=("OpenAI API reference: Create chat completion, Create embeddings",),
    ),
    "openai-compatible": Vendor(
        label="Any other",
        quirks=COMPATIBLE,
        capabilities=able(embed=True, media=_ALL_MEDIA),
        example_endpoint="https://llm.example.com/v1",
        notes=("what most servers understand that follow the protocol from afar",),
    ),
    **MAKERS,
    "mistral": MISTRAL,
    **CLOUDS,
    **SERVERS,
}
