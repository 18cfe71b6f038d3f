"""The same token at two prices: buy where it is cheap, sell where it is dear.

With tokens in hand at the dear venue both trades go at once, the riskier one first. Without, the
purchase comes first; where the two venues do not share a place, the tokens must travel, and by then
the gap may have closed.
"""

from __future__ import annotations

from bot.strategy.desk import Exposure
from bot.strategy.forecast import Branch, swings
from bot.strategy.mechanisms.delay import certain
from bot.strategy.mechanisms.way import HERE, Way
from bot.strategy.risk import SECOND_LEG_SECONDS, if_long
from bot.strategy.routes.bounds import later_bounds
from bot.strategy.routes.buy_and_redeem import buy_bounds
from bot.strategy.routes.common import (
    Candidate,
    Case,
    Details,
    View,
    bounds_of,
    by_venue,
    costs,
    in_hand_at,
    leg,
    venue_of,
)
from bot.strategy.routes.lasting import GAP_HALF_LIFE, paid_once_closed, still_there_after
from bot.strategy.sizing import IMPOSSIBLE, Bound, maximise, tightest
from bot.timefmt import duration, percent
from bot.types import WALLET, Hedge, Leg

BRIDGE_SECONDS = 1800.0
"""From one chain to another by the issuer's bridge. An assumption."""


class Pair:
    """Two venues of one token, the second dearer than the first by more than both fees."""

    __slots__ = ("bid_tokens", "cheap", "dear", "meet_tokens", "promise")

    def __init__(self, cheap: Case, dear: Case) -> None:
        self.cheap = cheap
        self.dear = dear
        down, up = dear.curve.to_price(cheap.spot), cheap.curve.to_price(dear.spot)
        self.bid_tokens = 0.0 if down is None else down.tokens
        """So many the dearer one bids for above the price of the cheaper."""
        self.meet_tokens = min(self.bid_tokens, 0.0 if up is None else up.tokens)
        """Beyond so many the prices would cross."""
        self.promise = self.meet_tokens * (dear.spot - cheap.spot)
        """At most this can be earned, before all costs: no token earns more than the first."""


def gap(cheap: Case, dear: Case) -> float:
    """What a token bought and sold earns at the margin, as a ratio; 0 for two different tokens."""
    if cheap.symbol != dear.symbol:
        return 0.0
    return dear.spot * (1 - dear.fee_ratio) / (cheap.spot * (1 + cheap.fee_ratio)) - 1


def cross_venue(view: View, pair: Pair) -> list[Candidate]:
    """Best of the ways between two venues of one token; ``[]`` if the gap does not pay."""
    cheap, dear = pair.cheap, pair.dear
    reach = [Bound(pair.meet_tokens, "", ""), *_limits(view, cheap, dear)]
    held = view.desk.free_tokens(dear.symbol, dear.place)
    way = _way(view, cheap, dear)
    travel = way.seconds
    ways: list[Candidate | None] = []
    market = tightest(reach)
    if held > 0:
        own = Bound(held, "inventory.tokens", f"{held:,.6g} {dear.symbol} {in_hand_at(dear.place)}")
        ways.append(_trade(view, cheap, dear, tightest([market, own]), HERE, from_inventory=True))
    if held < market.tokens and (way is HERE or view.halt is None):
        most = market if way is HERE else tightest([market, *later_bounds(dear, pair.bid_tokens)])
        ways.append(_trade(view, cheap, dear, most, way, from_inventory=False))
    found = [way for way in ways if way is not None]
    if not found:
        return []
    best = max(found, key=lambda way: way.objective)
    if best.objective <= 0 and travel > 0 and held <= 0:
        view.refuse(
            "inventory.none_in_time",
            f"no {dear.symbol} {in_hand_at(dear.place)}; from {cheap.name} to {dear.name} takes "
            f"{duration(travel)}, and then the gap is still there in "
            f"{percent(still_there_after(GAP_HALF_LIFE, way.delay))} of cases",
        )
    return [best]


def _way(view: View, cheap: Case, dear: Case) -> Way:
    if cheap.place == dear.place == WALLET and _chain(view, cheap.name) != _chain(view, dear.name):
        return Way(BRIDGE_SECONDS, certain(BRIDGE_SECONDS), view.config.gas_usd)
    return view.way(cheap.symbol, cheap.place, dear.place)


def _chain(view: View, instrument: str) -> str:
    pool = view.registry.pools.get(instrument)
    if pool is not None:
        return pool.chain
    venue = view.registry.venues.get(venue_of(instrument))
    return venue.chain if venue is not None else ""


def _limits(view: View, cheap: Case, dear: Case) -> list[Bound]:
    def tokens_for(usd: float) -> float | None:
        done = dear.curve.sell(usd)
        return None if done is None else done.tokens

    legs = 2 if venue_of(cheap.name) == venue_of(dear.name) else 1
    rooms = view.desk.leg_rooms(view.incident.underlying, venue_of(dear.name), legs)
    return [*buy_bounds(view, cheap, legs), *bounds_of(rooms, tokens_for)]


def _trade(view: View, cheap: Case, dear: Case, bound: Bound, way: Way, *,
           from_inventory: bool) -> Candidate | None:  # fmt: skip
    if not 0 < bound.tokens < float("inf"):
        if bound.rule:
            view.refuse(bound.rule, bound.detail)
        return None
    travel, moves = way.seconds, way is not HERE
    stays = still_there_after(GAP_HALF_LIFE, way.delay)
    gas = cheap.gas_usd + dear.gas_usd + way.usd
    rate = view.financing(1.0, way.delay.mean)
    gone = paid_once_closed(cheap, dear)
    sd = view.sd_over(SECOND_LEG_SECONDS, 0.0) if way is HERE else view.sd_after(way.delay, 0.0)
    risk = if_long(cheap.spot, sd)
    sell_first = from_inventory and _sale_is_riskier(view, cheap, dear, bound.tokens)
    lasts = stays * (1 - view.fails(cheap.name if sell_first else dear.name))

    def outcome(tokens: float) -> tuple[float, float, float, float, float]:
        """Outlay, proceeds, profit as planned and if the second leg fails, profit at 99 %."""
        bought, sold = cheap.curve.buy_tokens(tokens), dear.curve.sell_tokens(tokens)
        if bought is None or sold is None:
            return 0.0, 0.0, IMPOSSIBLE, IMPOSSIBLE, IMPOSSIBLE
        planned = sold.usd - bought.usd * (1 + rate) - gas
        if moves:
            failed = sold.usd * gone - bought.usd * (1 + rate) - gas
        elif sell_first:
            failed = -dear.round_trip(sold.usd, tokens, True) - gas
        else:
            failed = -cheap.round_trip(bought.usd, tokens, False) - gas
        return bought.usd, sold.usd, planned, failed, min(-gas, failed - tokens * risk)

    def objective(tokens: float) -> float:
        _, _, planned, failed, worst = outcome(tokens)
        if planned == IMPOSSIBLE:
            return IMPOSSIBLE
        return view.objective(lasts * planned + (1 - lasts) * failed, worst)

    tokens = maximise(objective, 0.0, bound.tokens)
    if tokens <= 0:
        return None
    spent, got, planned, failed, worst = outcome(tokens)
    if planned == IMPOSSIBLE:
        return None
    expected = lasts * planned + (1 - lasts) * failed

    def at(tokens: float) -> tuple[float, Exposure]:
        spent, got = outcome(tokens)[:2]
        return objective(tokens), Exposure(
            capital_usd=spent,
            largest_usd=max(spent, got),
            venues_usd=by_venue((venue_of(cheap.name), spent), (venue_of(dear.name), got)),
            settlement_usd=0.0,
            tokens={f"{dear.symbol}@{dear.place}": tokens} if from_inventory else {},
            issuers_usd={view.registry.tokens[cheap.symbol].issuer: spent},
        )

    def told() -> Details:
        slack = max(0.0, expected) / 2
        buy = leg("buy", cheap.name, tokens, spent, slack_usd=slack, fee_usd=cheap.fee_in(spent, False),
                  gas_usd=cheap.gas_usd)  # fmt: skip
        sell = leg("sell", dear.name, tokens, got, slack_usd=slack if not moves else got * (1 - gone),
                   sd=sd if moves else 0.0, fee_usd=dear.fee_in(got, True),
                   gas_usd=dear.gas_usd)  # fmt: skip
        legs: list[Leg] = [sell, buy] if sell_first else [buy, sell]
        notes = bound.binds(tokens)
        if moves:
            move = leg("transfer", dear.name, tokens, spent, gas_usd=way.usd, delay_seconds=travel)
            legs = [buy, move, sell]
            notes.append(
                f"settlement.gap_risk: the tokens travel for {duration(travel)}; the gap is taken to be "
                f"still there in {percent(stays)} of cases"
            )
        paid = costs(
            venue_fee=cheap.fee_in(spent, False) + dear.fee_in(got, True), gas=gas, financing=spent * rate,
            premium_gone=(1 - stays) * (planned - failed) if moves else 0.0,
            leg_failure=(stays - lasts) * (planned - failed),
        )  # fmt: skip
        carried = swings(tokens * cheap.spot, sd)
        lost = "the gap has closed on the way" if moves else "the second trade fails and the first is undone"
        branches = [
            Branch("as planned", lasts, planned, carried if moves else tuple),
            Branch(lost, 1 - lasts, failed, carried),
        ]
        text = "both trades go together" if not moves else "the price risk of the way is carried"
        return Details(legs, Hedge("none", text, 0.0, 0.0), paid, notes, branches, at(tokens)[1])

    seen = view.incident.instrument
    main, usd = (cheap, spent) if cheap.name == seen else (dear, got)
    # What is paid is paid in every case once tokens travel; what is got, where the second leg goes.
    paid_ratio = (1.0 if moves else lasts) * (1 + rate)
    break_even = (usd + expected / paid_ratio if main is cheap else usd - expected / lasts) / tokens
    return Candidate(
        "cross_venue", main.name, usd, tokens, expected, worst, break_even, travel,
        view.objective(expected, worst), at, told,
    )  # fmt: skip


def _sale_is_riskier(view: View, cheap: Case, dear: Case, tokens: float) -> bool:
    """Whether the sale is sent first: at a book that may not be there, or on the thinner venue."""
    if view.stands(cheap.name) != view.stands(dear.name):
        return view.stands(dear.name)
    return _impact(dear, tokens, True) >= _impact(cheap, tokens, False)


def _impact(case: Case, tokens: float, selling: bool) -> float:
    """How far a trade of this size moves the venue: the thinner one is the riskier leg."""
    done = case.curve.sell_tokens(tokens) if selling else case.curve.buy_tokens(tokens)
    return abs(done.price_after / case.spot - 1) if done is not None else float("inf")
