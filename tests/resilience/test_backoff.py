"""Waits between attempts are spread out, grow, and stay within their cap."""

import random

from weir_server.resilience.backoff import Backoff


def test_waits_are_jittered_and_capped() -> None:
    """Full jitter: anything from nothing to the span, which doubles up to the cap."""
    backoff, rng = Backoff(base_s=1.0, cap_s=4.0), random.Random(3)
    for retry, most_s in ((0, 1.0), (1, 2.0), (2, 4.0), (9, 4.0)):
        waits = [backoff.delay_s(retry, rng) for _ in range(200)]
        assert 0.0 <= min(waits) < 0.1 * most_s
        assert 0.9 * most_s < max(waits) <= most_s


def test_a_large_count_is_no_trouble() -> None:
    """However often something was tried, the wait is the cap's."""
    assert 0.0 <= Backoff().delay_s(5_000, random.Random(1)) <= 8.0
