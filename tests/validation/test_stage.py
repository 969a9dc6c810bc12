"""Does the stage let through what can be done, unchanged, and refuse the rest by name?"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from google.protobuf import text_format

from tests.validation.media_rows import PNG, media
from tests.validation.rows import CALL, END, USER, options
from tests.validation.tool_rows import F
from weir.v1.content_pb2 import Modality
from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.generation_pb2 import GenerationEvent
from weir.v1.model_pb2 import Model, ModelCapabilities
from weir.v1.provider_service_pb2 import ChatRequest, CompleteRequest
from weir_server.core.call import Call
from weir_server.core.caller import NOBODY, Caller
from weir_server.core.deadline import Deadline
from weir_server.core.errors import (
    InvalidRequest,
    ModelNotFound,
    UnsupportedModality,
    UnsupportedOption,
)
from weir_server.core.handler import Batch, Request
from weir_server.core.needs import NO_NEEDS
from weir_server.core.route import Leg, ModelRoute
from weir_server.core.target import Operation, Target
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.stage import ValidationStage

ABLE = ModelCapabilities(
    tools=True,
    parallel_tool_calls=True,
    json_object=True,
    json_schema=True,
    logprobs=True,
    seed=True,
    reasoning=True,
    assistant_prefill=True,
    input_modalities=[Modality.MODALITY_TEXT, Modality.MODALITY_IMAGE],
    output_modalities=[Modality.MODALITY_TEXT, Modality.MODALITY_AUDIO],
)


@dataclass(slots=True)
class Next:
    """The next stage: remembers what reached it, and answers with one event."""

    seen: list[Request] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    @asynccontextmanager
    async def open(self, call: Call, request: Request) -> AsyncIterator[AsyncIterator[Batch]]:
        self.seen.append(request)
        self.calls.append(call)
        yield self._batches()

    async def _batches(self) -> AsyncIterator[Batch]:
        yield [GenerationEvent()]


@dataclass(slots=True)
class Catalogue:
    """Knows the models it is given, in order; asked for anything else it knows nothing."""

    able: tuple[ModelCapabilities, ...]
    asked: list[tuple[str, str, Operation]] = field(default_factory=list)

    def resolve(
        self,
        *,
        model: str,
        provider: str,
        operation: Operation,
        streaming: bool = False,
        fallback_models: Sequence[str] = (),
        caller: Caller = NOBODY,
    ) -> ModelRoute:
        self.asked.append((model, provider, operation))
        if model == "models/none":
            raise ModelNotFound(metadata={"model": model})
        targets = tuple(
            Target(
                provider="providers/p",
                model="models/m",
                vendor_model="v",
                capabilities=can,
                kind="openai",
            )
            for can in self.able
        )
        return ModelRoute(model="models/m", legs=(Leg(targets=targets),), targets=targets)

    def models(self) -> tuple[Model, ...]:
        return ()

    def model(self, name: str) -> Model:
        raise ModelNotFound(metadata={"model": name})


def call_of(method: str = "Chat", operation: Operation = Operation.CHAT) -> Call:
    return Call(
        request_id="q1",
        response_id="r1",
        method=method,
        operation=operation,
        streaming=method.startswith("Stream"),
        arrived_s=0.0,
        deadline=Deadline.after(0.0, 30.0),
    )


def chat(text: str) -> ChatRequest:
    return text_format.Parse(text, ChatRequest())


async def passed(
    request: Request, *able: ModelCapabilities, call: Call | None = None
) -> tuple[Request, Call]:
    """Send a request through the stage; return what the next stage saw, and the call."""
    following = Next()
    stage = ValidationStage(following, ValidationLimits(), Catalogue(able or (ABLE,)))
    call = call or call_of()
    before = request.SerializeToString(deterministic=True)
    try:
        async with stage.open(call, request) as batches:
            assert [batch async for batch in batches] == [[GenerationEvent()]]
    finally:
        assert request.SerializeToString(deterministic=True) == before
    return following.seen[0], call


async def refused(
    request: Request, *able: ModelCapabilities, call: Call | None = None
) -> InvalidRequest:
    """Send a request that the stage must refuse; return the refusal."""
    with pytest.raises(InvalidRequest) as refusal:
        await passed(request, *able, call=call)
    return refusal.value


async def test_good_request_passes_as_it_is() -> None:
    """The next stage gets the very message that came in, not a copy."""
    request = chat(options("temperature: 0.5 seed: 1 " + F))

    seen, call = await passed(request)

    assert seen is request
    assert call.progress.warnings == []


async def test_each_kind_of_request_is_checked() -> None:
    """Completions and embeddings meet their own rules, under their own paths."""
    complete = await refused(CompleteRequest(), call=call_of("Complete", Operation.COMPLETE))
    embed = await refused(EmbedRequest(), call=call_of("Embed", Operation.EMBED))

    assert [v.field for v in complete.violations] == ["prompt"]
    assert [v.field for v in embed.violations] == ["inputs"]


@pytest.mark.parametrize("method", ["StreamChat", "StreamComplete"])
async def test_paths_of_streams_begin_at_their_own_root(method: str) -> None:
    """In a streaming method the request is a field of the message, so its paths begin with it."""
    fault = await refused(chat(""), call=call_of(method))
    lack = await refused(chat(options("seed: 1")), ModelCapabilities(), call=call_of(method))

    assert fault.violations[0].field == "request.messages"
    assert lack.violations[0].field == "request.options.seed"


async def test_target_is_asked_for_as_the_request_says() -> None:
    """Names and operation reach the catalogue, whose errors pass unchanged."""
    catalogue = Catalogue((ABLE,))
    stage = ValidationStage(Next(), ValidationLimits(), catalogue)

    with pytest.raises(ModelNotFound):
        stage.open(call_of(), chat(USER + " model: 'models/none' provider: 'providers/p'"))

    assert catalogue.asked == [("models/none", "providers/p", Operation.CHAT)]


async def test_malformed_request_asks_no_catalogue() -> None:
    """What is malformed is refused before anybody is asked about the model."""
    catalogue = Catalogue((ABLE,))
    stage = ValidationStage(Next(), ValidationLimits(), catalogue)

    with pytest.raises(InvalidRequest):
        stage.open(call_of(), chat("model: 'models/none'"))

    assert catalogue.asked == []


SCHEMA = "output_format { json_schema { name: 's' schema_json: '{}' } }"

OPTIONS = [
    ("tools", "options.tools", options(F)),
    ("tools", "options.tool_choice", options("tool_choice { mode: TOOL_CHOICE_MODE_NONE }")),
    ("tools", "options.parallel_tool_calls", options("parallel_tool_calls: false")),
    ("parallel_tool_calls", "options.parallel_tool_calls", options("parallel_tool_calls: true")),
    ("json_object", "options.output_format", options("output_format { json_object { } }")),
    ("json_schema", "options.output_format", options(SCHEMA)),
    ("logprobs", "options.top_logprobs", options("top_logprobs: 0")),
    ("seed", "options.seed", options("seed: 0")),
    ("reasoning", "options.reasoning", options("reasoning { effort: REASONING_EFFORT_LOW }")),
]


def unable(capability: str) -> ModelCapabilities:
    """A model that can do everything but this."""
    lesser = ModelCapabilities()
    lesser.CopyFrom(ABLE)
    lesser.ClearField(capability)  # type: ignore[arg-type]  # a name from the tables above
    return lesser


@pytest.mark.parametrize(("capability", "path", "text"), OPTIONS)
async def test_unsupported_option_is_refused(capability: str, path: str, text: str) -> None:
    """An option that the model does not support is UNSUPPORTED_OPTION, and named."""
    await passed(chat(text), ABLE)
    error = await refused(chat(text), unable(capability))

    assert type(error) is UnsupportedOption
    assert [(v.field, v.rule) for v in error.violations] == [(path, "UNSUPPORTED")]
    assert error.metadata == {"model": "models/m"}


@pytest.mark.parametrize(("capability", "path", "text"), OPTIONS)
async def test_unsupported_option_is_dropped(capability: str, path: str, text: str) -> None:
    """Where the caller prefers a warning, a copy without the option goes on."""
    drop = text.replace(
        "options {",
        "options { unsupported_option_policy: 2 ",
    )

    seen, call = await passed(chat(drop), unable(capability), call=call_of("StreamChat"))

    expected = chat(drop)
    expected.options.ClearField(path.removeprefix("options."))  # type: ignore[arg-type]
    assert seen == expected
    assert [(w.code, w.field) for w in call.progress.warnings] == [("OPTION_DROPPED", path)]


async def test_several_options_are_dropped_at_once() -> None:
    """Every option that is left out has its own warning."""
    request = chat(
        options("seed: 1 unsupported_option_policy: 2 temperature: 1 tool_choice { mode: 2 } " + F)
    )

    seen, call = await passed(request, ModelCapabilities())

    assert seen == chat(options("unsupported_option_policy: 2 temperature: 1"))
    assert [w.field for w in call.progress.warnings] == [
        "options.seed",
        "options.tools",
        "options.tool_choice",
    ]


async def test_grammar_is_the_wire_formats_to_judge() -> None:
    """No capability tells of grammars, so the stage lets them pass."""
    request = chat(options("output_format { grammar { syntax: 'gbnf' definition: 'a' } }"))

    seen, _ = await passed(request, ModelCapabilities())

    assert seen is request


async def test_modality_is_refused() -> None:
    """A medium that the model does not take or make is UNSUPPORTED_MODALITY, and named."""
    taken = await refused(chat(media(f"{PNG} file_id: 'f'")), unable("input_modalities"))
    made = await refused(
        chat(options("output_modalities: 1 output_modalities: 3")), unable("output_modalities")
    )

    assert type(taken) is type(made) is UnsupportedModality
    assert [v.field for v in taken.violations] == ["messages[0].parts[0].media"]
    assert [v.field for v in made.violations] == ["options.output_modalities[1]"]
    assert taken.metadata == {"model": "models/m", "modality": "IMAGE"}
    assert made.metadata == {"model": "models/m", "modality": "AUDIO"}


@pytest.mark.parametrize(
    ("described", "name"),
    [
        ("mime_type: 'IMAGE/png'", "IMAGE"),
        ("mime_type: 'audio/wav'", "AUDIO"),
        ("mime_type: 'video/mp4'", "VIDEO"),
        ("mime_type: 'application/pdf'", "DOCUMENT"),
        ("mime_type: 'image/png' modality: MODALITY_VIDEO", "VIDEO"),
    ],
)
async def test_modality_follows_the_type(described: str, name: str) -> None:
    """What a medium is follows from its modality, or else from its type."""
    error = await refused(chat(media(f"{described} file_id: 'f'")), ModelCapabilities())

    assert error.metadata["modality"] == name


async def test_media_in_results_and_inputs_count() -> None:
    """Media inside tool results and inputs of Embed are held to the model's abilities too."""
    result = chat(CALL + f"content {{ media {{ {PNG} file_id: 'f' }} }}" + END)
    inputs = EmbedRequest()
    text_format.Parse(f"inputs {{ media {{ {PNG} file_id: 'f' }} }}", inputs)

    in_result = await refused(result, unable("input_modalities"))
    in_embed = await refused(
        inputs, unable("input_modalities"), call=call_of("Embed", Operation.EMBED)
    )

    assert [v.field for v in in_result.violations] == [
        "messages[2].parts[0].tool_result.content[0].media"
    ]
    assert [v.field for v in in_embed.violations] == ["inputs[0].media"]


async def test_media_that_a_model_made_do_not_count() -> None:
    """A conversation moves on to a model that cannot look at what another one drew."""
    drawn = f"messages {{ role: ROLE_ASSISTANT parts {{ media {{ {PNG} file_id: 'f' }} }} }}"
    request = chat(f"{USER} {drawn} {USER}")

    seen, _ = await passed(request, unable("input_modalities"))

    assert seen is request


async def test_history_of_tools_needs_a_model_with_tools() -> None:
    """Calls and results cannot be left out, so the call is refused even where options drop."""
    request = chat(CALL + END + " options { unsupported_option_policy: 2 seed: 1 }")

    error = await refused(request, ModelCapabilities(output_modalities=[Modality.MODALITY_TEXT]))

    assert type(error) is UnsupportedOption
    assert [v.field for v in error.violations] == ["messages[1].parts[0].tool_call"]


async def test_last_word_is_the_models_only_if_it_can_go_on() -> None:
    """A conversation ends with the model's own words only where it takes a prefill."""
    request = chat(USER + " messages { role: ROLE_ASSISTANT parts { text: 'Once' } }")

    await passed(request, ABLE)
    error = await refused(request, unable("assistant_prefill"))

    assert type(error) is InvalidRequest
    assert [(v.field, v.rule) for v in error.violations] == [("messages[1].role", "NOT_ALLOWED")]


async def test_another_target_may_be_able() -> None:
    """A request passes if one of its targets can do all of it."""
    request = chat(options("seed: 1"))

    seen, call = await passed(request, unable("seed"), ABLE)

    assert seen is request
    assert call.progress.warnings == []


async def test_what_is_needed_goes_with_the_call() -> None:
    """Routing learns what validation found out; plain words need nothing."""
    plain, asking = Next(), Next()
    for following, text in ((plain, USER), (asking, options("seed: 1"))):
        stage = ValidationStage(following, ValidationLimits(), Catalogue((ABLE,)))
        async with stage.open(call_of(), chat(text)):
            pass

    assert plain.calls[0].needs is NO_NEEDS
    assert [need.field for need in asking.calls[0].needs.each] == ["options.seed"]


async def test_what_was_dropped_is_needed_no_more() -> None:
    """Routing would find nobody for it."""
    following = Next()
    stage = ValidationStage(following, ValidationLimits(), Catalogue((unable("seed"),)))
    async with stage.open(call_of(), chat(options("seed: 1 unsupported_option_policy: 2 " + F))):
        pass

    assert [need.field for need in following.calls[0].needs.each] == ["options.tools"]


EXTENSION = "extensions {{ provider_kind: '{kind}' json: '{{}}' required: {required} }}"


@pytest.mark.parametrize(
    ("kind", "required", "passes"),
    [("openai", "true", True), ("other", "false", True), ("other", "true", False)],
)
async def test_extension_that_must_be_honoured_needs_its_kind(
    kind: str, required: str, *, passes: bool
) -> None:
    """Where no target is of that kind the call is refused, even where options drop."""
    text = options("unsupported_option_policy: 2 " + EXTENSION.format(kind=kind, required=required))
    if passes:
        await passed(chat(text))
        return
    error = await refused(chat(text))

    assert type(error) is UnsupportedOption
    assert [(v.field, v.rule) for v in error.violations] == [
        ("options.extensions[0]", "UNSUPPORTED")
    ]


async def test_different_lacks_are_a_plain_refusal() -> None:
    """A missing option beside a missing modality is INVALID_REQUEST that names both."""
    request = chat(options("seed: 1 output_modalities: 3"))

    error = await refused(request, ModelCapabilities())

    assert type(error) is InvalidRequest
    assert [v.field for v in error.violations] == [
        "options.seed",
        "options.output_modalities[0]",
    ]


COMPLETION = "prompt: 'a' options { "


@pytest.mark.parametrize("method", ["Complete", "StreamComplete"])
async def test_completion_takes_nothing_that_it_cannot_answer_with(method: str) -> None:
    """A completion is one text: tools and other media are refused by name, whatever the model."""
    request = text_format.Parse(
        COMPLETION
        + f"{F} tool_choice {{ mode: TOOL_CHOICE_MODE_REQUIRED }} parallel_tool_calls: true "
        "output_modalities: [MODALITY_TEXT, MODALITY_AUDIO] }",
        CompleteRequest(),
    )

    refusal = await refused(request, call=call_of(method, Operation.COMPLETE))

    prefix = "request." if method == "StreamComplete" else ""
    assert type(refusal) is UnsupportedOption
    assert {(v.field, v.rule) for v in refusal.violations} == {
        (f"{prefix}options.{name}", "UNSUPPORTED")
        for name in ("tools", "tool_choice", "parallel_tool_calls", "output_modalities[1]")
    }
    assert all("use Chat" in v.description for v in refusal.violations)


async def test_completion_of_text_passes() -> None:
    """Asking a completion for text, by name, is no more than it gives."""
    request = text_format.Parse(
        COMPLETION + "seed: 1 output_modalities: [MODALITY_TEXT] }", CompleteRequest()
    )

    seen, _ = await passed(request, call=call_of("Complete", Operation.COMPLETE))

    assert seen is request


async def test_completion_drops_tools_with_a_warning() -> None:
    """Who prefers a warning to a refusal gets the completion without the tools."""
    policy = "unsupported_option_policy: UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING"
    request = text_format.Parse(COMPLETION + f"{F} {policy} }}", CompleteRequest())

    seen, call = await passed(request, call=call_of("Complete", Operation.COMPLETE))

    assert isinstance(seen, CompleteRequest)
    assert not seen.options.tools
    assert [warning.field for warning in call.progress.warnings] == ["options.tools"]
