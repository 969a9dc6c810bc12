"""What can the echo not do? The options it would ignore are refused, or dropped with a warning."""

from collections.abc import Iterator

from weir.v1.error_pb2 import FieldViolation
from weir.v1.generation_pb2 import GenerationOptions, UnsupportedOptionPolicy
from weir.v1.generation_pb2 import Warning as WarningEvent
from weir_server.core.call import Call
from weir_server.core.errors import UnsupportedOption

KIND = "echo"
IGNORED = frozenset(
    {"temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "logit_bias"}
)
"""Options about sampling, of which there is none; `seed` is kept: the echo repeats itself."""


def refuse_ignored(call: Call, options: GenerationOptions) -> None:
    """Raise UnsupportedOption for what would be ignored, unless the caller said to drop it."""
    ignored = list(_ignored(options))
    if options.unsupported_option_policy == (
        UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    ):
        call.progress.warnings.extend(
            WarningEvent(
                code="OPTION_DROPPED",
                message="The echo does not support this option; it was left out.",
                field=f"options.{path}",
            )
            for path in ignored
        )
        refused = []
    else:
        refused = ignored
    # An extension that must be honoured is never dropped.
    refused += list(_required_elsewhere(options))
    if refused:
        # A stream's request is wrapped.
        prefix = "request." if call.streaming else ""
        raise UnsupportedOption(
            metadata={"model": call.target.model},
            violations=[
                FieldViolation(
                    field=f"{prefix}options.{path}",
                    rule="UNSUPPORTED",
                    description="The echo does not support this; leave it out, choose another "
                    "model, or set unsupported_option_policy.",
                )
                for path in refused
            ],
        )


def _ignored(options: GenerationOptions) -> Iterator[str]:
    yield from (field.name for field, _ in options.ListFields() if field.name in IGNORED)
    if options.output_format.HasField("grammar"):
        yield "output_format.grammar"
    for index, tool in enumerate(options.tools):
        if tool.HasField("server"):
            yield f"tools[{index}].server"
    for index, extension in enumerate(options.extensions):
        if extension.provider_kind == KIND and not extension.required:
            yield f"extensions[{index}]"


def _required_elsewhere(options: GenerationOptions) -> Iterator[str]:
    for index, extension in enumerate(options.extensions):
        if extension.required:
            yield f"extensions[{index}]"
