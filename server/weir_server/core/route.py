"""How may a call's targets be gone about? What caller and operator allow, decided by routing."""

from dataclasses import dataclass
from enum import Enum


class Refusal(Enum):
    """An answer that is no fault of the provider's, which a route may take elsewhere."""

    REJECTED_REQUEST = "rejected_request"
    """The provider finds the request invalid."""
    CONTENT_FILTER = "content_filter"
    """The provider's safety system withheld the whole answer."""
    CONTEXT_LENGTH = "context_length"
    """The prompt is too long; a target with a larger window is asked without this, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePolicy:
    """What resilience may do for one call."""

    max_attempts: int | None = None
    """Attempts over all targets, the first included; None: the server's setting."""
    first_token_timeout_s: float | None = None
    """How long a streaming attempt may be silent; None: the server's setting."""
    hedge: bool = False
    """Whether a second target may be asked while the first is silent."""
    continue_on_break: bool = False
    """Whether another target may go on with a text that was cut."""
    fallback_on: frozenset[Refusal] = frozenset()
    """Refusals that go to the next target."""


DEFAULT_POLICY = RoutePolicy()
"""The policy of a call whose caller and route say nothing."""
