"""What do the answers of the Responses API look like? Only what Weir reads of them.

Shapes follow the vendor's API reference, "The response object" and "Streaming events". What has to
be sent back one day is kept as the vendor's own bytes.
"""

import json
from typing import Any

from msgspec import Raw, Struct
from msgspec.json import Decoder

from weir_server.providers.wire.parts import whole

RAW_NONE = Raw()
"""What a field is that did not come."""


class Event(Struct, gc=False):
    """One event of a stream. What an unknown event may fill otherwise is not looked into."""

    type: Any = None
    delta: Any = None
    output_index: Any = None
    item_id: Any = None
    content_index: Any = 0
    summary_index: Any = 0
    item: Raw = RAW_NONE
    part: Raw = RAW_NONE
    annotation: Raw = RAW_NONE
    logprobs: Raw = RAW_NONE
    response: Raw = RAW_NONE


class IncompleteDetails(Struct, gc=False):
    """Why an answer is not complete."""

    reason: str | None = None


class Response(Struct, gc=False):
    """A whole answer, or what the last event of a stream says of it."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[Raw] | None = None
    usage: Any = None
    error: Any = None
    incomplete_details: IncompleteDetails | None = None
    service_tier: str | None = None


class Item(Struct, gc=False):
    """Something that the model put out: the fields of every type that Weir has a kind for."""

    type: str = ""
    id: str | None = None
    status: str | None = None
    content: list[Raw] | None = None
    """Of a message, or the reasoning itself."""
    summary: list[Raw] | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    action: Raw = RAW_NONE
    queries: Raw = RAW_NONE
    results: Raw = RAW_NONE
    code: Raw = RAW_NONE
    outputs: Raw = RAW_NONE
    output: Raw = RAW_NONE
    error: Raw = RAW_NONE


class Content(Struct, gc=False):
    """One piece of a message or of reasoning."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: list[Raw] | None = None
    logprobs: Raw = RAW_NONE


class Annotation(Struct, gc=False):
    """A source of a text; places are counted in characters."""

    type: str = ""
    url: str | None = None
    title: str | None = None
    file_id: str | None = None
    filename: str | None = None
    start_index: int | None = None
    end_index: int | None = None
    index: int | None = None


EVENT = Decoder(Event)
RESPONSE = Decoder(Response)
ITEM = Decoder(Item)
CONTENT = Decoder(Content)
ANNOTATION = Decoder(Annotation)
MEMBERS = Decoder(dict[str, Raw])
"""Any JSON object, its members as the vendor wrote them."""
_ANYTHING: Decoder[Any] = Decoder()


def event_of(data: bytes) -> Event | None:
    """Return the event that `data` is, or None when it is none.

    What the strict and fast decoder refuses gets a second look: halves of surrogate pairs stay in
    deltas, where they may find each other, and bytes that are not UTF-8 are replaced.
    """
    try:
        return EVENT.decode(data)
    except (ValueError, RecursionError):
        pass
    try:
        said = json.loads(data.decode("utf-8", "replace"))
        if not isinstance(said, dict):
            return None
        names = ("item", "part", "annotation", "logprobs", "response")
        return Event(
            type=said.get("type"),
            delta=said.get("delta"),
            output_index=said.get("output_index"),
            item_id=said.get("item_id"),
            content_index=said.get("content_index", 0),
            summary_index=said.get("summary_index", 0),
            **{name: Raw(_text(said[name])) for name in names if name in said},
        )
    except (ValueError, RecursionError):
        return None


def mended(data: bytes | Raw) -> Raw:
    """Return JSON without lone surrogates and what is not UTF-8, as itself where it has neither.

    Raises ValueError for what is no JSON.
    """
    try:
        _ANYTHING.decode(data)
    except (ValueError, RecursionError):
        try:
            return Raw(_text(json.loads(bytes(data).decode("utf-8", "replace"))))
        except RecursionError:
            raise ValueError("nested too deeply") from None
    return data if isinstance(data, Raw) else Raw(data)


def present(raw: Raw) -> bool:
    """Whether a field came, and is not null."""
    return bytes(raw) not in (b"", b"null")


def filled(raw: Raw) -> bool:
    """Whether a list came, and holds something."""
    return bytes(raw) not in (b"", b"null", b"[]")


def text_of(raw: Raw) -> str:
    """Return JSON as text."""
    return bytes(raw).decode()


def _text(said: object) -> bytes:
    return whole(json.dumps(said, ensure_ascii=False)).encode()
