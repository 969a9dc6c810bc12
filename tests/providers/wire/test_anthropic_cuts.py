"""Do Anthropic's streams mean the same however they are cut, whatever their blocks are?"""

import json
from collections.abc import Mapping

from typing_extensions import override

from tests.contracts.wire_format import WireFormatSuite
from tests.providers.wire import anthropic_words as w
from tests.providers.wire.test_anthropic_replay import BLOCKS, blocks_streamed
from weir_server.fake_upstream.sse import BOM
from weir_server.providers.wire.anthropic.wire import AnthropicWire

NAMES = ("redacted thoughts", "a search with citations", "a compaction", "what nobody knows yet")


class TestAnthropicStreams(WireFormatSuite):
    """Blocks of every kind in one stream."""

    @override
    def wire(self) -> AnthropicWire:
        return AnthropicWire()

    @override
    def streams(self) -> Mapping[str, bytes]:
        return {
            "all kinds": blocks_streamed(tuple(block for name in NAMES for block in BLOCKS[name]))
        }


def test_every_spelling_means_the_same() -> None:
    """Line ends, marks, comments and missing names change nothing, wherever they are cut."""
    events = [w.started(), w.PING, *w.text_block(0, ["Hé", "llo"]), *w.stopped()]
    plain = w.stream_of(*events)
    whole = w.decode_stream(plain).normal()
    nameless = b"".join(b"data:" + json.dumps(event).encode() + b"\n\n" for event in events)
    for body in (
        plain.replace(b"\n", b"\r\n"),
        plain.replace(b"\n", b"\r"),
        BOM + plain,
        plain.replace(b"event: ", b": warm\nid: 7\nevent:"),
        nameless,
    ):
        for offset in range(0, len(body), 7):
            assert w.decode_stream(body[:offset], body[offset:]).normal() == whole
