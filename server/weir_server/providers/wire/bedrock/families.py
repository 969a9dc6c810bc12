"""In what do the models behind Converse differ? Data, found by the maker's name in a model's id.

Converse itself has no word for some options: each maker's own goes through
`additionalModelRequestFields`, by the vendor's guides of Anthropic's models, Nova and the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from weir.v1 import generation_pb2
from weir.v1.generation_pb2 import ReasoningEffort

Json = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """How one degree of effort is said."""

    fields: Mapping[str, object] = field(default_factory=dict)
    """What goes into `additionalModelRequestFields`."""
    effort: str = ""
    """What goes into `outputConfig.effort`; empty: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The models of one maker."""

    top_k: tuple[str, ...] = ()
    """Where top_k goes in `additionalModelRequestFields`; empty: it cannot be asked for."""
    cache_points: bool = False
    """Whether prompts can be cached; others would refuse a request with a cache point."""
    failure_status: bool = False
    """Whether a tool's result may have a status; for others its content says that it failed."""
    budget: bool = False
    """Whether a number of reasoning tokens can be asked for, as `thinking.budget_tokens`."""
    efforts: Mapping[ReasoningEffort.ValueType, Thinking] = field(default_factory=dict)


_LOW = generation_pb2.REASONING_EFFORT_LOW
_MEDIUM = generation_pb2.REASONING_EFFORT_MEDIUM
_HIGH = generation_pb2.REASONING_EFFORT_HIGH
_MAX = generation_pb2.REASONING_EFFORT_MAX
_NONE = generation_pb2.REASONING_EFFORT_NONE
_WORDS: Mapping[ReasoningEffort.ValueType, str] = {
    _LOW: "low",
    _MEDIUM: "medium",
    _HIGH: "high",
    _MAX: "max",
}

OTHER = Family(
    cache_points=True,
    failure_status=True,
    efforts={effort: Thinking(effort=word) for effort, word in _WORDS.items()},
)
"""Models that show no maker, such as application inference profiles: Converse's own words."""

_UNKNOWN_MAKER = Family(efforts=OTHER.efforts)

_ANTHROPIC = Family(
    top_k=("top_k",),
    cache_points=True,
    failure_status=True,
    budget=True,
    efforts={
        _NONE: Thinking(fields={"thinking": {"type": "disabled"}}),
        **{
            effort: Thinking(fields={"thinking": {"type": "adaptive"}}, effort=word)
            for effort, word in _WORDS.items()
        },
    },
)

_NOVA = Family(
    top_k=("inferenceConfig", "topK"),
    cache_points=True,
    failure_status=True,
    efforts={
        _NONE: Thinking(fields={"reasoningConfig": {"type": "disabled"}}),
        **{
            effort: Thinking(
                fields={"reasoningConfig": {"type": "enabled", "maxReasoningEffort": word}}
            )
            for effort, word in _WORDS.items()
            if effort != _MAX
        },
    },
)

_OPEN_WEIGHTS = Family(
    efforts={
        effort: Thinking(fields={"reasoning_effort": word})
        for effort, word in _WORDS.items()
        if effort != _MAX
    }
)
"""OpenAI's open models and Moonshot's."""

_OPENAI = Family(
    efforts={
        effort: Thinking(fields={"reasoning": {"effort": word}})
        for effort, word in {_NONE: "none", **_WORDS}.items()
    }
)

_MAKERS: Mapping[str, Family] = {
    # The first that fits is taken.
    "anthropic.": _ANTHROPIC,
    "amazon.nova": _NOVA,
    "openai.gpt-oss": _OPEN_WEIGHTS,
    "openai.": _OPENAI,
    "moonshot": _OPEN_WEIGHTS,
    "mistral.": Family(top_k=("top_k",)),
    "cohere.": Family(top_k=("k",)),
}


def family_of(vendor_model: str) -> Family:
    """Return the family of a model id, an inference profile or an ARN."""
    for maker, family in _MAKERS.items():
        if maker in vendor_model:
            return family
    # An ARN of a foundation model or of a region's profile names the maker; others are opaque.
    return _UNKNOWN_MAKER if "." in vendor_model else OTHER
