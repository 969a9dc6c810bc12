"""Do the bodies of other vendors say the text, each in so many chunks?"""

import pytest

from bench.formats import spoken
from bench.payload import answer_text
from tests.contracts.wire_format import TARGET, decode
from weir.fold import fold_chat
from weir.v1.provider_service_pb2 import ChatRequest
from weir_server.providers.formats.table import FORMATS
from weir_server.providers.plan import Plan

CHUNKS = 10


@pytest.mark.parametrize("kind", ["anthropic", "gemini"])
def test_a_body_says_the_text(kind: str) -> None:
    """Weir's own decoder reads the whole text and the tokens; the SDKs judge that decoder."""
    said = spoken("m", CHUNKS)[kind]
    wire = FORMATS[kind].speech(Plan(kind=kind, field_prefix="")).wire
    decoded = decode(wire.decoder(ChatRequest(), TARGET, stream=True), [said.body])
    response = fold_chat(decoded.events, numbered=False)
    assert "".join(part.text for part in response.message.parts) == answer_text(CHUNKS)
    assert response.usage.completion_tokens == CHUNKS
    assert said.body.count(b"data: ") >= CHUNKS


@pytest.mark.parametrize("kind", ["anthropic", "gemini"])
def test_a_path_is_what_weir_asks(kind: str) -> None:
    """The upstream answers below the base address where the wire format asks."""
    said = spoken(TARGET.vendor_model, CHUNKS)[kind]
    wire = FORMATS[kind].speech(Plan(kind=kind, field_prefix="")).wire
    asked = wire.encode(ChatRequest(), TARGET, stream=True)
    assert asked.path.partition("?")[0] == said.path.format(model=TARGET.vendor_model)
