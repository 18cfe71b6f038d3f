"""How many tokens limits, capital and channels let a premium's routes sell and mint, and the best of them."""

from __future__ import annotations

from collections.abc import Callable

from bot.strategy.mechanisms import Access
from bot.strategy.routes.common import Case, View, bounds_of, venue_of
from bot.strategy.sizing import IMPOSSIBLE, Bound, maximise

STILL_BID = 0.8
"""Of the tokens that an order book takes now so much is counted on once tokens have come to it: bids are of
dollars, their price may rise, and others sell there, too. A pool takes any number. An assumption."""


def later_bounds(case: Case, takes: float) -> list[Bound]:
    """What is counted on to be sold later on a venue that takes so many tokens now."""
    if case.state.venue_kind != "exchange":
        return []
    detail = f"{case.name} takes {takes:,.6g} {case.symbol} now, and what it will take is not known"
    return [Bound(STILL_BID * takes, "depth.later", detail)]


def sale_bounds(view: View, case: Case, legs: int = 1) -> list[Bound]:
    """What limits allow to be sold on a venue that ``legs`` of the plan use."""

    def tokens_for(usd: float) -> float | None:
        done = case.curve.sell(usd)
        return None if done is None else done.tokens

    return bounds_of(view.desk.leg_rooms(view.incident.underlying, venue_of(case.name), legs), tokens_for)


def mint_bounds(view: View, access: Access, fair: float, waits: bool, legs: int = 1) -> list[Bound]:
    """What limits, capital and the channel, whose venue ``legs`` of the plan use, allow to be minted."""
    price = access.price(fair)
    rooms = [view.desk.capital_room(), *view.desk.leg_rooms(view.incident.underlying, access.venue, legs)]
    if waits:
        rooms.append(view.desk.settlement_room())
    bounds = list(bounds_of(rooms, lambda usd: usd / price))
    most = access.tokens_most(fair)
    return [*bounds, Bound(most, "channel.maximum", f"${access.channel.maximum_usd or 0:,.0f} an order")]


def top_of(
    view: View, outcome: Callable[[float], tuple[float, float, float]], least: float, most: float
) -> float:
    """Where expected profit less the charge for the worst case is highest."""
    charge = view.config.risk_charge

    def objective(tokens: float) -> float:
        _, expected, worst = outcome(tokens)
        return IMPOSSIBLE if expected == IMPOSSIBLE else expected + charge * min(0.0, worst)

    return maximise(objective, least, most)
