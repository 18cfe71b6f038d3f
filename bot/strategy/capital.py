"""What several incidents should share, and how: a small convex programme, solved exactly. Pure.

Each candidate's profit is a concave function of its size, each limit a sum of what the sizes use. Between
points of the executable curve both are taken as straight, so the programme is a linear one over segments:
each earns less than the one before it, so none is filled before its turn. It is solved by the simplex method
with bounded variables (G. B. Dantzig, *Linear Programming and Extensions*, 1963, chapter 18); then the points
are laid closer around the solution and it is solved again. A candidate with a least size is in or out: both
are tried, in turn, while what is left can still be better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

POINTS, CLOSER, ROUNDS = 10, 10, 3
"""Points a candidate at first, more around the solution, and so often again."""
LEAST = 1e-9
PIVOTS = 2_000


class Contender(Struct, frozen=True):
    """What one incident could do. ``profit(size)`` is concave, in USD, ``uses(size)`` what it takes of each
    limit by name; ``least`` is the smallest size above none, ``most`` the largest worth having."""

    name: str
    least: float
    most: float
    profit: Callable[[float], float]
    uses: Callable[[float], Mapping[str, float]]


class Share(Struct, frozen=True):
    """The answer: ``sizes`` by name, the profit of them all, and the value of one more USD of each limit."""

    sizes: dict[str, float]
    profit_usd: float
    prices: dict[str, float]


def share(contenders: Sequence[Contender], rooms: Mapping[str, float]) -> Share:
    """The sizes with the highest total profit that keep within ``rooms``, USD by limit."""
    names = [each.name for each in contenders]
    wide = [each for each in contenders if each.most > 0 and each.most >= each.least]
    sizes, profit, prices = _branch(wide, rooms, frozenset(), frozenset(), 0.0)
    return Share({name: sizes.get(name, 0.0) for name in names}, profit, prices)


_Found = tuple[dict[str, float], float, dict[str, float]]


def _branch(contenders: Sequence[Contender], rooms: Mapping[str, float], inside: frozenset[str],
            out: frozenset[str], known: float) -> _Found:  # fmt: skip
    """The best with some ``inside`` at their least or more, some ``out``; nothing if not above ``known``."""
    nothing: _Found = ({}, 0.0, {})
    here = [each for each in contenders if each.name not in out]
    found = _solve(here, rooms, inside)
    if found is None or (out | inside and found[1] <= known):
        return nothing
    split = next(
        (e for e in here if e.name not in inside and LEAST < found[0][e.name] < e.least * (1 - LEAST)), None
    )
    if split is None:
        return found
    best = nothing
    for one, other in ((inside | {split.name}, out), (inside, out | {split.name})):
        tried = _branch(contenders, rooms, one, other, max(known, best[1]))
        if tried[1] > best[1]:
            best = tried
    return best


def _solve(
    contenders: Sequence[Contender], rooms: Mapping[str, float], inside: frozenset[str]
) -> _Found | None:
    """Where only those ``inside`` have a least size; ``None`` if they do not fit."""
    grids = [_grid(each.least if each.name in inside else 0.0, each.most) for each in contenders]
    found: _Found | None = None
    for _ in range(ROUNDS):
        answer = _straight(contenders, rooms, grids)
        if answer is None:
            return None
        if found is None or answer[1] > found[1]:
            found = answer
        grids = [_closer(grid, answer[0][e.name]) for grid, e in zip(grids, contenders, strict=True)]
    return found


def _straight(contenders: Sequence[Contender], rooms: Mapping[str, float],
              grids: Sequence[Sequence[float]]) -> _Found | None:  # fmt: skip
    """The linear programme over the segments between the points."""
    limits = list(rooms)
    left = [rooms[limit] for limit in limits]
    gains: list[float] = []
    columns: list[list[float]] = []
    starts: list[tuple[float, float]] = []
    for each, grid in zip(contenders, grids, strict=True):
        profits = [each.profit(size) if size > 0 else 0.0 for size in grid]
        used = [each.uses(size) if size > 0 else {} for size in grid]
        starts.append((grid[0], profits[0]))
        for row, limit in enumerate(limits):
            left[row] -= used[0].get(limit, 0.0)
        for n in range(len(grid) - 1):
            gains.append(profits[n + 1] - profits[n])
            columns.append([used[n + 1].get(k, 0.0) - used[n].get(k, 0.0) for k in limits])
    if any(room < -LEAST * max(1.0, rooms[k]) for room, k in zip(left, limits, strict=True)):
        return None
    filled, prices = simplex(gains, columns, [max(0.0, room) for room in left])
    sizes: dict[str, float] = {}
    total, at = 0.0, 0
    for each, grid, (size, profit) in zip(contenders, grids, starts, strict=True):
        for n in range(len(grid) - 1):
            size += filled[at] * (grid[n + 1] - grid[n])
            profit += filled[at] * gains[at]
            at += 1
        sizes[each.name] = size
        total += profit
    return sizes, total, dict(zip(limits, prices, strict=True))


def simplex(gains: Sequence[float], columns: Sequence[Sequence[float]],
            rooms: Sequence[float]) -> tuple[list[float], list[float]]:  # fmt: skip
    """Maximise ``gains · x`` with ``Σ columns x ≤ rooms``, ``rooms`` not negative, each ``x`` in [0, 1].

    Also the dual price of each row. A variable at its upper bound is counted from there, so that all that is
    not in the basis is at nothing.
    """
    rows, count = len(rooms), len(gains)
    width = count + rows
    scale = [max([1.0, *(abs(column[i]) for column in columns)]) for i in range(rows)]
    table = [
        [columns[j][i] / scale[i] for j in range(count)] + [float(k == i) for k in range(rows)]
        for i in range(rows)
    ]
    value = [room / by for room, by in zip(rooms, scale, strict=True)]
    upper = [1.0] * count + [float("inf")] * rows
    cost = [*gains, *([0.0] * rows)]
    basis = list(range(count, width))
    flipped = [False] * width
    size = max((abs(gain) for gain in gains), default=0.0)
    for turn in range(PIVOTS):
        enter = _entering(cost, size, turn > PIVOTS // 2)
        if enter < 0:
            break
        step, leave, at_upper = upper[enter], -1, False
        for i in range(rows):
            slope = table[i][enter]
            if slope > LEAST:
                room, high = value[i] / slope, False
            elif slope < -LEAST and upper[basis[i]] < float("inf"):
                room, high = (upper[basis[i]] - value[i]) / -slope, True
            else:
                continue
            if room < step or (leave >= 0 and room == step and basis[i] < basis[leave]):
                step, leave, at_upper = max(0.0, room), i, high
        for i in range(rows):
            value[i] -= step * table[i][enter]
        if leave < 0:
            # To its other bound, from which it is counted now.
            for row in table:
                row[enter] = -row[enter]
            cost[enter] = -cost[enter]
            flipped[enter] = not flipped[enter]
            continue
        gone = basis[leave]
        if at_upper:
            # What leaves at its upper bound is counted from there.
            table[leave][gone] = -table[leave][gone]
            flipped[gone] = not flipped[gone]
        _pivot(table, cost, leave, enter)
        basis[leave], value[leave] = enter, step
    x = [0.0] * width
    for i, j in enumerate(basis):
        x[j] = value[i]
    x = [upper[j] - v if flipped[j] else v for j, v in enumerate(x)]
    duals = [max(0.0, -cost[count + i]) / scale[i] for i in range(rows)]
    return [min(1.0, max(0.0, v)) for v in x[:count]], duals


def _entering(cost: Sequence[float], size: float, first: bool) -> int:
    """What earns most; where it has taken long, the first that earns (Bland's rule: it does not go round)."""
    least = 1e-12 * size
    if first:
        return next((j for j, each in enumerate(cost) if each > least), -1)
    best = max(range(len(cost)), key=cost.__getitem__, default=-1)
    return best if best >= 0 and cost[best] > least else -1


def _pivot(table: list[list[float]], cost: list[float], leave: int, enter: int) -> None:
    pivot = table[leave][enter]
    row = table[leave] = [each / pivot for each in table[leave]]
    for i, other in enumerate(table):
        by = other[enter]
        if i != leave and by:
            table[i] = [a - by * b for a, b in zip(other, row, strict=True)]
    by = cost[enter]
    if by:
        cost[:] = [a - by * b for a, b in zip(cost, row, strict=True)]


def _grid(least: float, most: float) -> list[float]:
    if least >= most:
        return [most]
    return [least + (most - least) * n / POINTS for n in range(POINTS + 1)]


def _closer(grid: list[float], size: float) -> list[float]:
    """The points, and more of them beside the one where the solution lies."""
    if len(grid) < 2:
        return grid
    after = next((n for n, point in enumerate(grid) if point >= size), len(grid) - 1)
    low, high = grid[max(0, after - 1)], grid[min(len(grid) - 1, after + 1)]
    between = [low + (high - low) * n / CLOSER for n in range(1, CLOSER)]
    return sorted({*grid, *between})
