"""Do OpenAI's streams mean the same however they are cut and spelt?"""

from collections.abc import Mapping

import pytest
from typing_extensions import override

from tests.contracts.wire_format import WireFormatSuite
from tests.providers.wire import samples
from weir_server.providers.wire.openai.wire import OpenAIWire


class TestOpenAIStreams(WireFormatSuite):
    """Every recording of OpenAI and of the servers like it."""

    @override
    def wire(self) -> OpenAIWire:
        return OpenAIWire()

    @override
    def streams(self) -> Mapping[str, bytes]:
        return samples.recorded()


@pytest.mark.parametrize("style", samples.styled())
def test_every_spelling_at_every_cut(style: str) -> None:
    """Line ends, comments, marks and fields change nothing, wherever they are cut."""
    body = samples.styled()[style]
    plain = samples.decode_stream(samples.plain()).normal()

    for offset in range(len(body)):
        assert samples.decode_stream(body[:offset], body[offset:]).normal() == plain, offset
