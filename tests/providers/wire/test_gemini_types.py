"""Does Weir know every word that the vendor's own types have, and do its recordings fit them?"""

import json

import pytest
from google.genai import types

from tests.contracts.vendor_wire import Recorded
from tests.providers.wire.gemini_samples import chunk, usage
from tests.providers.wire.test_gemini_contract import ANSWERS
from tests.providers.wire.test_gemini_replay import TURNS
from tests.providers.wire.test_gemini_sources import GROUNDING
from weir.v1.generation_pb2 import FinishReason
from weir_server.providers.wire.gemini.extras import KINDS
from weir_server.providers.wire.gemini.finish import REASONS, UNFINISHED, reason_of

OTHERS = {
    *("OTHER", "LANGUAGE", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "NO_IMAGE"),
    *("TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE", "IMAGE_OTHER"),
    *("ESCALATION", "PUP_LIMITED_DISABLED"),
}
"""Reasons that say no more to a caller than the vendor's own word does."""
BESIDE = {
    *("thought", "thoughtSignature", "mediaResolution", "videoMetadata", "partMetadata"),
    *("audioTranscription", "mediaProcessing", "speechMetadata", "documentMetadata"),
    *("spreadsheetMetadata", "audioMetadata"),
}
"""Members of a part that stand beside what it is."""


def test_every_finish_reason_is_known() -> None:
    """A new one of the SDK is to be thought about."""
    words = {reason.value for reason in types.FinishReason}
    assert words == {*REASONS, *OTHERS} | (UNFINISHED - {""})
    for word in OTHERS:
        other = FinishReason.FINISH_REASON_OTHER
        assert reason_of(word, blocked=False, called=False) == other


def test_every_member_of_a_part_is_known() -> None:
    """Either it says what the part is, or it stands beside that."""
    members = {field.alias or name for name, field in types.Part.model_fields.items()}
    assert members == KINDS | BESIDE
    assert not KINDS & BESIDE


@pytest.mark.parametrize("name", [n for n, said in ANSWERS.items() if isinstance(said, Recorded)])
def test_recordings_have_the_vendors_shape(name: str) -> None:
    """The SDK reads each whole answer and each chunk, and refuses members that it does not know."""
    recorded = ANSWERS[name]
    assert isinstance(recorded, Recorded)
    chunks = recorded.stream.decode().removeprefix("data: ").removesuffix("\r\n\r\n")
    for text in (recorded.unary.decode(), *chunks.split("\r\n\r\ndata: ")):
        types.GenerateContentResponse.model_validate(json.loads(text))


@pytest.mark.parametrize("name", sorted(TURNS.keys() - {"what nobody knows"}))
def test_turns_have_the_vendors_shape(name: str) -> None:
    """Odd as they are."""
    said = chunk(*TURNS[name], finish="STOP", groundingMetadata=GROUNDING, usage_=usage(thoughts=3))
    if name == "bytes that are none":
        with pytest.raises(ValueError, match="base64"):
            types.GenerateContentResponse.model_validate(said)
        return
    types.GenerateContentResponse.model_validate(said)
