"""What does an answer of Gemini look like? Only what Weir reads of it.

The vendor's reference "GenerateContentResponse". There are two readers of the same shape: nearly
every chunk of a stream holds text and nothing else, which the first reads in one go; what it
refuses is read by the second, which leaves each part as it came.
"""

import json
from typing import Any

from msgspec import Raw, Struct
from msgspec.json import Decoder

from weir_server.providers.wire.parts import whole

NOTHING = Raw(b"")
"""Stands where a member is absent that is left as it came."""


class TextPart(Struct, gc=False, forbid_unknown_fields=True):
    """A part that is text and nothing else."""

    text: str
    thought: bool = False


class TextContent(Struct, gc=False, forbid_unknown_fields=True):
    """What the model says, in text."""

    parts: list[TextPart] | None = None
    role: str | None = None


class TextCandidate(Struct, rename="camel", gc=False, forbid_unknown_fields=True):
    """An answer of which there is text to say, or its end, or neither."""

    content: TextContent | None = None
    index: int = 0
    finish_reason: str | None = None


class TextChunk(Struct, rename="camel", gc=False, forbid_unknown_fields=True):
    """A chunk that says text, if anything. What has more to say is none of these."""

    candidates: list[TextCandidate]
    usage_metadata: Raw = NOTHING
    model_version: str | None = None
    response_id: str | None = None
    create_time: str | None = None


class Content(Struct, gc=False):
    """What the model says, each part as it came."""

    parts: list[Raw] | None = None


class Candidate(Struct, rename="camel", gc=False):
    """One answer; Weir asks for one only."""

    index: int = 0
    content: Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None
    grounding_metadata: Raw = NOTHING
    citation_metadata: Raw = NOTHING
    url_context_metadata: Raw = NOTHING
    safety_ratings: Raw = NOTHING
    logprobs_result: Raw = NOTHING
    continuation_token: str | None = None


class Feedback(Struct, rename="camel", gc=False):
    """What the vendor says of the prompt."""

    block_reason: str | None = None


class Chunk(Struct, rename="camel", gc=False):
    """A chunk of a stream, or a whole answer."""

    candidates: list[Candidate] | None = None
    prompt_feedback: Feedback | None = None
    usage_metadata: Raw = NOTHING
    """Read at the end and with care: what vendors put there is not always believable."""
    model_version: str | None = None
    response_id: str | None = None
    error: Any = None

    @property
    def says_nothing(self) -> bool:
        """Whether this is an object that has nothing of an answer."""
        return (
            self.candidates is None
            and self.prompt_feedback is None
            and self.usage_metadata is NOTHING
            and self.model_version is None
            and self.response_id is None
            and self.error is None
        )


read_texts = Decoder(TextChunk).decode
"""Reads a TextChunk. Raises ValueError or RecursionError for anything else: `read` knows more."""
_WHOLE = Decoder(Chunk)
_TEXT = Decoder(TextPart)
ANYTHING: Decoder[Any] = Decoder()


def read(data: bytes | bytearray, *, utf8_errors: str = "strict") -> Chunk | None:
    """Return the chunk that `data` is, or None when it is no such JSON.

    utf8_errors: what becomes of bytes that are not UTF-8.
    """
    try:
        return _WHOLE.decode(data)
    except (ValueError, RecursionError):
        pass
    try:
        # Not the vendor's habit, but that of servers like it: lone halves of surrogate pairs.
        text = json.dumps(json.loads(data.decode("utf-8", utf8_errors)), ensure_ascii=False)
        return _WHOLE.decode(whole(text).encode())
    except (ValueError, RecursionError):
        return None


def read_text(part: Raw) -> TextPart | None:
    """Return the text that a part is, or None where it is anything else, or has more to say."""
    try:
        return _TEXT.decode(part)
    except (ValueError, RecursionError):
        return None


def read_anything(data: bytes | bytearray) -> object:
    """Return what JSON says, whatever it is, or None when it is none."""
    try:
        return ANYTHING.decode(data)
    except (ValueError, RecursionError):
        return None
