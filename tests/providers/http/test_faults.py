"""What does each fault of an upstream become? The table of faults, through real sockets."""

import pytest

from tests.providers.http.asking import PROVIDER, a_call, ask, provider_at
from weir.v1.error_pb2 import ErrorReason
from weir_server.core.errors import UpstreamError
from weir_server.fake_upstream.faults import FAULTS, Asked
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.providers.http.watchdog import HttpLimits

SHORT = HttpLimits(headers_s=0.3, idle_s=0.3)

CUT = ("UPSTREAM_STREAM_BROKEN", "cut")
STALLED = ("UPSTREAM_STREAM_BROKEN", "stalled")
MALFORMED = ("UPSTREAM_PROTOCOL_ERROR", "malformed")
TOO_LARGE = ("UPSTREAM_PROTOCOL_ERROR", "too_large")
REDIRECT = ("UPSTREAM_PROTOCOL_ERROR", "redirect")
TIMEOUT = ("UPSTREAM_TIMEOUT", None)

OUTCOMES: dict[str, tuple[str, str | None]] = {
    **{f"redirect_{status}": REDIRECT for status in (300, 301, 302, 303, 304, 305, 307, 308)},
    "page_instead_of_answer": ("UPSTREAM_PROTOCOL_ERROR", "content_type"),
    "bad_gateway_page": ("UPSTREAM_ERROR", None),
    "too_large_before_body": ("REQUEST_TOO_LARGE", None),
    "reset_before_headers": ("UPSTREAM_ERROR", "cut"),
    "eof_before_headers": ("UPSTREAM_ERROR", "cut"),
    "eof_in_headers": ("UPSTREAM_ERROR", "cut"),
    "not_http": MALFORMED,
    "endless_headers": TOO_LARGE,
    "endless_header_field": TOO_LARGE,
    "hang_before_body": TIMEOUT,
    "hang_in_body": STALLED,
    "short_length": CUT,
    "reset_in_body": CUT,
    "cut_chunked_body": CUT,
    "bad_json": MALFORMED,
    "no_finish_reason": CUT,
    "huge_body": TOO_LARGE,
    "bomb": TOO_LARGE,
    "deflate_bomb": TOO_LARGE,
    "hang_before_first_event": TIMEOUT,
    "hang_before_text": STALLED,
    "stall": STALLED,
    "stall_with_pings": STALLED,
    "ping_and_never_begin": STALLED,
    "drip_stream": STALLED,
    "eof_before_text": CUT,
    "reset": CUT,
    "eof": CUT,
    "eof_in_event": CUT,
    "ends_without_finish": CUT,
    "ends_without_done": CUT,
    "ends_by_close_without_finish": CUT,
    "empty_stream": CUT,
    "chunk_bad_size": CUT,
    "chunk_negative_size": CUT,
    "chunk_empty_size": CUT,
    "chunk_huge_size": CUT,
    "chunk_too_short": CUT,
    "chunk_no_line_end": CUT,
    "chunk_no_last_chunk": CUT,
    "bad_data_line": MALFORMED,
    "page_as_stream": MALFORMED,
    "detail_event": MALFORMED,
    "status_event": MALFORMED,
    "role_then_done": CUT,
    "huge_line": TOO_LARGE,
    "huge_event": TOO_LARGE,
    "bomb_stream": TOO_LARGE,
}
ASKED = [
    (name, streaming)
    for name in OUTCOMES
    for streaming in (True, False)
    if FAULTS[name].asked is Asked.ANY or (FAULTS[name].asked is Asked.STREAM) is streaming
]


@pytest.mark.parametrize(("name", "streaming"), ASKED)
async def test_each_fault_has_its_reason(name: str, streaming: bool) -> None:
    """No broken answer passes for a good one, and each says what broke it."""
    async with FakeUpstream(FAULTS[name].behaviour) as upstream:
        call = a_call(streaming=streaming)
        async with provider_at(upstream, limits=SHORT) as provider:
            with pytest.raises(UpstreamError) as caught:
                await ask(provider, call)

        await upstream.wait_idle()
        assert (caught.value.name(), caught.value.metadata.get("cause")) == OUTCOMES[name]
        assert caught.value.metadata["provider"] == PROVIDER
        (attempt,) = call.progress.attempts
        assert ErrorReason.Name(attempt.reason) == f"ERROR_REASON_{caught.value.name()}"
        assert len(upstream.journal) == 1


@pytest.mark.parametrize("name", ["hang_before_headers", "drip_headers"])
async def test_a_stream_has_a_limit_for_all_its_headers(name: str) -> None:
    """Headers that come byte by byte gain no time by it."""
    async with (
        FakeUpstream(FAULTS[name].behaviour) as upstream,
        provider_at(upstream, limits=SHORT) as provider,
    ):
        with pytest.raises(UpstreamError) as caught:
            await ask(provider, a_call())

        assert caught.value.name() == "UPSTREAM_TIMEOUT"
