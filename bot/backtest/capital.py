"""Capital in use: what of our own money is bound, by plan and all together, from fill to fill. Pure."""

from __future__ import annotations

from msgspec import Struct

from bot.ledger.books import Books
from bot.strategy.hedges import MARGIN_RATIO
from bot.types import Ns

MARGINED = ("assets:margined:", "liabilities:margined:")
SHORT_SHARES = "liabilities:shares:"


class Use(Struct, frozen=True, gc=False):
    """Where it is, USD at cost. ``transit``: minted, redeemed or moved, and not arrived; ``held``: tokens,
    shares and options bought and not sold yet; ``margin``: put up for options, perps and perpetual options;
    ``short``: Regulation T's half of shares sold short. What was in hand at the start does not count."""

    transit: float = 0.0
    held: float = 0.0
    margin: float = 0.0
    short: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.transit + self.held + self.margin + self.short

    def __add__(self, other: Use) -> Use:
        return Use(
            self.transit + other.transit,
            self.held + other.held,
            self.margin + other.margin,
            self.short + other.short,
        )


def use_of(books: Books) -> Use:
    """What the plan with these books has in use."""
    held = short = 0.0
    margin = float(books.margin_usd)
    for one in books.positions():
        cost = float(one.cost_usd)
        if any(place.startswith(MARGINED) for place in one.places):
            margin += cost  # what it was sold for lies in the margin account, and is not ours
        elif any(place.startswith(SHORT_SHARES) for place in one.places):
            short += MARGIN_RATIO * abs(cost)
        elif one.traded > 0:
            held += cost * max(0.0, 1 - float(one.in_transit / one.traded))
    return Use(float(books.reserved_usd), held, max(0.0, margin), short)


class Meter:
    """Adds up the plans. ``most`` is the most in use at any fill; ``mean`` weighs by time, ``None`` before
    :meth:`stop`."""

    def __init__(self) -> None:
        self.now = Use()
        self.most = 0.0
        self.most_by_plan: dict[str, float] = {}
        self.mean: float | None = None
        self._by_plan: dict[str, Use] = {}
        self._area = 0.0
        self._started = self._since = 0

    def start(self, ts: Ns) -> None:
        """Time counts from here."""
        self._started = self._since = ts

    def stop(self, ts: Ns) -> None:
        """And up to here: what is settled after it is told, but takes no time."""
        self._pass(ts)
        if ts > self._started:
            self.mean = self._area / (ts - self._started)

    def put(self, ts: Ns, plan_id: str, use: Use) -> None:
        """What a plan has in use from ``ts`` on."""
        self._pass(ts)
        self._by_plan.pop(plan_id, None)
        if use.total > 0:
            self._by_plan[plan_id] = use
        self.most_by_plan[plan_id] = max(self.most_by_plan.get(plan_id, 0.0), use.total)
        self.now = sum(self._by_plan.values(), Use())
        self.most = max(self.most, self.now.total)

    def _pass(self, ts: Ns) -> None:
        if ts > self._since:
            self._area += self.now.total * (ts - self._since)
            self._since = ts
