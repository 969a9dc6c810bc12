"""Which faults can an upstream cause? A catalogue by name, for tests that walk all of them.

Refused connections and bad certificates are not answers and so not here: see
`FakeUpstream.refusing_connections` and its `tls`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Any

from weir_server.fake_upstream import misbehaviour as bad
from weir_server.fake_upstream import openai_errors as errors
from weir_server.fake_upstream import openai_wire as wire
from weir_server.fake_upstream.behaviour import Hang, Reply, Sse
from weir_server.fake_upstream.bending import Drip
from weir_server.fake_upstream.exchange import Behaviour, Ending
from weir_server.fake_upstream.sending import Framing
from weir_server.fake_upstream.sse import BOM, PING, PLAIN, SseStyle

PIECES = ("Héllo", ",", " wör", "ld", " 👋", "!")
TEXT = "".join(PIECES)
"""What the streams here say as far as they get, and the unary answers say whole."""

USAGE = wire.usage(19, 6)
"""What they report, where they report it truly."""


class Asked(Enum):
    """The kind of chat request a fault answers."""

    ANY = "any"
    UNARY = "unary"
    STREAM = "stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to fail, or to succeed strangely."""

    name: str
    asked: Asked
    behaviour: Behaviour


_chunks = wire.ChatChunks()
_payloads: list[wire.Json] = _chunks.text(PIECES, usage_=USAGE)
_ROLE, _WORDS = _payloads[0], _payloads[1:-2]
_FINISH, _USAGE = _payloads[-2:]
_UNARY: wire.Json = wire.chat_completion(TEXT, usage_=USAGE)

STREAM = Sse(events=wire.encode_events(_payloads))
"""The whole good stream."""

_BEFORE_TEXT = wire.encode_events([_ROLE], done=False)
_MIDWAY = wire.encode_events([_ROLE, *_WORDS[:3]], done=False)

# A client's HTTP library may discard what it has not handed on when the reset arrives.
_READ_FIRST_S = 0.05


def _stream(payloads: Sequence[Mapping[str, Any] | str], *, done: bool = True) -> Sse:
    return Sse(events=wire.encode_events(payloads, done=done))


def _styled(style: SseStyle, *, before: bytes = b"") -> Sse:
    events = wire.encode_events(_payloads, style=style)
    return Sse(events=(before + events[0], *events[1:]))


def _with_usage(usage: object, **extras: object) -> tuple[Reply, Sse]:
    """Return the good answer with another usage: unary and streamed."""
    last = {**_USAGE, "usage": usage, **extras}
    return (
        Reply(body={**_UNARY, "usage": usage, **extras}),
        _stream([*_payloads[:-1], last]),
    )


def _first_choice(payload: wire.Json, **changes: object) -> wire.Json:
    return {**payload, "choices": [{**payload["choices"][0], **changes}]}


def _refused() -> dict[str, Behaviour]:
    limited = errors.RATE_LIMITED.reply
    return {
        "bad_request": errors.BAD_REQUEST.reply(),
        "context_too_long": errors.CONTEXT_TOO_LONG.reply(),
        "content_blocked": errors.CONTENT_BLOCKED.reply(),
        "unprocessable": errors.UNPROCESSABLE.reply(),
        "bad_key": errors.BAD_KEY.reply(),
        "forbidden": errors.FORBIDDEN.reply(),
        "payment_required": errors.PAYMENT_REQUIRED.reply(),
        "quota_exhausted": errors.QUOTA_EXHAUSTED.reply(),
        "model_not_found": errors.MODEL_NOT_FOUND.reply(),
        "request_timeout": errors.REQUEST_TIMEOUT.reply(),
        "conflict": errors.CONFLICT.reply(),
        "too_large": errors.TOO_LARGE.reply(),
        "too_large_before_body": bad.RefuseBody(),
        "rate_limited": limited(),
        "rate_limited_for_1_s": limited(("retry-after", "1")),
        "rate_limited_for_200_ms": limited(("retry-after-ms", "200"), ("retry-after", "1")),
        "rate_limited_reset_in_1_s": limited(
            ("x-ratelimit-limit-requests", "3"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "1s"),
        ),
        "rate_limited_for_an_hour": limited(("retry-after", "3600")),
        "rate_limited_negative": limited(("retry-after", "-5")),
        "rate_limited_garbage": limited(("retry-after", "soon")),
        "rate_limited_until_past": limited(("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")),
        "rate_limited_until_2099": limited(("retry-after", "Tue, 01 Dec 2099 00:00:00 GMT")),
        "server_error": errors.SERVER_ERROR.reply(),
        "bad_gateway": errors.BAD_GATEWAY.reply(),
        "unavailable": errors.UNAVAILABLE.reply(),
        "gateway_timeout": errors.GATEWAY_TIMEOUT.reply(),
        "server_error_without_body": Reply(status=500),
        "bad_gateway_page": bad.html_page(status=502),
        "wrapped_provider_error": errors.OPENROUTER_ERROR.reply(),
        "overloaded": errors.OVERLOADED.reply(),
        "engine_overloaded": errors.ENGINE_OVERLOADED.reply(),
        "page_instead_of_answer": bad.html_page(),
        "error_in_200_server": Reply(body=errors.SERVER_ERROR.body),
        "error_in_200_rate_limit": Reply(body=errors.RATE_LIMITED.body),
        "error_in_200_bad_key": Reply(body=errors.BAD_KEY.body),
        **{
            f"redirect_{status}": bad.redirect("http://127.0.0.1:9/elsewhere", status=status)
            for status in (300, 301, 302, 303, 304, 305, 307, 308)
        },
    }


def _silent_or_cut() -> dict[str, Behaviour]:
    return {
        "hang_before_headers": Hang(),
        "reset_before_headers": bad.Drop(ending=Ending.RESET),
        "eof_before_headers": bad.Drop(ending=Ending.EOF),
        "eof_in_headers": bad.Raw(pieces=[b"HTTP/1.1 200 OK\r\ncontent-ty"]),
        "not_http": bad.Raw(pieces=[b"SSH-2.0-OpenSSH_9.2p1\r\n"]),
        "endless_headers": bad.EndlessHeader(),
        "endless_header_field": bad.EndlessHeader(one_field=True, field_bytes=4096),
        "drip_headers": Drip(of=Reply(body=_UNARY), every_s=0.05),
    }


def _broken_unary() -> dict[str, Behaviour]:
    whole = json.dumps(_UNARY).encode()
    negative, _ = _with_usage({"prompt_tokens": -5, "completion_tokens": -1, "total_tokens": -6})
    absurd, _ = _with_usage(wire.usage(2**63, 10**15))
    words, _ = _with_usage({"prompt_tokens": "19", "completion_tokens": 6.5, "total_tokens": None})
    free, _ = _with_usage({**USAGE, "cost": 0}, cost=0)
    missing, _ = _with_usage(None)
    return {
        "hang_before_body": Reply(body=whole, cut_after_bytes=0, ending=Ending.STALL),
        "hang_in_body": Reply(body=whole, cut_after_bytes=99, ending=Ending.STALL),
        "short_length": Reply(body=whole, cut_after_bytes=99, ending=Ending.EOF),
        "reset_in_body": Reply(
            body=whole,
            cut_after_bytes=99,
            delay_before_ending_s=_READ_FIRST_S,
            ending=Ending.RESET,
        ),
        "cut_chunked_body": Reply(
            body=whole, framing=Framing.CHUNKED, cut_after_bytes=99, ending=Ending.EOF
        ),
        "drip_body": Drip(of=Reply(body=whole), every_s=0.05, spare_bytes=200),
        "bad_json": Reply(body=whole[:99]),
        "empty_body": Reply(),
        "no_finish_reason": Reply(body=_first_choice(_UNARY, finish_reason=None)),
        "json_but_no_object": Reply(body=b"[1, 2]"),
        "bad_utf8": Reply(body=whole.replace(b"H", b"\xff")),
        "deep_json": Reply(body=b'{"choices":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        "choices_of_wrong_type": Reply(body={**_UNARY, "choices": {"0": "text"}}),
        "huge_body": bad.HugeBody(),
        "bomb": bad.CompressedBomb(),
        "deflate_bomb": bad.CompressedBomb(coding="deflate"),
        "no_choices": Reply(body={**_UNARY, "choices": []}),
        "no_content": Reply(body=wire.chat_completion(None)),
        "filtered": Reply(body=wire.chat_completion("", finish_reason="content_filter")),
        "usage_missing": missing,
        "usage_negative": negative,
        "usage_absurd": absurd,
        "usage_of_wrong_types": words,
        "usage_says_free": free,
        "new_finish_reason": Reply(body=wire.chat_completion(TEXT, finish_reason="tired")),
        "unknown_fields": Reply(body={**_UNARY, "mood": {"deep": [1, None]}, "vendor_x": 2**70}),
    }


def _broken_stream() -> dict[str, Behaviour]:
    midway = Sse(events=_MIDWAY)
    stall = replace(midway, ending=Ending.STALL)
    server_error = wire.encode_event(errors.SERVER_ERROR.body)
    named_error = wire.encode_event(errors.SERVER_ERROR.body, SseStyle(event_name="error"))
    error_chunk = _first_choice(
        {**_FINISH, "error": {"code": 502, "message": "Provider disconnected"}},
        finish_reason="error",
    )
    return {
        "hang_before_first_event": Sse(events=(), ending=Ending.STALL),
        "hang_before_text": Sse(events=_BEFORE_TEXT, ending=Ending.STALL),
        "stall": stall,
        "stall_with_pings": replace(stall, ping_every_s=0.02),
        "ping_and_never_begin": Sse(events=(PING,), ending=Ending.STALL, ping_every_s=0.02),
        "drip_stream": Drip(of=STREAM, every_s=0.05, spare_bytes=200),
        "eof_before_text": Sse(events=_BEFORE_TEXT, ending=Ending.EOF),
        "reset": replace(midway, ending=Ending.RESET, delay_before_ending_s=_READ_FIRST_S),
        "eof": replace(midway, ending=Ending.EOF),
        "eof_in_event": replace(midway, cut_after_bytes=len(midway.body) - 9, ending=Ending.EOF),
        "ends_without_finish": midway,
        "ends_without_done": _stream(_payloads, done=False),
        "ends_by_close_without_finish": replace(
            midway, framing=Framing.UNTIL_CLOSE, ending=Ending.EOF
        ),
        "empty_stream": Sse(events=()),
        "only_done": Sse(events=wire.encode_events([])),
        **{
            f"chunk_{fault.name.lower()}": bad.BrokenChunks(fault=fault, events=_MIDWAY)
            for fault in bad.ChunkFault
        },
        "bad_data_line": Sse(events=(*_MIDWAY, PLAIN.event('{"choices":[{"delta":'))),
        "bad_data_first": Sse(events=(PLAIN.event("oops"),)),
        "data_no_object": Sse(events=(*_MIDWAY, PLAIN.event("[1,2]"))),
        "bad_utf8_stream": Sse(events=(*_MIDWAY, b'data: {"choices":["\xff\xfe"]}\n\n')),
        "huge_line": bad.HugeEvent(events_before=_MIDWAY),
        "huge_event": bad.HugeEvent(events_before=_MIDWAY, line_bytes=1000),
        "bomb_stream": bad.CompressedBomb(as_event=True),
        "unary_instead_of_stream": Reply(body=_UNARY),
        "error_list_instead_of_stream": Reply(body=json.dumps([errors.RATE_LIMITED.body]).encode()),
        "page_as_stream": Sse(events=(b"<!DOCTYPE html><title>Down</title>",)),
        "error_event_first": Sse(events=(server_error,)),
        "bare_error_event": _stream([{"message": "Internal", "type": "server_error", "code": 500}]),
        "error_event_of_nothing": _stream([{"error": {}}]),
        "error_event_without_words": _stream([{"error": ""}]),
        "error_event_of_nothing_later": _stream([_ROLE, *_WORDS, {"error": {}}, _FINISH]),
        "detail_event": _stream([{"detail": "oops"}]),
        "status_event": _stream([{"status": "error"}]),
        "role_then_done": _stream([_ROLE]),
        "error_event_first_rate_limit": Sse(events=(wire.encode_event(errors.RATE_LIMITED.body),)),
        "named_error_event_first": Sse(events=(named_error,)),
        "error_event_after_role": Sse(events=(*_BEFORE_TEXT, server_error)),
        "error_event_later": Sse(events=(*_MIDWAY, server_error)),
        "named_error_event_later": Sse(events=(*_MIDWAY, named_error)),
        "error_chunk_later": Sse(events=(*_MIDWAY, *wire.encode_events([error_chunk]))),
    }


def _strange_stream() -> dict[str, Behaviour]:
    body = STREAM.body
    negative = _with_usage({"prompt_tokens": -5, "completion_tokens": -1, "total_tokens": -6})[1]
    absurd = _with_usage(wire.usage(2**63, 10**15))[1]
    free = _with_usage({**USAGE, "cost": 0}, cost=0)[1]
    every = [{**chunk, "usage": wire.usage(19, n)} for n, chunk in enumerate(_payloads[:-1])]
    unknown = {**_FINISH, "mood": {"deep": [1, None]}, "vendor_x": 2**70}
    return {
        "lines_end_in_cr": _styled(SseStyle(newline="\r")),
        "lines_end_in_crlf": _styled(SseStyle(newline="\r\n")),
        "starts_with_bom": _styled(PLAIN, before=BOM),
        "no_space_after_colon": _styled(SseStyle(space_after_colon=False)),
        "comments_between": _styled(SseStyle(comment_before=" warm"), before=PING),
        "named_events": _styled(SseStyle(event_name="message")),
        "other_fields": _styled(SseStyle(fields_before=("id: 7", "retry: 10", "x: y", "z"))),
        "unknown_event": Sse(
            events=(
                *_MIDWAY,
                SseStyle(event_name="mood").event('{"mood":"fine"}'),
                *STREAM.events[len(_MIDWAY) :],
            )
        ),
        "byte_by_byte": replace(STREAM, slice_at_bytes=range(1, len(body))),
        "cut_inside_utf8": replace(STREAM, slice_at_bytes=_inside_characters(body)),
        "no_choices_stream": _stream([{**_ROLE, "choices": []}, _USAGE]),
        "empty_answer": _stream([_ROLE, _FINISH, _USAGE]),
        "filtered_stream": _stream([_ROLE, *_WORDS, _chunks.finish("content_filter"), _USAGE]),
        "usage_missing_stream": _stream(_payloads[:-1]),
        "usage_negative_stream": negative,
        "usage_absurd_stream": absurd,
        "usage_says_free_stream": free,
        "finish_twice": _stream([_ROLE, *_WORDS, _FINISH, _FINISH, _USAGE]),
        "usage_twice": _stream([*_payloads, _USAGE]),
        "usage_cumulative": _stream([*every, _USAGE]),
        "done_twice": _stream([*_payloads, "[DONE]"]),
        "new_finish_reason_stream": _stream([_ROLE, *_WORDS, _chunks.finish("tired"), _USAGE]),
        "unknown_fields_stream": _stream([_ROLE, *_WORDS, unknown, _USAGE]),
    }


def _inside_characters(body: bytes) -> list[int]:
    """Return every offset that lies within a character of several bytes."""
    return [offset for offset, byte in enumerate(body) if byte & 0xC0 == 0x80]


def _catalogue() -> Mapping[str, Fault]:
    groups: tuple[tuple[Asked, Callable[[], dict[str, Behaviour]]], ...] = (
        (Asked.ANY, _refused),
        (Asked.ANY, _silent_or_cut),
        (Asked.UNARY, _broken_unary),
        (Asked.STREAM, _broken_stream),
        (Asked.STREAM, _strange_stream),
    )
    faults: dict[str, Fault] = {}
    for asked, group in groups:
        for name, behaviour in group().items():
            if name in faults:
                raise ValueError(f"two faults are called {name}")
            faults[name] = Fault(name=name, asked=asked, behaviour=behaviour)
    return MappingProxyType(faults)


FAULTS: Mapping[str, Fault] = _catalogue()
