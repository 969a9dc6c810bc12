"""How long is `90d`? Spans of time as people write them on a command line."""

import re

from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError

_UNITS_S = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_SPAN = re.compile(rf"([0-9]{{1,6}})({'|'.join(_UNITS_S)})", re.ASCII)


def seconds_of(option: str, text: str) -> int:
    """Return a span in seconds. Raises CommandError, naming the option."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise CommandError(
            f"{option} is a number with a unit, such as 30d, 12h, 90min or 45s.", ExitCode.USAGE
        )
    return int(match[1]) * _UNITS_S[match[2]]
