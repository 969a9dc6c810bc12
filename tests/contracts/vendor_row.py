"""What must a row do that adds a vendor to OpenAI's wire format? Say what it says it does, only.

A vendor is a row of data and, where its streams have a shape of their own, a recording. These
checks take both, so that a new row has its tests on its first day.
"""

import json
from typing import Any

from google.protobuf.json_format import MessageToDict

from tests.contracts.answers import ANSWERS, ERRORS
from tests.contracts.asks import ASKS
from tests.contracts.vendor_wire import Failed, Recorded, assert_means
from tests.contracts.wire_format import TARGET, Decoded, decode
from tests.providers.wire.test_openai_contract import ANSWERS as RECORDED
from tests.providers.wire.test_openai_contract import ERRORS as FAILURES
from weir.fold import fold_chat
from weir.v1.generation_pb2 import UnsupportedOptionPolicy
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.core.errors import InvalidRequest
from weir_server.fake_upstream.recordings import Recording
from weir_server.providers.vendors.base import Vendor
from weir_server.providers.wire.base import HttpRequest
from weir_server.providers.wire.openai.quirks import Quirks
from weir_server.providers.wire.openai.wire import OpenAIWire

Json = dict[str, Any]

_FULL = OpenAIWire(Quirks(top_k_field="top_k", reasoning_budget_field="budget"))
"""OpenAI's own words, and words for what it has none for."""

_FIELDS = {
    "top_logprobs": ("logprobs", "top_logprobs"),
    "end_user_id": ("safety_identifier",),
    "stop_sequences": ("stop",),
    "output_format": ("response_format",),
    "reasoning.effort": ("reasoning_effort",),
    "reasoning.budget_tokens": ("budget",),
}
"""Fields of the request by the option that they say, where they are not of one name."""

ABILITIES = {
    "tools": "tools",
    "one call at a time": "parallel_tool_calls",
    "a JSON object": "json_object",
    "a schema": "json_schema",
    "log probabilities": "logprobs",
    "a seed": "seed",
}
"""Asks by the ability that they need."""


def _encode(wire: OpenAIWire, name: str) -> HttpRequest:
    request = ChatRequest()
    request.CopyFrom(ASKS[name])
    request.options.unsupported_option_policy = (
        UnsupportedOptionPolicy.UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
    )
    return wire.encode(request, TARGET, stream=False)


def assert_says_only_what_the_row_changes(row: Vendor, name: str) -> None:
    """Check that an ask is OpenAI's in all but what the row names, and that losses are told."""
    try:
        ours = _encode(OpenAIWire(row.quirks), name)
    except InvalidRequest as refused:
        fields = [violation.field for violation in refused.violations]
        assert _may_refuse(row.quirks, name), (name, fields)
        return
    body: Json = json.loads(_encode(_FULL, name).body)
    for warning in ours.warnings:
        option = warning.field.removeprefix("options.")
        for field in _fields_of(option):
            body.pop(field, None)
    assert json.loads(ours.body) == _in_words_of(row.quirks, body)


def _may_refuse(quirks: Quirks, name: str) -> bool:
    return name == "a tool's answer with an image" or (
        name == "an image by its address" and not quirks.image_urls
    )


def _fields_of(option: str) -> tuple[str, ...]:
    for known, fields in _FIELDS.items():
        if option.startswith(known):
            return fields
    return (option.partition(".")[0],)


def _in_words_of(quirks: Quirks, body: Json) -> Json:
    """Say OpenAI's request in a vendor's words, as its quirks have it."""
    renamed = {
        "max_completion_tokens": quirks.max_tokens_field,
        "safety_identifier": quirks.end_user_field,
        "seed": quirks.seed_field,
        "top_k": quirks.top_k_field,
    }
    said: Json = {renamed.get(field, field): value for field, value in body.items()}
    said["messages"] = [_message(quirks, message) for message in said["messages"]]
    if said.get("tool_choice") == "required":
        said["tool_choice"] = quirks.required_tool_choice
    if quirks.logprobs_as_count and "logprobs" in said:
        said["logprobs"] = said.pop("top_logprobs")
    if "json_schema" in said.get("response_format", {}):
        schema = said["response_format"]["json_schema"]
        said["response_format"] = {"type": "json_schema", quirks.schema_field: schema}
    if (effort := said.pop("reasoning_effort", None)) is not None:
        said |= _nested(
            quirks.reasoning_field, (quirks.reasoning_efforts or {effort: effort})[effort]
        )
    if (budget := said.pop("budget", None)) is not None:
        said |= _nested(quirks.reasoning_budget_field, budget) | dict(
            quirks.reasoning_budget_options
        )
    if said["messages"][-1]["role"] == "assistant":
        if quirks.prefill_field:
            said["messages"][-1][quirks.prefill_field] = True
        said |= quirks.prefill_options
    return {**quirks.default_options, **said}


def _message(quirks: Quirks, message: Json) -> Json:
    if message["role"] == "developer" and not quirks.developer_role:
        return {**message, "role": "system"}
    return message


def _nested(field: str, value: object) -> Json:
    outer, dot, inner = field.partition(".")
    return {outer: {inner: value}} if dot else {field: value}


def refuses(row: Vendor, name: str) -> bool:
    """Say whether a row has no words for an ask."""
    try:
        OpenAIWire(row.quirks).encode(ASKS[name], TARGET, stream=False)
    except InvalidRequest:
        return True
    return False


def assert_means_the_same(row: Vendor, name: str) -> None:
    """Check that an answer in OpenAI's own shape means the same, whole and streamed."""
    recorded = RECORDED[name]
    if isinstance(recorded, Recorded):
        for stream, body in ((False, recorded.unary), (True, recorded.stream)):
            assert_means(ANSWERS[name], decoded(row, [body], stream=stream))


def assert_explains_the_same(row: Vendor, name: str) -> None:
    """Check that an error in OpenAI's own shape has its reason and its wait."""
    failed = FAILURES[name]
    if isinstance(failed, Failed):
        error = OpenAIWire(row.quirks).explain(failed.status, failed.headers, failed.body)
        assert type(error) is ERRORS[name]


def decoded(row: Vendor, pieces: list[bytes], *, stream: bool = True) -> Decoded:
    """Decode an answer as a row says."""
    wire = OpenAIWire(row.quirks)
    return decode(wire.decoder(ChatRequest(), TARGET, stream=stream), pieces)


def assert_recording_means(row: Vendor, recording: Recording) -> None:
    """Check that a recorded stream is the answer that lies beside it."""
    events = decoded(row, [recording.body])
    assert events.failure is None, events.failure
    response = fold_chat(events.events, numbered=False)
    response.ClearField("metadata")
    assert MessageToDict(response, preserving_proto_field_name=True) == recording.expected
