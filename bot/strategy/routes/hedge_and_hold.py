"""Discount with no redemption to be had now: buy, sell the share short against it, and wait.

First form. The way out is the issuer's channel when it opens or, where it never will for us, the
venue itself once most of the gap has closed. Neither is an order that can be given now, so the plan
opens the position and says how long it is expected to stay; a desk closes it. A halted channel has no
known end, and then there is no such plan.
"""

from __future__ import annotations

from bot.strategy.desk import Exposure
from bot.strategy.hedges import MARGIN_RATIO, ShortStock
from bot.strategy.mechanisms import Access, seconds_until
from bot.strategy.risk import HEDGE_RESIDUAL, half_life, if_long
from bot.strategy.routes.buy_and_redeem import buy_bounds
from bot.strategy.routes.common import Candidate, Case, View, costs, leg, short_bounds, venue_of
from bot.strategy.sizing import IMPOSSIBLE, Bound, maximise, tightest
from bot.timefmt import DAY_SECONDS, NS, duration
from bot.types import Hedge

HALF_LIVES = 3.0
"""Held for so many half-lives of the gap: seven eighths of it have closed by then."""
HALVINGS = 40
LONGEST_SECONDS = 5.0 * DAY_SECONDS


def hedge_and_hold(view: View, case: Case) -> list[Candidate]:
    """Buy and hold against short stock; ``[]`` with the reasons in ``view.refused``."""
    top = case.top if case.spot < case.fair else None
    if top is None:
        return []
    access = view.access("redeem", case.symbol)
    if access.rule == "channel.halted":
        return []
    short = view.short(case.state.multiplier)
    if not isinstance(short, ShortStock):
        view.refuse("hedge.unavailable", short)
        return []
    reach = [Bound(top.tokens, "", ""), *buy_bounds(view, case), *short_bounds(view, short)]
    bound = _funded(view, case, short, tightest(reach))
    if bound.tokens <= 0:
        view.refuse(bound.rule, bound.detail)
        return []
    found = _held(view, case, access, short, bound)
    return [found] if found is not None else []


def _funded(view: View, case: Case, short: ShortStock, bound: Bound) -> Bound:
    """``bound``, or less: what capital pays for, with the margin for the shares against it."""
    room = view.desk.capital_room()

    def fits(tokens: float) -> bool:
        done = case.curve.buy_tokens(tokens)
        return done is not None and done.usd + MARGIN_RATIO * short.notional_usd(tokens) <= room.usd

    if bound.tokens <= 0 or fits(bound.tokens):
        return bound
    low, high = 0.0, bound.tokens
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return Bound(low, room.rule, f"${room.usd:,.0f} left of ${room.limit_usd:,.0f}")


def _held(view: View, case: Case, access: Access, short: ShortStock, bound: Bound) -> Candidate | None:
    until_opening = access.rule == "channel.closed" and access.arrives is not None
    if until_opening:
        assert access.arrives is not None
        seconds, closed_part = seconds_until(view.ts, access.arrives), 1.0
        exit_ratio = access.price(1.0)
        exit_gas = access.channel.gas_usd
        way_out = f"redeemed with {access.issuer.title} when it opens"
    else:
        seconds = min(HALF_LIVES * half_life(view.incident.cause), LONGEST_SECONDS)
        closed_part = 1.0 - 2.0 ** -(seconds / half_life(view.incident.cause))
        exit_ratio = 1.0 - case.fee_ratio
        exit_gas = case.gas_usd
        way_out = f"sold on {case.name} when {closed_part:.0%} of the gap has closed"
    sd = HEDGE_RESIDUAL * view.sd_until(view.ts + round(seconds * NS), case.fair_sd)
    gas = case.gas_usd + exit_gas
    rate = view.financing(1.0, seconds)
    curve, fair = case.curve, case.fair

    def outcome(tokens: float) -> tuple[float, float, float]:
        """Outlay, expected profit, profit at 99 %: the gap does not close, and the hedge slips."""
        done = curve.buy_tokens(tokens)
        if done is None:
            return 0.0, IMPOSSIBLE, IMPOSSIBLE
        carry = done.usd * rate + short.cost_usd(tokens, seconds) + gas
        value = done.usd + closed_part * (tokens * fair - done.usd)
        expected = value * exit_ratio - done.usd - carry
        stuck = -case.round_trip(done.usd, tokens, False) - carry - if_long(tokens * fair, sd)
        return done.usd, expected, min(-gas, stuck)

    def objective(tokens: float) -> float:
        _, expected, worst = outcome(tokens)
        return IMPOSSIBLE if expected == IMPOSSIBLE else view.objective(expected, worst)

    tokens = maximise(objective, 0.0, bound.tokens)
    if tokens <= 0:
        return None
    usd, expected, worst = outcome(tokens)
    if expected == IMPOSSIBLE:
        return None
    shares, notional = tokens * short.shares_per_token, short.notional_usd(tokens)
    hedge_usd = short.cost_usd(tokens, seconds)
    slack = max(0.0, expected) / 2
    legs = [
        leg("buy", case.name, tokens, usd, slack_usd=slack, fee_usd=case.fee_in(usd, False),
            gas_usd=case.gas_usd),
        leg("hedge", short.instrument, shares, notional, slack_usd=slack,
            fee_usd=short.commission_usd(tokens)),
    ]  # fmt: skip
    value = usd + closed_part * (tokens * fair - usd)
    paid = costs(
        venue_fee=case.fee_in(usd, False), gas=gas, financing=usd * rate, hedge=hedge_usd,
        gap_left=tokens * fair - value, exit=value * (1 - exit_ratio),
    )  # fmt: skip
    capital = usd + MARGIN_RATIO * notional
    hedge = Hedge(
        "short_stock",
        f"{shares:,.6g} {view.incident.underlying} sold short at ${short.bid:,.2f} ({short.instrument}) "
        "for as long as the tokens are held",
        notional, hedge_usd,
    )  # fmt: skip
    notes = bound.binds(tokens)
    notes.append(f"hold.exit_by_hand: expected to be {way_out}, after about {duration(seconds)}")
    exposure = Exposure(
        capital_usd=capital,
        largest_usd=max(usd, notional),
        venues_usd={venue_of(case.name): usd, venue_of(short.instrument): notional},
        settlement_usd=0.0,
        tokens={},
    )
    return Candidate(
        "hedge_and_hold", case.name, usd, tokens, legs, hedge, expected, paid, worst,
        (usd + expected) / tokens, seconds, exposure, view.objective(expected, worst), notes,
    )  # fmt: skip
