"""Who is asked first: as listed, by weight, or by the key that calls share."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from tests.routing.targets import target
from weir_server.core.route import Leg, ModelRoute
from weir_server.core.target import Target
from weir_server.routing.order import ordered

DRAWS = 4_000


def route(*legs: Leg) -> ModelRoute:
    return ModelRoute(
        model="models/m", legs=legs, targets=tuple(each for leg in legs for each in leg.targets)
    )


def weighted(**weights: int) -> Leg:
    return Leg(
        targets=tuple(target(name, weight=weight) for name, weight in weights.items()),
        weighted=True,
    )


def names(targets: tuple[Target, ...]) -> str:
    return "".join(target.vendor_model for target in targets)


def test_listed_targets_stay_as_listed() -> None:
    """Whatever their weights, with the fallbacks after them."""
    own = Leg(targets=(target("a", weight=1), target("b", weight=9)))
    assert names(ordered(route(own, Leg(targets=(target("c"),))), "", Random(1))) == "abc"


def test_weights_are_shares_of_first_calls() -> None:
    """Three of four calls go to a weight of 3 of 4; those of weight 0 come last, as listed."""
    rng = Random(7)
    way = route(weighted(z=0, a=3, b=1, y=0))
    orders = Counter(names(ordered(way, "", rng)) for _ in range(DRAWS))

    assert set(orders) == {"abzy", "bazy"}
    assert orders["abzy"] / DRAWS == pytest.approx(0.75, abs=0.03)


def test_the_rest_is_drawn_by_weight_too() -> None:
    """Among the calls that a goes first for, b is second as often as its weight to c's."""
    rng = Random(7)
    way = route(weighted(a=2, b=3, c=1))
    orders = [names(ordered(way, "", rng)) for _ in range(DRAWS)]

    after_a = [order[1] for order in orders if order[0] == "a"]
    assert after_a.count("b") / len(after_a) == pytest.approx(0.75, abs=0.05)


def test_each_model_of_a_chain_draws_for_itself() -> None:
    """A fallback never comes before the model's own targets."""
    rng = Random(7)
    way = route(weighted(a=1, b=1), weighted(c=1, d=1))
    seen = {names(ordered(way, "", rng)) for _ in range(100)}
    assert seen == {"abcd", "abdc", "bacd", "badc"}


def keyed(way: ModelRoute, key: str, seed: int = 0) -> str:
    return names(ordered(way, key, Random(seed)))


def test_calls_with_one_key_prefer_one_target() -> None:
    """The same order for each of them, be the model weighted or not; keys differ in theirs."""
    for is_weighted in (False, True):
        leg = Leg(targets=tuple(target(name) for name in "abc"), weighted=is_weighted)
        orders = {
            key: {keyed(route(leg), key, seed) for seed in range(5)} for key in map(str, range(50))
        }
        assert all(len(found) == 1 for found in orders.values())
        assert {order[0] for found in orders.values() for order in found} == set("abc")


def test_keys_are_spread_by_weight() -> None:
    """A weight of 3 of 4 gets three of four keys; none gets weight 0 first."""
    way = route(weighted(z=0, a=3, b=1))
    orders = Counter(keyed(way, str(key)) for key in range(DRAWS))
    assert set(orders) == {"abz", "baz"}
    assert orders["abz"] / DRAWS == pytest.approx(0.75, abs=0.03)


def test_keys_stay_when_other_targets_come_and_go() -> None:
    """Without one target the others keep their order; a new one only takes keys for itself."""
    ways = [route(weighted(**dict.fromkeys(letters, 2))) for letters in ("ab", "abc", "abcd")]
    for key in map(str, range(500)):
        for fewer, more in pairwise(keyed(way, key) for way in ways):
            assert [each for each in more if each in fewer] == list(fewer)


def test_a_key_does_not_move_fallbacks() -> None:
    """They keep their own order, after the model's own targets."""
    way = route(Leg(targets=(target("a"),)), Leg(targets=tuple(target(name) for name in "bc")))
    assert {keyed(way, str(key)) for key in range(50)} == {"abc"}


def test_two_credentials_of_one_target_are_two_lots() -> None:
    """Keys are spread over them as over other targets."""
    both = tuple(target("a", credentials=(name,)) for name in ("x", "y"))
    way = route(Leg(targets=both))
    first = {ordered(way, str(key), Random(0))[0].credentials for key in range(50)}
    assert first == {("x",), ("y",)}
