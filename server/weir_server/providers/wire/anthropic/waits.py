"""How long does the vendor ask us to wait? `Retry-After`, else when a spent limit is whole again.

The reference "Rate limits": `anthropic-ratelimit-LIMIT-reset` is a moment as in RFC 3339. It is
compared with the answer's own `Date`, so that neither clock matters.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from weir_server.providers.wire.retry_after import WAIT_MAX_S, retry_after_s

_LIMITS = ("requests", "tokens", "input-tokens", "output-tokens")
_PREFIX = "anthropic-ratelimit-"


def wait_s(headers: Mapping[str, str]) -> float | None:
    """Return the wait that lower-case `headers` ask for, at most WAIT_MAX_S; None: none."""
    told_s = retry_after_s(headers)
    if told_s is not None:
        return told_s
    now = _date(headers.get("date", ""))
    if now is None:
        return None
    # Until the last of the limits that are spent: before that, the call would meet it again.
    waits_s = [
        (moment - now).total_seconds()
        for limit in _LIMITS
        if headers.get(f"{_PREFIX}{limit}-remaining", "0").strip() == "0"
        and (moment := _moment(headers.get(f"{_PREFIX}{limit}-reset", ""))) is not None
    ]
    return min(max(0.0, *waits_s), WAIT_MAX_S) if waits_s else None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
