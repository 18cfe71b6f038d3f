"""Premium: sell tokens dear, have them minted at fair value, by the issuer or where an exchange converts.

Three ways, tried in turn. *From inventory*, minting the tokens back at once: the price risk is only
that the mint fails. *From inventory, refilling later*, where the channel is closed or the amount is
below its minimum: the tokens sold are owed to ourselves until then. *Mint first*, without inventory:
tokens arrive after settlement and the premium may have gone by then, which is priced as two outcomes,
still there (and sold as the curve stands now) or gone (and redeemed).
"""

from __future__ import annotations

from bot.strategy.desk import Exposure
from bot.strategy.forecast import Branch, swings
from bot.strategy.mechanisms import Access, Odds, seconds_until
from bot.strategy.mechanisms.way import HERE
from bot.strategy.risk import if_short
from bot.strategy.routes.bounds import mint_bounds, sale_bounds, top_of
from bot.strategy.routes.common import Candidate, Case, Details, View, by_venue, costs, leg, venue_of
from bot.strategy.routes.failing import delayed, gone
from bot.strategy.routes.mint_first import mint_first
from bot.strategy.routes.minting import NO_CHANNEL_EXIT
from bot.strategy.sizing import IMPOSSIBLE, Bound, tightest
from bot.timefmt import short
from bot.types import Hedge, Ns

REFILL_DAYS = 1
"""After so many trading days a sale without a channel to refill from is assumed to be bought back."""


def mint_and_sell(view: View, case: Case) -> list[Candidate]:
    """What can be done about a premium on one venue; ``[]`` with the reasons in ``view.refused``."""
    top = case.top if case.spot > case.fair else None
    if top is None:
        return []
    reach = [Bound(top.tokens, "", ""), *sale_bounds(view, case)]
    held = view.desk.free_tokens(case.symbol, case.place)
    if held > 0:
        own = Bound(held, "inventory.tokens", f"{held:,.6g} {case.symbol} in hand")
        found = _from_inventory(view, case, [*reach, own])
        if found is not None:
            return [found]
    found = mint_first(view, case, reach, held)
    return [found] if found is not None else []


def _from_inventory(view: View, case: Case, reach: list[Bound]) -> Candidate | None:
    """Sell now. Mint the tokens back now where a channel takes the order, later if none does."""
    later = tightest(reach)
    ways = [_refilled(view, case, access, reach) for access in view.usable("mint", case.symbol)]
    refilled = max((way for way in ways if way is not None), key=lambda way: way.objective, default=None)
    if refilled is not None and refilled.tokens > refilled.least * 1.001:
        return refilled
    if later.tokens <= 0:
        view.refuse(later.rule, later.detail)
        return refilled
    deferred = _sale(view, case, _cheapest(view, case), later, 0.0, refill_now=False)
    found = [candidate for candidate in (refilled, deferred) if candidate is not None]
    return max(found, key=lambda candidate: candidate.objective) if found else None


def _refilled(view: View, case: Case, access: Access, reach: list[Bound]) -> Candidate | None:
    """Minted back by one channel, if it takes so few."""
    assert access.arrives is not None
    legs = 2 if access.venue == venue_of(case.name) else 1
    shared = sale_bounds(view, case, legs) if legs > 1 else []
    bound = tightest([*reach, *shared, *mint_bounds(view, access, case.fair, access.arrives > view.ts, legs)])
    least = view.least(access, case.fair, case.fair_sd)
    if bound.tokens < least:
        if bound.rule:
            view.refuse(bound.rule, bound.detail)
        return None
    return _sale(view, case, access, bound, least, refill_now=True)


def _cheapest(view: View, case: Case) -> Access:
    """Where tokens are replaced later: at the least price, of channels that will be open."""
    channels = view.channels("mint", case.symbol)
    able = [access for access in channels if access.arrives is not None]
    return min(able, key=lambda access: access.price(case.fair), default=channels[0])


def _refill(view: View, case: Case, access: Access) -> tuple[float, Ns]:
    """Expected price of replacing a token, and until when the price may move first."""
    if access.arrives is not None:
        return access.price(case.fair), access.arrives
    # Nobody knows when, or whether, the issuer mints again: bought back elsewhere on the next trading day.
    return case.fair * (1 + NO_CHANNEL_EXIT), view.clock.business_days_after(view.ts, REFILL_DAYS)


class _Refill:
    """What selling so many tokens brings in each outcome, and having them minted back, now or later."""

    def __init__(self, view: View, case: Case, access: Access, now: bool) -> None:
        self.case = case
        self.price, self.until = _refill(view, case, access)
        way = view.way(case.symbol, access.place, case.place)
        self.way = way if now else HERE
        self.order_usd = way.usd + (access.channel.gas_usd if access.arrives is not None else 0.0)
        self._shared_usd = 0.0 if now else self.order_usd
        self._order_tokens = max(access.channel.minimum_usd, 1.0) / self.price
        self.seconds = seconds_until(view.ts, self.until)
        odds = view.odds(access, self.way is not HERE) if now else Odds()
        self.refused = odds.refused
        self.late = delayed(view, self.until, (*odds.held, *odds.late))
        self.lost = gone(odds.lost)
        self.planned = 1 - odds.chance
        self.sd = view.sd_until(self.until, case.fair_sd)
        self._risk = if_short(case.fair, self.sd) + self.price * self.lost.at_99
        self.gas = case.gas_usd + (self.order_usd if now else 0.0)
        waits = self.seconds + self.way.delay.mean
        self.rate, self.late_rate, self._longest = (
            view.financing(self.price, seconds) if now else 0.0
            for seconds in (waits, self.late.seconds, self.late.longest)
        )  # fmt: skip
        # Of the expected profit, in one sum for each size that is tried.
        self._late = self.late.chance * self.late_rate + self.lost.chance * self.price * self.lost.ratio

    def later_usd(self, tokens: float) -> float:
        """Gas of the order that replaces them later and of the way back; below the channel's minimum, their
        part of a larger one."""
        return self._shared_usd * min(1.0, tokens / self._order_tokens)

    def of(self, tokens: float) -> tuple[float, float, float]:
        """Proceeds, expected profit, profit at 99 %."""
        done = self.case.curve.sell_tokens(tokens)
        if done is None:
            return 0.0, IMPOSSIBLE, IMPOSSIBLE
        planned = done.usd - tokens * (self.price + self.rate) - self.gas - self.later_usd(tokens)
        expected = planned - tokens * self._late
        if self.refused:
            expected += self.refused * (self._bought_back(done.usd, tokens) - planned)
        return done.usd, expected, min(-self.gas, planned - tokens * (self._risk + self._longest))

    def _bought_back(self, usd: float, tokens: float) -> float:
        return -self.case.round_trip(usd, tokens, True) - 2 * self.case.gas_usd

    def outcomes(self, tokens: float, usd: float) -> dict[str, float]:
        """Profit by outcome where the sale brings ``usd``."""
        planned = usd - tokens * (self.price + self.rate) - self.gas - self.later_usd(tokens)
        return {
            "planned": planned,
            "refused": self._bought_back(usd, tokens),
            "late": planned - tokens * self.late_rate,
            "lost": planned - tokens * self.price * self.lost.ratio,
        }

    @property
    def chances(self) -> dict[str, float]:
        """Of each outcome."""
        return {"planned": self.planned, "refused": self.refused, "late": self.late.chance,
                "lost": self.lost.chance}  # fmt: skip


def _sale(view: View, case: Case, access: Access, bound: Bound, least: float, *,
          refill_now: bool) -> Candidate | None:  # fmt: skip
    law = _Refill(view, case, access, refill_now)
    tokens = top_of(view, law.of, least, bound.tokens)
    usd, expected, worst = law.of(tokens)
    if expected == IMPOSSIBLE:
        return None

    def at(tokens: float) -> tuple[float, Exposure]:
        usd, expected, worst = law.of(tokens)
        outlay = tokens * law.price
        minted = outlay if refill_now else 0.0
        uses = [(venue_of(case.name), usd)] + ([(access.venue, minted)] if refill_now else [])
        return IMPOSSIBLE if expected == IMPOSSIBLE else view.objective(expected, worst), Exposure(
            capital_usd=minted,
            largest_usd=max(usd, outlay),
            venues_usd=by_venue(*uses),
            settlement_usd=minted if law.seconds > 0 else 0.0,
            tokens={f"{case.symbol}@{case.place}": tokens},
        )

    def told() -> Details:
        tell = _minted_back if refill_now else _replaced_later
        return tell(law, access, tokens, usd, bound, at(tokens)[1])

    return Candidate(
        "mint_and_sell", case.name, usd, tokens, expected, worst,
        (usd - expected / (1 - law.refused)) / tokens,
        law.seconds + law.way.seconds if refill_now else 0.0, view.objective(expected, worst), at,
        told, least,
    )  # fmt: skip


def _minted_back(law: _Refill, access: Access, tokens: float, usd: float, bound: Bound,
                 exposure: Exposure) -> Details:  # fmt: skip
    case, outlay = law.case, tokens * law.price
    outcomes, chances = law.outcomes(tokens, usd), law.chances
    planned = outcomes["planned"]
    slack = max(0.0, planned) / 2
    fee, spread = tokens * access.fee_per_token(case.fair), tokens * access.spread_per_token(case.fair)
    legs = [
        leg("sell", case.name, tokens, usd, slack_usd=slack, fee_usd=case.fee_in(usd, True),
            gas_usd=case.gas_usd),
        leg("mint", access.instrument(case.symbol), tokens, outlay, slack_usd=slack, fee_usd=fee,
            gas_usd=access.channel.gas_usd, delay_seconds=law.seconds),
    ]  # fmt: skip
    if law.way is not HERE:  # so that they lie again where they were sold
        legs.append(leg("transfer", case.name, tokens, outlay, gas_usd=law.way.usd,
                        delay_seconds=law.way.seconds))  # fmt: skip
    refusal = chances["refused"] * (planned - outcomes["refused"])
    failing = sum(chances[name] * (planned - outcomes[name]) for name in ("late", "lost"))
    paid = costs(venue_fee=case.fee_in(usd, True), mint_fee=fee, spread=spread, gas=law.gas,
                 financing=tokens * law.rate, leg_failure=refusal, channel_failure=failing)  # fmt: skip
    struck = swings(-outlay, case.fair_sd)
    branches = [
        Branch("as planned", chances["planned"], planned, struck),
        Branch("the mint is refused and the tokens are bought back", law.refused, outcomes["refused"]),
        Branch(f"{access.title} delivers {law.late.text} late", chances["late"], outcomes["late"], struck),
        *law.lost.branches(outcomes["lost"], tokens * law.price, struck),
    ]
    by = "the issuer" if access.conversion is None else access.venue
    text = f"the mint is priced when {by} accepts it, so only a refused mint leaves price risk"
    hedge = Hedge("none", text, 0.0, 0.0)
    return Details(legs, hedge, paid, bound.binds(tokens), branches, exposure)


def _replaced_later(law: _Refill, access: Access, tokens: float, usd: float, bound: Bound,
                    exposure: Exposure) -> Details:  # fmt: skip
    case, planned = law.case, law.outcomes(tokens, usd)["planned"]
    legs = [
        leg("sell", case.name, tokens, usd, slack_usd=max(0.0, planned) / 2, fee_usd=case.fee_in(usd, True),
            gas_usd=case.gas_usd)
    ]  # fmt: skip
    paid = costs(
        venue_fee=case.fee_in(usd, True),
        gas=law.gas,
        refill=tokens * (law.price - case.fair) + law.later_usd(tokens),
    )
    text = "the tokens come out of inventory, which is smaller until they are replaced"
    branches = [Branch("as planned", 1.0, planned, swings(-tokens * case.fair, law.sd))]
    notes = [*bound.binds(tokens), _why_later(access, tokens, case, law.until)]
    return Details(legs, Hedge("none", text, 0.0, 0.0), paid, notes, branches, exposure)


def _why_later(access: Access, tokens: float, case: Case, until: Ns) -> str:
    risk = f"the share's price is reckoned with until {short(until)} UTC and not beyond"
    if not access.usable:
        return f"{access.rule}: {access.detail}; the tokens sold are replaced later, and {risk}"
    least = f"${access.channel.minimum_usd:,.0f}"
    return (
        f"channel.minimum: replacing {tokens:,.6g} {case.symbol} (${tokens * case.fair:,.2f}) is too little "
        f"for {access.title}, which mints from {least}; that waits for a larger mint, and {risk}"
    )
