"""Which requests does a rule answer? Those that fit every condition it names."""

import fnmatch
from collections.abc import Hashable
from dataclasses import dataclass

from weir_server.fake_upstream.exchange import Exchange
from weir_server.fake_upstream.journal import Attempt
from weir_server.fake_upstream.reading import Section

CONDITIONS = (
    "model",
    "credential",
    "path",
    "stream",
    "after_s",
    "before_s",
    "skip",
    "first",
    "every",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Conditions on a request; None asks nothing.

    Texts may hold `*`, `?` and `[...]`. Times are seconds since the script began. `skip`, `first`
    and `every` count the requests that fit all the rest and that no earlier rule has taken.
    """

    model: str | None = None
    credential: str | None = None
    path: str | None = None
    stream: bool | None = None
    after_s: float | None = None
    before_s: float | None = None
    skip: int = 0
    first: int | None = None
    every: int = 1

    def fits(self, exchange: Exchange, key: Hashable) -> bool:
        """Return whether the rule answers this request; it counts it under the rule's key."""
        memory = exchange.journal.memory
        if not (
            self._is_time(exchange.attempt.started_at - memory.began_at)
            and self._is_asked(exchange.attempt)
        ):
            return False
        if self.skip == 0 and self.first is None and self.every == 1:
            return True
        memory.counts[key] += 1
        number = memory.counts[key] - self.skip
        is_within = number > 0 and (self.first is None or number <= self.first)
        return is_within and number % self.every == 0

    def _is_time(self, since_s: float) -> bool:
        is_after = self.after_s is None or since_s >= self.after_s
        return is_after and (self.before_s is None or since_s < self.before_s)

    def _is_asked(self, attempt: Attempt) -> bool:
        return (
            (self.path is None or _is_like(attempt.path, self.path))
            and (self.model is None or _is_like(attempt.model or "", self.model))
            and (self.credential is None or _is_like(attempt.credential or "", self.credential))
            and (self.stream is None or attempt.is_stream == self.stream)
        )


def read_match(section: Section) -> Match:
    """Read the conditions of a rule."""
    if "after_s" in section.values and "before_s" in section.values:
        after_s, before_s = section.number("after_s"), section.number("before_s")
        if after_s is not None and before_s is not None and after_s >= before_s:
            section.refuse("before_s", "must be more than after_s, or the rule never fits")
    return Match(
        model=section.text("model"),
        credential=section.text("credential"),
        path=section.text("path"),
        stream=section.flag("stream"),
        after_s=section.number("after_s"),
        before_s=section.number("before_s"),
        skip=section.whole("skip", least=0) or 0,
        first=section.whole("first"),
        every=section.whole("every") or 1,
    )


def _is_like(text: str, pattern: str) -> bool:
    # fnmatch keeps the compiled patterns.
    return fnmatch.fnmatchcase(text, pattern)
