"""Premium: sell tokens dear, have the issuer mint them at fair value.

Three ways, tried in turn. *From inventory*, minting the tokens back at once: the price risk is only
that the mint fails. *From inventory, refilling later*, where the channel is closed or the amount is
below its minimum: the tokens sold are owed to ourselves until then. *Mint first*, without inventory:
tokens arrive after settlement and the premium may have gone by then, which is priced as two outcomes,
still there (and sold as the curve stands now) or gone (and redeemed).
"""

from __future__ import annotations

from collections.abc import Callable

from bot.strategy.desk import Exposure
from bot.strategy.hedges import MARGIN_RATIO, ShortStock
from bot.strategy.mechanisms import Access, seconds_until
from bot.strategy.risk import HEDGE_RESIDUAL, if_long, if_short, still_there
from bot.strategy.routes.common import (
    Candidate,
    Case,
    View,
    bounds_of,
    costs,
    in_hand_at,
    leg,
    short_bounds,
    venue_of,
)
from bot.strategy.sizing import IMPOSSIBLE, Bound, maximise, tightest
from bot.timefmt import NS, duration
from bot.types import Hedge, Ns

NO_CHANNEL_EXIT = 0.01
"""Cost of getting rid of tokens at fair value where no issuer takes them back. An assumption."""
REFILL_DAYS = 1
"""Within so long a sale without a channel to refill from is assumed to be bought back."""


def mint_and_sell(view: View, case: Case) -> list[Candidate]:
    """What can be done about a premium on one venue; ``[]`` with the reasons in ``view.refused``."""
    top = case.top if case.spot > case.fair else None
    if top is None:
        return []
    access = view.access("mint", case.symbol)
    reach = [Bound(top.tokens, "", ""), *_sale_bounds(view, case)]
    held = view.desk.free_tokens(case.symbol, case.place)
    if held > 0:
        own = Bound(held, "inventory.tokens", f"{held:,.6g} {case.symbol} in hand")
        found = _from_inventory(view, case, access, [*reach, own])
        if found is not None:
            return [found]
    found = _mint_first(view, case, access, reach, held)
    return [found] if found is not None else []


def _sale_bounds(view: View, case: Case) -> list[Bound]:
    def tokens_for(usd: float) -> float | None:
        done = case.curve.sell(usd)
        return None if done is None else done.tokens

    rooms = view.desk.leg_rooms(view.incident.underlying, venue_of(case.name))
    return bounds_of(rooms, tokens_for)


def _mint_bounds(view: View, access: Access, fair: float, waits: bool) -> list[Bound]:
    price = access.price(fair)
    rooms = [view.desk.capital_room(), *view.desk.leg_rooms(view.incident.underlying, access.issuer.name)]
    if waits:
        rooms.append(view.desk.settlement_room())
    bounds = list(bounds_of(rooms, lambda usd: usd / price))
    most = access.tokens_most(fair)
    return [*bounds, Bound(most, "channel.maximum", f"${access.channel.maximum_usd or 0:,.0f} an order")]


def _from_inventory(view: View, case: Case, access: Access, reach: list[Bound]) -> Candidate | None:
    """Sell now. Mint the tokens back now if the issuer takes the order, later if not."""
    later = tightest(reach)
    refilled = None
    if access.usable:
        assert access.arrives is not None
        bound = tightest([*reach, *_mint_bounds(view, access, case.fair, access.arrives > view.ts)])
        least = access.tokens_least(case.fair)
        if bound.tokens >= least:
            refilled = _sale(view, case, access, bound, least, refill_now=True)
            if refilled is not None and refilled.tokens > least * 1.001:
                return refilled
        elif bound.rule:
            view.refuse(bound.rule, bound.detail)
    if later.tokens <= 0:
        view.refuse(later.rule, later.detail)
        return refilled
    deferred = _sale(view, case, access, later, 0.0, refill_now=False)
    found = [candidate for candidate in (refilled, deferred) if candidate is not None]
    return max(found, key=lambda candidate: candidate.objective) if found else None


def _refill(view: View, case: Case, access: Access) -> tuple[float, Ns]:
    """Expected price of replacing a token, and until when the price may move first."""
    if access.arrives is not None:
        return access.price(case.fair), access.arrives
    # Nobody knows when, or whether, the issuer mints again: bought back elsewhere within a day.
    return case.fair * (1 + NO_CHANNEL_EXIT), view.ts + REFILL_DAYS * 86_400 * NS


def _sale(view: View, case: Case, access: Access, bound: Bound, least: float, *,
          refill_now: bool) -> Candidate | None:  # fmt: skip
    replace, until = _refill(view, case, access)
    sd = view.sd_until(until, case.fair_sd)
    seconds = seconds_until(view.ts, until)
    per_token_risk = if_short(case.fair, sd)
    gas = case.gas_usd + (access.channel.gas_usd if refill_now else 0.0)
    rate = view.financing(replace, seconds) if refill_now else 0.0
    curve = case.curve

    def outcome(tokens: float) -> tuple[float, float, float]:
        """Proceeds, expected profit, profit at 99 %."""
        done = curve.sell_tokens(tokens)
        if done is None:
            return 0.0, IMPOSSIBLE, IMPOSSIBLE
        expected = done.usd - tokens * (replace + rate) - gas
        return done.usd, expected, min(-gas, expected - tokens * per_token_risk)

    tokens = _top(view, outcome, least, bound.tokens)
    usd, expected, worst = outcome(tokens)
    if expected == IMPOSSIBLE:
        return None
    outlay = tokens * replace
    notes = bound.binds(tokens)
    slack = max(0.0, expected) / 2
    fee, spread = tokens * access.fee_per_token(case.fair), tokens * access.spread_per_token(case.fair)
    legs = [
        leg("sell", case.name, tokens, usd, slack_usd=slack, fee_usd=case.fee_in(usd, True),
            gas_usd=case.gas_usd)
    ]  # fmt: skip
    issuer = access.issuer.name
    venues = {venue_of(case.name): usd}
    if refill_now:
        legs.append(
            leg("mint", f"{case.symbol}@{issuer}", tokens, outlay, slack_usd=slack, fee_usd=fee,
                gas_usd=access.channel.gas_usd, delay_seconds=seconds)
        )  # fmt: skip
        venues[issuer] = outlay
        paid = costs(venue_fee=case.fee_in(usd, True), mint_fee=fee, spread=spread, gas=gas,
                     financing=tokens * rate)  # fmt: skip
        text = "the mint is priced when the issuer accepts it, so only a refused mint leaves price risk"
    else:
        notes.append(_why_later(access, tokens, case))
        paid = costs(venue_fee=case.fee_in(usd, True), gas=gas, refill=tokens * (replace - case.fair))
        text = "the tokens come out of inventory, which is smaller until they are replaced"
    exposure = Exposure(
        capital_usd=outlay if refill_now else 0.0,
        largest_usd=max(usd, outlay),
        venues_usd=venues,
        settlement_usd=outlay if refill_now and seconds > 0 else 0.0,
        tokens={f"{case.symbol}@{case.place}": tokens},
    )
    return Candidate(
        "mint_and_sell", case.name, usd, tokens, legs, Hedge("none", text, 0.0, 0.0), expected, paid, worst,
        (usd - expected) / tokens, seconds if refill_now else 0.0, exposure,
        view.objective(expected, worst), notes,
    )  # fmt: skip


def _why_later(access: Access, tokens: float, case: Case) -> str:
    if not access.usable:
        return f"{access.rule}: {access.detail}; the tokens sold are replaced later"
    least = f"${access.channel.minimum_usd:,.0f}"
    return (
        f"channel.minimum: replacing {tokens:,.6g} {case.symbol} (${tokens * case.fair:,.2f}) is too little "
        f"for {access.issuer.title}, which mints from {least}; that waits for a larger mint"
    )


def _mint_first(view: View, case: Case, access: Access, reach: list[Bound], held: float) -> Candidate | None:
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
    stays = still_there(view.incident.cause, seconds)
    bound = tightest([*reach, *_mint_bounds(view, access, case.fair, seconds > 0)])
    least = access.tokens_least(case.fair)
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
    short = view.short(case.state.multiplier) if seconds > 0 else "there is no wait"
    ways = [_wait_and_sell(view, case, access, bound, least, seconds, moving, stays, None)]
    if isinstance(short, ShortStock):
        capital = short.capital_bound(view.desk.capital_room(), access.price(case.fair))
        funded = tightest([bound, capital, *short_bounds(view, short)])
        if funded.tokens >= least:
            ways.append(_wait_and_sell(view, case, access, funded, least, seconds, moving, stays, short))
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


def _wait_and_sell(view: View, case: Case, access: Access, bound: Bound, least: float, seconds: float,
                   moving: float, stays: float, short: ShortStock | None) -> Candidate | None:  # fmt: skip
    mint = access.price(case.fair)
    redeem = view.access("redeem", case.symbol)
    gone = redeem.price(case.fair) if redeem.channel.available else case.fair * (1 - NO_CHANNEL_EXIT)
    sd = view.sd_until(view.ts + round(seconds * NS), case.fair_sd)
    if short is not None:
        sd *= HEDGE_RESIDUAL
    at_worst = gone - if_long(gone, sd)
    gas = case.gas_usd + access.channel.gas_usd + (view.config.gas_usd if moving > 0 else 0.0)
    rate = view.financing(mint, seconds)
    curve = case.curve

    def outcome(tokens: float) -> tuple[float, float, float]:
        done = curve.sell_tokens(tokens)
        if done is None:
            return 0.0, IMPOSSIBLE, IMPOSSIBLE
        hedge = short.cost_usd(tokens, seconds) if short is not None else 0.0
        spent = tokens * (mint + rate) + gas + hedge
        expected = stays * done.usd + (1 - stays) * tokens * gone - spent
        return done.usd, expected, min(-gas, tokens * at_worst - spent)

    tokens = _top(view, outcome, least, bound.tokens)
    usd, expected, worst = outcome(tokens)
    if expected == IMPOSSIBLE:
        return None
    hedge_usd = short.cost_usd(tokens, seconds) if short is not None else 0.0
    outlay = tokens * mint
    slack = max(0.0, expected) / 2
    fee = tokens * access.fee_per_token(case.fair)
    waited = seconds - moving
    legs = [
        leg("mint", f"{case.symbol}@{access.issuer.name}", tokens, outlay, slack_usd=slack, fee_usd=fee,
            gas_usd=access.channel.gas_usd, delay_seconds=waited)
    ]  # fmt: skip
    margin = notional = 0.0
    hedge = Hedge("none", "the tokens are sold at once" if seconds == 0 else
                  "the price risk of the wait is carried", 0.0, 0.0)  # fmt: skip
    if short is not None:
        shares = tokens * short.shares_per_token
        notional = short.notional_usd(tokens)
        commission = short.commission_usd(tokens)
        margin = MARGIN_RATIO * notional
        legs.append(leg("hedge", short.instrument, shares, notional, slack_usd=slack, fee_usd=commission))
        hedge = Hedge(
            "short_stock",
            f"{shares:,.6g} {view.incident.underlying} sold short at ${short.bid:,.2f} ({short.instrument}) "
            "until the tokens are sold",
            notional, hedge_usd,
        )  # fmt: skip
    if moving > 0:
        legs.append(leg("transfer", case.name, tokens, tokens * case.fair, gas_usd=view.config.gas_usd,
                        delay_seconds=moving))  # fmt: skip
    legs.append(leg("sell", case.name, tokens, usd, slack_usd=slack / max(stays, 0.01),
                    fee_usd=case.fee_in(usd, True), gas_usd=case.gas_usd))  # fmt: skip
    if short is not None:
        legs.append(leg("unhedge", short.instrument, shares, shares * short.ask, slack_usd=outlay,
                        fee_usd=commission))  # fmt: skip
    notes = bound.binds(tokens)
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
        premium_gone=(1 - stays) * (usd - tokens * gone),
    )
    exposure = Exposure(
        capital_usd=outlay + margin,
        largest_usd=max(usd, outlay, notional),
        venues_usd={access.issuer.name: outlay, venue_of(case.name): usd}
        | ({venue_of(short.instrument): notional} if short is not None else {}),
        settlement_usd=outlay if seconds > 0 else 0.0,
        tokens={},
    )
    return Candidate(
        "mint_and_sell", case.name, usd, tokens, legs, hedge, expected, paid, worst,
        (usd - expected / max(stays, 0.01)) / tokens, seconds, exposure,
        view.objective(expected, worst), notes,
    )  # fmt: skip


def _top(
    view: View, outcome: Callable[[float], tuple[float, float, float]], least: float, most: float
) -> float:
    charge = view.config.risk_charge

    def objective(tokens: float) -> float:
        _, expected, worst = outcome(tokens)
        return IMPOSSIBLE if expected == IMPOSSIBLE else expected + charge * min(0.0, worst)

    return maximise(objective, least, most)
