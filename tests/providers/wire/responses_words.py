"""How does the Responses API put what it answers? Builders of its items, events and whole answers.

Shapes follow the vendor's API reference, "The response object" and "Streaming events"; events carry
the fields that Weir has no use for too, as the vendor sends them.
"""

import json
from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
MODEL = "test-1"
ID = "resp_1"


def usage(
    inward: int, outward: int, *, cached: int = 0, cache_write: int = 0, reasoning: int = 0
) -> Json:
    """Return token counts."""
    return {
        "input_tokens": inward,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": cache_write},
        "output_tokens": outward,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": inward + outward,
    }


def response(*items: Json, usage_: Json | None = None, **fields: Any) -> Json:
    """Return a whole answer; what only repeats the request is left out for brevity."""
    return {
        "id": ID,
        "object": "response",
        "created_at": 1795600000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": MODEL,
        "output": list(items),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage(19, 6) if usage_ is None else usage_,
        **fields,
    }


def message(*content: Json, item_id: str = "msg_1", **fields: Any) -> Json:
    """Return a message of the model."""
    return {
        "id": item_id,
        "type": "message",
        "status": "completed",
        "content": list(content),
        "role": "assistant",
        **fields,
    }


def text(said: str, *annotations: Json, logprobs: Sequence[Json] = ()) -> Json:
    """Return a piece of text."""
    return {
        "type": "output_text",
        "annotations": list(annotations),
        "logprobs": list(logprobs),
        "text": said,
    }


def refusal(said: str) -> Json:
    """Return a piece in which the model refuses."""
    return {"type": "refusal", "refusal": said}


def reasoning(
    *summary: str, encrypted: str | None = "gAAAA+sealed/", item_id: str = "rs_1", **fields: Any
) -> Json:
    """Return what the model thought."""
    return {
        "id": item_id,
        "type": "reasoning",
        "encrypted_content": encrypted,
        "summary": [{"type": "summary_text", "text": said} for said in summary],
        **fields,
    }


def call(call_id: str, name: str, arguments: str, *, item_id: str = "fc_1") -> Json:
    """Return a call of a function."""
    return {
        "id": item_id,
        "type": "function_call",
        "status": "completed",
        "arguments": arguments,
        "call_id": call_id,
        "name": name,
    }


def sse(*events: Json) -> list[bytes]:
    """Return events as the vendor writes them, each with its name."""
    encoded = []
    for number, event in enumerate(events):
        said = json.dumps({**event, "sequence_number": number}, ensure_ascii=False)
        encoded.append(f"event: {event['type']}\ndata: {said}\n\n".encode())
    return encoded


def stream(whole: Json, *pieces: Sequence[str]) -> list[Json]:
    """Return the events in which the vendor streams `whole`.

    pieces: of each item in turn, how its text or arguments are cut; by default not at all.
    """
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    events: list[Json] = [
        {"type": "response.created", "response": begun},
    ]
    for index, item in enumerate(whole["output"]):
        cuts = list(pieces[index]) if index < len(pieces) else []
        events += _item(index, item, cuts)
    kind = {"completed": "completed", "incomplete": "incomplete"}.get(whole["status"], "failed")
    return [*events, {"type": f"response.{kind}", "response": whole}]


def _item(index: int, item: Json, cuts: list[str]) -> list[Json]:
    at = {"item_id": item["id"], "output_index": index}
    inside: list[Json] = []
    empty = dict(item)
    if "status" in item:
        empty["status"] = "in_progress"
    match item["type"]:
        case "message":
            empty["content"] = []
            for number, content in enumerate(item["content"]):
                inside += _content({**at, "content_index": number}, content, cuts)
        case "reasoning":
            empty |= {"summary": [], "encrypted_content": None}
            empty.pop("content", None)
            for number, section in enumerate(item["summary"]):
                inside += _section({**at, "summary_index": number}, section, cuts)
            for number, content in enumerate(item.get("content", ())):
                place = {**at, "content_index": number}
                inside += [
                    {"type": "response.reasoning_text.delta", **place, "delta": piece}
                    for piece in cuts or [content["text"]]
                ]
        case "function_call":
            empty["arguments"] = ""
            kind = "response.function_call_arguments"
            inside = [
                {"type": f"{kind}.delta", **at, "delta": piece}
                for piece in cuts or [item["arguments"]]
            ]
            inside.append({"type": f"{kind}.done", **at, "arguments": item["arguments"]})
        case kind:
            inside = [{"type": f"response.{kind}.in_progress", **at}]
    return [
        {"type": "response.output_item.added", "output_index": index, "item": empty},
        *inside,
        {"type": "response.output_item.done", "output_index": index, "item": item},
    ]


def _content(at: Json, content: Json, cuts: list[str]) -> list[Json]:
    if content["type"] == "refusal":
        begun, name, said = refusal(""), "refusal", content["refusal"]
    else:
        begun, name, said = text(""), "output_text", content["text"]
    more: Json = {} if name == "refusal" else {"logprobs": []}
    events = [{"type": "response.content_part.added", **at, "part": begun}]
    events += [
        {"type": f"response.{name}.delta", **at, "delta": piece, **more}
        for piece in cuts or ([said] if said else [])
    ]
    events += [
        {
            "type": "response.output_text.annotation.added",
            **at,
            "annotation_index": n,
            "annotation": a,
        }
        for n, a in enumerate(content.get("annotations", ()))
    ]
    done = {"text": said, "logprobs": []} if name == "output_text" else {"refusal": said}
    events.append({"type": f"response.{name}.done", **at, **done})
    events.append({"type": "response.content_part.done", **at, "part": content})
    return events


def _section(at: Json, section: Json, cuts: list[str]) -> list[Json]:
    kind = "response.reasoning_summary"
    return [
        {"type": f"{kind}_part.added", **at, "part": {"type": "summary_text", "text": ""}},
        *(
            {"type": f"{kind}_text.delta", **at, "delta": piece}
            for piece in cuts or [section["text"]]
        ),
        {"type": f"{kind}_text.done", **at, "text": section["text"]},
        {"type": f"{kind}_part.done", **at, "part": section},
    ]
