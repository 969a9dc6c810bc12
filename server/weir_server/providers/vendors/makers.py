"""Which makers of models speak OpenAI's protocol themselves?"""

from collections.abc import Mapping
from dataclasses import replace

from weir_server.core.errors import (
    UpstreamContextLengthExceeded,
    UpstreamModelNotFound,
    UpstreamOverloaded,
    UpstreamQuotaExhausted,
)
from weir_server.providers.vendors.base import AUDIO, IMAGE, Vendor, able
from weir_server.providers.wire.openai.quirks import COMPATIBLE
from weir_server.providers.wire.reported import ReportedCost

_NEVER = frozenset({"logit_bias", "tool_choice.allowed"})
"""Options that none of these documents."""

_THINKING_OFF = {"thinking": {"type": "disabled"}}

_ZHIPU = replace(
    COMPATIBLE,
    end_user_field="user_id",
    message_names=False,
    max_stop_sequences=1,
    stream_usage=False,
    reasoning_efforts={"low": "low", "high": "high", "max": "max"},
    reasoning_off=_THINKING_OFF,
    reasoning_history_field="reasoning_content",
    embedding_format=False,
    embedding_user=False,
    unsupported_options=_NEVER
    | {
        "frequency_penalty",
        "presence_penalty",
        "top_logprobs",
        "parallel_tool_calls",
        "tool_choice.none",
        "tool_choice.required",
        "tool_choice.function",
        "output_format.json_schema",
    },
    refusal_codes={
        "1113": UpstreamQuotaExhausted,
        "1211": UpstreamModelNotFound,
        "1261": UpstreamContextLengthExceeded,
        "1304": UpstreamQuotaExhausted,
        "1309": UpstreamQuotaExhausted,
        "1312": UpstreamOverloaded,
    },
)
_ZHIPU_SOURCES = (
    "Zhipu: Error codes, Text embedding",
    "zai-org/z-ai-sdk-python: chat/completions.py",
    "AgentScope: GLM",
    "Zhipu: Chat completions (stop, user_id)",
)
_ZHIPU_ABLE = able("json_schema", "logprobs", "parallel_tool_calls", embed=True)
_NO_LIST = "it lists no models, so checking its health finds no such page"
_ZHIPU_NOTES = ("efforts are for GLM-5.2 and newer; others only think or do not", _NO_LIST)

MAKERS: Mapping[str, Vendor] = {
    "cohere-compatible": Vendor(
        label="Cohere, compatibility API",
        endpoint="https://api.cohere.ai/compatibility/v1",
        quirks=replace(
            COMPATIBLE,
            developer_role=True,
            stream_usage=False,
            reasoning_efforts={"none": "none", "high": "high"},
            base64_embeddings=False,
            dimensions_field="",
            embedding_user=False,
            unsupported_options=_NEVER
            | {"top_logprobs", "parallel_tool_calls", "tool_choice", "end_user_id"},
        ),
        capabilities=able("logprobs", "parallel_tool_calls", embed=True),
        embed_inputs_max=96,
        example_model="command-a-03-2025",
        sources=("Cohere: Using Cohere models via the OpenAI SDK", "Cohere: Embed"),
        notes=("kind `cohere` says and brings back more: citations, documents, kinds of vectors",),
    ),
    "deepseek": Vendor(
        label="DeepSeek",
        endpoint="https://api.deepseek.com",
        quirks=replace(
            COMPATIBLE,
            end_user_field="user_id",
            reasoning_efforts={
                "minimal": "minimal",
                "low": "low",
                "medium": "medium",
                "high": "high",
                "max": "max",
            },
            reasoning_off=_THINKING_OFF,
            reasoning_history_field="reasoning_content",
            unsupported_options=_NEVER
            | {"seed", "parallel_tool_calls", "output_format.json_schema"},
        ),
        capabilities=able("seed", "json_schema", "parallel_tool_calls", media=()),
        example_model="deepseek-v4-flash",
        sources=(
            "DeepSeek API Docs: Thinking Mode",
            "DeepSeek API Official References (limits, user_id)",
            "pydantic-ai: providers/deepseek.py",
        ),
        notes=(
            "thinking models take no forced tool choice",
            "continuation needs the address `https://api.deepseek.com/beta`, so it is off",
        ),
    ),
    "gemini-compatible": Vendor(
        label="Gemini, OpenAI compatibility",
        endpoint="https://generativelanguage.googleapis.com/v1beta/openai",
        quirks=replace(
            COMPATIBLE,
            state_kind="gemini-compatible",
            hidden_tokens_in_total=True,
            base64_embeddings=False,
            unsupported_options=_NEVER | {"reasoning.budget_tokens"},
        ),
        capabilities=able(embed=True, media=(IMAGE, AUDIO)),
        embed_inputs_max=100,
        example_model="gemini-3.8-flash",
        sources=("Gemini API: OpenAI compatibility",),
        notes=(
            "thought signatures of tool calls are kept and sent back",
            "kind `gemini` says and brings back more",
        ),
    ),
    "moonshot": Vendor(
        label="Moonshot AI (Kimi)",
        endpoint="https://api.moonshot.ai/v1",
        quirks=replace(
            COMPATIBLE,
            max_tokens_field="max_completion_tokens",
            end_user_field="safety_identifier",
            max_stop_sequences=5,
            prefill_field="partial",
            reasoning_efforts={
                "minimal": "minimal",
                "low": "low",
                "medium": "medium",
                "high": "high",
            },
            reasoning_off=_THINKING_OFF,
            reasoning_history_field="reasoning_content",
            unsupported_options=_NEVER
            | {"seed", "top_logprobs", "parallel_tool_calls", "tool_choice.required"},
        ),
        capabilities=able("seed", "logprobs", "parallel_tool_calls", prefill=True),
        example_model="kimi-k2.6",
        sources=(
            "Moonshot AI Chat API (OpenAPI)",
            "Kimi: Migrating from OpenAI to Kimi, about tool_choice",
            "pydantic-ai: providers/moonshotai.py",
        ),
        notes=("`https://api.moonshot.cn/v1` in China",),
    ),
    "perplexity": Vendor(
        label="Perplexity Sonar",
        endpoint="https://api.perplexity.ai",
        quirks=replace(
            COMPATIBLE,
            stream_usage=False,
            done_required=False,
            reported_cost=ReportedCost(path=("cost", "total_cost")),
            top_k_field="top_k",
            reasoning_efforts={
                "minimal": "minimal",
                "low": "low",
                "medium": "medium",
                "high": "high",
            },
            unsupported_options=_NEVER
            | {
                "tools",
                "tool_choice",
                "parallel_tool_calls",
                "seed",
                "stop_sequences",
                "top_logprobs",
                "end_user_id",
                "output_format.json_object",
            },
        ),
        capabilities=able("tools", "parallel_tool_calls", "seed", "logprobs", "json_object"),
        example_model="sonar",
        sources=(
            "perplexityai/perplexity-py: chat/completion_create_params.py",
            "Bifrost: Perplexity",
        ),
        notes=("its sources come as citations of the text", _NO_LIST),
    ),
    "qwen": Vendor(
        label="Alibaba Cloud Model Studio (Qwen)",
        endpoint="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        quirks=replace(
            COMPATIBLE,
            top_k_field="top_k",
            prefill_field="partial",
            reasoning_efforts={},
            reasoning_off={"enable_thinking": False},
            reasoning_budget_field="thinking_budget",
            reasoning_budget_options={"enable_thinking": True},
            base64_embeddings=False,
            unsupported_options=_NEVER | {"frequency_penalty", "end_user_id"},
        ),
        capabilities=able(prefill=True, embed=True),
        embed_inputs_max=10,
        example_model="qwen-plus",
        sources=(
            "Alibaba Cloud Model Studio: OpenAI compatible - Chat",
            "Alibaba Cloud Model Studio: Deep thinking",
            "Alibaba Cloud Model Studio: Text embedding",
            "AI SDK: Alibaba Provider",
        ),
        notes=("other regions have addresses of their own", "thinking is bounded, not graded"),
    ),
    "xai": Vendor(
        label="xAI",
        endpoint="https://api.x.ai/v1",
        quirks=replace(
            COMPATIBLE,
            max_tokens_field="max_completion_tokens",
            reasoning_efforts={"none": "none", "low": "low", "medium": "medium", "high": "high"},
            unsupported_options=frozenset({"tool_choice.allowed"}),
            reported_cost=ReportedCost(path=("cost_in_usd_ticks",), units_per_usd=10**10),
        ),
        capabilities=able(),
        example_model="grok-4.3",
        sources=(
            "pydantic-ai: profiles/grok.py",
            "LiteLLM: xai/chat/transformation.py",
            "xAI: Cost Tracking",
        ),
        notes=(
            "reasoning models take no stop sequences and no penalties",
            "which efforts a model takes is its own affair",
        ),
    ),
    "zai": Vendor(
        label="Z.AI (GLM)",
        endpoint="https://api.z.ai/api/paas/v4",
        quirks=_ZHIPU,
        capabilities=_ZHIPU_ABLE,
        embed_inputs_max=64,
        example_model="glm-5.2",
        sources=_ZHIPU_SOURCES,
        notes=_ZHIPU_NOTES,
    ),
    "zhipu": Vendor(
        label="Zhipu AI (GLM), in China",
        endpoint="https://open.bigmodel.cn/api/paas/v4",
        quirks=_ZHIPU,
        capabilities=_ZHIPU_ABLE,
        embed_inputs_max=64,
        example_model="glm-5.2",
        sources=_ZHIPU_SOURCES,
        notes=_ZHIPU_NOTES,
    ),
}
