"""Premium without tokens in hand: mint, wait, and sell if the premium is still there.

Tokens arrive after settlement and the premium may have gone by then, which is priced as two outcomes, still
there (and sold as the curve stands now) or gone (and redeemed). A hedge carries the wait where it pays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bot.strategy.desk import Exposure
from bot.strategy.forecast import Branch, swings
from bot.strategy.hedges import ShortStock
from bot.strategy.mechanisms import Access, seconds_until
from bot.strategy.mechanisms.delay import Delay, certain
from bot.strategy.risk import HEDGE_RESIDUAL, if_long, still_there_after
from bot.strategy.routes.carry import Carrier, StockCarrier, as_chosen, carrier_for
from bot.strategy.routes.common import Candidate, Case, View, bounds_of, costs, in_hand_at, leg, venue_of
from bot.strategy.sizing import IMPOSSIBLE, Bound, maximise, tightest
from bot.timefmt import DAY_SECONDS, NS, duration
from bot.types import Hedge, Leg

NO_CHANNEL_EXIT = 0.01
"""Cost of getting rid of tokens at fair value where no issuer takes them back. An assumption."""


class Wait(NamedTuple):
    """Seconds until the tokens can be sold, those of them on the way to the venue, how likely the premium is
    still there then, and how long it may really be."""

    seconds: float
    moving: float
    stays: float
    delay: Delay


def mint_first(view: View, case: Case, access: Access, reach: list[Bound], held: float) -> Candidate | None:
    """Without tokens in hand: mint, wait, and sell if the premium is still there."""
    missing = (
        f"no {case.symbol} {in_hand_at(case.place)}" if held <= 0 else "no profit in selling what is in hand"
    )
    other = view.desk.elsewhere(case.symbol, case.place)
    if held <= 0 and other > 0:
        missing += f" ({other:,.6g} lie elsewhere)"
    if not access.usable:
        view.refuse(access.rule, access.detail)
        view.refuse("inventory.none_in_time", f"{missing}, and none can be minted now")
        return None
    assert access.arrives is not None
    moving = view.withdraw_seconds(case.name)
    seconds = seconds_until(view.ts, access.arrives) + moving
    assert access.delay is not None
    delay = access.delay.plus(certain(moving))
    stays = still_there_after(view.incident.cause, delay)
    price = access.price(case.fair)
    held_back = bounds_of(view.holding_rooms(case.symbol), lambda usd: usd / price)
    bound = tightest([*reach, *held_back, *mint_bounds(view, access, case.fair, seconds > 0)])
    # What could not be redeemed if the premium goes is not minted.
    least = view.least(access, case.fair, view.sd_over(seconds, case.fair_sd))
    if bound.tokens < least:
        if bound.rule:
            view.refuse(bound.rule, bound.detail)
        view.refuse(
            "channel.minimum",
            f"{access.issuer.title} mints from ${access.channel.minimum_usd:,.0f}; "
            f"{case.name} takes {bound.tokens:,.6g} {case.symbol}, worth ${bound.tokens * case.fair:,.2f}",
        )
        view.refuse("inventory.none_in_time", missing)
        return None
    wait = Wait(seconds, moving, stays, delay)
    ways = [_wait_and_sell(view, case, access, bound, least, wait, None)]
    carrier = _carrier(view, case, access, bound.tokens, seconds, to_size=True)
    if carrier is not None:
        ways.append(_carried(view, case, access, bound, least, wait, carrier))
    found = [way for way in ways if way is not None]
    best = max(found, key=lambda way: way.objective) if found else None
    if best is None or best.objective <= 0:
        view.refuse(
            "inventory.none_in_time",
            f"{missing}; a mint is in hand after {duration(seconds)}, when a {view.incident.cause} premium "
            f"is still there in {stays:.0%} of cases: not enough to pay for the rest",
        )
        return None
    return best


def _carried(view: View, case: Case, access: Access, bound: Bound, least: float, wait: Wait,
             carrier: Carrier) -> Candidate | None:  # fmt: skip
    """Hedged by what was chosen for about so many tokens; for the best venue it is then chosen again for its
    own size, in whole contracts."""
    funded = tightest([bound, _capital(view, access, case, carrier), *carrier.bounds(view)])
    if funded.tokens < least:
        return None
    hedged = _wait_and_sell(view, case, access, funded, least, wait, carrier)

    def whole() -> Candidate | None:
        assert hedged is not None
        exact = _carrier(view, case, access, hedged.tokens, wait.seconds, to_size=False)
        if exact is None:
            return None
        sized = None if isinstance(exact, StockCarrier) else hedged.tokens
        room = tightest([funded, _capital(view, access, case, exact), *exact.bounds(view)])
        if sized is None and room.tokens < least:
            return None
        return _wait_and_sell(view, case, access, room, least, wait, exact, sized)

    sd = view.sd_until(view.ts + round(wait.seconds * NS), case.fair_sd)
    hedger = view.hedger(case.fair, case.state.multiplier, wait.seconds, sd)
    if hedged is None or hedger is None:
        return hedged
    if not as_chosen(view, hedger, hedged.tokens, case.state.multiplier):
        hedged.whole = whole
    return hedged


def _carrier(view: View, case: Case, access: Access, tokens: float, seconds: float, *,
             to_size: bool) -> Carrier | None:  # fmt: skip
    """Short stock, or what is chosen of all there is for so many tokens; ``None``: nothing, or no wait."""
    multiplier = case.state.multiplier
    sd = view.sd_until(view.ts + round(seconds * NS), case.fair_sd)
    hedger = view.hedger(case.fair, multiplier, seconds, sd)
    if hedger is not None:
        room = view.desk.capital_room().usd - tokens * access.price(case.fair)
        return carrier_for(view, case, hedger, tokens, room, to_size=to_size)
    short = view.short(multiplier) if seconds > 0 else ""
    return StockCarrier(view, short, sd, seconds) if isinstance(short, ShortStock) else None


def _capital(view: View, access: Access, case: Case, carrier: Carrier) -> Bound:
    """Tokens that capital pays for, with what the hedge against them locks."""
    room = view.desk.capital_room()
    each = access.price(case.fair) + carrier.locked_usd(1.0)
    return Bound(max(0.0, room.usd) / each, room.rule, f"${room.usd:,.0f} left of ${room.limit_usd:,.0f}")


def _wait_and_sell(view: View, case: Case, access: Access, bound: Bound, least: float, wait: Wait,
                   carrier: Carrier | None, sized: float | None = None) -> Candidate | None:  # fmt: skip
    seconds, moving, stays = wait.seconds, wait.moving, wait.stays
    mint = access.price(case.fair)
    redeem = view.access("redeem", case.symbol)
    gone = redeem.price(case.fair) if redeem.channel.available else case.fair * (1 - NO_CHANNEL_EXIT)
    sd = view.sd_after(wait.delay, case.fair_sd)
    gas = case.gas_usd + access.channel.gas_usd + (view.config.gas_usd if moving > 0 else 0.0)
    rate = view.financing(mint, wait.delay.mean)
    # Redeemed instead of sold: the issuer's gas and the way back for the pool's.
    beside = redeem.channel.gas_usd + (view.config.gas_usd if moving > 0 else 0.0) - case.gas_usd
    curve = case.curve
    unhedged = carrier.fails(view) if carrier is not None else 0.0
    sold = (1 - unhedged) * stays * (1 - view.fails(case.name))
    """Probability that it goes as planned."""

    def outcome(tokens: float) -> tuple[float, float, float]:
        """Proceeds, expected profit, profit at 99 %."""
        done = curve.sell_tokens(tokens)
        if done is None:
            return 0.0, IMPOSSIBLE, IMPOSSIBLE
        hedge = carrier.cost_usd(tokens) if carrier is not None else 0.0
        lost = if_long(tokens * gone, sd) if carrier is None else carrier.worst_usd(tokens, gone)
        spent = tokens * (mint + rate) + gas
        back = tokens * gone - beside
        expected = sold * done.usd + (1 - sold) * back - spent - (1 - unhedged) * hedge
        return done.usd, expected, min(-gas, tokens * gone - lost - spent)

    tokens = sized if sized is not None else top_of(view, outcome, least, bound.tokens)
    usd, expected, worst = outcome(tokens)
    if expected == IMPOSSIBLE:
        return None
    hedge_usd = carrier.cost_usd(tokens) if carrier is not None else 0.0
    outlay = tokens * mint
    slack = max(0.0, expected) / 2
    fee = tokens * access.fee_per_token(case.fair)
    waited = seconds - moving
    legs = [
        leg("mint", f"{case.symbol}@{access.issuer.name}", tokens, outlay, slack_usd=slack, fee_usd=fee,
            gas_usd=access.channel.gas_usd, delay_seconds=waited)
    ]  # fmt: skip
    hedge = Hedge("none", "the tokens are sold at once" if seconds == 0 else
                  "the price risk of the wait is carried", 0.0, 0.0)  # fmt: skip
    if carrier is not None:
        hedge = carrier.hedge(tokens, "until the tokens are sold")
        legs += carrier.opening(tokens, slack)
    if moving > 0:
        legs.append(leg("transfer", case.name, tokens, tokens * case.fair, gas_usd=view.config.gas_usd,
                        delay_seconds=moving))  # fmt: skip
    # What is sold after a wait is sold at what the share is worth by then, if that is more than redeeming it.
    legs.append(leg("sell", case.name, tokens, usd, slack_usd=max(0.0, usd - tokens * gone), sd=sd,
                    fee_usd=case.fee_in(usd, True), gas_usd=case.gas_usd))  # fmt: skip
    if carrier is not None:
        legs += carrier.closing(tokens, outlay)
    back = tokens * gone - beside
    otherwise = _otherwise(view, case, access, redeem, tokens, moving, legs)
    notes = bound.binds(tokens)
    if carrier is not None:
        notes += carrier.notes()
    if seconds > 0:
        notes.append(
            f"settlement.gap_risk: the tokens arrive after {duration(seconds)}; the premium is taken to be "
            f"still there in {stays:.0%} of cases, and the tokens to be redeemed in the others"
        )
    paid = costs(
        venue_fee=stays * case.fee_in(usd, True),
        mint_fee=fee,
        spread=tokens * access.spread_per_token(case.fair),
        gas=gas,
        financing=tokens * rate,
        hedge=hedge_usd,
        premium_gone=(1 - stays) * (usd - back),
        leg_failure=(stays - sold) * (usd - back) - unhedged * hedge_usd,
    )
    spent = tokens * (mint + rate) + gas
    if carrier is None:
        here = swings(usd, sd, usd * HEDGE_RESIDUAL if seconds > 0 else 0.0)
        there = swings(back, sd)
    else:
        here = carrier.swings(tokens, usd / tokens, HEDGE_RESIDUAL)
        there = carrier.swings(tokens, gone, 0.0)
    lost = "the premium has gone or the sale is refused, and the tokens are redeemed"
    branches = [
        Branch("as planned", sold, usd - spent - hedge_usd, here),
        Branch(lost, 1 - sold - unhedged, back - spent - hedge_usd, there),
        Branch("the hedge is refused and the tokens are redeemed", unhedged, back - spent, swings(back, sd)),
    ]

    def at(tokens: float) -> tuple[float, Exposure]:
        usd, expected, worst = outcome(tokens)
        outlay, locked, beside = tokens * mint, 0.0, {}
        if carrier is not None:
            locked = carrier.locked_usd(tokens)
            beside = {carrier.venue: carrier.notional_usd(tokens)} if carrier.venue else {}
        return IMPOSSIBLE if expected == IMPOSSIBLE else view.objective(expected, worst), Exposure(
            capital_usd=outlay + locked,
            largest_usd=max(usd, outlay, *beside.values()),
            venues_usd={access.issuer.name: outlay, venue_of(case.name): usd} | beside,
            settlement_usd=outlay if seconds > 0 else 0.0,
            tokens={},
            issuers_usd={access.issuer.name: outlay},
        )

    judged, exposure = at(tokens)
    return Candidate(
        "mint_and_sell", case.name, usd, tokens, legs, hedge, expected, paid, worst,
        (usd - expected / max(stays, 0.01)) / tokens, seconds, exposure,
        judged, notes, branches, at, least, otherwise,
    )  # fmt: skip


def _otherwise(view: View, case: Case, access: Access, redeem: Access, tokens: float, moving: float,
               legs: list[Leg]) -> list[Leg]:  # fmt: skip
    """What is done with the tokens if they cannot be sold for more: redeemed, at the price of that moment."""
    if not redeem.channel.available:
        return []
    name, usd = f"{case.symbol}@{access.issuer.name}", tokens * redeem.price(case.fair)
    back = leg("redeem", name, tokens, usd, slack_usd=usd, fee_usd=tokens * redeem.fee_per_token(case.fair),
               gas_usd=redeem.channel.gas_usd,
               delay_seconds=redeem.channel.settlement_days * DAY_SECONDS)  # fmt: skip
    gas = view.config.gas_usd
    way = [leg("transfer", name, tokens, usd, gas_usd=gas, delay_seconds=moving)] if moving > 0 else []
    return [*way, back, *(each for each in legs if each.action == "unhedge")]


def mint_bounds(view: View, access: Access, fair: float, waits: bool) -> list[Bound]:
    """What limits, capital and the issuer allow to be minted."""
    price = access.price(fair)
    rooms = [view.desk.capital_room(), *view.desk.leg_rooms(view.incident.underlying, access.issuer.name)]
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
