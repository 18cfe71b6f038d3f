"""The whole steps of a swap in one direction, in runs whose cumulative exact amounts are summed on demand.

A swap goes step by step from one *stop* to the next, and rounds in each step. The amounts of a whole step
depend only on its two stops and its liquidity. So the stops are cut into runs of a few steps; a run's sums
are made when a quote first comes there, the sums over runs likewise, outwards from where quotes begin. A
quote bisects over runs, then within one; a changed position remakes the runs that hold its two ends and
forgets the sums of those between.

Positions and keys are those of :mod:`bot.pools.stops`: one coordinate for both directions.

To use this for another program's pools, say its :class:`Rules`: the price of a tick in the program's own
fixed point, the amounts of a whole step rounded as the program rounds, and where steps end between
initialised ticks. The last, partial step and the swap's end are the caller's: see :meth:`Steps.start` and
:meth:`Steps.find`, and :mod:`bot.pools.uniswap_v3` for how they are used.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import accumulate, pairwise
from math import inf
from typing import NamedTuple

from bot.pools.stops import Stops, Ticks

Whole = Callable[[int, int, int, int], tuple[int, int]]
"""``(price at start, price at end, liquidity, fee)`` of a step to the amount it takes, fee included, and the
amount it gives. Called with equal prices too, and with no liquidity."""


class Rules(NamedTuple):
    """What a program's steps are. ``price`` is the last price a swap can reach on its way to a tick.

    Between initialised ticks steps also end at ``(word * n + offset) * spacing``, ``offsets`` being those for
    the falling and the rising price; ``word`` 0: they do not.
    """

    price: Callable[[int], int]
    falling: Whole
    rising: Whole
    word: int = 0
    offsets: tuple[int, int] = (0, 0)


class Run(NamedTuple):
    """Step ``k`` leads from ``edges[k]``, the price at the stop ``keys[k]``, to the next with
    ``liquidity[k]``; ``paid[k]`` and ``got[k]`` are what the run's steps before ``k`` take and give."""

    keys: tuple[int, ...]
    edges: tuple[int, ...]
    liquidity: tuple[int, ...]
    paid: tuple[int, ...]
    got: tuple[int, ...]


Start = tuple[int, Run, int, int, int, int, int]
"""Where a swap begins, ``(number, run, at, price, position, paid, got)``: in step ``at`` of run ``number``;
the rest of it costs ``paid``, gives ``got``. A plain tuple, for each new state's quotes need one."""


class Steps:
    """All whole steps of one direction; a value but for what it remembers.

    ``starts`` are the keys at which runs begin, and the last stop's; ``liquidity`` is that of each run's
    first step; ``base`` is the liquidity before the first stop.
    """

    __slots__ = (
        "_origin",
        "_price",
        "_reach",
        "_whole",
        "base",
        "fee",
        "liquidity",
        "runs",
        "starts",
        "stops",
        "zero_for_one",
    )

    def __init__(
        self, ticks: Ticks, base: int, spacing: int, fee: int, rules: Rules, zero_for_one: bool
    ) -> None:
        phase = (-rules.offsets[0] if zero_for_one else rules.offsets[1]) * spacing
        self.stops = Stops(ticks, zero_for_one, rules.word * spacing, phase)
        self.fee = fee
        self.zero_for_one = zero_for_one
        self._price = rules.price
        self._whole = rules.falling if zero_for_one else rules.rising
        self.base = base + sum(net for _, net in ticks) if zero_for_one else base
        self.starts: list[int] = []
        self.liquidity: list[int] = []
        if ticks:
            first, last = self.stops.ends()
            self.starts, self.liquidity = self.stops.cut(first, last, self.base + self.stops.first_net())
            self.starts.append(last)
        self.runs: list[Run | None] = [None] * len(self.liquidity)
        self._reach: tuple[int, list[int], list[int]] = (0, [0], [0])
        self._origin: tuple[int, int, Start] | None = None

    def start(self, price: int, tick: int) -> Start | None:
        """Where a swap from here begins; ``None`` if no liquidity lies that way.

        Nothing is paid for the way to the first stop. Quotes of one state follow each other, so the last
        answer is remembered.
        """
        known = self._origin
        if known is not None and known[0] == price and known[1] == tick:
            return known[2]
        falls, runs = self.zero_for_one, self.runs
        at, begin, position = 0, price, ~tick if falls else tick
        index = bisect_right(self.starts, position) - 1
        if index >= len(runs) or not runs:
            return None
        if index < 0:
            index = 0
            run = runs[0] or self.run(0)
            position, begin = run.keys[0], run.edges[0]
        else:
            run = runs[index] or self.run(index)
            at = bisect_right(run.keys, position) - 1
        edge = run.edges[at + 1]
        if falls and begin < edge:
            begin = edge  # the one price below the last that a swap can reach
        paid, got = self._whole(begin, edge, run.liquidity[at], self.fee)
        start = index, run, at, begin, position, paid, got
        self._origin = price, tick, start
        return start

    def find(self, index: int, amount: int, out: bool) -> tuple[int, Run, int, int] | None:
        """The run in which ``amount`` in (or ``out``), counted from the start of the run ``index``, is used
        up, and what all runs from that one to it take and give; ``None`` if there is not so much."""
        anchor, paid, got = self._reach
        before = index - anchor
        if not 0 <= before < len(paid):
            anchor, paid, got = self._reach = (index, [0], [0])
            before = 0
        sums = got if out else paid
        wanted = sums[before] + amount
        if sums[-1] < wanted:
            paid, got = self._summed(anchor, paid, got, len(self.runs), wanted, out)
            sums = got if out else paid
            if sums[-1] < wanted:
                return None
        last = bisect_left(sums, wanted, before + 1) - 1
        run = self.runs[anchor + last] or self.run(anchor + last)
        return anchor + last, run, paid[last] - paid[before], got[last] - got[before]

    def between(self, index: int, last: int) -> tuple[int, int]:
        """What all runs from ``index`` up to, without, ``last`` take and give."""
        anchor, paid, got = self._reach
        if not anchor <= index < anchor + len(paid):
            anchor, paid, got = (index, [0], [0])
        if last - anchor >= len(paid):
            paid, got = self._summed(anchor, paid, got, last)
        return paid[last - anchor] - paid[index - anchor], got[last - anchor] - got[index - anchor]

    def run(self, index: int) -> Run:
        """The run, its sums made if they are not."""
        run = self.runs[index]
        if run is None:
            # Two threads may both make it: the same one.
            run = self.runs[index] = self._made(index)
        return run

    def liquidity_beyond(self, index: int, run: Run, edge: int) -> int:
        """The liquidity in force once the run's ``edge`` has been crossed; 0 past the last stop."""
        if edge < len(run.liquidity):
            return run.liquidity[edge]
        return self.liquidity[index + 1] if index + 1 < len(self.liquidity) else 0

    @property
    def edges(self) -> list[int]:
        """The prices of all stops in the order a swap meets them. Makes every run: not for a quote."""
        runs = [self.run(index) for index in range(len(self.runs))]
        return [edge for run in runs for edge in run.edges[:-1]] + [run.edges[-1] for run in runs[-1:]]

    def changed(self, ticks: Ticks, lower: int, upper: int, liquidity: int) -> Steps:
        """The steps with these ``ticks`` instead: those after ``liquidity`` was added between two of them.
        Shares what has been summed where nothing changed."""
        made = object.__new__(Steps)
        for name in ("fee", "zero_for_one", "base", "_price", "_whole"):
            setattr(made, name, getattr(self, name))
        made.stops, made._origin, made._reach = self.stops._replace(ticks=ticks), None, (0, [0], [0])
        if self.zero_for_one:
            lower, upper = -upper, -lower
        starts, base, runs = [*self.starts], [*self.liquidity], [*self.runs]
        first, last = bisect_left(starts, lower, hi=len(runs)), bisect_left(starts, upper, hi=len(runs))
        base[first:last] = [before + liquidity for before in base[first:last]]
        runs[first:last] = [None] * (last - first)
        head, tail = made.stops.ends()
        for low, high in reversed(_joined(made._touched(starts, lower), made._touched(starts, upper))):
            left = starts[low] if low else head
            right = starts[high] if high < len(runs) else tail
            cuts, bases = made.stops.cut(
                left, right, base[low] if low else made.base + made.stops.first_net()
            )
            if high == len(runs):
                starts[-1] = tail
            starts[low:high], base[low:high], runs[low:high] = cuts, bases, [None] * len(cuts)
        made.starts, made.liquidity, made.runs = starts, base, runs
        return made

    def _touched(self, starts: list[int], key: int) -> tuple[int, int]:
        """The runs, of those with these ``starts``, to make anew now that the tick at ``key`` is another."""
        count, (head, tail) = len(starts) - 1, self.stops.ends()
        at = min(max(bisect_right(starts, key) - 1, 0), count - 1)
        # A stop that has gone may be where this run begins; and small runs are joined again.
        low, high = (at if self.stops.holds(key) else max(at - 1, 0)), at + 1
        if low == 0:
            high = max(high, min(bisect_right(starts, head), count))
        if high == count:
            low = min(low, max(bisect_left(starts, tail) - 1, 0))
        return low, high

    def _made(self, index: int) -> Run:
        start, end = self.starts[index], self.starts[index + 1]
        nets = dict(self.stops.between(start, end))
        words = self.stops.words(start, end)
        keys = sorted({start, end, *nets, *words}) if words else [start, *nets, end]
        price, whole, fee = self._price, self._whole, self.fee
        edges = [price(-key) for key in keys] if self.zero_for_one else [price(key) for key in keys]
        liquidity = [*accumulate((nets.get(key, 0) for key in keys[1:-1]), initial=self.liquidity[index])]
        taken = given = 0
        paid, got = [0], [0]
        for (begin, edge), depth in zip(pairwise(edges), liquidity, strict=True):
            takes, gives = whole(begin, edge, depth, fee)
            paid.append(taken := taken + takes)
            got.append(given := given + gives)
        return Run(tuple(keys), tuple(edges), tuple(liquidity), tuple(paid), tuple(got))

    def _summed(
        self, anchor: int, paid: list[int], got: list[int], last: int, wanted: float = inf, out: bool = False
    ) -> tuple[list[int], list[int]]:
        """The sums carried on to the run ``last``, or until they are what is ``wanted``. New lists, put in
        place at once: other threads never see half of it."""
        paid, got = [*paid], [*got]
        for index in range(anchor + len(paid) - 1, last):
            run = self.run(index)
            paid.append(paid[-1] + run.paid[-1])
            got.append(got[-1] + run.got[-1])
            if (got if out else paid)[-1] >= wanted:
                break
        self._reach = (anchor, paid, got)
        return paid, got


def _joined(one: tuple[int, int], other: tuple[int, int]) -> list[tuple[int, int]]:
    """Two stretches of runs, or one where they meet."""
    (low, high), (also_low, also_high) = sorted((one, other))
    if also_low < high:
        return [(low, max(high, also_high))]
    return [(low, high), (also_low, also_high)]
