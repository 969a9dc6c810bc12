"""Which clouds serve others' models by OpenAI's protocol?"""

from collections.abc import Mapping
from dataclasses import replace

from weir_server.providers.vendors.base import AUDIO, DOCUMENT, IMAGE, Vendor, able
from weir_server.providers.vendors.servers import VLLM
from weir_server.providers.wire.openai.quirks import COMPATIBLE
from weir_server.providers.wire.reported import ReportedCost

_NO_ALLOWED = frozenset({"tool_choice.allowed"})
_LOW_TO_HIGH = {"low": "low", "medium": "medium", "high": "high"}
_PLAIN = replace(COMPATIBLE, unsupported_options=_NO_ALLOWED)
"""For those that say no more than that they are compatible."""

CLOUDS: Mapping[str, Vendor] = {
    "baseten": Vendor(
        label="Baseten Model APIs",
        endpoint="https://inference.baseten.co/v1",
        quirks=_PLAIN,
        capabilities=able(media=()),
        sources=("AI SDK: Baseten Provider", "LangChain: ChatBaseten", "Baseten: Messages"),
    ),
    "cerebras": Vendor(
        label="Cerebras",
        endpoint="https://api.cerebras.ai/v1",
        quirks=replace(
            COMPATIBLE,
            max_tokens_field="max_completion_tokens",
            reasoning_efforts=_LOW_TO_HIGH,
            reasoning_off={"disable_reasoning": True},
            unsupported_options=_NO_ALLOWED
            | {"frequency_penalty", "presence_penalty", "logit_bias", "parallel_tool_calls"},
        ),
        capabilities=able("parallel_tool_calls"),
        example_model="gpt-oss-120b",
        sources=(
            "Cerebras: OpenAI Compatibility",
            "Cerebras/cerebras-cloud-sdk-python: chat/completion_create_params.py",
        ),
        notes=("gpt-oss cannot leave reasoning out",),
    ),
    "databricks": Vendor(
        label="Databricks Foundation Model APIs",
        example_endpoint="https://WORKSPACE.cloud.databricks.com/serving-endpoints",
        quirks=replace(
            COMPATIBLE,
            message_names=False,
            top_k_field="top_k",
            unsupported_options=_NO_ALLOWED
            | {
                "seed",
                "frequency_penalty",
                "presence_penalty",
                "logit_bias",
                "top_logprobs",
                "parallel_tool_calls",
                "end_user_id",
            },
        ),
        capabilities=able("seed", "logprobs", "parallel_tool_calls", embed=True),
        sources=(
            "Databricks: Foundation model REST API reference",
            "LiteLLM: databricks/chat/transformation.py",
        ),
        notes=("reasoning of Claude is read, its signature is not kept",),
    ),
    "deepinfra": Vendor(
        label="DeepInfra",
        endpoint="https://api.deepinfra.com/v1/openai",
        quirks=replace(
            COMPATIBLE,
            unsupported_options=_NO_ALLOWED | {"tool_choice.required", "tool_choice.function"},
        ),
        capabilities=able(embed=True),
        sources=("LiteLLM: deepinfra/chat/transformation.py", "AI SDK: DeepInfra Provider"),
    ),
    "fireworks": Vendor(
        label="Fireworks AI",
        endpoint="https://api.fireworks.ai/inference/v1",
        quirks=replace(
            COMPATIBLE,
            top_k_field="top_k",
            stream_usage=False,
            reasoning_efforts={"none": "none", **_LOW_TO_HIGH},
            reasoning_history_field="reasoning_content",
            legacy_completions=True,
            unsupported_options=_NO_ALLOWED,
        ),
        capabilities=able(embed=True),
        example_model="accounts/fireworks/models/deepseek-r1-0528",
        sources=(
            "Fireworks AI: OpenAI compatibility",
            "Fireworks AI: Migrate to Fireworks",
            "fw-ai-external/python-sdk: chat/completion_create_params.py",
        ),
        notes=("a bound of tokens that does not fit is lowered, not refused",),
    ),
    "groq": Vendor(
        label="Groq",
        endpoint="https://api.groq.com/openai/v1",
        quirks=replace(
            COMPATIBLE,
            max_tokens_field="max_completion_tokens",
            message_names=False,
            stream_usage=False,
            reasoning_efforts={"none": "none", **_LOW_TO_HIGH},
            reasoning_history_field="reasoning",
            unsupported_options=_NO_ALLOWED
            | {"logit_bias", "top_logprobs", "frequency_penalty", "presence_penalty"},
        ),
        capabilities=able("logprobs"),
        example_model="openai/gpt-oss-120b",
        sources=(
            "GroqDocs: OpenAI Compatibility",
            "groq/groq-python: chat/completion_create_params.py",
        ),
        notes=("usage of a stream comes in `x_groq`", "a temperature of 0 becomes 1e-8 there"),
    ),
    "huggingface": Vendor(
        label="Hugging Face Inference Providers",
        endpoint="https://router.huggingface.co/v1",
        quirks=replace(
            COMPATIBLE,
            unsupported_options=_NO_ALLOWED | {"logit_bias", "parallel_tool_calls", "end_user_id"},
        ),
        capabilities=able("parallel_tool_calls"),
        example_model="deepseek-ai/DeepSeek-R1-0528",
        sources=("Hugging Face: Chat Completion", "AI SDK: packages/huggingface"),
        notes=("what works is up to the provider behind it, named after a colon",),
    ),
    "hyperbolic": Vendor(
        label="Hyperbolic",
        endpoint="https://api.hyperbolic.xyz/v1",
        quirks=_PLAIN,
        capabilities=able(),
        sources=("docs.rs: rig::providers::hyperbolic",),
    ),
    "nebius": Vendor(
        label="Nebius Token Factory",
        endpoint="https://api.tokenfactory.nebius.com/v1",
        quirks=_PLAIN,
        capabilities=able(embed=True),
        sources=("Nebius Token Factory: API introduction",),
    ),
    "novita": Vendor(
        label="Novita AI",
        endpoint="https://api.novita.ai/openai/v1",
        quirks=_PLAIN,
        capabilities=able(),
        sources=("public configurations that name its address",),
    ),
    "nvidia-nim": Vendor(
        label="NVIDIA NIM",
        endpoint="https://integrate.api.nvidia.com/v1",
        quirks=VLLM,
        capabilities=able(prefill=True, embed=True),
        example_model="nvidia/llama-3.1-nemotron-70b-instruct",
        sources=("NVIDIA NIM for LLMs: API Reference",),
        notes=("vLLM is behind it, also in a NIM of one's own: name its address",),
    ),
    "openrouter": Vendor(
        label="OpenRouter",
        endpoint="https://openrouter.ai/api/v1",
        quirks=replace(
            COMPATIBLE,
            state_kind="openrouter",
            top_k_field="top_k",
            max_stop_sequences=None,
            reasoning_field="reasoning.effort",
            reasoning_efforts={
                "none": "none",
                "minimal": "minimal",
                **_LOW_TO_HIGH,
                "max": "xhigh",
            },
            reasoning_budget_field="reasoning.max_tokens",
            reasoning_history_field="reasoning",
            unsupported_options=_NO_ALLOWED,
            reported_cost=ReportedCost(path=("cost",), only_fee_if="is_byok"),
        ),
        capabilities=able(prefill=True, media=(IMAGE, AUDIO, DOCUMENT)),
        example_model="openai/gpt-4o-mini",
        sources=(
            "OpenRouter: API Reference",
            "OpenRouter: Usage Accounting",
            "LangChain: ChatOpenRouter",
            "pydantic-ai: models/openrouter.py",
        ),
        notes=("reasoning details, signed or encrypted, are kept and sent back",),
    ),
    "ovhcloud": Vendor(
        label="OVHcloud AI Endpoints",
        endpoint="https://oai.endpoints.kepler.ai.cloud.ovh.net/v1",
        quirks=_PLAIN,
        capabilities=able(embed=True),
        sources=("pydantic-ai: providers/ovhcloud.py",),
    ),
    "sambanova": Vendor(
        label="SambaNova Cloud",
        endpoint="https://api.sambanova.ai/v1",
        quirks=replace(
            COMPATIBLE,
            image_urls=False,
            top_k_field="top_k",
            max_stop_sequences=None,
            reasoning_efforts=_LOW_TO_HIGH,
            reasoning_history_field="reasoning",
            unsupported_options=_NO_ALLOWED | {"logit_bias", "top_logprobs", "seed", "end_user_id"},
        ),
        capabilities=able("logprobs", "seed", embed=True),
        example_model="gpt-oss-120b",
        sources=("sambanova/sambanova-python: chat/completion_create_params.py",),
        notes=("images by their bytes only",),
    ),
    "scaleway": Vendor(
        label="Scaleway Generative APIs",
        endpoint="https://api.scaleway.ai/v1",
        quirks=_PLAIN,
        capabilities=able(embed=True),
        sources=("LiteLLM: openai_like/providers.json",),
    ),
    "together": Vendor(
        label="Together AI",
        endpoint="https://api.together.ai/v1",
        quirks=replace(
            COMPATIBLE,
            logprobs_as_count=True,
            top_k_field="top_k",
            max_stop_sequences=None,
            stream_usage=False,
            reasoning_efforts=_LOW_TO_HIGH,
            reasoning_off={"reasoning": {"enabled": False}},
            legacy_completions=True,
            embedding_format=False,
            dimensions_field="",
            embedding_user=False,
            unsupported_options=_NO_ALLOWED | {"parallel_tool_calls", "end_user_id"},
        ),
        capabilities=able("parallel_tool_calls", embed=True),
        example_model="deepseek-ai/DeepSeek-R1",
        sources=("togethercomputer/openapi: openapi.yaml",),
    ),
    "vercel-ai-gateway": Vendor(
        label="Vercel AI Gateway",
        endpoint="https://ai-gateway.vercel.sh/v1",
        quirks=_PLAIN,
        capabilities=able(embed=True),
        example_model="alibaba/qwen3.7-max",
        sources=("pydantic-ai: providers/vercel.py",),
    ),
}
