"""Where may a call go, and how may its targets be gone about? What caller and operator allow."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from weir_server.core.target import Target


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """The targets of one model on a route, as the configuration lists them."""

    targets: tuple[Target, ...]
    weighted: bool = False
    """Whether their order is drawn by weight for each call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRoute:
    """Everybody who may serve a request, by what it names: before a look at what it needs."""

    model: str
    """Resource name of the model that the request means, such as `models/fast`."""
    legs: tuple[Leg, ...]
    """The model's own targets, then those of each model it falls back on."""
    targets: tuple[Target, ...]
    """All of them in that order; at least one."""
    others: tuple[Target, ...] = ()
    """Targets left out because they do not do this kind of call at all."""
    policy: RoutePolicy = DEFAULT_POLICY
    """What the operator allows; the caller's options may change it."""


def attempts_at_most(policy: RoutePolicy, targets: Iterable[Target], server_max: int) -> int:
    """Return how many attempts one call may take over all its targets.

    server_max: the server's setting, which holds unless a provider's retries say more.
    """
    if policy.max_attempts is not None:
        return policy.max_attempts
    return max([server_max, *(target.max_retries + 1 for target in targets)])
