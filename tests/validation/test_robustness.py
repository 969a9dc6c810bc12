"""Can any message break the checks themselves, or make them slow?"""

import random
import time
from collections.abc import Callable

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weir.v1.embedding_service_pb2 import EmbedRequest
from weir.v1.generation_pb2 import StreamOptions
from weir.v1.model_service_pb2 import GetModelRequest, ListModelsRequest
from weir.v1.provider_service_pb2 import (
    ChatRequest,
    CompleteRequest,
    CountTokensRequest,
    InitializeRequest,
    ValidateTokenCountRequest,
)
from weir_server.core.errors import WeirError
from weir_server.validation.config import validate_initialize
from weir_server.validation.limits import ValidationLimits
from weir_server.validation.requests import (
    validate_chat,
    validate_complete,
    validate_count_tokens,
    validate_embed,
    validate_get_model,
    validate_list_models,
    validate_stream_options,
    validate_token_count,
)

LIMITS = ValidationLimits()
VALIDATORS: list[tuple[type[Message], Callable[..., object]]] = [
    (ChatRequest, validate_chat),
    (CompleteRequest, validate_complete),
    (EmbedRequest, validate_embed),
    (CountTokensRequest, validate_count_tokens),
    (ValidateTokenCountRequest, validate_token_count),
    (ListModelsRequest, validate_list_models),
    (GetModelRequest, validate_get_model),
    (StreamOptions, validate_stream_options),
    (InitializeRequest, validate_initialize),
]

TEXTS = ("", "a", "models/m", "{}", "[", '{"a":[', "\x00", "\r\n", "\u202e", "é" * 300, "image/png")
NUMBERS = (0, 1, -1, 2, 77, 2**31 - 1, -(2**31))
FLOATS = (0.0, 1.0, -1.0, 3.0, float("nan"), float("inf"), float("-inf"))
MAX_DEPTH = 7


def fill(message: Message, dice: random.Random, depth: int = 0) -> None:
    """Set fields of `message` at random, sound and unsound values alike."""
    for field in message.DESCRIPTOR.fields:
        assert isinstance(field, FieldDescriptor)
        if dice.random() < 0.5:
            continue
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            _fill_map(getattr(message, field.name), field, dice)
        elif field.is_repeated:
            for _ in range(dice.randrange(4)):
                if inner is None:
                    getattr(message, field.name).append(_scalar(field, dice))
                elif depth < MAX_DEPTH:
                    fill(getattr(message, field.name).add(), dice, depth + 1)
        elif inner is None:
            setattr(message, field.name, _scalar(field, dice))
        elif depth < MAX_DEPTH:
            getattr(message, field.name).SetInParent()
            fill(getattr(message, field.name), dice, depth + 1)


def _fill_map(entries: "dict[object, object]", field: FieldDescriptor, dice: random.Random) -> None:
    assert field.message_type is not None
    key, value = field.message_type.fields
    assert isinstance(key, FieldDescriptor)
    assert isinstance(value, FieldDescriptor)
    for _ in range(dice.randrange(3)):
        entries[_scalar(key, dice)] = _scalar(value, dice)


def _scalar(field: FieldDescriptor, dice: random.Random) -> object:
    if field.type == FieldDescriptor.TYPE_STRING:
        return dice.choice(TEXTS)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return dice.choice((b"", b"x"))
    if field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        return dice.choice(FLOATS)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return dice.random() < 0.5
    return dice.choice(NUMBERS)


def verdict(validate: Callable[..., object], message: Message) -> WeirError | None:
    """Return what is said against `message`; anything but a WeirError passes through."""
    try:
        validate(message, LIMITS)
    except WeirError as refusal:
        return refusal
    return None


@pytest.mark.parametrize(("kind", "validate"), VALIDATORS, ids=lambda item: item.__name__)
@settings(max_examples=150, deadline=1_000)
@given(seed=st.integers(0, 2**32))
def test_any_message_gets_a_verdict(
    kind: type[Message], validate: Callable[..., object], seed: int
) -> None:
    """A message passes or is refused with a WeirError; it is never changed, and nothing else."""
    message = kind()
    fill(message, random.Random(seed))
    before = message.SerializeToString(deterministic=True)

    refusal = verdict(validate, message)

    assert refusal is None or refusal.violations
    for violation in refusal.violations if refusal else ():
        assert violation.field.isprintable()
        assert violation.field
        assert violation.rule
        assert violation.description
    assert message.SerializeToString(deterministic=True) == before


@settings(max_examples=300, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.binary(max_size=400))
def test_any_bytes_get_a_verdict(data: bytes) -> None:
    """Bytes that decode at all pass or are refused with a WeirError."""
    try:
        request = ChatRequest.FromString(data)
    except DecodeError:
        return

    refusal = verdict(validate_chat, request)

    assert refusal is None or refusal.violations


def many_parts() -> ChatRequest:
    """Four megabytes of the smallest parts."""
    message = ChatRequest()
    for _ in range(2_000):
        said = message.messages.add(role=3)
        for _ in range(400):
            said.parts.add(text="")
    return message


def many_calls() -> ChatRequest:
    """Four megabytes of brackets, spread over as many calls as are allowed."""
    message = ChatRequest()
    for index in range(64):
        call = message.messages.add(role=4).parts.add().tool_call
        call.id, call.name = f"c{index}", "f"
        call.arguments_json = "[" + ("[" * 62 + "]" * 62 + ",") * 500 + "1]"
    return message


def many_members() -> ChatRequest:
    """As many members of extensions as are allowed."""
    message = ChatRequest()
    message.messages.add(role=3).parts.add(text="hi")
    body = "{" + ",".join(f'"{index:x}":0' for index in range(6_500)) + "}"
    for index in range(16):
        message.options.extensions.add(provider_kind=f"k{index}", json=body)
    return message


def many_violations() -> ChatRequest:
    """Nothing but violations."""
    message = ChatRequest()
    for _ in range(2_000):
        said = message.messages.add(role=99, name="\n", id="\n")
        for _ in range(100):
            said.parts.add()
    return message


@pytest.mark.parametrize(
    "build", [many_parts, many_calls, many_members, many_violations], ids=lambda f: f.__name__
)
def test_hostile_sizes_are_bounded(build: Callable[[], ChatRequest]) -> None:
    """No four megabytes hold the loop for long, whatever they are made of."""
    request = build()
    began = time.thread_time()

    verdict(validate_chat, request)

    assert time.thread_time() - began < 0.2


@pytest.mark.parametrize(
    "edit",
    [
        lambda options: setattr(options, "temperature", float("nan")),
        lambda options: setattr(options, "max_output_tokens", 2**63 - 1),
        lambda options: setattr(options, "top_logprobs", -1),
        lambda options: options.stop_sequences.extend(["s"] * 100_000),
        lambda options: options.tools.extend([options.tools.add()] * 5_000),
    ],
    ids=["nan", "max_tokens", "logprobs", "stop", "tools"],
)
def test_extremes_are_refused_at_once(edit: Callable[..., object]) -> None:
    """Extreme numbers and lists are refused within 5 ms."""
    request = ChatRequest()
    request.messages.add(role=3).parts.add(text="hi")
    edit(request.options)
    began = time.thread_time()

    with pytest.raises(WeirError):
        validate_chat(request, LIMITS)

    assert time.thread_time() - began < 0.005
