"""What several incidents share makes most of it together: beside brute force and a plain optimiser."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

from bot.strategy.capital import Contender, share, simplex


def contender(name: str, draw: Random, limits: list[str], least: float = 0.0) -> Contender:
    """A constant-product profit, and uses of limits that bend as proceeds and outlays do."""
    top, cost = draw.uniform(0.02, 0.3), draw.uniform(0.0, 20.0)
    depth = 10 ** draw.uniform(2.5, 4.0)
    parts = {limit: draw.uniform(50, 500) for limit in limits if draw.random() < 0.8}
    bends = {limit: draw.uniform(-0.3, 0.3) for limit in parts}
    most = depth * ((1 + top) ** 0.5 - 1)

    def profit(size: float) -> float:
        return 400 * (size * (1 + top) / (1 + size / depth) - size) - cost

    def uses(size: float) -> dict[str, float]:
        return {limit: part * size * (1 + bends[limit] * size / depth) for limit, part in parts.items()}

    return Contender(name, min(least, most), most, profit, uses)


def case(seed: int, count: int, least: float = 0.0) -> tuple[list[Contender], dict[str, float]]:
    draw = Random(seed)
    limits = [f"limit{n}" for n in range(draw.randint(1, 4))]
    made = [contender(f"c{n}", draw, limits, least) for n in range(count)]
    wanted = {limit: sum(one.uses(one.most).get(limit, 0.0) for one in made) for limit in limits}
    return made, {limit: usd * draw.uniform(0.1, 1.1) for limit, usd in wanted.items()}


def total(made: list[Contender], sizes: dict[str, float]) -> float:
    return sum(one.profit(sizes[one.name]) for one in made if sizes[one.name] > 0)


def fits(made: list[Contender], sizes: dict[str, float], rooms: dict[str, float]) -> bool:
    used = dict.fromkeys(rooms, 0.0)
    for one in made:
        if sizes[one.name] > 0:
            for limit, usd in one.uses(sizes[one.name]).items():
                used[limit] += usd
    return all(used[limit] <= rooms[limit] * (1 + 1e-3) + 1e-6 for limit in rooms)


def brute(made: list[Contender], rooms: dict[str, float], points: int) -> float:
    """The best of all sizes on a grid: none, or from the least on."""
    grids = [
        [0.0, *(one.least + (one.most - one.least) * n / points for n in range(points + 1))] for one in made
    ]
    best = 0.0
    for sizes in product(*grids):
        named = {one.name: size for one, size in zip(made, sizes, strict=True)}
        value = total(made, named)
        if value > best and fits(made, named, rooms):
            best = value
    return best


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("least", [0.0, 60.0])
def test_no_grid_finds_more_for_three(seed, least):
    made, rooms = case(seed, 3, least)
    answer = share(made, rooms)
    assert fits(made, answer.sizes, rooms)
    assert all(
        size == 0 or size >= one.least * (1 - 1e-6) for one in made for size in [answer.sizes[one.name]]
    )
    assert total(made, answer.sizes) >= 0.999 * brute(made, rooms, 24)


@pytest.mark.parametrize("seed", range(12))
def test_a_plain_optimiser_finds_no_more(seed):
    optimize = pytest.importorskip("scipy.optimize")
    made, rooms = case(100 + seed, 5)
    answer = share(made, rooms)
    scale = [one.most for one in made]
    limits = [
        {
            "type": "ineq",
            "fun": lambda x, limit=limit: (
                1
                - sum(one.uses(s * v).get(limit, 0.0) for one, s, v in zip(made, scale, x, strict=True))
                / rooms[limit]
            ),
        }
        for limit in rooms
    ]
    found = optimize.minimize(
        lambda x: -sum(one.profit(s * v) for one, s, v in zip(made, scale, x, strict=True)) / 1e3,
        [0.1] * len(made), bounds=[(0, 1)] * len(made), constraints=limits, method="SLSQP",
    )  # fmt: skip
    theirs = {one.name: s * v for one, s, v in zip(made, scale, found.x, strict=True)}
    if found.success and fits(made, theirs, rooms):
        assert total(made, answer.sizes) >= total(made, theirs) * (1 - 1e-3)


@pytest.mark.parametrize("seed", range(60))
def test_the_simplex_method_finds_what_a_linear_solver_finds_and_proves_it(seed):
    draw = Random(seed)
    count, rows = draw.randint(1, 25), draw.randint(1, 8)
    gains = [draw.uniform(-1, 5) for _ in range(count)]
    columns = [[draw.choice([0.0, draw.uniform(-1, 3)]) for _ in range(rows)] for _ in range(count)]
    rooms = [draw.choice([0.0, draw.uniform(0, 5), 50.0]) for _ in range(rows)]
    x, prices = simplex(gains, columns, rooms)
    value = sum(gain * one for gain, one in zip(gains, x, strict=True))
    for row, room in enumerate(rooms):
        assert sum(column[row] * one for column, one in zip(columns, x, strict=True)) <= room + 1e-7
    # Weak duality: no x can do better than any prices allow, so where the two meet, both are best.
    reduced = [
        g - sum(p * c for p, c in zip(prices, column, strict=True))
        for g, column in zip(gains, columns, strict=True)
    ]
    bound = sum(p * room for p, room in zip(prices, rooms, strict=True)) + sum(
        max(0.0, each) for each in reduced
    )
    assert value == pytest.approx(bound, rel=1e-9, abs=1e-7)


def test_where_all_fit_each_gets_what_it_wants_and_nothing_has_a_price():
    made, rooms = case(1, 4)
    answer = share(made, dict.fromkeys(rooms, 1000000000000.0))
    for one in made:
        assert one.profit(answer.sizes[one.name]) >= one.profit(one.most) - 1e-6
    assert set(answer.prices.values()) == {0.0}


def test_a_limit_with_nothing_left_stops_all_that_use_it():
    made, rooms = case(3, 3)
    answer = share(made, dict.fromkeys(rooms, 0.0))
    assert all(answer.sizes[one.name] == 0 for one in made if one.uses(1.0))


def test_one_more_dollar_of_what_is_short_is_worth_its_price():
    made, rooms = case(5, 4)
    answer = share(made, rooms)
    limit, price = max(answer.prices.items(), key=lambda item: item[1])
    more = share(made, rooms | {limit: rooms[limit] * 1.01})
    assert more.profit_usd - answer.profit_usd == pytest.approx(price * rooms[limit] * 0.01, rel=0.1)


def test_nobody_wants_anything():
    assert share([], {"limits.capital_usd": 1.0}).sizes == {}
