"""Are the options within their ranges? One table, one row for each option."""

from collections.abc import Mapping, Sequence

from weir.v1.content_pb2 import Modality
from weir.v1.generation_pb2 import (
    BreakPolicy,
    GenerationOptions,
    ReasoningEffort,
    ReasoningVisibility,
    StreamOptions,
    UnsupportedOptionPolicy,
)
from weir_server.validation.checks import (
    FieldRules,
    anything,
    duration,
    known,
    longer_than,
    number,
    too_many,
)
from weir_server.validation.findings import Findings, Rule
from weir_server.validation.names import labels, name_line
from weir_server.validation.tools import (
    TOOL_CHOICE,
    check_choice,
    extensions,
    output_format,
    tools,
)

MAX_TOKENS = 10_000_000
"""No model writes more; a larger number is a mistake or an attack."""
MAX_ATTEMPT_S = 3_600

_known_modality = known(Modality.DESCRIPTOR)
_bias = number(-100, 100)


def _stop_sequences(findings: Findings, at: str, value: Sequence[str]) -> None:
    limits = findings.limits
    if too_many(findings, at, len(value), limits.max_stop_sequences):
        return
    most = limits.max_stop_sequence_bytes
    for index, sequence in enumerate(value):
        if not sequence:
            findings.add(f"{at}[{index}]", Rule.REQUIRED, "Give a text, or leave it out.")
        elif longer_than(sequence, most):
            findings.add(f"{at}[{index}]", Rule.TOO_LONG, f"Give at most {most} bytes.")


def _output_modalities(findings: Findings, at: str, value: Sequence[int]) -> None:
    if too_many(findings, at, len(value), len(Modality.values())):
        return
    for index, modality in enumerate(value):
        _known_modality(findings, f"{at}[{index}]", modality)
    if len(set(value)) < len(value):
        findings.add(at, Rule.DUPLICATE, "Name every modality once.")


def _logit_bias(findings: Findings, at: str, value: Mapping[int, float]) -> None:
    if too_many(findings, at, len(value), findings.limits.max_logit_biases):
        return
    for token, bias in value.items():
        if token < 0:
            findings.add(f"{at}[{token}]", Rule.OUT_OF_RANGE, "Give token ids from 0.")
        _bias(findings, f"{at}[{token}]", bias)


def _fallback_models(findings: Findings, at: str, value: Sequence[str]) -> None:
    if too_many(findings, at, len(value), findings.limits.max_fallback_models):
        return
    for index, name in enumerate(value):
        if name:
            name_line(findings, f"{at}[{index}]", name)
        else:
            findings.add(f"{at}[{index}]", Rule.REQUIRED, "Name a model, or leave it out.")


REASONING = FieldRules(
    fields={
        "effort": known(ReasoningEffort.DESCRIPTOR),
        "budget_tokens": number(1, MAX_TOKENS),
        "visibility": known(ReasoningVisibility.DESCRIPTOR),
    }
)
ROUTING = FieldRules(
    fields={
        "fallback_models": _fallback_models,
        "attempt_timeout": duration(0.02, MAX_ATTEMPT_S),
        "first_token_timeout": duration(0.01, MAX_ATTEMPT_S),
        "max_attempts": number(1, 11),
        "allow_hedging": anything,
        "bypass_cache": anything,
        "on_break": known(BreakPolicy.DESCRIPTOR),
        "affinity_key": name_line,
    }
)
OPTIONS = FieldRules(
    fields={
        "temperature": number(0, 2),
        "top_p": number(0, 1),
        "top_k": number(1, 1_000_000),
        "max_output_tokens": number(1, MAX_TOKENS),
        "stop_sequences": _stop_sequences,
        "seed": anything,  # every 64-bit number is a seed
        "frequency_penalty": number(-2, 2),
        "presence_penalty": number(-2, 2),
        "tools": tools,
        "tool_choice": TOOL_CHOICE.nested,
        "parallel_tool_calls": anything,
        "output_format": output_format,
        "reasoning": REASONING.nested,
        "top_logprobs": number(0, 20),
        "output_modalities": _output_modalities,
        "logit_bias": _logit_bias,
        "extensions": extensions,
        "unsupported_option_policy": known(UnsupportedOptionPolicy.DESCRIPTOR),
        "end_user_id": name_line,
        "labels": labels,
        "routing": ROUTING.nested,
    }
)
STREAM_OPTIONS = FieldRules(
    fields={
        "heartbeat_interval": duration(5, 60),
        "usage_updates": anything,
        "max_coalesce_delay": duration(0, 1),
    }
)


def check_options(findings: Findings, options: GenerationOptions) -> None:
    """Check how an answer is to be made."""
    OPTIONS.check(findings, "options.", options)
    if options.HasField("tool_choice"):
        check_choice(findings, options)


def check_stream_options(findings: Findings, options: StreamOptions) -> None:
    """Check how a stream is to be sent."""
    STREAM_OPTIONS.check(findings, "stream_options.", options)
