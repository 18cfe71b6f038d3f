"""Discount with no redemption to be had now: buy, hedge, and wait.

The hedge is short stock or, where more is on offer, whatever is chosen of it. The way out is the first
channel that opens or, where none ever will for us, the venue itself once most of the gap has closed.
Neither is an order that can be given now: it is sent when the time has come, and the hedge closed then. Where
a person gives the hedge's orders, a person ends it. A halted channel has no known end, and then there is no
such plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from bot.strategy.desk import Exposure
from bot.strategy.forecast import Branch
from bot.strategy.hedges import ShortStock
from bot.strategy.mechanisms import Access, seconds_until
from bot.strategy.mechanisms.way import HERE
from bot.strategy.risk import HEDGE_RESIDUAL
from bot.strategy.routes.buy_and_redeem import buy_bounds
from bot.strategy.routes.carry import Carrier, StockCarrier, as_chosen, carrier_for
from bot.strategy.routes.common import Candidate, Case, Details, View, costs, leg, named_at, venue_of
from bot.strategy.routes.failing import NOTHING_GONE, Gone, delayed, gone
from bot.strategy.routes.lasting import half_life_of
from bot.strategy.sizing import IMPOSSIBLE, Bound, maximise, tightest
from bot.timefmt import DAY_SECONDS, NS, duration, percent
from bot.types import Leg

HALF_LIVES = 3.0
"""Held for so many half-lives of the gap: seven eighths of it have closed by then."""
HALVINGS = 40
LONGEST_SECONDS = 5.0 * DAY_SECONDS


class Hold(Struct, frozen=True):
    """How long, and what a dollar costs that is locked as long as that is on average; how much of the gap
    closes by then, or how likely it is redeemed; and what is left on the way out (``ratio``)."""

    seconds: float
    rate: float
    closed: float
    ratio: float
    gas_usd: float
    way_out: str
    sd: float
    redeem: Access | None = None
    """The channel that it is redeemed through once that opens; ``None``: it is sold where it was bought."""
    lost: Gone = NOTHING_GONE
    """What the channel may lose of the money."""


def hedge_and_hold(view: View, case: Case) -> list[Candidate]:
    """Buy and hold against a hedge; ``[]`` with the reasons in ``view.refused``."""
    top = case.top if case.spot < case.fair else None
    if top is None:
        return []
    channels = view.channels("redeem", case.symbol)
    if channels[0].rule == "channel.halted":
        return []
    hold = _hold(view, case, channels)
    reach = tightest([Bound(top.tokens, "", ""), *buy_bounds(view, case)])
    carrier = _carrier(view, case, hold, reach, to_size=True)
    if carrier is None:
        return []
    sized = _carried(view, case, hold, reach, carrier)
    if sized is None:
        return []
    tokens, bound = sized
    found = _held(view, case, hold, carrier, tokens, bound)
    if found is None:
        return []
    hedger = view.hedger(case.fair, case.state.multiplier, hold.seconds, hold.sd)

    def again(_found: Candidate) -> Candidate | None:
        exact = _carrier(view, case, hold, Bound(tokens, "", ""), to_size=False)
        if exact is None:
            return None
        if not isinstance(exact, StockCarrier):
            return _held(view, case, hold, exact, tokens, bound)
        sized = _carried(view, case, hold, reach, exact)
        return _in_shares(view, case, hold, exact, *sized) if sized is not None else None

    if hedger is not None and not as_chosen(view, hedger, tokens, case.state.multiplier):
        # For the best venue the hedge is chosen again for its own size, in whole contracts.
        found.whole = again
    elif isinstance(carrier, StockCarrier):
        found.whole = lambda _found: _in_shares(view, case, hold, carrier, tokens, bound)
    return [found]


def _in_shares(view: View, case: Case, hold: Hold, carrier: StockCarrier, tokens: float,
               bound: Bound) -> Candidate | None:  # fmt: skip
    """In whole shares; says so if it is not one."""
    whole = carrier.in_whole(view, tokens)
    if whole is None:
        view.refuse("hedge.unavailable", f"{tokens:,.6g} {case.symbol} are less than one share to sell short")
        return None
    made = _held(view, case, hold, carrier, tokens, bound)
    exact = _held(view, case, hold, whole, tokens, bound)
    if made is not None and exact is not None:
        exact.at = made.at
    return exact


def _carried(
    view: View, case: Case, hold: Hold, reach: Bound, carrier: Carrier
) -> tuple[float, Bound] | None:
    """How many tokens with such a hedge, and what bounds them."""
    bound = _funded(view, case, carrier, tightest([reach, *carrier.bounds(view)]))
    if bound.tokens <= 0:
        view.refuse(bound.rule, bound.detail)
        return None
    tokens = _sized(view, case, hold, carrier, bound.tokens)
    return (tokens, bound) if tokens > 0 else None


def _carrier(view: View, case: Case, hold: Hold, reach: Bound, *, to_size: bool) -> Carrier | None:
    """Short stock, or the choice for so many tokens; says why there is nothing."""
    short = view.short(case.state.multiplier)
    hedger = view.hedger(case.fair, case.state.multiplier, hold.seconds, hold.sd)
    if hedger is None:
        if isinstance(short, ShortStock):
            return StockCarrier(view, short, hold.sd, hold.seconds)
        view.refuse("hedge.unavailable", short)
        return None
    done = case.curve.buy_tokens(reach.tokens) if reach.tokens > 0 else None
    if done is None:
        view.refuse(reach.rule or "depth.too_thin", reach.detail or f"{case.name} has nothing to sell")
        return None
    room = view.desk.capital_room().usd - done.usd
    return carrier_for(view, case, hedger, reach.tokens, room, to_size=to_size)


def _funded(view: View, case: Case, carrier: Carrier, bound: Bound) -> Bound:
    """``bound``, or less: what capital pays for, with what the hedge against it locks."""
    room = view.desk.capital_room()

    def fits(tokens: float) -> bool:
        done = case.curve.buy_tokens(tokens)
        return done is not None and done.usd + carrier.locked_usd(tokens) <= room.usd

    if bound.tokens <= 0 or fits(bound.tokens):
        return bound
    low, high = 0.0, bound.tokens
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return Bound(low, room.rule, f"${room.usd:,.0f} left of ${room.limit_usd:,.0f}")


def _hold(view: View, case: Case, channels: Sequence[Access]) -> Hold:
    """Until the first of the channels that open has paid; for some half-lives where none does for us."""
    opening = [
        access for access in channels if access.rule == "channel.closed" and access.arrives is not None
    ]
    access = min(opening, key=lambda one: one.arrives or 0, default=None)
    if access is not None:
        assert access.arrives is not None
        seconds, way = seconds_until(view.ts, access.arrives), view.way(case.symbol, case.place, access.place)
        odds = view.odds(access, way is not HERE)
        late = delayed(view, access.arrives, (*odds.held, *odds.late))
        closed = 1.0 - odds.refused
        lost = gone(odds.lost)
        ratio, gas = access.price(1.0), access.channel.gas_usd + way.usd
        way_out = f"redeemed with {access.title} when it opens"
        carried = seconds + late.chance * late.seconds
    else:
        half = half_life_of(view)
        seconds = carried = min(HALF_LIVES * half, LONGEST_SECONDS)
        lost = NOTHING_GONE
        closed = 1.0 - 2.0 ** -(seconds / half)
        ratio, gas = 1.0 - case.fee_ratio, case.gas_usd
        way_out = f"sold on {case.name} when {percent(closed)} of the gap has closed"
    sd = view.sd_until(view.ts + round(seconds * NS), case.fair_sd)
    rate = view.financing(1.0, carried)
    return Hold(seconds, rate, closed, ratio, case.gas_usd + gas, way_out, sd, access, lost)


class Held(NamedTuple):
    """What a size brings, USD: the outlay; what is expected back for the tokens, and what if the gap closes;
    profit if it does, if it does not, if the hedge is refused and the tokens are sold again, and at 99 %."""

    usd: float
    back: float
    whole: float
    closes: float
    stays: float
    refused: float
    worst: float


def _outcome(case: Case, hold: Hold, carrier: Carrier, tokens: float) -> Held | None:
    """Sold where they were bought, the tokens move the venue as much again. At 99 % the gap does not close
    but is three times as wide, and the hedge slips."""
    done = case.curve.buy_tokens(tokens)
    if done is None:
        return None
    moves = 1.0
    if hold.redeem is None:
        moves = max(1.0, (done.usd - case.fee_in(done.usd, False)) / (tokens * case.spot))
    closed, still = tokens * case.fair * hold.ratio / moves, tokens * case.spot * hold.ratio / moves
    carry = done.usd * hold.rate + hold.gas_usd
    hedge, slips = carrier.figures(tokens, case.fair)
    spent = done.usd + carry + hedge
    undone = -case.round_trip(done.usd, tokens, False)
    wider = done.usd * (1 - (case.spot / case.fair) ** 2)
    stuck = undone - wider - carry - slips - closed * hold.lost.at_99
    back = hold.closed * closed + (1 - hold.closed) * still - hold.lost.chance * hold.lost.ratio * closed
    return Held(done.usd, back, closed, closed - spent, still - spent, undone - 2 * case.gas_usd,
                min(-hold.gas_usd, stuck))  # fmt: skip


def _expected(held: Held, hold: Hold, refused: float) -> tuple[float, float]:
    """Profit as planned, which weighs whether the gap closes, and with the failure of the hedge."""
    gone_usd = hold.lost.chance * hold.lost.ratio * held.whole
    planned = hold.closed * held.closes + (1 - hold.closed) * held.stays - gone_usd
    return planned, planned + refused * (held.refused - planned)


def _sized(view: View, case: Case, hold: Hold, carrier: Carrier, most: float) -> float:
    refused = carrier.fails(view)

    def objective(tokens: float) -> float:
        held = _outcome(case, hold, carrier, tokens)
        if held is None:
            return IMPOSSIBLE
        return view.objective(_expected(held, hold, refused)[1], held.worst)

    return maximise(objective, 0.0, most)


def _way_out(view: View, case: Case, hold: Hold, tokens: float, usd: float, back: float) -> list[Leg]:
    """Redeemed once the channel opens, or sold where it was bought once the gap should have closed; it gives
    up all that was paid rather than stay."""
    access = hold.redeem
    if access is None:
        made = leg("sell", case.name, tokens, back, any_price=True, fee_usd=case.fee_in(back, True),
                   gas_usd=case.gas_usd)  # fmt: skip
        return [replace(made, after_seconds=hold.seconds)]
    assert access.opens is not None
    way = view.way(case.symbol, case.place, access.place)
    legs = []
    if way is not HERE:
        legs.append(leg("transfer", named_at(case.symbol, access), tokens, usd, gas_usd=way.usd,
                        delay_seconds=way.seconds))  # fmt: skip
    made = leg("redeem", access.instrument(case.symbol), tokens, back, any_price=True,
               fee_usd=tokens * access.fee_per_token(case.fair), gas_usd=access.channel.gas_usd)  # fmt: skip
    return [*legs, replace(made, after_seconds=seconds_until(view.ts, access.opens))]


def _held(view: View, case: Case, hold: Hold, carrier: Carrier, tokens: float,
          bound: Bound) -> Candidate | None:  # fmt: skip
    held = _outcome(case, hold, carrier, tokens)
    if held is None:
        return None
    refused = carrier.fails(view)
    _, expected = _expected(held, hold, refused)
    each_usd = (1 - refused) * (1 + hold.rate)

    def at(tokens: float) -> tuple[float, Exposure]:
        held = _outcome(case, hold, carrier, tokens)
        if held is None:
            return IMPOSSIBLE, Exposure(0.0, 0.0, {}, 0.0, {})
        notional = carrier.notional_usd(tokens)
        return view.objective(_expected(held, hold, refused)[1], held.worst), Exposure(
            capital_usd=held.usd + carrier.locked_usd(tokens),
            largest_usd=max(held.usd, notional),
            venues_usd={venue_of(case.name): held.usd} | ({carrier.venue: notional} if carrier.venue else {}),
            settlement_usd=0.0,
            tokens={},
            issuers_usd={view.registry.tokens[case.symbol].issuer: held.usd},
        )

    def told() -> Details:
        return _told(view, case, hold, carrier, tokens, bound, held, at(tokens)[1])

    return Candidate(
        "hedge_and_hold", case.name, held.usd, tokens, expected, held.worst,
        (held.usd + expected / each_usd) / tokens, hold.seconds, view.objective(expected, held.worst), at,
        told,
    )  # fmt: skip


def _told(view: View, case: Case, hold: Hold, carrier: Carrier, tokens: float, bound: Bound, held: Held,
          exposure: Exposure) -> Details:  # fmt: skip
    usd, refused = held.usd, carrier.fails(view)
    planned, expected = _expected(held, hold, refused)
    slack = max(0.0, planned) / 2
    legs = [
        leg("buy", case.name, tokens, usd, slack_usd=slack, fee_usd=case.fee_in(usd, False),
            gas_usd=case.gas_usd),
        *carrier.opening(tokens, slack),
    ]  # fmt: skip
    gap_left = (1 - hold.closed) * tokens * (case.fair - case.spot)
    by_itself = not carrier.notes()  # else a person gives the orders of the hedge
    if by_itself:
        legs += _way_out(view, case, hold, tokens, usd, held.back)
        legs += carrier.closing(tokens)
    paid = costs(
        venue_fee=case.fee_in(usd, False), gas=hold.gas_usd,
        financing=usd * hold.rate, hedge=carrier.cost_usd(tokens),
        gap_left=gap_left, exit=tokens * case.fair - gap_left - held.back, leg_failure=planned - expected,
    )  # fmt: skip
    rule = "hold.exit" if by_itself else "hold.exit_by_hand"
    way_out = f"{rule}: expected to be {hold.way_out}, after about {duration(hold.seconds)}"
    notes = [*bound.binds(tokens), *carrier.notes(), way_out]
    hedge = carrier.hedge(tokens, "for as long as the tokens are held")
    branches = _branches(case, hold, carrier, tokens, held, refused)
    return Details(legs, hedge, paid, notes, branches, exposure)


def _branches(case: Case, hold: Hold, carrier: Carrier, tokens: float, held: Held,
              refused: float) -> list[Branch]:  # fmt: skip
    # What is redeemed is paid for at the share's price: the token's own moves are no matter then.
    apart = HEDGE_RESIDUAL if hold.redeem is None else 0.0
    closed, still = (
        carrier.swings(tokens, case.fair, apart),
        carrier.swings(tokens, case.spot, HEDGE_RESIDUAL),
    )
    mean_usd = held.closes - held.whole * hold.lost.ratio
    return [
        Branch("as planned", (1 - refused) * (hold.closed - hold.lost.chance), held.closes, closed),
        Branch(
            "the gap stays open" if hold.redeem is None else "the redemption is refused",
            (1 - refused) * (1 - hold.closed),
            held.stays,
            still,
        ),
        Branch("the hedge is refused and the tokens are sold again", refused, held.refused),
        *(
            part._replace(probability=(1 - refused) * part.probability)
            for part in hold.lost.branches(mean_usd, held.whole, closed)
        ),
    ]
