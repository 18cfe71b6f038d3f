"""Premium without tokens in hand: mint, wait, and sell if the premium is still there.

Tokens arrive after settlement and the premium may have gone by then, which is priced as two outcomes, still
there (and sold as the curve stands now) or gone (and redeemed). A hedge carries the wait where it pays.
"""

from __future__ import annotations

from bot.strategy.desk import Exposure
from bot.strategy.forecast import Branch, swings
from bot.strategy.hedge_choice import Hedger
from bot.strategy.hedges import ShortStock
from bot.strategy.mechanisms import Access, seconds_until
from bot.strategy.mechanisms.way import HERE
from bot.strategy.risk import HEDGE_RESIDUAL
from bot.strategy.routes.bounds import later_bounds, mint_bounds, sale_bounds, top_of
from bot.strategy.routes.carry import Carrier, StockCarrier, as_chosen, carrier_for
from bot.strategy.routes.common import (
    HEDGED_FROM_SECONDS,
    Candidate,
    Case,
    Details,
    View,
    bounds_of,
    by_venue,
    costs,
    in_hand_at,
    leg,
    named_at,
    venue_of,
)
from bot.strategy.routes.minted import Minted
from bot.strategy.routes.minting import Minting, minting
from bot.strategy.sizing import IMPOSSIBLE, Bound, tightest
from bot.timefmt import NS, duration, percent
from bot.types import Hedge, Leg


def mint_first(view: View, case: Case, reach: list[Bound], held: float) -> Candidate | None:
    """Without tokens in hand: mint by the best of channels, wait, and sell if the premium is still there."""
    missing = (
        f"no {case.symbol} {in_hand_at(case.place)}" if held <= 0 else "no profit in selling what is in hand"
    )
    other = view.desk.elsewhere(case.symbol, case.place)
    if held <= 0 and other > 0:
        missing += f" ({other:,.6g} lie elsewhere)"
    usable = view.usable("mint", case.symbol)
    if not usable:
        view.refuse("inventory.none_in_time", f"{missing}, and none can be minted now")
        return None
    before = view.desk.on_its_way_to(case.name)
    if before:
        view.refuse("depth.taken", f"what {before} has minted is on its way to be sold on {case.name}")
        return None
    ways = [_through(view, case, access, reach, missing) for access in usable]
    found = [way for way in ways if way is not None]
    return max(found, key=lambda way: way.objective) if found else None


def _through(view: View, case: Case, access: Access, reach: list[Bound], missing: str) -> Candidate | None:
    """Minted by one channel."""
    assert access.arrives is not None
    settles, price = seconds_until(view.ts, access.arrives), access.price(case.fair)
    seconds = settles + view.way(case.symbol, access.place, case.place).seconds
    held_back = bounds_of(view.holding_rooms(case.symbol), lambda usd: usd / price)
    legs = 2 if access.venue == venue_of(case.name) else 1
    if seconds > 0 and case.top is not None:
        reach = [*reach, *later_bounds(case, case.top.tokens)]
    bound = tightest([*reach, *held_back, *mint_bounds(view, access, case.fair, settles > 0, legs),
                      *(sale_bounds(view, case, legs) if legs > 1 else [])])  # fmt: skip
    # What could not be redeemed if the premium goes is not minted.
    least = view.least(access, case.fair, view.sd_over(seconds, case.fair_sd))
    if bound.tokens < least:
        from_usd = f"{access.title} mints from ${access.channel.minimum_usd:,.0f}"
        takes = f"{case.name} takes"
        if bound.rule:
            view.refuse(bound.rule, bound.detail)
            takes = "what the limit leaves is"
        worth = f"{bound.tokens:,.6g} {case.symbol}, worth ${bound.tokens * case.fair:,.2f}"
        view.refuse("channel.minimum", f"{from_usd}; {takes} {worth}")
        view.refuse("inventory.none_in_time", missing)
        return None
    terms = minting(view, case, access, seconds)
    ways = [_wait_and_sell(view, case, terms, bound, least, None)]
    carrier = _carrier(view, case, terms, bound.tokens, to_size=True)
    if carrier is not None:
        ways.append(_carried(view, case, terms, bound, least, carrier))
    found = [made for made in ways if made is not None]
    best = max(found, key=lambda made: made.objective) if found else None
    if best is None or best.objective <= 0:
        view.refuse(
            "inventory.none_in_time",
            f"{missing}; a mint is in hand after {duration(seconds)}, when a {view.incident.cause} premium "
            f"is still there in {percent(terms.stays)} of cases: not enough to pay for the rest",
        )
        return None
    return best


def _carried(view: View, case: Case, terms: Minting, bound: Bound, least: float,
             carrier: Carrier) -> Candidate | None:  # fmt: skip
    """Hedged by what was chosen for about so many tokens; for the best venue it is then chosen again for its
    own size, in whole contracts."""
    funded = tightest([bound, _capital(view, terms, carrier), *carrier.bounds(view)])
    if funded.tokens < least:
        return None
    hedged = _wait_and_sell(view, case, terms, funded, least, carrier)
    if hedged is None:
        return None

    def in_shares(found: Candidate, room: Bound, by: StockCarrier) -> Candidate | None:
        """In whole shares: bare, if it is less than one."""
        whole = by.in_whole(view, found.tokens)
        exact = _wait_and_sell(view, case, terms, room, least, whole, found.tokens)
        if exact is not None and whole is not None:
            exact.at = found.at
        return exact

    def again(found: Candidate) -> Candidate | None:
        exact = _carrier(view, case, terms, found.tokens, to_size=False)
        if exact is None:
            return None
        room = tightest([funded, _capital(view, terms, exact), *exact.bounds(view)])
        if not isinstance(exact, StockCarrier):
            return _wait_and_sell(view, case, terms, room, least, exact, found.tokens)
        if room.tokens < least:
            return None
        made = _wait_and_sell(view, case, terms, room, least, exact)
        return None if made is None else in_shares(made, room, exact)

    hedger = _hedger(view, case, terms)
    if hedger is not None and not as_chosen(view, hedger, hedged.tokens, case.state.multiplier):
        hedged.whole = again
    elif isinstance(carrier, StockCarrier):
        hedged.whole = lambda found: in_shares(found, funded, carrier)
    return hedged


def _hedger(view: View, case: Case, terms: Minting) -> Hedger | None:
    sd = view.sd_until(view.ts + round(terms.seconds * NS), case.fair_sd)
    return view.hedger(case.fair, case.state.multiplier, terms.seconds, sd)


def _carrier(view: View, case: Case, terms: Minting, tokens: float, *, to_size: bool) -> Carrier | None:
    """Short stock, or what is chosen of all there is for so many tokens; ``None``: nothing, or a wait that is
    too short."""
    if terms.seconds < HEDGED_FROM_SECONDS:
        return None
    hedger = _hedger(view, case, terms)
    if hedger is not None:
        room = view.desk.capital_room().usd - tokens * terms.mint
        return carrier_for(view, case, hedger, tokens, room, to_size=to_size)
    short = view.short(case.state.multiplier)
    sd = view.sd_until(view.ts + round(terms.seconds * NS), case.fair_sd)
    return StockCarrier(view, short, sd, terms.seconds) if isinstance(short, ShortStock) else None


def _capital(view: View, terms: Minting, carrier: Carrier) -> Bound:
    """Tokens that capital pays for, with what the hedge against them locks."""
    room = view.desk.capital_room()
    each = terms.mint + carrier.locked_usd(1.0)
    return Bound(max(0.0, room.usd) / each, room.rule, f"${room.usd:,.0f} left of ${room.limit_usd:,.0f}")


def _wait_and_sell(view: View, case: Case, terms: Minting, bound: Bound, least: float,
                   carrier: Carrier | None, sized: float | None = None) -> Candidate | None:  # fmt: skip
    law, access = Minted(view, case, terms, carrier), terms.access
    tokens = sized if sized is not None else top_of(view, law.of, least, bound.tokens)
    usd, expected, worst = law.of(tokens)
    if expected == IMPOSSIBLE:
        return None

    def at(tokens: float) -> tuple[float, Exposure]:
        usd, expected, worst = law.of(tokens)
        outlay, locked, beside = tokens * terms.mint, 0.0, []
        if carrier is not None:
            locked = carrier.locked_usd(tokens)
            beside = [(carrier.venue, carrier.notional_usd(tokens))] if carrier.venue else []
        return IMPOSSIBLE if expected == IMPOSSIBLE else view.objective(expected, worst), Exposure(
            capital_usd=outlay + locked,
            largest_usd=max(usd, outlay, *(notional for _, notional in beside)),
            venues_usd=by_venue((access.venue, outlay), (venue_of(case.name), usd), *beside),
            settlement_usd=outlay if terms.seconds > terms.way.seconds else 0.0,
            tokens={},
            issuers_usd={access.issuer.name: outlay},
        )

    def told() -> Details:
        return _told(view, law, tokens, usd, expected, bound, at(tokens)[1])

    return Candidate(
        "mint_and_sell", case.name, usd, tokens, expected, worst,
        (usd - expected / max(law.sells, 0.01)) / tokens, law.seconds, view.objective(expected, worst), at,
        told, least,
    )  # fmt: skip


def _told(view: View, law: Minted, tokens: float, usd: float, expected: float, bound: Bound,
          exposure: Exposure) -> Details:  # fmt: skip
    case, carrier, terms = law.case, law.carrier, law.terms
    access, seconds, stays = terms.access, terms.seconds, terms.stays
    fee = tokens * access.fee_per_token(case.fair)
    legs, otherwise = _legs(view, law, tokens, usd, max(0.0, expected) / 2)
    hedge = Hedge("none", "the tokens are sold at once" if seconds == 0 else
                  "the price risk of the wait is carried", 0.0, 0.0)  # fmt: skip
    notes = bound.binds(tokens)
    if carrier is not None:
        hedge = carrier.hedge(tokens, "until the tokens are sold")
        notes += carrier.notes()
    if seconds > 0:
        notes.append(
            f"settlement.gap_risk: the tokens arrive after {duration(seconds)}; the premium is taken to be "
            f"still there in {percent(stays)} of cases, and the tokens to be redeemed in the others"
        )
    outcomes, back, hedge_usd = law.outcomes(tokens, usd), law.back(tokens), law.hedge_usd(tokens)
    # The second wait of what is redeemed is financing, whatever it came from.
    told = {name: each + law.redeemed[name] * tokens * terms.again_rate for name, each in outcomes.items()}
    usual = sum(law.chances[name] * told[name] for name in ("planned", "gone", "unhedged")) / terms.normal
    sold = law.sold / terms.normal
    paid = costs(
        venue_fee=case.fee_in(usd, True),
        mint_fee=fee,
        spread=tokens * access.spread_per_token(case.fair),
        gas=terms.gas,
        financing=tokens * (terms.rate + (1 - law.sells) * terms.again_rate),
        hedge=hedge_usd,
        premium_gone=(1 - stays) * (usd - back),
        leg_failure=(stays - sold) * (usd - back) - law.unhedged * hedge_usd,
        channel_failure=sum(law.chances[name] * (usual - told[name]) for name in ("late", "lost")),
    )
    return Details(legs, hedge, paid, notes, _branches(law, tokens, usd, outcomes), exposure, otherwise)


def _branches(law: Minted, tokens: float, usd: float, outcomes: dict[str, float]) -> list[Branch]:
    back, carrier, terms = law.back(tokens), law.carrier, law.terms
    if carrier is None:
        here = swings(usd, terms.sds, usd * HEDGE_RESIDUAL if terms.seconds > 0 else 0.0)
        there, later = swings(back, terms.sds), swings(back, terms.late_sd)
    else:
        here = carrier.swings(tokens, usd / tokens, HEDGE_RESIDUAL)
        there = later = carrier.swings(tokens, terms.gone, 0.0)
    late = f"{terms.access.title} delivers {terms.late.text} late, and the premium has mostly gone"
    if terms.late_stays == terms.stays:
        late, later = f"{terms.access.title} keeps the money back for {terms.late.text}", here
    kinds = (
        ("planned", "as planned", here),
        ("gone", "the premium has gone or the sale is refused, and the tokens are redeemed", there),
        ("unhedged", "the hedge is refused and the tokens are redeemed", swings(back, terms.sds)),
        ("late", late, later),
    )
    return [
        *(Branch(text, law.chances[name], outcomes[name], moves) for name, text, moves in kinds),
        *terms.lost.branches(outcomes["lost"], tokens * terms.gone, there),
    ]


def _legs(view: View, law: Minted, tokens: float, usd: float,
          slack: float) -> tuple[list[Leg], list[Leg]]:  # fmt: skip
    """The plan's legs, and what is done with the tokens if they cannot be sold for more: redeemed, at the
    price of that moment."""
    case, terms, carrier = law.case, law.terms, law.carrier
    access, way = terms.access, terms.way
    outlay, fee = tokens * terms.mint, tokens * access.fee_per_token(case.fair)
    legs = [
        leg("mint", access.instrument(case.symbol), tokens, outlay, slack_usd=slack, fee_usd=fee,
            gas_usd=access.channel.gas_usd, delay_seconds=terms.seconds - way.seconds)
    ]  # fmt: skip
    if carrier is not None:
        legs += carrier.opening(tokens, slack)
    if terms.moves:
        legs.append(leg("transfer", case.name, tokens, tokens * case.fair, gas_usd=way.usd,
                        delay_seconds=way.seconds))  # fmt: skip
    # What is sold after a wait is sold at what the share is worth by then, if that is more than redeeming it.
    slack = max(0.0, usd - tokens * terms.gone)
    legs.append(leg("sell", case.name, tokens, usd, slack_usd=slack, sd=terms.sd,
                    fee_usd=case.fee_in(usd, True), gas_usd=case.gas_usd))  # fmt: skip
    closing = carrier.closing(tokens) if carrier is not None else []
    redeem, back_way = terms.redeem, terms.back_way
    if not redeem.channel.available:
        return [*legs, *closing], []
    name, back = redeem.instrument(case.symbol), tokens * redeem.price(case.fair)
    fee = tokens * redeem.fee_per_token(case.fair)
    other = leg("redeem", name, tokens, back, any_price=True, fee_usd=fee, gas_usd=redeem.channel.gas_usd,
                delay_seconds=terms.paid_after)  # fmt: skip
    move = []
    if back_way is not HERE:
        move = [leg("transfer", named_at(case.symbol, redeem), tokens, back, gas_usd=back_way.usd,
                    delay_seconds=back_way.seconds)]  # fmt: skip
    return [*legs, *closing], [*move, other, *closing]
