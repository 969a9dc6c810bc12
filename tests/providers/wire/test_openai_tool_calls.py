"""Do the fragments of tool calls find each other, whatever the vendor leaves out?"""

from tests.providers.wire.samples import (
    CHUNKS,
    calls,
    folded,
    kinds,
)
from weir.v1.provider_service_pb2 import ChatResponse
from weir_server.fake_upstream import openai_wire as w


def test_interleaved_tool_calls_stay_open_side_by_side() -> None:
    """Fragments find their own call; both close at the end, whole and checked."""
    response = folded(
        CHUNKS.tool_call(0, "c0", "f"),
        CHUNKS.tool_call(1, "c1", "g"),
        CHUNKS.tool_arguments(1, '{"b"'),
        CHUNKS.tool_arguments(0, '{"a":'),
        CHUNKS.tool_arguments(1, ":2"),
        CHUNKS.tool_arguments(0, "1}"),
        CHUNKS.finish("tool_calls"),
    )

    assert calls(response) == [("c0", "f", '{"a":1}', True), ("c1", "g", '{"b":2', False)]


def _fragments(*fragments: w.Json) -> ChatResponse:
    chunks = [CHUNKS.delta({"tool_calls": [fragment]}) for fragment in fragments]
    return folded(*chunks, CHUNKS.finish("tool_calls"))


def test_calls_without_an_index_are_told_apart_by_id() -> None:
    """A new id is a new call; a fragment without one goes on with the latest."""
    response = _fragments(
        w.tool_call("c0", "f", '{"a":'),
        {"function": {"arguments": "1}"}},
        w.tool_call("c1", "g", "{}"),
    )

    assert calls(response) == [("c0", "f", '{"a":1}', True), ("c1", "g", "{}", True)]


def test_calls_that_share_an_index_are_told_apart_by_id() -> None:
    """Gemini's compatible endpoint gives every call the index 0."""
    response = _fragments(
        {"index": 0, **w.tool_call("c0", "f", "{}")}, {"index": 0, **w.tool_call("c1", "g", "{}")}
    )

    assert [call[0] for call in calls(response)] == ["c0", "c1"]


def test_an_id_and_name_that_are_repeated_begin_nothing() -> None:
    """Some servers say them with every fragment."""
    response = _fragments(
        {"index": 0, **w.tool_call("c0", "f", '{"a":')},
        {"index": 0, **w.tool_call("c0", "f", "1}")},
    )

    assert calls(response) == [("c0", "f", '{"a":1}', True)]


def test_a_name_that_comes_late_is_waited_for() -> None:
    """A part begins with its id and name, so arguments before the name are held."""
    response = _fragments(
        {"index": 0, "id": "c0"},
        {"index": 0, "function": {"arguments": '{"a":'}},
        {"index": 0, "function": {"name": "f", "arguments": "1}"}},
    )

    assert calls(response) == [("c0", "f", '{"a":1}', True)]


def test_a_call_without_a_name_is_not_lost() -> None:
    """It is said at the end all the same, and its arguments with it."""
    response = _fragments({"index": 0, "id": "c0", "function": {"arguments": "{}"}})

    assert calls(response) == [("c0", "", "{}", True)]


def test_a_call_without_an_id_gets_one() -> None:
    """It is made from the answer's own, so that it is unique in a conversation."""
    response = _fragments(
        {"index": 0, "function": {"name": "f", "arguments": "{}"}},
        {"index": 1, "function": {"name": "g", "arguments": "{}"}},
    )

    assert [call[0] for call in calls(response)] == [
        f"call_{w.COMPLETION_ID}_0",
        f"call_{w.COMPLETION_ID}_1",
    ]


def test_the_one_call_of_older_servers() -> None:
    """`function_call` has neither index nor id, and is a tool call like any other."""
    response = folded(
        CHUNKS.delta({"function_call": {"name": "f", "arguments": ""}}),
        CHUNKS.delta({"function_call": {"arguments": '{"a"'}}),
        CHUNKS.delta({"function_call": {"arguments": ":1}"}}),
        CHUNKS.finish("function_call"),
    )

    assert [call[1:] for call in calls(response)] == [("f", '{"a":1}', True)]


def test_text_around_a_call_makes_two_parts() -> None:
    """Text after a tool call is not glued to the text before it."""
    response = folded(
        CHUNKS.content("Let me see."),
        CHUNKS.tool_call(0, "c0", "f"),
        CHUNKS.content("Done."),
        CHUNKS.finish("tool_calls"),
    )

    assert kinds(response) == ["text", "tool_call", "text"]


def test_arguments_are_kept_byte_for_byte() -> None:
    """Spaces, key order and large numbers come out as the model wrote them."""
    arguments = '{ "z":1,\t"a" : 12345678901234567890.10, "z":2 }'
    response = folded(
        CHUNKS.tool_call(0, "c0", "f"),
        CHUNKS.tool_arguments(0, arguments[:9]),
        CHUNKS.tool_arguments(0, arguments[9:]),
        CHUNKS.finish("tool_calls"),
    )

    assert calls(response) == [("c0", "f", arguments, True)]
