"""What is known of a vendor that speaks OpenAI's protocol?"""

from collections.abc import Collection
from dataclasses import dataclass, field

from weir.v1.content_pb2 import Modality
from weir.v1.model_pb2 import ModelCapabilities
from weir_server.providers.wire.openai.quirks import Quirks

TEXT = Modality.MODALITY_TEXT
IMAGE = Modality.MODALITY_IMAGE
AUDIO = Modality.MODALITY_AUDIO
DOCUMENT = Modality.MODALITY_DOCUMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One vendor, or one kind of server, that speaks OpenAI's protocol."""

    label: str
    """What it calls itself."""
    quirks: Quirks
    endpoint: str = ""
    """Base address of its API; empty: the configuration must name one."""
    capabilities: ModelCapabilities = field(default_factory=ModelCapabilities)
    """What its models can do, where a model says nothing of its own."""
    embed_inputs_max: int | None = None
    """How many inputs of Embed one request takes, by its pages; more are sent in turn. None: they
    name no number."""
    example_endpoint: str = ""
    """Where such a server listens by default, or the form of its addresses; for the docs."""
    example_model: str = "MODEL"
    """A model by the vendor's name for it; for the docs."""
    keyed: bool = True
    """Whether it asks for a key, which goes as a bearer token; servers of one's own may not."""
    sources: tuple[str, ...] = ()
    """Titles of the pages and files that the row was read from."""
    notes: tuple[str, ...] = ()
    """What an operator should know of it."""


def able(
    *lacking: str,
    prefill: bool = False,
    embed: bool = False,
    media: Collection[Modality.ValueType] = (IMAGE,),
) -> ModelCapabilities:
    """Return what a vendor's models can do.

    lacking: what they cannot of that which most can. media: what they take beside text.
    """
    capabilities = ModelCapabilities(
        chat=True,
        complete=True,
        embed=embed,
        streaming=True,
        tools=True,
        parallel_tool_calls=True,
        json_object=True,
        json_schema=True,
        logprobs=True,
        seed=True,
        reasoning=True,
        assistant_prefill=prefill,
        input_modalities=[TEXT, *media],
        output_modalities=[TEXT],
    )
    for ability in lacking:
        setattr(capabilities, ability, False)
    return capabilities
