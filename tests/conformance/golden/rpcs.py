"""Does every RPC carry every field? Each method once, its messages filled from the descriptors."""

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tests.conformance.golden.row import (
    START,
    STREAM_CHAT,
    STREAM_COMPLETE,
    Json,
    Row,
    answer,
    closed,
    completion,
    delta,
    end,
    one_by_one,
    opened,
)
from weir_server.conformance.methods import ScriptedMethod, scripted_methods

DEPTH = 5
"""Messages within messages that are filled; a part may hold parts without end."""
BIG = 9_007_199_254_740_993
"""The least whole number that a double does not hold."""

_NUMBERS: dict[int, int | float] = {
    FieldDescriptor.CPPTYPE_INT32: 7,
    FieldDescriptor.CPPTYPE_UINT32: 7,
    FieldDescriptor.CPPTYPE_INT64: BIG,
    FieldDescriptor.CPPTYPE_UINT64: BIG,
    FieldDescriptor.CPPTYPE_DOUBLE: 0.7,
    FieldDescriptor.CPPTYPE_FLOAT: 0.5,
    FieldDescriptor.CPPTYPE_BOOL: True,
}
_WELL_KNOWN: dict[str, Json | str] = {
    "google.protobuf.Timestamp": "2026-01-02T03:04:05.678901234Z",
    "google.protobuf.Duration": "1.500s",
    "google.protobuf.FieldMask": "displayName,labels",
}


def filled(descriptor: Any, depth: int = DEPTH) -> Json:
    """Return a message with every field set, the first of each oneof, as proto JSON."""
    values: Json = {}
    taken: set[str] = set()
    for field in descriptor.fields:
        oneof = field.containing_oneof
        if oneof is not None and oneof.name in taken:
            continue
        if field.message_type is not None and depth == 0 and not _is_flat(field.message_type):
            continue
        if oneof is not None:
            taken.add(oneof.name)
        values[field.json_name] = _value(field, depth)
    return values


def _is_flat(descriptor: Descriptor) -> bool:
    return descriptor.full_name in _WELL_KNOWN


def _value(field: FieldDescriptor, depth: int) -> object:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
        name = "7" if key.cpp_type != FieldDescriptor.CPPTYPE_STRING else field.name
        return {name: _single(value, depth)}
    one = _single(field, depth)
    return [one, one] if field.is_repeated else one


def _single(field: FieldDescriptor, depth: int) -> object:
    if field.message_type is not None:
        known = _WELL_KNOWN.get(field.message_type.full_name)
        return filled(field.message_type, depth - 1) if known is None else known
    if field.enum_type is not None:
        return field.enum_type.values[-1].name
    if field.type == FieldDescriptor.TYPE_BYTES:
        return "AAEC/f7/"
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return f"{field.name} ä"
    number = _NUMBERS[field.cpp_type]
    return str(number) if number == BIG else number


def _row(method: ScriptedMethod) -> Row:
    service, name = method.name.split("/")
    request = filled(method.request.DESCRIPTOR)
    response = filled(method.response.DESCRIPTOR)
    shows: Json = {}
    steps: list[Json]
    if method.name in (STREAM_CHAT, STREAM_COMPLETE):
        steps = one_by_one(START, opened(0, {"text": ""}), delta(0, text="Hi"), closed(0), end())
        whole = answer({"text": "Hi"}) if method.name == STREAM_CHAT else completion("Hi")
        shows = {"folded": whole}
    else:
        steps = [{"send": response}] * (2 if method.streaming else 1)
    return Row(
        name=f"{service.rpartition('.')[2]}.{name}",
        promise=f"{method.name} carries every field of its messages.",
        method=method.name,
        request=request,
        attempts=[steps],
        shows=shows,
        journal={"attempts": 1, "outcome": "completed"},
    )


def rows() -> list[Row]:
    """Every method of the contract, and the health check."""
    health = Row(
        name="Health.Check",
        promise="The standard health check answers.",
        method="grpc.health.v1.Health/Check",
        request={},
        shows={"sent": [{"status": "SERVING"}]},
        journal={"attempts": 0},
    )
    return [*(_row(method) for method in scripted_methods().values()), health]
