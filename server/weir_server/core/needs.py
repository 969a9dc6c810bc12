"""What does a request need of a model, and which target lacks it? Found out once, matched often."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from weir.v1.content_pb2 import MediaPart, Message, Modality, Role
from weir.v1.embedding_service_pb2 import EmbedInput, EmbedRequest
from weir.v1.generation_pb2 import GenerationOptions
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.target import Target


class Ability(Enum):
    """Something that some models can do and others cannot; most are named as in the contract."""

    TOOLS = "tools"
    PARALLEL_TOOL_CALLS = "parallel_tool_calls"
    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"
    LOGPROBS = "logprobs"
    SEED = "seed"
    REASONING = "reasoning"
    PREFILL = "assistant_prefill"
    INPUT = "input_modalities"
    """Taking a kind of medium."""
    OUTPUT = "output_modalities"
    """Making a kind of medium."""
    EXTENSION = "extension"
    """Being of the kind of provider that an extension is for."""
    MORE_THAN_TEXT = "more_than_text"
    """Answering a completion with more than one text, which no model does."""


# Final rather than frozen, which costs each call more; see `core.call.Call`.
@dataclass(slots=True, kw_only=True)
class Need:
    """One thing that a request needs."""

    ability: Final[Ability]
    field: Final[str]
    """The field that asks for it, as a path from the request's root."""
    option: Final[str] = ""
    """The option that could be left out; empty: nothing can be."""
    modality: Final[Modality.ValueType] = Modality.MODALITY_UNSPECIFIED
    """The kind of medium, of INPUT and OUTPUT."""
    kind: Final[str] = ""
    """The kind of provider, of EXTENSION."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Everything that a request needs, in the order of its fields."""

    each: tuple[Need, ...] = ()
    media: int = 0
    """How many media go in; what they cost does not show in their bytes."""

    def lacked_by(self, target: Target) -> list[Need]:
        """Return what a target lacks; empty: it can do all of it."""
        return [need for need in self.each if not _has(target, need)]

    def least_lacked(self, targets: Sequence[Target]) -> list[Need]:
        """Return what the first target lacks, or nothing if some target lacks nothing."""
        first: list[Need] | None = None
        for target in targets:
            lacked = self.lacked_by(target)
            if not lacked:
                return []
            first = first or lacked
        return first or []

    def without(self, options: frozenset[str]) -> "Needs":
        """Return what is needed once these options are left out."""
        return replace(self, each=tuple(need for need in self.each if need.option not in options))


NO_NEEDS = Needs()
"""What words need that ask for words: any model can do that."""


def needs_of(
    request: ChatRequest | CompleteRequest | EmbedRequest, *, of_messages: bool = True
) -> Needs:
    """Return what a request needs: first for its options, then for its messages or inputs.

    of_messages: False where it is known that the messages need nothing, to save a walk.
    """
    each: list[Need] = []
    media = 0
    if not isinstance(request, EmbedRequest) and request.HasField("options"):
        each += _of_options(request.options, completes=isinstance(request, CompleteRequest))
    if of_messages and not isinstance(request, CompleteRequest):
        of_options = len(each)
        each += (
            _of_messages(request.messages)
            if isinstance(request, ChatRequest)
            else _of_inputs(request.inputs)
        )
        media = sum(need.ability is Ability.INPUT for need in each[of_options:])
    return Needs(each=tuple(each), media=media) if each else NO_NEEDS


def modality_of(media: MediaPart) -> Modality.ValueType:
    """Return the kind of medium: as named, or as its media type tells."""
    if media.modality:
        return media.modality
    return _BY_TYPE.get(media.mime_type.partition("/")[0].lower(), Modality.MODALITY_DOCUMENT)


def _has(target: Target, need: Need) -> bool:
    can, ability = target.capabilities, need.ability
    attribute = _NAMED.get(ability)
    if attribute is not None:
        return bool(getattr(can, attribute))
    match ability:
        case Ability.PARALLEL_TOOL_CALLS:
            return can.tools and can.parallel_tool_calls
        case Ability.INPUT:
            return need.modality in can.input_modalities
        case Ability.OUTPUT:
            return need.modality in can.output_modalities
        case Ability.EXTENSION:
            return target.is_gateway or target.kind in ("", need.kind)
        case _:
            return False  # MORE_THAN_TEXT


_NAMED: Mapping[Ability, str] = {
    ability: ability.value
    for ability in (
        Ability.TOOLS,
        Ability.JSON_OBJECT,
        Ability.JSON_SCHEMA,
        Ability.LOGPROBS,
        Ability.SEED,
        Ability.REASONING,
        Ability.PREFILL,
    )
}
"""Abilities that the contract has a flag for."""


def _option(name: str, ability: Ability) -> Need:
    return Need(ability=ability, field=f"options.{name}", option=name)


_OF_OPTION: Mapping[str, Need] = {
    name: _option(name, ability)
    for name, ability in {
        "seed": Ability.SEED,
        "tools": Ability.TOOLS,
        "tool_choice": Ability.TOOLS,
        "parallel_tool_calls": Ability.PARALLEL_TOOL_CALLS,
        "reasoning": Ability.REASONING,
        "top_logprobs": Ability.LOGPROBS,
    }.items()
}
_JSON_OBJECT = _option("output_format", Ability.JSON_OBJECT)
_JSON_SCHEMA = _option("output_format", Ability.JSON_SCHEMA)
# What a completion answers with is one text: tool calls would be paid for and then lost.
_CHAT_ONLY: Mapping[str, Need] = {
    name: _option(name, Ability.MORE_THAN_TEXT)
    for name in ("tools", "tool_choice", "parallel_tool_calls")
}


def _of_options(options: GenerationOptions, *, completes: bool) -> list[Need]:
    needs: list[Need] = []
    for descriptor, value in options.ListFields():
        name = descriptor.name
        need = _OF_OPTION.get(name)
        if need is not None:
            needs.append(_CHAT_ONLY.get(name, need) if completes else need)
        elif name == "output_format":
            # Grammars have no ability of their own: the wire format knows whether it can send one.
            if value.HasField("json_schema"):
                if not value.json_schema.max_repairs:
                    needs.append(_JSON_SCHEMA)  # else it is told in words where it must be
            elif value.HasField("json_object"):
                needs.append(_JSON_OBJECT)
        elif name == "output_modalities":
            needs += _of_output(value, completes=completes)
        elif name == "extensions":
            needs += (
                Need(
                    ability=Ability.EXTENSION,
                    field=f"options.extensions[{index}]",
                    kind=extension.provider_kind,
                )
                for index, extension in enumerate(value)
                if extension.required
            )
    return needs


def _of_output(modalities: Sequence[Modality.ValueType], *, completes: bool) -> Iterator[Need]:
    for index, modality in enumerate(modalities):
        if modality != Modality.MODALITY_TEXT:
            yield Need(
                ability=Ability.MORE_THAN_TEXT if completes else Ability.OUTPUT,
                field=f"options.output_modalities[{index}]",
                option="output_modalities",
                modality=modality,
            )


def _of_messages(messages: Sequence[Message]) -> Iterator[Need]:
    """Give the last word first, then the first use of tools, then the media in order."""
    tools_at = ""
    media: list[tuple[str, MediaPart]] = []
    for number, message in enumerate(messages):
        for place, part in enumerate(message.parts):
            kind = part.WhichOneof("kind")
            at = f"messages[{number}].parts[{place}].{kind}"
            if kind == "media":
                if message.role == Role.ROLE_ASSISTANT:
                    continue  # a model made it: one that cannot look at it does without
                media.append((at, part.media))
            elif kind in ("tool_call", "tool_result"):
                tools_at = tools_at or at
                media += [
                    (f"{at}.content[{index}].media", piece.media)
                    for index, piece in enumerate(part.tool_result.content)
                    if piece.HasField("media")
                ]
    if messages and messages[-1].role == Role.ROLE_ASSISTANT:
        yield Need(ability=Ability.PREFILL, field=f"messages[{len(messages) - 1}].role")
    if tools_at:
        yield Need(ability=Ability.TOOLS, field=tools_at)
    yield from _media(media)


def _of_inputs(inputs: Sequence[EmbedInput]) -> Iterator[Need]:
    return _media(
        (f"inputs[{index}].media", item.media)
        for index, item in enumerate(inputs)
        if item.HasField("media")
    )


def _media(found: Iterable[tuple[str, MediaPart]]) -> Iterator[Need]:
    for at, media in found:
        modality = modality_of(media)
        if modality != Modality.MODALITY_TEXT:
            yield Need(ability=Ability.INPUT, field=at, modality=modality)


_BY_TYPE = {
    "image": Modality.MODALITY_IMAGE,
    "audio": Modality.MODALITY_AUDIO,
    "video": Modality.MODALITY_VIDEO,
}
