"""Which time does a person mean? `7d`, `12h`, a date or a moment, in UTC where nothing is said."""

import re
from datetime import UTC, datetime, timedelta

from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError

_AGO = re.compile(r"(?P<count>[0-9]{1,5})(?P<unit>min|h|d|w)", re.ASCII)
_UNITS = {
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def moment(given: str, *, now: datetime, option: str) -> datetime:
    """Return the moment that `given` names: so long before `now`, or an ISO 8601 date or time.

    Raises CommandError, naming `option`, for anything else.
    """
    if ago := _AGO.fullmatch(given):
        return now - int(ago["count"]) * _UNITS[ago["unit"]]
    try:
        time = datetime.fromisoformat(given)
    except ValueError as error:
        raise CommandError(
            f"{option} {given}: give 30min, 12h, 7d or 4w, or a date such as 2026-11-25.",
            ExitCode.USAGE,
        ) from error
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
