"""Which models may callers name, and who serves each? One target, or several with their order."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from weir_server.settings.node import ModelName, Node, ProviderId

Capability = Literal[
    "chat",
    "complete",
    "embed",
    "streaming",
    "tools",
    "parallel_tool_calls",
    "json_object",
    "json_schema",
    "logprobs",
    "seed",
    "reasoning",
    "assistant_prefill",
]
Refusal = Literal["rejected_request", "content_filter", "context_length"]


class TargetSettings(Node):
    """One way to serve a model: a vendor's model at a provider."""

    provider: ProviderId
    vendor_model: str = ""
    """What the provider calls it; unset: the model's name."""
    weight: Annotated[int, Field(ge=0, le=1000)] = 1
    """Its share where the order is `weighted`; 0: only when the others cannot."""
    credential: str = ""
    """The one credential of the provider to use; unset: all in turn."""
    context_window_tokens: Annotated[int, Field(ge=0)] = 0
    max_output_tokens: Annotated[int, Field(ge=0)] = 0
    tokenizer: str = ""
    """A tiktoken encoding such as o200k_base; unset: by the vendor's model name."""
    can: tuple[Capability, ...] | None = None
    """Capabilities by name, such as [chat, streaming, tools]; unset: the provider kind's own."""


class ModelSettings(Node):
    """One model that callers may name: one target said here, or several in `targets`."""

    name: ModelName
    provider: ProviderId | None = None
    vendor_model: str = ""
    """What the provider calls it; unset: the same name."""
    aliases: tuple[ModelName, ...] = ()
    context_window_tokens: Annotated[int, Field(ge=0)] = 0
    max_output_tokens: Annotated[int, Field(ge=0)] = 0
    tokenizer: str = ""
    """A tiktoken encoding such as o200k_base; unset: by the vendor's model name."""
    can: tuple[Capability, ...] | None = None
    """Capabilities by name, such as [chat, streaming, tools]; unset: the provider kind's own."""
    targets: tuple[TargetSettings, ...] = ()
    """Several targets in place of `provider`; any of them may answer."""
    order: Literal["listed", "weighted"] = "listed"
    """Whether the first target that can is asked, or one by weight; the others stand by."""
    fallback_models: tuple[ModelName, ...] = ()
    """Models whose targets follow when this model's own cannot answer."""
    fallback_on: tuple[Refusal, ...] = ()
    """Answers that are no fault of the provider's, and go to the next target all the same."""
    hedge: bool = False
    """Whether a second target may be asked while the first is silent, where the caller agrees or
    says nothing."""

    @model_validator(mode="after")
    def _has_targets(self) -> "ModelSettings":
        own = [name for name in _OF_ONE_TARGET if name in self.model_fields_set]
        if self.targets and own:
            raise ValueError(f"{', '.join(own)}: say it in each of the targets instead")
        if not self.targets and self.provider is None:
            raise ValueError("provider: name one, or several targets in `targets`")
        return self

    def each_target(self) -> tuple[TargetSettings, ...]:
        """Return the targets, the one said in short among them."""
        if self.targets:
            return self.targets
        assert self.provider is not None
        return (
            TargetSettings(
                provider=self.provider,
                vendor_model=self.vendor_model,
                context_window_tokens=self.context_window_tokens,
                max_output_tokens=self.max_output_tokens,
                tokenizer=self.tokenizer,
                can=self.can,
            ),
        )


_OF_ONE_TARGET = (
    "provider",
    "vendor_model",
    "context_window_tokens",
    "max_output_tokens",
    "tokenizer",
    "can",
)
