"""How long does a provider ask us to wait? Read without a clock of our own.

RFC 9110, section 10.2.3: `Retry-After` is a number of seconds or a date. Moments are compared with
the answer's own `Date`, so that neither clock matters. Where it is missing, the limits that are
spent tell when they are whole again; see `wire.resets`.
"""

import math
from collections.abc import Mapping

from weir_server.providers.wire.resets import moment_of_header, reset_s

WAIT_MAX_S = 300.0
"""No vendor makes us wait longer."""


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the wait that lower-case `headers` ask for, at most WAIT_MAX_S.

    None: they ask for none, or for nonsense such as a negative time. `retry-after-ms`, which OpenAI
    and Azure add, is finer and goes first.
    """
    wait_s = _number(headers.get("retry-after-ms", ""))
    if wait_s is not None:
        wait_s /= 1000
    else:
        asked = headers.get("retry-after", "")
        wait_s = _number(asked)
        if wait_s is None:
            wait_s = _until(asked, headers.get("date", ""))
    if wait_s is None:
        wait_s = reset_s(headers)
    return None if wait_s is None else min(wait_s, WAIT_MAX_S)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _until(date: str, now: str) -> float | None:
    """Return the seconds from `now` to `date`; 0 when that has passed."""
    there, here = moment_of_header(date), moment_of_header(now)
    if there is None or here is None:
        return None
    return max(0.0, (there - here).total_seconds())
