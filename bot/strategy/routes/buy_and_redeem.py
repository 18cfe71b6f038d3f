"""Discount: buy tokens cheap, have them redeemed at fair value, by the issuer or where an exchange converts.

The price is struck when the order is accepted; cash follows after settlement. Tokens that lie elsewhere than
where they are redeemed must be moved first: withdrawn from an exchange, or deposited with one. The worst case
is that the redemption is not accepted after all and the tokens are carried, unhedged, over the whole wait,
nights and weekends included.
"""

from __future__ import annotations

from functools import partial
from math import hypot, sqrt

from msgspec.structs import replace

from bot.strategy.desk import Exposure
from bot.strategy.forecast import Branch, swings
from bot.strategy.hedges import ShortStock
from bot.strategy.mechanisms import Access, seconds_until
from bot.strategy.mechanisms.delay import certain
from bot.strategy.mechanisms.hours import next_open
from bot.strategy.mechanisms.way import HERE, Way
from bot.strategy.risk import if_long
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
from bot.strategy.routes.failing import delayed, gone
from bot.strategy.sizing import IMPOSSIBLE, Bound, maximise, tightest
from bot.timefmt import NS, short
from bot.types import Hedge


def buy_and_redeem(view: View, case: Case) -> list[Candidate]:
    """The best to do about a discount on one venue; ``[]`` with the reasons in ``view.refused``."""
    top = case.top if case.spot < case.fair else None
    if top is None:
        return []
    ways = [_through(view, case, access, top.tokens) for access in view.usable("redeem", case.symbol)]
    found = [way for way in ways if way is not None]
    return [max(found, key=lambda way: way.objective)] if found else []


def _through(view: View, case: Case, access: Access, most: float) -> Candidate | None:
    """Redeemed by one channel, if it takes what the venue offers."""
    way = view.way(case.symbol, case.place, access.place)
    if not _open_then(view, access, way):
        return None
    legs = 2 if access.venue == venue_of(case.name) else 1
    settles = access.arrives is not None and access.arrives > view.ts
    bound = tightest([Bound(most, "", ""), *buy_bounds(view, case, legs),
                      *_redeem_bounds(view, case, access, settles, legs)])  # fmt: skip
    moved = view.sd_after(way.delay, 0.0)
    least = view.least(access, case.fair, hypot(moved, case.fair_sd))
    if bound.tokens < least:
        from_usd = f"{access.title} redeems from ${access.channel.minimum_usd:,.0f}"
        offers, below = f"{case.name} offers", " below fair value"
        if bound.rule:
            view.refuse(bound.rule, bound.detail)
            offers, below = "what the limit leaves is", ""
        worth = f"{bound.tokens:,.6g} {case.symbol}{below}, worth ${bound.tokens * case.fair:,.2f}"
        view.refuse("channel.minimum", f"{from_usd}; {offers} {worth}")
        return None
    return _redeemed(view, case, access, bound, least, way, moved)


def _open_then(view: View, access: Access, way: Way) -> bool:
    """Whether the channel still takes orders when the tokens are there; says so if not."""
    there = view.ts + round(way.seconds * NS)
    opens = there if way is HERE else next_open(access.channel, view.clock, there)
    if opens > there:
        detail = (
            f"{access.title} takes no orders any more when the tokens are there, next from {short(opens)}"
        )
        view.refuse("channel.closed", f"{detail} UTC")
    return opens == there


def buy_bounds(view: View, case: Case, legs: int = 1) -> list[Bound]:
    """What limits and capital allow to be bought on a venue that ``legs`` of the plan use."""

    def tokens_for(usd: float) -> float | None:
        done = case.curve.buy(usd)
        return None if done is None else done.tokens

    on_venue = view.desk.leg_rooms(view.incident.underlying, venue_of(case.name), legs)
    rooms = [view.desk.capital_room(), *view.holding_rooms(case.symbol), *on_venue]
    return bounds_of(rooms, tokens_for)


def _redeem_bounds(view: View, case: Case, access: Access, settles: bool, legs: int) -> list[Bound]:
    price = access.price(case.fair)
    rooms = list(view.desk.leg_rooms(view.incident.underlying, access.venue, legs))
    if settles:
        rooms.append(view.desk.settlement_room())
    most = Bound(
        access.tokens_most(case.fair), "channel.maximum", f"${access.channel.maximum_usd or 0:,.0f} an order"
    )
    return [*bounds_of(rooms, lambda usd: usd / price), most]


class _Redemption:
    """What so many tokens, bought and redeemed by one channel, bring in each outcome."""

    def __init__(self, view: View, case: Case, access: Access, way: Way, moved: float) -> None:
        assert access.arrives is not None
        self.view, self.case, self.way, self.moved = view, case, way, moved
        self.settles = seconds_until(view.ts, access.arrives)
        self.seconds = self.settles + way.seconds
        self.unit = access.price(case.fair)
        self.gas = case.gas_usd + access.channel.gas_usd + way.usd
        self.rate = view.financing(1.0, self.settles + way.delay.mean)
        self.odds = view.odds(access, way is not HERE)
        there = view.ts + round(way.seconds * NS)
        self.held = delayed(view, there, self.odds.held)
        self.late = delayed(view, view.ts + round(self.seconds * NS), self.odds.late)
        self.lost = gone(self.odds.lost)
        self.held_sd = view.sd_over(way.seconds + self.held.seconds, 0.0) if self.held.chance else moved
        whole = view.sd_after(way.delay.plus(certain(self.settles)), case.fair_sd)
        self.sd = whole
        if self.held.longest:
            self.sd = max(whole, view.sd_over(self.seconds + self.held.longest, case.fair_sd))
        # Of the expected profit, in one sum for each size that is tried.
        self._late = sum(wait.chance * view.financing(1.0, wait.seconds) for wait in (self.held, self.late))
        self.each_usd = (1 - self.odds.refused) * (1 + self.rate) + self._late
        """By so much the expected profit falls with a dollar more of outlay; a refusal loses what it does."""
        self._gone = self.lost.chance * self.lost.ratio * self.unit
        longest = max(self.held.longest, self.late.longest)
        self._risk = if_long(case.fair, self.sd) + self.unit * self.lost.at_99
        self._longest = view.financing(1.0, longest)

    def of(self, tokens: float) -> tuple[float, float, float]:
        """Outlay, expected profit, profit at 99 %."""
        done = self.case.curve.buy_tokens(tokens)
        if done is None:
            return 0.0, IMPOSSIBLE, IMPOSSIBLE
        planned = tokens * self.unit - done.usd * (1 + self.rate) - self.gas
        refused = self.odds.refused
        expected = planned - done.usd * self._late - tokens * self._gone
        if refused:
            expected += refused * (self._refused(done.usd, tokens) - planned)
        worst = min(-self.gas, planned - done.usd * self._longest - tokens * self._risk)
        return done.usd, expected, worst

    def _refused(self, usd: float, tokens: float) -> float:
        case = self.case
        return -case.round_trip(usd, tokens, False) - 2 * case.gas_usd - self.way.usd

    def outcomes(self, tokens: float, usd: float) -> dict[str, float]:
        """Profit by outcome where ``usd`` was paid."""
        planned = tokens * self.unit - usd * (1 + self.rate) - self.gas
        return {
            "planned": planned,
            "refused": self._refused(usd, tokens),
            "held": planned - self.view.financing(usd, self.held.seconds),
            "late": planned - self.view.financing(usd, self.late.seconds),
            "lost": planned - tokens * self.unit * self.lost.ratio,
        }

    @property
    def chances(self) -> dict[str, float]:
        """Of each outcome."""
        failing = {"refused": self.odds.refused, "held": self.held.chance, "late": self.late.chance,
                   "lost": self.lost.chance}  # fmt: skip
        return {"planned": 1 - self.odds.chance} | failing


def _redeemed(view: View, case: Case, access: Access, bound: Bound, least: float, way: Way,
              moved: float) -> Candidate | None:  # fmt: skip
    law = _Redemption(view, case, access, way, moved)

    def objective(tokens: float) -> float:
        _, expected, worst = law.of(tokens)
        return IMPOSSIBLE if expected == IMPOSSIBLE else view.objective(expected, worst)

    tokens = maximise(objective, least, bound.tokens)
    usd, expected, worst = law.of(tokens)
    if expected == IMPOSSIBLE:
        return None

    def at(tokens: float) -> tuple[float, Exposure]:
        usd, back = law.of(tokens)[0], tokens * law.unit
        return objective(tokens), Exposure(
            capital_usd=usd,
            largest_usd=max(usd, back),
            venues_usd=by_venue((venue_of(case.name), usd), (access.venue, back)),
            settlement_usd=back if law.settles > 0 else 0.0,
            tokens={},
            issuers_usd={access.issuer.name: usd},
        )

    def told(hedge: Hedge) -> Details:
        return _told(law, access, tokens, usd, bound, hedge, at(tokens)[1])

    def whole(found: Candidate) -> Candidate:
        hedge = _contingent_hedge(view, case, access, tokens, law.seconds)
        return replace(found, told=partial(told, hedge))

    return Candidate(
        "buy_and_redeem", case.name, usd, tokens, expected, worst, (usd + expected / law.each_usd) / tokens,
        law.seconds, view.objective(expected, worst), at, partial(told, Hedge("none", "", 0.0, 0.0)), least,
        whole,
    )  # fmt: skip


def _told(law: _Redemption, access: Access, tokens: float, usd: float, bound: Bound, hedge: Hedge,
          exposure: Exposure) -> Details:  # fmt: skip
    view, case, way, moved = law.view, law.case, law.way, law.moved
    outcomes, chances = law.outcomes(tokens, usd), law.chances
    planned, proceeds = outcomes["planned"], tokens * law.unit
    slack = max(0.0, planned) / 2
    fee = tokens * access.fee_per_token(case.fair)
    legs = [leg("buy", case.name, tokens, usd, slack_usd=slack, fee_usd=case.fee_in(usd, False),
                gas_usd=case.gas_usd)]  # fmt: skip
    if way is not HERE:
        legs.append(leg("transfer", named_at(case.symbol, access), tokens, usd, gas_usd=way.usd,
                        delay_seconds=way.seconds))  # fmt: skip
    legs.append(leg("redeem", access.instrument(case.symbol), tokens, proceeds, slack_usd=slack, sd=moved,
                    fee_usd=fee, gas_usd=access.channel.gas_usd, delay_seconds=law.settles))  # fmt: skip
    refusal = chances["refused"] * (planned - outcomes["refused"])
    failing = sum(chances[name] * (planned - outcomes[name]) for name in ("held", "late", "lost"))
    paid = costs(
        venue_fee=case.fee_in(usd, False), redeem_fee=fee, spread=tokens * access.spread_per_token(case.fair),
        gas=law.gas, financing=usd * law.rate, leg_failure=refusal,
        channel_failure=failing,
    )  # fmt: skip
    struck = swings(proceeds, view.sds_after(way.delay, case.fair_sd))
    again = "sold again" if way is HERE else f"kept {in_hand_at(access.place)}"
    branches = [
        Branch("as planned", chances["planned"], planned, struck),
        Branch(f"the redemption is refused and the tokens are {again}", chances["refused"],
               outcomes["refused"], swings(usd, moved * sqrt(2))),
        Branch(f"the tokens are held on their way for {law.held.text}", chances["held"], outcomes["held"],
               swings(proceeds, hypot(law.held_sd, case.fair_sd))),
        Branch(f"{access.title} pays {law.late.text} late", chances["late"], outcomes["late"], struck),
        *law.lost.branches(outcomes["lost"], proceeds, struck),
    ]  # fmt: skip
    return Details(legs, hedge, paid, bound.binds(tokens), branches, exposure)


def _contingent_hedge(view: View, case: Case, access: Access, tokens: float, seconds: float) -> Hedge:
    """None is needed once the redemption is accepted; what one would cost if it is not."""
    by = "the issuer" if access.conversion is None else f"{access.venue}"
    text = f"the redemption is priced when {by} accepts it"
    if access.conversion is not None and seconds < HEDGED_FROM_SECONDS:
        return Hedge("none", text, 0.0, 0.0)
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
    if isinstance(short, ShortStock) and short.whole(tokens):
        text += (
            f"; if it does not, {short.whole(tokens):,} {view.incident.underlying} sold short "
            f"at ${short.bid:,.2f} would carry the wait for "
            f"${short.cost_usd(short.whole(tokens) / multiplier, seconds):,.2f}"
        )
    else:
        why = short if isinstance(short, str) else "it is less than one share"
        text += f"; if it does not, no short stock can carry the wait: {why}"
    return Hedge("none", text, 0.0, 0.0)
