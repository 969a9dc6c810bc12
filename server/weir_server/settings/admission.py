"""What does Weir do when it has too much to do itself?"""

from typing import Annotated

from pydantic import Field, model_validator

from weir_server.settings.node import Node, Seconds


class AdmissionSettings(Node):
    """How many calls Weir takes on, and when it turns new ones away."""

    enabled: bool = True
    """False: every call is let in."""
    start_limit_min: Annotated[int, Field(ge=1, le=100_000)] = 20
    start_limit_max: Annotated[int, Field(ge=1, le=100_000)] = 200
    """Calls being started at a time, until a provider has been sent their request: found out
    between the bounds by how long that takes."""
    queue_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """How many may wait to be started, as a part of that limit."""
    open_calls_max: Annotated[int, Field(ge=1, le=1_000_000)] = 4000
    """Calls that are open at a time, whatever they wait for."""
    reserve_share: Annotated[float, Field(ge=0, le=0.45)] = 0.2
    """The part of both limits that is kept for interactive calls; background calls leave another
    such part to standard ones."""
    lag_limit_s: Seconds = 0.25
    """A loop that wakes its tasks later than this is blocked: calls below interactive are turned
    away, and all when it stays so."""
    retry_after_s: Seconds = 1.0
    """After how long a call that is turned away may come again: half of it to half as much more."""

    @model_validator(mode="after")
    def _is_ordered(self) -> "AdmissionSettings":
        if self.start_limit_min > self.start_limit_max:
            raise ValueError("choose start_limit_min <= start_limit_max")
        return self
