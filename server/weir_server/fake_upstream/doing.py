"""What does a rule of a script do? One answer or one way to break, and how it is bent."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from weir_server.fake_upstream import openai_errors as errors
from weir_server.fake_upstream import recordings
from weir_server.fake_upstream.adjusting import Changed, Changes, can_change
from weir_server.fake_upstream.behaviour import Hang, Reply, Sse
from weir_server.fake_upstream.bending import Delayed, Drip
from weir_server.fake_upstream.capacity import Concurrency, FlappingInTime, PerKeyQuota
from weir_server.fake_upstream.changing import CHANGES, is_header_text, read_changes
from weir_server.fake_upstream.exchange import Behaviour, Ending
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.misbehaviour import CompressedBomb, Drop, HugeEvent, redirect
from weir_server.fake_upstream.openai_service import OpenAiService, words
from weir_server.fake_upstream.reading import Section, is_unicode

BASES = (
    "answer",
    "fault",
    "recording",
    "body",
    "redirect",
    "no_answer",
    "huge_line_bytes",
    "bomb_bytes",
)
"""What is answered; at most one of them. Without any: an error for a bad status, else the echo."""

AROUND = ("delay_before_headers_s", "drip", "concurrency", "quota", "flapping")
"""What goes around anything at all, the innermost first."""

ACTIONS = (*BASES, *CHANGES, *AROUND)

# A time to be down or up; of none at all there is no round to go.
_LEAST_S = 0.001

# Words are all in memory at once, huge lines and bombs are made as they are sent.
_MOST_WORDS = 1_000_000
_MOST_BYTES = 1_000_000_000_000

_NO_ANSWER: Mapping[str, Behaviour] = {
    "reset": Drop(ending=Ending.RESET),
    "close": Drop(ending=Ending.EOF),
    "hang": Hang(),
}
_VENDOR_ERRORS = {
    error.status: error
    for error in (
        errors.BAD_REQUEST,
        errors.BAD_KEY,
        errors.PAYMENT_REQUIRED,
        errors.FORBIDDEN,
        errors.MODEL_NOT_FOUND,
        errors.REQUEST_TIMEOUT,
        errors.CONFLICT,
        errors.TOO_LARGE,
        errors.UNPROCESSABLE,
        errors.RATE_LIMITED,
        errors.SERVER_ERROR,
        errors.BAD_GATEWAY,
        errors.UNAVAILABLE,
        errors.GATEWAY_TIMEOUT,
        errors.OVERLOADED,
    )
}


def read_action(section: Section, name: str) -> Behaviour:
    """Read what a rule does; `name` keeps its quotas and limits apart from another rule's."""
    bases = [key for key in BASES if section.has(key)]
    for key in bases[1:]:
        section.refuse(key, f"does not go with {bases[0]}; keep one, or make two rules of it")
    changes = read_changes(section)
    base = _BASES[bases[0]](section) if bases else _without_base(section, changes)
    done = _changed(section, base, changes, bases[0] if bases else "")
    return _around(section, done, name)


def _without_base(section: Section, changes: Changes) -> Behaviour:
    status = changes.status
    if status is None and section.has("flapping") and not any(map(section.has, CHANGES)):
        return errors.UNAVAILABLE.reply()
    if status is None or status < 400:
        return OpenAiService()
    if status in _VENDOR_ERRORS:
        return _VENDOR_ERRORS[status].reply()
    return Reply(status=status, body=errors.error_body(f"Scripted status {status}."))


def _answer(section: Section) -> Behaviour:
    asked = section.section("answer", ("words", "text", "delay_between_s"))
    if asked is None:
        return OpenAiService()
    if asked.has("words") and asked.has("text"):
        asked.refuse("text", "does not go with words; keep one")
    count, text = asked.whole("words", most=_MOST_WORDS), asked.text("text")
    return OpenAiService(
        says=text if count is None else words(count),
        delay_between_s=asked.number("delay_between_s") or 0.0,
    )


def _fault(section: Section) -> Behaviour:
    name = section.choice("fault", FAULTS.keys())
    return OpenAiService() if name is None else FAULTS[name].behaviour


def _recording(section: Section) -> Behaviour:
    name = section.choice("recording", recordings.names())
    return OpenAiService() if name is None else recordings.load(name).sse()


def _body(section: Section) -> Behaviour:
    body = section.values["body"]
    if isinstance(body, str) and is_unicode(body):
        return Reply(body=body.encode(), content_type="text/plain; charset=utf-8")
    if isinstance(body, dict):
        try:
            return Reply(body=json.dumps(body).encode())
        except (TypeError, ValueError, RecursionError) as failure:
            section.refuse("body", f"cannot be sent as JSON ({failure}); put it in quotes")
            return Reply()
    section.refuse("body", f"must be a mapping, sent as JSON, or a text, not {body!r}")
    return Reply()


def _redirect(section: Section) -> Behaviour:
    target = section.text("redirect")
    if target is not None and not is_header_text(target):
        section.refuse("redirect", "must be a URL in ASCII without line ends")
    return redirect(target or "/")


def _no_answer(section: Section) -> Behaviour:
    return _NO_ANSWER[section.choice("no_answer", _NO_ANSWER.keys()) or "hang"]


def _huge_line(section: Section) -> Behaviour:
    return HugeEvent(event_bytes=section.whole("huge_line_bytes", most=_MOST_BYTES) or 1)


def _bomb(section: Section) -> Behaviour:
    return CompressedBomb(decoded_bytes=section.whole("bomb_bytes", most=_MOST_BYTES) or 1)


_BASES: Mapping[str, Callable[[Section], Behaviour]] = {
    "answer": _answer,
    "fault": _fault,
    "recording": _recording,
    "body": _body,
    "redirect": _redirect,
    "no_answer": _no_answer,
    "huge_line_bytes": _huge_line,
    "bomb_bytes": _bomb,
}


def _changed(section: Section, base: Behaviour, changes: Changes, base_key: str) -> Behaviour:
    used = [key for key in CHANGES if section.has(key)]
    if can_change(base):
        assert isinstance(base, OpenAiService | Reply | Sse | Drip)
        changes = replace(changes, delay_before_headers_s=section.number("delay_before_headers_s"))
        return base if changes == Changes() else Changed(of=base, changes=changes)
    for key in used:
        what = f"{base_key} {section.values[base_key]}"
        section.refuse(key, f"does not go with {what}, which is no whole HTTP answer; remove it")
    delay_s = section.number("delay_before_headers_s")
    return base if delay_s is None else Delayed(of=base, delay_s=delay_s)


def _around(section: Section, done: Behaviour, name: str) -> Behaviour:
    drip = section.section("drip", ("every_s", "step_bytes", "spare_bytes"))
    if drip is not None:
        done = Drip(
            of=done,
            every_s=_needed(drip, "every_s"),
            step_bytes=drip.whole("step_bytes") or 1,
            spare_bytes=drip.whole("spare_bytes", least=0) or 0,
        )
    if section.has("concurrency"):
        done = Concurrency(of=done, limit=section.whole("concurrency") or 1, name=name)
    if section.has("quota"):
        done = _with_quota(section, done, name)
    if section.has("flapping"):
        done = _flapping(section, done, name)
    return done


def _with_quota(section: Section, done: Behaviour, name: str) -> Behaviour:
    quota = section.section("quota", ("limit", "window_s"))
    if quota is None:
        return done
    window_s = _needed(quota, "window_s")
    limit = quota.whole("limit", least=0)
    if not quota.has("limit"):
        quota.refuse("limit", "is missing; add it")
    return PerKeyQuota(of=done, limit=limit or 0, window_s=window_s, name=name)


def _flapping(section: Section, down: Behaviour, name: str) -> Behaviour:
    flapping = section.section("flapping", ("down_s", "up_s", "starts"))
    if flapping is None:
        return down
    starts = flapping.choice("starts", ("down", "up"))
    if starts == "up" and not flapping.has("up_s"):
        flapping.refuse("up_s", "is needed where it starts up; add the seconds")
    return FlappingInTime(
        down=down,
        down_s=_needed(flapping, "down_s", least=_LEAST_S),
        up_s=flapping.number("up_s", least=_LEAST_S) or math.inf,
        starts_down=starts != "up",
        name=name,
    )


def _needed(section: Section, key: str, *, least: float = 0.0) -> float:
    value = section.number(key, least=least)
    if not section.has(key):
        section.refuse(key, "is missing; add it")
    return value or 0.0
