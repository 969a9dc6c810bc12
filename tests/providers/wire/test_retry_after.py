"""How long does a provider ask us to wait, and when is what it asks nonsense?"""

import pytest

from weir_server.providers.wire.retry_after import retry_after_s

NOW = "Sat, 22 Nov 2025 10:00:00 GMT"

CASES: dict[str, tuple[dict[str, str], float | None]] = {
    "nothing": ({}, None),
    "seconds": ({"retry-after": "20"}, 20.0),
    "part of a second": ({"retry-after": "0.5"}, 0.5),
    "spaces": ({"retry-after": " 20 "}, 20.0),
    "zero": ({"retry-after": "0"}, 0.0),
    "an hour": ({"retry-after": "3600"}, 300.0),
    "just the bound": ({"retry-after": "300"}, 300.0),
    "negative": ({"retry-after": "-5"}, None),
    "words": ({"retry-after": "soon"}, None),
    "empty": ({"retry-after": ""}, None),
    "not a number": ({"retry-after": "nan"}, None),
    "infinite": ({"retry-after": "inf"}, None),
    "milliseconds first": ({"retry-after-ms": "200", "retry-after": "1"}, 0.2),
    "odd milliseconds": ({"retry-after-ms": "-1", "retry-after": "1"}, 1.0),
    "a date": ({"retry-after": "Sat, 22 Nov 2025 10:00:42 GMT", "date": NOW}, 42.0),
    "a date in another zone": (
        {"retry-after": "Sat, 22 Nov 2025 11:00:42 +0100", "date": NOW},
        42.0,
    ),
    "a date without a zone": (
        {"retry-after": "Sat, 22 Nov 2025 10:00:42 -0000", "date": NOW},
        42.0,
    ),
    "a far date": ({"retry-after": "Tue, 01 Dec 2099 00:00:00 GMT", "date": NOW}, 300.0),
    "a past date": ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT", "date": NOW}, 0.0),
    "a date and no clock": ({"retry-after": "Sat, 22 Nov 2025 10:00:42 GMT"}, None),
    "a date and a broken clock": (
        {"retry-after": "Sat, 22 Nov 2025 10:00:42 GMT", "date": "now"},
        None,
    ),
    "an impossible date": ({"retry-after": "Sat, 99 Nov 2025 99:00:42 GMT", "date": NOW}, None),
    "until a spent limit is whole": (
        {
            "x-ratelimit-remaining-requests": "12",
            "x-ratelimit-reset-requests": "55s",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "1m20.5s",
        },
        80.5,
    ),
    "until the last of two": (
        {"x-ratelimit-reset-requests": "120ms", "x-ratelimit-reset-tokens": "3s"},
        3.0,
    ),
    "what is asked goes before": ({"retry-after": "2", "x-ratelimit-reset-tokens": "9s"}, 2.0),
    "none is spent": (
        {"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "55s"},
        None,
    ),
    "whole after hours": ({"x-ratelimit-reset-requests": "23h59m59.9s"}, 300.0),
    "whole at once": ({"x-ratelimit-reset-requests": "0s"}, 0.0),
    "whole after seconds": ({"x-ratelimit-reset-tokens-minute": "11.38"}, 11.38),
    "whole by the seconds since 1970": ({"x-ratelimit-reset": "1763805642", "date": NOW}, 42.0),
    "whole by the milliseconds since 1970": (
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1763805642500", "date": NOW},
        42.5,
    ),
    "whole by now": ({"x-ratelimit-reset": "1763805600", "date": NOW}, 0.0),
    "whole by a number beyond time": ({"x-ratelimit-reset": "9" * 15, "date": NOW}, 300.0),
    "whole by a moment": (
        {"ratelimit-reset": "2025-11-22T11:00:42+01:00", "date": NOW},
        42.0,
    ),
    "whole by a moment and no clock": ({"x-ratelimit-reset": "1763805642"}, None),
    "whole soon": ({"x-ratelimit-reset-tokens": "soon"}, None),
    "whole after nothing": ({"x-ratelimit-reset-tokens": ""}, None),
    "whole before": ({"x-ratelimit-reset-tokens": "-3"}, None),
    "another header that resets": ({"x-reset-tokens": "3s"}, None),
    "an endless date": ({"retry-after": "Sat, 22 Nov 99999999999 1:1:1 GMT", "date": NOW}, None),
}


@pytest.mark.parametrize("case", CASES)
def test_wait(case: str) -> None:
    """A wait is a number from 0 to 300 s, or none at all; no clock of ours is needed."""
    headers, expected = CASES[case]

    assert retry_after_s(headers) == expected
