"""Which target comes first? As listed, by weight, or by a key that calls share; fallbacks after."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import chain
from math import log
from random import Random

from weir_server.core.route import Leg, ModelRoute
from weir_server.core.target import Target

Draw = Callable[[Target], float]
"""Gives a target its lot for one call: a number above 0, up to 1."""


def ordered(route: ModelRoute, affinity_key: str, rng: Random) -> tuple[Target, ...]:
    """Return all targets of a route in the order in which they are to be asked.

    affinity_key: calls with the same key get the model's own targets in the same order; empty:
    none.
    """
    if not affinity_key and not any(leg.weighted for leg in route.legs):
        return route.targets
    own, *fallbacks = route.legs
    first = by_lot(own.targets, _of_key(affinity_key)) if affinity_key else _drawn(own, rng)
    return tuple(chain(first, *(_drawn(leg, rng) for leg in fallbacks)))


def by_lot(targets: Sequence[Target], draw: Draw) -> Sequence[Target]:
    """Return the targets in a random order in which each is first as often as its weight says.

    Each target's time to arrive is drawn from an exponential distribution with its weight as rate,
    which is drawing by weight without putting back (Efraimidis and Spirakis, 2006). As no lot
    depends on another target, the order of those that stay is the same when others come and go:
    with lots of a key this is weighted rendezvous hashing. Weight 0 comes last, as listed.
    """
    if len(targets) < 2:
        return targets
    drawn = [target for target in targets if target.weight]
    drawn.sort(key=lambda target: -log(draw(target)) / target.weight)
    return [*drawn, *(target for target in targets if not target.weight)]


def _drawn(leg: Leg, rng: Random) -> Sequence[Target]:
    # `random` may give 0, of which there is no logarithm; it never gives 1.
    return by_lot(leg.targets, lambda _: 1.0 - rng.random()) if leg.weighted else leg.targets


def _of_key(affinity_key: str) -> Draw:
    key = affinity_key.encode()

    def draw(target: Target) -> float:
        who = f"{target.name}\n{target.credentials}\n".encode()
        lot = int.from_bytes(blake2b(who + key, digest_size=8).digest(), "big")
        return (lot + 1) / 2**64

    return draw
