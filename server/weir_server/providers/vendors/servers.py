"""Which servers of one's own speak OpenAI's protocol?

They listen inside, so a configuration names their address and allows it.
"""

from collections.abc import Mapping
from dataclasses import replace

from weir_server.providers.vendors.base import AUDIO, DOCUMENT, IMAGE, Vendor, able
from weir_server.providers.wire.openai.quirks import COMPATIBLE, LLAMA_CPP

_NO_ALLOWED = frozenset({"tool_choice.allowed"})

VLLM = replace(
    COMPATIBLE,
    max_tokens_field="max_completion_tokens",
    top_k_field="top_k",
    max_stop_sequences=None,
    prefill_options={"continue_final_message": True, "add_generation_prompt": False},
    reasoning_budget_field="thinking_token_budget",
    reasoning_history_field="reasoning",
    grammar_fields={"regex": "structured_outputs.regex", "ebnf": "structured_outputs.grammar"},
    legacy_completions=True,
    # Its protocol.py says that it ignores the user.
    unsupported_options=_NO_ALLOWED | {"end_user_id"},
)
"""vLLM's own server, and what is built on it."""

SERVERS: Mapping[str, Vendor] = {
    "litellm-proxy": Vendor(
        label="LiteLLM proxy",
        quirks=replace(COMPATIBLE, max_stop_sequences=None),
        capabilities=able(embed=True, media=(IMAGE, AUDIO, DOCUMENT)),
        example_endpoint="http://127.0.0.1:4000/v1",
        sources=("LiteLLM: llms/openai/chat",),
        notes=("what works is up to the vendor behind it",),
    ),
    "llama-cpp": Vendor(
        label="llama.cpp server",
        quirks=LLAMA_CPP,
        capabilities=able(prefill=True, embed=True, media=(IMAGE, AUDIO, DOCUMENT)),
        example_endpoint="http://127.0.0.1:8080/v1",
        keyed=False,
        sources=("llama.cpp: tools/server/README.md",),
    ),
    "lm-studio": Vendor(
        label="LM Studio",
        quirks=replace(
            COMPATIBLE,
            top_k_field="top_k",
            max_stop_sequences=None,
            legacy_completions=True,
            base64_embeddings=False,
            unsupported_options=_NO_ALLOWED
            | {
                "top_logprobs",
                "parallel_tool_calls",
                "end_user_id",
                "output_format.json_object",
            },
        ),
        capabilities=able("logprobs", "parallel_tool_calls", "json_object", embed=True),
        example_endpoint="http://127.0.0.1:1234/v1",
        keyed=False,
        sources=("LM Studio: Chat Completions, Structured Output, Tools",),
    ),
    "localai": Vendor(
        label="LocalAI",
        quirks=replace(
            COMPATIBLE,
            top_k_field="top_k",
            max_stop_sequences=None,
            reasoning_history_field="reasoning",
            grammar_fields={"gbnf": "grammar"},
            legacy_completions=True,
            unsupported_options=_NO_ALLOWED | {"parallel_tool_calls", "end_user_id"},
        ),
        capabilities=able("parallel_tool_calls", embed=True),
        example_endpoint="http://127.0.0.1:8080/v1",
        keyed=False,
        sources=("mudler/LocalAI: core/schema/openai.go, prediction.go, message.go",),
    ),
    "ollama-compatible": Vendor(
        label="Ollama, OpenAI compatibility",
        quirks=replace(
            COMPATIBLE,
            image_urls=False,
            max_stop_sequences=None,
            reasoning_efforts={
                "none": "none",
                "low": "low",
                "medium": "medium",
                "high": "high",
                "max": "max",
            },
            reasoning_history_field="reasoning",
            legacy_completions=True,
            base64_embeddings=False,
            unsupported_options=_NO_ALLOWED
            | {"tool_choice", "logit_bias", "top_logprobs", "parallel_tool_calls", "end_user_id"},
        ),
        capabilities=able("logprobs", "parallel_tool_calls", embed=True),
        example_endpoint="http://127.0.0.1:11434/v1",
        example_model="qwen3",
        keyed=False,
        sources=("Ollama: OpenAI compatibility", "ollama/ollama: openai/openai.go"),
        notes=("kind `ollama` says and brings back more",),
    ),
    "sglang": Vendor(
        label="SGLang",
        quirks=replace(
            COMPATIBLE,
            max_tokens_field="max_completion_tokens",
            top_k_field="top_k",
            max_stop_sequences=None,
            prefill_options={"continue_final_message": True},
            reasoning_history_field="reasoning_content",
            grammar_fields={"ebnf": "ebnf", "regex": "regex"},
            legacy_completions=True,
            unsupported_options=_NO_ALLOWED,
        ),
        capabilities=able(prefill=True, embed=True),
        example_endpoint="http://127.0.0.1:30000/v1",
        keyed=False,
        sources=("sgl-project/sglang: srt/entrypoints/openai/protocol.py",),
    ),
    "tgi": Vendor(
        label="Text Generation Inference",
        quirks=replace(
            COMPATIBLE,
            schema_field="value",
            legacy_completions=True,
            unsupported_options=_NO_ALLOWED
            | {
                "logit_bias",
                "parallel_tool_calls",
                "end_user_id",
                "reasoning.effort",
                "output_format.json_object",
            },
        ),
        capabilities=able("json_object", "parallel_tool_calls", "reasoning"),
        example_endpoint="http://127.0.0.1:3000/v1",
        keyed=False,
        sources=("huggingface/text-generation-inference: router/src/lib.rs",),
        notes=("tools and a schema cannot be had together",),
    ),
    "vllm": Vendor(
        label="vLLM",
        quirks=VLLM,
        capabilities=able(prefill=True, embed=True, media=(IMAGE, AUDIO)),
        example_endpoint="http://127.0.0.1:8000/v1",
        keyed=False,
        sources=("vllm-project/vllm: entrypoints/openai/chat_completion/protocol.py",),
    ),
}
