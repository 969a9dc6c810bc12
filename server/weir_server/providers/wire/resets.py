"""When is a limit whole again that a vendor says is spent? By the headers that count it down.

Each limit has a header that tells what remains of it, and one that tells when it is whole:
`x-ratelimit-remaining-tokens` and `x-ratelimit-reset-tokens` at OpenAI and servers like it,
`anthropic-ratelimit-tokens-remaining` and `-reset` at Anthropic, `x-ratelimit-reset` alone at
OpenRouter, whose other vendors leave it out. The time is a span as Go writes it (`6m0s`), a number
of seconds, the seconds or milliseconds since 1970, or a moment as in RFC 3339.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_NAME = re.compile(r"(?:x-|anthropic-)?ratelimit-(?:[a-z-]{1,40}-)?reset(?:-[a-z-]{1,40})?")
_SPAN = re.compile(
    r"(?:(?P<days>[0-9]{1,4})d)?(?:(?P<hours>[0-9]{1,6})h)?(?:(?P<minutes>[0-9]{1,6})m(?!s))?"
    r"(?:(?P<seconds>[0-9]{1,9}(?:\.[0-9]{1,9})?)s)?(?:(?P<milliseconds>[0-9]{1,9})ms)?"
)
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,12})?")
_SINCE_1970_S = 1e9
"""A number beyond it is no span: it would be thirty years."""
_SINCE_1970_MS = 1e12


def reset_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until the last of the spent limits is whole again; None: none is told.

    Before that, the call would meet the limit again. headers: by lower-case names.
    """
    waits_s = [
        wait_s
        for name, told in headers.items()
        if "reset" in name
        and _NAME.fullmatch(name)
        and _is_spent(headers.get(name.replace("reset", "remaining"), "0"))
        and (wait_s := _wait_s(told.strip(), headers.get("date", ""))) is not None
    ]
    return max(0.0, *waits_s) if waits_s else None


def moment_of_header(text: str) -> datetime | None:
    """Return the moment that a header such as `Date` tells; None: it tells none."""
    try:
        return _in_a_zone(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _is_spent(remaining: str) -> bool:
    return remaining.strip() in ("0", "0.0")


def _wait_s(told: str, date: str) -> float | None:
    if _NUMBER.fullmatch(told):
        number = float(told)
        if number < _SINCE_1970_S:
            return number
        since_s = number / 1000 if number >= _SINCE_1970_MS else number
        moment = datetime.fromtimestamp(min(since_s, 2 * _SINCE_1970_S), UTC)
    elif told and (span := _SPAN.fullmatch(told)):
        parts = {name: float(value) for name, value in span.groupdict("0").items()}
        return timedelta(**parts).total_seconds()
    else:
        try:
            moment = _in_a_zone(datetime.fromisoformat(told))
        except ValueError:
            return None
    now = moment_of_header(date)
    return None if now is None else (moment - now).total_seconds()


def _in_a_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
