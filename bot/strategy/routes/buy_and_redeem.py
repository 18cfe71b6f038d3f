"""Discount: buy tokens cheap, have the issuer redeem them at fair value.

The price is struck when the issuer accepts the order; cash follows after settlement. Tokens bought at
an exchange must be withdrawn first. The worst case is that the redemption is not accepted after all
and the tokens are carried, unhedged, over the whole wait, nights and weekends included.
"""

from __future__ import annotations

from math import hypot

from bot.strategy.desk import Exposure
from bot.strategy.forecast import Branch, swings
from bot.strategy.hedges import ShortStock
from bot.strategy.mechanisms import Access, seconds_until
from bot.strategy.risk import if_long
from bot.strategy.routes.common import Candidate, Case, View, bounds_of, costs, leg, venue_of
from bot.strategy.sizing import IMPOSSIBLE, Bound, maximise, tightest
from bot.timefmt import NS
from bot.types import Hedge


def buy_and_redeem(view: View, case: Case) -> list[Candidate]:
    """What can be done about a discount on one venue; ``[]`` with the reasons in ``view.refused``."""
    top = case.top if case.spot < case.fair else None
    if top is None:
        return []
    access = view.access("redeem", case.symbol)
    if not access.usable:
        view.refuse(access.rule, access.detail)
        return []
    assert access.arrives is not None
    moving = view.withdraw_seconds(case.name)
    seconds = seconds_until(view.ts, access.arrives) + moving
    bound = tightest([Bound(top.tokens, "", ""), *buy_bounds(view, case),
                      *_redeem_bounds(view, case, access, seconds > 0)])  # fmt: skip
    least = view.least(access, case.fair, hypot(view.sd_over(moving, 0.0), case.fair_sd))
    if bound.tokens < least:
        if bound.rule:
            view.refuse(bound.rule, bound.detail)
        view.refuse(
            "channel.minimum",
            f"{access.issuer.title} redeems from ${access.channel.minimum_usd:,.0f}; {case.name} offers "
            f"{bound.tokens:,.6g} {case.symbol} below fair value, worth ${bound.tokens * case.fair:,.2f}",
        )
        return []
    found = _redeemed(view, case, access, bound, least, seconds, moving)
    return [found] if found is not None else []


def buy_bounds(view: View, case: Case, legs: int = 1) -> list[Bound]:
    """What limits and capital allow to be bought on a venue that ``legs`` of the plan use."""

    def tokens_for(usd: float) -> float | None:
        done = case.curve.buy(usd)
        return None if done is None else done.tokens

    on_venue = view.desk.leg_rooms(view.incident.underlying, venue_of(case.name), legs)
    rooms = [view.desk.capital_room(), *view.holding_rooms(case.symbol), *on_venue]
    return bounds_of(rooms, tokens_for)


def _redeem_bounds(view: View, case: Case, access: Access, waits: bool) -> list[Bound]:
    price = access.price(case.fair)
    rooms = list(view.desk.leg_rooms(view.incident.underlying, access.issuer.name))
    if waits:
        rooms.append(view.desk.settlement_room())
    most = Bound(
        access.tokens_most(case.fair), "channel.maximum", f"${access.channel.maximum_usd or 0:,.0f} an order"
    )
    return [*bounds_of(rooms, lambda usd: usd / price), most]


def _redeemed(view: View, case: Case, access: Access, bound: Bound, least: float, seconds: float,
              moving: float) -> Candidate | None:  # fmt: skip
    unit = access.price(case.fair)
    sd = view.sd_until(view.ts + round(seconds * NS), case.fair_sd)
    per_token_risk = if_long(case.fair, sd)
    moving_gas = view.config.gas_usd if moving > 0 else 0.0
    gas = case.gas_usd + access.channel.gas_usd + moving_gas
    rate = view.financing(1.0, seconds)
    fails = view.fails(f"{case.symbol}@{access.issuer.name}")
    curve = case.curve

    def outcome(tokens: float) -> tuple[float, float, float, float]:
        """Outlay, profit as planned and if the redemption is refused, profit at 99 %."""
        done = curve.buy_tokens(tokens)
        if done is None:
            return 0.0, IMPOSSIBLE, IMPOSSIBLE, IMPOSSIBLE
        planned = tokens * unit - done.usd * (1 + rate) - gas
        refused = -case.round_trip(done.usd, tokens, False) - 2 * case.gas_usd - moving_gas
        return done.usd, planned, refused, min(-gas, planned - tokens * per_token_risk)

    def objective(tokens: float) -> float:
        _, planned, refused, worst = outcome(tokens)
        if planned == IMPOSSIBLE:
            return IMPOSSIBLE
        return view.objective(planned + fails * (refused - planned), worst)

    tokens = maximise(objective, least, bound.tokens)
    usd, planned, refused, worst = outcome(tokens)
    if planned == IMPOSSIBLE:
        return None
    expected = planned + fails * (refused - planned)
    proceeds = tokens * unit
    slack = max(0.0, planned) / 2
    way, back = view.sd_over(moving, 0.0), view.sd_over(2 * moving, 0.0)
    fee = tokens * access.fee_per_token(case.fair)
    issuer = access.issuer.name
    redeemed_at = f"{case.symbol}@{issuer}"
    legs = [leg("buy", case.name, tokens, usd, slack_usd=slack, fee_usd=case.fee_in(usd, False),
                gas_usd=case.gas_usd)]  # fmt: skip
    if moving > 0:
        legs.append(leg("transfer", redeemed_at, tokens, usd, gas_usd=moving_gas, delay_seconds=moving))
    legs.append(leg("redeem", redeemed_at, tokens, proceeds, slack_usd=slack, sd=way, fee_usd=fee,
                    gas_usd=access.channel.gas_usd, delay_seconds=seconds - moving))  # fmt: skip
    notes = bound.binds(tokens)
    paid = costs(
        venue_fee=case.fee_in(usd, False), redeem_fee=fee, spread=tokens * access.spread_per_token(case.fair),
        gas=gas, financing=usd * rate, leg_failure=planned - expected,
    )  # fmt: skip
    branches = [
        Branch("as planned", 1 - fails, planned, swings(proceeds, hypot(way, case.fair_sd))),
        Branch("the redemption is refused and the tokens are sold again", fails, refused, swings(usd, back)),
    ]

    def at(tokens: float) -> tuple[float, Exposure]:
        usd, back = outcome(tokens)[0], tokens * unit
        return objective(tokens), Exposure(
            capital_usd=usd,
            largest_usd=max(usd, back),
            venues_usd={venue_of(case.name): usd, issuer: back},
            settlement_usd=back if seconds > 0 else 0.0,
            tokens={},
            issuers_usd={issuer: usd},
        )

    judged, exposure = at(tokens)
    found = Candidate(
        "buy_and_redeem", case.name, usd, tokens, legs, Hedge("none", "", 0.0, 0.0),
        expected, paid, worst, (usd + expected) / tokens, seconds, exposure,
        judged, notes, branches, at, least,
    )  # fmt: skip

    def whole() -> Candidate:
        found.hedge = _contingent_hedge(view, case, tokens, seconds)
        return found

    found.whole = whole
    return found


def _contingent_hedge(view: View, case: Case, tokens: float, seconds: float) -> Hedge:
    """None is needed once the redemption is accepted; what one would cost if it is not."""
    text = "the redemption is priced when the issuer accepts it"
    multiplier = case.state.multiplier
    sd = view.sd_until(view.ts + round(seconds * NS), case.fair_sd)
    hedger = view.hedger(case.fair, multiplier, seconds, sd)
    if hedger is not None:
        choice = hedger.choose(tokens * multiplier, view.desk.capital_room().usd)
        chosen = choice.chosen
        if chosen is not None and chosen.way.kind != "none":
            text += (
                f"; if it does not, {chosen.way.description} would carry the wait for ${chosen.cost_usd:,.2f}"
            )
            return Hedge("none", text, 0.0, 0.0, list(choice.others))
    short = view.short(multiplier)
    if isinstance(short, ShortStock):
        text += (
            f"; if it does not, {tokens * multiplier:,.6g} {view.incident.underlying} sold short "
            f"at ${short.bid:,.2f} would carry the wait for ${short.cost_usd(tokens, seconds):,.2f}"
        )
    else:
        text += f"; if it does not, no short stock can carry the wait: {short}"
    return Hedge("none", text, 0.0, 0.0)
