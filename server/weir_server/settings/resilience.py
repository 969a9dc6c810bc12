"""What does Weir do when a provider is slow or down? Sources of the numbers: docs/resilience.md."""

from typing import Annotated

from pydantic import Field, model_validator

from weir_server.settings.node import Node, Seconds


class BreakerSettings(Node):
    """When a target is left alone, and for how long. One circuit breaker for each target."""

    window_s: Seconds = 30.0
    min_calls: Annotated[int, Field(ge=1, le=100_000)] = 20
    """So many calls in the window before shares mean anything."""
    failure_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    slow_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    slow_after_s: Seconds = 20.0
    """A first token that takes longer than this is slow."""
    consecutive_failures: Annotated[int, Field(ge=1, le=1000)] = 5
    open_s: Seconds = 5.0
    """How long it stays open at first; it doubles with each failed trial."""
    open_max_s: Seconds = 60.0
    trials: Annotated[int, Field(ge=1, le=100)] = 3
    """Trial calls for each period, and successes that close it again."""


class ConcurrencySettings(Node):
    """How many calls one provider gets at a time: found out between the bounds (AIMD)."""

    initial: Annotated[int, Field(ge=1, le=4096)] = 100
    minimum: Annotated[int, Field(ge=1, le=4096)] = 1
    maximum: Annotated[int, Field(ge=1, le=4096)] = 512

    @model_validator(mode="after")
    def _is_ordered(self) -> "ConcurrencySettings":
        if not self.minimum <= self.initial <= self.maximum:
            raise ValueError("choose minimum <= initial <= maximum")
        return self


class ResilienceSettings(Node):
    """What Weir does when a provider fails."""

    enabled: bool = True
    """False: each call asks its first target once, and nothing is remembered of it."""
    max_attempts: Annotated[int, Field(ge=1, le=11)] = 3
    """Attempts of one call over all targets, unless `max_retries` of its provider says more."""
    retry_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Repeats for each first attempt, per provider."""
    retry_floor_per_s: Annotated[float, Field(ge=0, le=1000)] = 1.0
    """Repeats that are always there, per provider and process."""
    hedge_delay_min_s: Seconds = 0.5
    """A second target is asked no sooner than this, and no sooner than the usual first token."""
    hedge_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    breaker: BreakerSettings = BreakerSettings()
    concurrency: ConcurrencySettings = ConcurrencySettings()
