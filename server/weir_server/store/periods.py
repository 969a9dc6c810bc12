"""When did a budget's day or month begin? In UTC, and never earlier than was once said."""

import calendar
import time
from typing import Final

from weir_server.core.ledger import Period

_SECOND_NS: Final = 1_000_000_000
_DAY_NS: Final = 86_400 * _SECOND_NS


def window_start_ns(period: Period, now_ns: int) -> int:
    """Return the beginning of the period that a moment lies in; 0 for the whole of time."""
    match period:
        case Period.TOTAL:
            return 0
        case Period.DAY:
            return now_ns - now_ns % _DAY_NS
        case Period.MONTH:
            now = time.gmtime(now_ns // _SECOND_NS)
            return calendar.timegm((now.tm_year, now.tm_mon, 1, 0, 0, 0)) * _SECOND_NS
