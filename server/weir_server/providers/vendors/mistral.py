"""How is Mistral spoken to? It follows OpenAI's protocol, with words and pieces of its own."""

from weir_server.providers.vendors.base import AUDIO, DOCUMENT, IMAGE, Vendor, able
from weir_server.providers.wire.openai.quirks import Quirks

MISTRAL = Vendor(
    label="Mistral AI",
    endpoint="https://api.mistral.ai/v1",
    quirks=Quirks(
        state_kind="mistral",
        max_tokens_field="max_tokens",
        seed_field="random_seed",
        top_k_field="top_k",
        required_tool_choice="any",
        developer_role=False,
        message_names=False,
        bare_media=True,
        call_id_chars=9,
        tool_result_media=True,
        tool_parameters_required=True,
        max_stop_sequences=None,
        stream_usage=False,
        prefill_field="prefix",
        reasoning_in_content=True,
        base64_embeddings=False,
        dimensions_field="output_dimension",
        embedding_type_field="output_dtype",
        embedding_user=False,
        unsupported_options=frozenset({"logit_bias", "end_user_id", "tool_choice.allowed"}),
    ),
    capabilities=able(prefill=True, embed=True, media=(IMAGE, AUDIO, DOCUMENT)),
    example_model="mistral-small-latest",
    sources=(
        "Mistral AI: Chat completions, Embeddings (OpenAPI)",
        "Mistral AI: Reasoning",
        "Mistral AI: Error glossary",
        "mistralai (Python SDK): models",
    ),
    notes=(
        "thinking chunks and their signatures are kept and sent back",
        "ids of calls that other vendors gave are told by nine letters and digits made of them",
        "most models know the efforts `none` and `high` only",
        "`safe_prompt`, `prompt_mode` and the like go as extensions for kind `openai`",
    ),
)
