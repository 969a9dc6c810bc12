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
    "an endless date": ({"retry-after": "Sat, 22 Nov 99999999999 1:1:1 GMT", "date": NOW}, None),
}


@pytest.mark.parametrize("case", CASES)
def test_wait(case: str) -> None:
    """A wait is a number from 0 to 300 s, or none at all; no clock of ours is needed."""
    headers, expected = CASES[case]

    assert retry_after_s(headers) == expected
