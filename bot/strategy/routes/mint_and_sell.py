"""Premium: sell tokens dear, have the issuer mint them at fair value.

Three ways, tried in turn. *From inventory*, minting the tokens back at once: the price risk is only
that the mint fails. *From inventory, refilling later*, where the channel is closed or the amount is
below its minimum: the tokens sold are owed to ourselves until then. *Mint first*, without inventory:
tokens arrive after settlement and the premium may have gone by then, which is priced as two outcomes,
still there (and sold as the curve stands now) or gone (and redeemed).
"""

from __future__ import annotations

from bot.strategy.desk import Exposure
from bot.strategy.forecast import Branch, swings
from bot.strategy.mechanisms import Access, seconds_until
from bot.strategy.risk import if_short
from bot.strategy.routes.common import (
    Candidate,
    Case,
    View,
    bounds_of,
    costs,
    leg,
    venue_of,
)
from bot.strategy.routes.mint_first import NO_CHANNEL_EXIT, mint_bounds, mint_first, top_of
from bot.strategy.sizing import IMPOSSIBLE, Bound, tightest
from bot.types import Hedge, Ns

REFILL_DAYS = 1
"""After so many trading days a sale without a channel to refill from is assumed to be bought back."""


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
    found = mint_first(view, case, access, reach, held)
    return [found] if found is not None else []


def _sale_bounds(view: View, case: Case) -> list[Bound]:
    def tokens_for(usd: float) -> float | None:
        done = case.curve.sell(usd)
        return None if done is None else done.tokens

    rooms = view.desk.leg_rooms(view.incident.underlying, venue_of(case.name))
    return bounds_of(rooms, tokens_for)


def _from_inventory(view: View, case: Case, access: Access, reach: list[Bound]) -> Candidate | None:
    """Sell now. Mint the tokens back now if the issuer takes the order, later if not."""
    later = tightest(reach)
    refilled = None
    if access.usable:
        assert access.arrives is not None
        bound = tightest([*reach, *mint_bounds(view, access, case.fair, access.arrives > view.ts)])
        least = view.least(access, case.fair, case.fair_sd)
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
    # Nobody knows when, or whether, the issuer mints again: bought back elsewhere on the next trading day.
    return case.fair * (1 + NO_CHANNEL_EXIT), view.clock.business_days_after(view.ts, REFILL_DAYS)


def _sale(view: View, case: Case, access: Access, bound: Bound, least: float, *,
          refill_now: bool) -> Candidate | None:  # fmt: skip
    replace, until = _refill(view, case, access)
    sd = view.sd_until(until, case.fair_sd)
    seconds = seconds_until(view.ts, until)
    per_token_risk = if_short(case.fair, sd)
    gas = case.gas_usd + (access.channel.gas_usd if refill_now else 0.0)
    rate = view.financing(replace, seconds) if refill_now else 0.0
    curve = case.curve

    fails = view.fails(f"{case.symbol}@{access.issuer.name}") if refill_now else 0.0

    def outcome(tokens: float) -> tuple[float, float, float, float]:
        """Proceeds, profit as planned and if the mint is refused, profit at 99 %."""
        done = curve.sell_tokens(tokens)
        if done is None:
            return 0.0, IMPOSSIBLE, IMPOSSIBLE, IMPOSSIBLE
        planned = done.usd - tokens * (replace + rate) - gas
        refused = -case.round_trip(done.usd, tokens, True) - 2 * case.gas_usd if fails else planned
        return done.usd, planned, refused, min(-gas, planned - tokens * per_token_risk)

    def judged(tokens: float) -> tuple[float, float, float]:
        usd, planned, refused, worst = outcome(tokens)
        if planned == IMPOSSIBLE:
            return usd, IMPOSSIBLE, IMPOSSIBLE
        return usd, planned + fails * (refused - planned), worst

    tokens = top_of(view, judged, least, bound.tokens)
    usd, planned, refused, worst = outcome(tokens)
    if planned == IMPOSSIBLE:
        return None
    expected = planned + fails * (refused - planned)
    outlay = tokens * replace
    notes = bound.binds(tokens)
    slack = max(0.0, planned) / 2
    fee, spread = tokens * access.fee_per_token(case.fair), tokens * access.spread_per_token(case.fair)
    legs = [
        leg("sell", case.name, tokens, usd, slack_usd=slack, fee_usd=case.fee_in(usd, True),
            gas_usd=case.gas_usd)
    ]  # fmt: skip
    issuer = access.issuer.name
    if refill_now:
        legs.append(
            leg("mint", f"{case.symbol}@{issuer}", tokens, outlay, slack_usd=slack, fee_usd=fee,
                gas_usd=access.channel.gas_usd, delay_seconds=seconds)
        )  # fmt: skip
        paid = costs(venue_fee=case.fee_in(usd, True), mint_fee=fee, spread=spread, gas=gas,
                     financing=tokens * rate, leg_failure=planned - expected)  # fmt: skip
        branches = [
            Branch("as planned", 1 - fails, planned, swings(-outlay, case.fair_sd)),
            Branch("the mint is refused and the tokens are bought back", fails, refused),
        ]
        text = "the mint is priced when the issuer accepts it, so only a refused mint leaves price risk"
    else:
        notes.append(_why_later(access, tokens, case))
        paid = costs(venue_fee=case.fee_in(usd, True), gas=gas, refill=tokens * (replace - case.fair))
        text = "the tokens come out of inventory, which is smaller until they are replaced"
        branches = [Branch("as planned", 1.0, planned,
                           swings(-tokens * case.fair, sd))]  # fmt: skip

    def at(tokens: float) -> tuple[float, Exposure]:
        usd, expected, worst = judged(tokens)
        outlay = tokens * replace
        minted = outlay if refill_now else 0.0
        return IMPOSSIBLE if expected == IMPOSSIBLE else view.objective(expected, worst), Exposure(
            capital_usd=minted,
            largest_usd=max(usd, outlay),
            venues_usd={venue_of(case.name): usd} | ({issuer: minted} if refill_now else {}),
            settlement_usd=minted if seconds > 0 else 0.0,
            tokens={f"{case.symbol}@{case.place}": tokens},
        )

    best, exposure = at(tokens)
    return Candidate(
        "mint_and_sell", case.name, usd, tokens, legs, Hedge("none", text, 0.0, 0.0), expected, paid, worst,
        (usd - expected) / tokens, seconds if refill_now else 0.0, exposure,
        best, notes, branches, at, least,
    )  # fmt: skip


def _why_later(access: Access, tokens: float, case: Case) -> str:
    if not access.usable:
        return f"{access.rule}: {access.detail}; the tokens sold are replaced later"
    least = f"${access.channel.minimum_usd:,.0f}"
    return (
        f"channel.minimum: replacing {tokens:,.6g} {case.symbol} (${tokens * case.fair:,.2f}) is too little "
        f"for {access.issuer.title}, which mints from {least}; that waits for a larger mint"
    )
