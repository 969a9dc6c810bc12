"""Which sources does an answer name? Searches' grounding and quotations, as citations.

The vendor's references "GroundingMetadata" and "CitationMetadata". Their offsets are bytes of the
text, as the contract's are. All else that they say is kept whole among the answer's attributes.
"""

from typing import Annotated

from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from weir.v1.content_pb2 import Citation
from weir_server.providers.wire.parts import whole

Offset = Annotated[int, Meta(ge=0, le=2**62)]


class Source(Struct, rename="camel", gc=False):
    """Where something was found: on a page, on a map, in a document."""

    uri: str = ""
    title: str = ""
    text: str = ""
    document_name: str = ""
    place_id: str = ""


class Found(Struct, rename="camel", gc=False):
    """One source, by the way it was found."""

    web: Source | None = None
    maps: Source | None = None
    retrieved_context: Source | None = None


class Segment(Struct, rename="camel", gc=False):
    """A stretch of the answer."""

    start_index: Offset = 0
    end_index: Offset = 0


class Support(Struct, rename="camel", gc=False):
    """A stretch of the answer with its sources."""

    segment: Segment | None = None
    grounding_chunk_indices: list[Offset] | None = None


class Grounding(Struct, rename="camel", gc=False):
    """What a search found, and what of the answer rests on it."""

    grounding_chunks: list[Found] | None = None
    grounding_supports: list[Support] | None = None


class Quotation(Struct, rename="camel", gc=False):
    """A stretch of the answer that is quoted."""

    start_index: Offset = 0
    end_index: Offset = 0
    uri: str = ""
    title: str = ""


class Quotations(Struct, rename="camel", gc=False):
    """All of them, under AI Studio's name and under Vertex's."""

    citation_sources: list[Quotation] | None = None
    citations: list[Quotation] | None = None


_GROUNDING = Decoder(Grounding)
_QUOTATIONS = Decoder(Quotations)


def citations_of(grounding: Raw, quotations: Raw) -> list[Citation]:
    """Return the citations, where there are any.

    What cannot be read names none, and is kept whole elsewhere.
    """
    try:
        found = _grounded(_GROUNDING.decode(grounding)) if len(grounding) else []
    except (ValueError, RecursionError):
        found = []
    try:
        quoted = _quoted(_QUOTATIONS.decode(quotations)) if len(quotations) else []
    except (ValueError, RecursionError):
        quoted = []
    return found + quoted


def _grounded(said: Grounding) -> list[Citation]:
    sources = said.grounding_chunks or []
    citations: list[Citation] = []
    for support in said.grounding_supports or ():
        segment = support.segment or Segment()
        for index in support.grounding_chunk_indices or ():
            if index >= len(sources):
                continue
            found = sources[index]
            source = found.web or found.maps or found.retrieved_context or Source()
            citations.append(
                Citation(
                    start_byte=segment.start_index,
                    end_byte=segment.end_index,
                    uri=whole(source.uri),
                    title=whole(source.title),
                    cited_text=whole(source.text),
                    document_id=whole(source.document_name or source.place_id),
                )
            )
    return citations


def _quoted(said: Quotations) -> list[Citation]:
    return [
        Citation(
            start_byte=quotation.start_index,
            end_byte=quotation.end_index,
            uri=whole(quotation.uri),
            title=whole(quotation.title),
        )
        for quotation in said.citation_sources or said.citations or ()
    ]
